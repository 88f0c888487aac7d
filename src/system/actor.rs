//! Who runs this program: a person, an agent, or automation.
//!
//! A person is what is proved, not the default, and what a process says of itself only narrows: no variable makes a person of anything.

use crate::model::actor::{Actor, ActorKind, ToldBy};
use crate::system::environment::{Environment, Sign, agent_of_program};

/// Returns who runs this program. `told`: who the host says it is, which decides.
pub(crate) fn actor(environment: &Environment, told: Option<&Actor>) -> Actor {
    if let Some(told) = told {
        return told.clone();
    }
    if environment.agent {
        return from_sign(ActorKind::Agent, environment.agent_sign.as_ref());
    }
    if environment.ci {
        return from_sign(ActorKind::Automation, environment.ci_sign.as_ref());
    }
    // An agent may run a program in a terminal of its own.
    let ancestors = environment.ancestors.names().iter();
    let agent = ancestors.filter_map(|name| Some((name, agent_of_program(name)?))).next();
    match agent {
        Some((program, name)) => {
            Actor { kind: ActorKind::Agent, name: Some(name.to_owned()), told_by: ToldBy::Ancestor(program.clone()) }
        }
        None if environment.foreground => Actor { kind: ActorKind::Human, name: None, told_by: ToldBy::Terminal },
        None => Actor { kind: ActorKind::Automation, name: None, told_by: ToldBy::Nothing },
    }
}

/// Returns the actor of a variable; without one, the host has filled the environment by hand.
fn from_sign(kind: ActorKind, sign: Option<&Sign>) -> Actor {
    let told_by = sign.map_or(ToldBy::Host, |sign| ToldBy::Variable(sign.variable.to_owned()));
    Actor { kind, name: sign.and_then(|sign| sign.name.clone()), told_by }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::environment::Ancestors;

    fn told(change: impl FnOnce(&mut Environment)) -> (ActorKind, Option<String>, ToldBy) {
        let mut environment = Environment::default();
        change(&mut environment);
        let Actor { kind, name, told_by } = actor(&environment, None);
        (kind, name, told_by)
    }

    fn of_agent(environment: &mut Environment) {
        environment.agent = true;
        environment.agent_sign = Some(Sign { variable: "CLAUDECODE", name: Some("claude-code".into()) });
    }

    #[test]
    fn no_terminal_is_not_human() {
        assert_eq!(told(|_| {}), (ActorKind::Automation, None, ToldBy::Nothing));
        assert_eq!(
            told(|own| own.terminal = true),
            (ActorKind::Automation, None, ToldBy::Nothing),
            "in the background"
        );
        assert_eq!(told(|own| own.foreground = true), (ActorKind::Human, None, ToldBy::Terminal));
    }

    #[test]
    fn what_a_process_says_of_itself_only_narrows() {
        let by_variable = (ActorKind::Agent, Some("claude-code".into()), ToldBy::Variable("CLAUDECODE".into()));
        let in_terminal = told(|own| {
            own.foreground = true;
            of_agent(own);
        });
        assert_eq!(in_terminal, by_variable);
        let under_an_agent = told(|own| {
            own.foreground = true;
            own.ancestors = Ancestors::named(&["bash", "codex", "zsh"]);
        });
        assert_eq!(under_an_agent, (ActorKind::Agent, Some("codex".into()), ToldBy::Ancestor("codex".into())));
        let in_ci = told(|own| {
            (own.foreground, own.ci) = (true, true);
            own.ci_sign = Some(Sign { variable: "GITHUB_ACTIONS", name: Some("github-actions".into()) });
        });
        assert_eq!(in_ci.0, ActorKind::Automation);
        assert_eq!(told(|own| own.ancestors = Ancestors::named(&["bash", "sshd"])).0, ActorKind::Automation);
    }

    #[test]
    fn the_host_decides() {
        let mut environment = Environment::default();
        of_agent(&mut environment);
        let own = Actor::new(ActorKind::Human, None);
        assert_eq!(actor(&environment, Some(&own)), own);
    }
}
