//! What to do next about an error, for a program: the `next_steps` of JSON answers.

use serde::Serialize;

use super::hints::Hints;
use crate::config::Setting;
use crate::{ErrorKind, Remedy};

/// Returns the steps in their order. Only a person decides about a login, and about what ends or replaces one.
pub(super) fn steps(hints: &Hints, kind: ErrorKind, remedy: &Remedy) -> Vec<Step> {
    let (program, text) = (hints.program.as_str(), hints.hint(kind, remedy));
    let run = |who, arguments: &[&str]| Step::run(who, text.clone(), program, arguments);
    let step = |who| Step::say(who, text.clone());
    vec![match remedy {
        Remedy::LogIn { context } => {
            let command = Some(hints.login_command(context.as_deref()));
            let login = Step { who: Who::Person, text: text.clone(), command };
            match kind {
                // Perhaps the name is mistyped.
                ErrorKind::NoSuchContext => {
                    let names = "look which names there are".into();
                    return vec![Step::run(Who::Caller, names, program, &["auth", "list"]), login];
                }
                _ => login,
            }
        }
        Remedy::LogInTo { org } => run(Who::Person, &["auth", "login", &format!("--org={org}")]),
        Remedy::Replace { context } => run(Who::Person, &["auth", "login", "--context", context, "--replace"]),
        Remedy::ForgetLocally { context } => {
            run(Who::Person, &["auth", "logout", "--context", context, "--local-only"])
        }
        Remedy::ChooseContext { .. } => run(Who::Caller, &["auth", "list"]),
        Remedy::Repair => run(Who::Caller, &["auth", "doctor", "--repair"]),
        Remedy::SetAside { path } if path.ends_with("index.json") => run(Who::Caller, &["auth", "doctor", "--repair"]),
        Remedy::Retry { after: Some(_) } | Remedy::ChooseName { .. } => step(Who::Caller),
        Remedy::FixConfig { setting: Setting::Arguments } => run(Who::Caller, &["auth", "help"]),
        Remedy::FixConfig {
            setting: Setting::Scope | Setting::MinValidity | Setting::Context | Setting::MoveTo | Setting::Folder,
        } => step(Who::Caller),
        Remedy::AskAdministrator => step(Who::Administrator),
        _ => step(Who::Person),
    }]
}

/// One thing to do.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Step {
    pub(super) who: Who,
    pub(super) text: String,
    /// As argv, if a command does it.
    pub(super) command: Option<Vec<String>>,
}

/// Who can do a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Who {
    /// Whoever ran the command, even a program: nobody has to approve or decide anything.
    #[serde(rename = "self")]
    Caller,
    Person,
    Administrator,
}

impl Step {
    /// A step that runs the host with these arguments.
    pub(super) fn run(who: Who, text: String, program: &str, arguments: &[&str]) -> Self {
        let command = std::iter::once(&program).chain(arguments).map(|word| (*word).to_owned());
        Self { command: Some(command.collect()), ..Self::say(who, text) }
    }

    pub(super) fn say(who: Who, text: String) -> Self {
        Self { who, text, command: None }
    }
}
