//! The words of each remedy, as [`Remedy::hint`] has them, with the options of hallpass's own commands.

use crate::config::{Command, Commands, Setting};
use crate::custody::{Custody, KeyStoreName};
use crate::sanitize::shell_line;
use crate::{Auth, Config, ErrorKind, Remedy};

/// What hints need to know about the host.
#[derive(Clone)]
pub(super) struct Hints {
    /// How the host's commands and variables are called.
    pub(super) commands: Commands,
    /// Says in which key store a login's key rests.
    config: Option<Config>,
    /// Whether the command is ours.
    is_ours: bool,
}

impl Hints {
    pub(super) fn new(commands: Commands, config: Option<Config>) -> Self {
        Self { commands, config, is_ours: true }
    }

    /// Returns the hints for an error of a host's own command, which takes no options of ours.
    pub(super) fn of_host(commands: Commands) -> Self {
        Self { commands, config: None, is_ours: false }
    }

    /// Returns the remedy as an imperative, with the exact command.
    pub(super) fn hint(&self, kind: ErrorKind, remedy: &Remedy) -> String {
        let variables = self.commands.variables();
        match remedy {
            _ if !self.is_ours => remedy.hint(kind, &self.commands),
            Remedy::LogIn { context: Some(context) } if self.key_store_to_name(context).is_some() => {
                match self.login_command(Some(context)) {
                    Some(login) => format!("run `{}`", shell_command(&login)),
                    None => remedy.hint(kind, &self.commands),
                }
            }
            Remedy::ChooseContext { contexts } => {
                let switch = self.commands.argv(Command::Switch, &["NAME"]).map(|argv| format!("`{}`", argv.join(" ")));
                let ways = switch.into_iter().chain(["--context".into()]).chain(variables.context.clone());
                format!("choose a login by {}: {}", listed(ways.collect()), contexts.join(", "))
            }
            Remedy::FixConfig { setting } => match setting {
                Setting::Arguments => self.correct_arguments(),
                Setting::Context => {
                    format!(
                        "correct {}",
                        listed([Some("--context".into()), variables.context.clone()].into_iter().flatten().collect())
                    )
                }
                Setting::MinValidity => {
                    "leave --min-validity out; where nobody knows when a token ends, --refresh fetches a new one".into()
                }
                Setting::MoveTo => "name one of these places with --move-to".into(),
                Setting::Scope => match self.commands.line(Command::Login, &[]) {
                    Some(login) => format!(
                        "name other scopes with --scope; to be granted more, run `{login}` with a --scope for each"
                    ),
                    None => "name other scopes with --scope".into(),
                },
                _ => remedy.hint(kind, &self.commands),
            },
            _ => remedy.hint(kind, &self.commands),
        }
    }

    fn correct_arguments(&self) -> String {
        match self.help() {
            Some(help) => format!("correct the arguments: `{} COMMAND` names them", shell_command(&help)),
            None => "correct the arguments: `--help` names them".into(),
        }
    }

    /// Returns the command that shows the help of others: beside the login, if that is not one of the host's top-level commands.
    pub(super) fn help(&self) -> Option<Vec<String>> {
        let mut argv = self.commands.argv(Command::Login, &[]).filter(|argv| argv.len() > 2)?;
        argv.pop();
        argv.push("help".into());
        Some(argv)
    }

    /// Returns the command that logs in, as argv. If the key of the context's last login was in a key store that has to be named, the command
    /// names it.
    pub(super) fn login_command(&self, context: Option<&str>) -> Option<Vec<String>> {
        let key_store = context.and_then(|context| self.key_store_to_name(context));
        self.login_command_keeping(context, key_store.as_ref())
    }

    /// As [`login_command`](Self::login_command), with the key store of the context's last login.
    pub(super) fn login_command_keeping(
        &self,
        context: Option<&str>,
        key_store: Option<&KeyStoreName>,
    ) -> Option<Vec<String>> {
        let key_store = key_store.filter(|key_store| self.has_to_be_named(key_store));
        let variable = self.commands.variables().custody.as_ref();
        let named = key_store.zip(variable).map(|(key_store, variable)| format!("{variable}={key_store}"));
        let environment = named.into_iter().flat_map(|variable| ["env".to_owned(), variable]);
        Some(environment.chain(self.commands.login(context)?).collect())
    }

    /// Returns a command as a sentence names it.
    pub(super) fn named(&self, command: Command, options: &[&str]) -> Option<String> {
        self.commands.line(command, options).map(|line| format!("`{line}`"))
    }

    /// Says that nobody is logged in.
    pub(super) fn nobody(&self) -> String {
        let login = self.commands.login(None).map(|argv| format!(" Run `{}`.", shell_command(&argv)));
        format!("Nobody is logged in.{}", login.unwrap_or_default())
    }

    /// Returns the name of the variable with a token.
    pub(super) fn token_variable(&self) -> String {
        self.commands.variables().token.clone().unwrap_or_else(|| "the environment's token".into())
    }

    /// Returns the name of the variable that names a context.
    pub(super) fn context_variable(&self) -> String {
        self.commands.variables().context.clone().unwrap_or_else(|| "the environment".into())
    }

    fn key_store_to_name(&self, context: &str) -> Option<KeyStoreName> {
        let contexts = Auth::new(self.config.clone()?).ok()?.contexts().ok()?;
        let own = contexts.into_iter().find(|one| one.name.as_str() == context);
        own.map(|one| one.key_store).filter(|key_store| self.has_to_be_named(key_store))
    }

    /// Returns whether the key of a new login goes to this key store only if somebody names it, and
    /// neither the host nor the environment does.
    fn has_to_be_named(&self, key_store: &KeyStoreName) -> bool {
        let is_first =
            |choice: &Custody| matches!(choice, Custody::Only(key_stores) if key_stores.first() == Some(key_store));
        let is_named = |config: &Config| {
            config.environment.custody.as_deref() == Some(key_store.as_str()) || is_first(&config.custody.choice)
        };
        matches!(key_store, KeyStoreName::Passphrase | KeyStoreName::KeyFile)
            && !self.config.as_ref().is_some_and(is_named)
    }
}

/// Returns a command as a person types it.
pub(super) fn shell_command(argv: &[String]) -> String {
    shell_line(argv.strip_prefix(&["env".to_owned()]).unwrap_or(argv))
}

/// Joins words as a sentence does: "a, b or c".
fn listed(words: Vec<String>) -> String {
    match &words[..] {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => words.concat(),
    }
}

#[cfg(test)]
mod tests {
    use std::iter::successors;

    use clap::Parser;

    use super::*;
    use crate::cli::AuthCommand;
    use crate::cli::next_steps::{Who, steps};

    #[derive(Debug, Parser)]
    enum Acme {
        Auth(AuthCommand),
    }

    fn acme() -> Hints {
        Hints::new("acme".into(), None)
    }

    /// A new remedy does not compile until it stands in this row.
    fn after(remedy: &Remedy) -> Option<Remedy> {
        let (text, path) = (|| "work".to_owned(), || "/x".into());
        Some(match remedy {
            Remedy::LogIn { context: None } => Remedy::LogIn { context: Some(text()) },
            Remedy::LogIn { context: Some(_) } => Remedy::LogInTo { org: "-x".into() },
            Remedy::LogInTo { .. } => Remedy::Retry { after: None },
            Remedy::Retry { .. } => Remedy::UnlockStore,
            Remedy::UnlockStore => Remedy::AllowItem,
            Remedy::AllowItem => Remedy::StartStore,
            Remedy::StartStore => Remedy::ChooseKeyStore { key_stores: vec![KeyStoreName::Kernel] },
            Remedy::ChooseKeyStore { .. } => Remedy::StartSession,
            Remedy::StartSession => Remedy::GivePassphrase,
            Remedy::GivePassphrase => Remedy::ChoosePassphrase { at_least: 8 },
            Remedy::ChoosePassphrase { .. } => Remedy::CorrectPassphrase,
            Remedy::CorrectPassphrase => Remedy::CorrectCredential { credential: text() },
            Remedy::CorrectCredential { .. } => Remedy::RunAsService { credential: text() },
            Remedy::RunAsService { .. } => Remedy::ChooseContext { contexts: vec![text()] },
            Remedy::ChooseContext { .. } => Remedy::ChooseName { taken: text() },
            Remedy::ChooseName { .. } => Remedy::Replace { context: text() },
            Remedy::Replace { .. } => Remedy::ForgetLocally { context: text() },
            Remedy::ForgetLocally { .. } => Remedy::FixConfig { setting: Setting::Arguments },
            Remedy::FixConfig { .. } => Remedy::FixPath { path: path(), mode: Some(0o700) },
            Remedy::FixPath { .. } => Remedy::RunAs { user: text() },
            Remedy::RunAs { .. } => Remedy::FreeSpace { path: path() },
            Remedy::FreeSpace { .. } => Remedy::SetAside { path: "/x/index.json".into() },
            Remedy::SetAside { .. } => Remedy::OtherProcess { pid: Some(1) },
            Remedy::OtherProcess { .. } => Remedy::Repair,
            Remedy::Repair => Remedy::SetClock,
            Remedy::SetClock => Remedy::TrustRoot,
            Remedy::TrustRoot => Remedy::RaiseLimit,
            Remedy::RaiseLimit => Remedy::AskAdministrator,
            Remedy::AskAdministrator => Remedy::Upgrade,
            Remedy::Upgrade => return None,
        })
    }

    #[test]
    fn every_remedy_has_a_step_and_its_command_is_one() {
        for remedy in successors(Some(Remedy::LogIn { context: None }), after) {
            for kind in [
                ErrorKind::NotLoggedIn,
                ErrorKind::NoSuchContext,
                ErrorKind::Custody,
                ErrorKind::Config,
                ErrorKind::Unreachable,
            ] {
                let steps = steps(&acme(), kind, &remedy);
                assert!(steps.iter().all(|step| !step.text.is_empty()) && !steps.is_empty(), "{remedy:?}");
                for command in steps.iter().filter_map(|step| step.command.as_ref()) {
                    let is_help = command[1..] == ["auth", "help"];
                    let is_ours = |Acme::Auth(_): Acme| true;
                    assert!(is_help || Acme::try_parse_from(command).is_ok_and(is_ours), "{command:?}");
                }
            }
        }
    }

    #[test]
    fn a_field_is_named_by_its_path_and_a_variable_by_its_name() {
        for (setting, hint) in [
            (Setting::ExtraRoots, "correct network.extra_roots in the configuration of acme"),
            (Setting::TokenEndpoint, "correct endpoints.token in the configuration of acme"),
            (Setting::RequestedCustody, "correct or unset ACME_CUSTODY"),
            (Setting::Variable("https_proxy"), "correct or unset https_proxy"),
        ] {
            assert_eq!(acme().hint(ErrorKind::Config, &Remedy::FixConfig { setting }), hint);
        }
    }

    #[test]
    fn a_program_is_sent_to_no_command_that_needs_a_person() {
        for remedy in successors(Some(Remedy::LogIn { context: None }), after) {
            for step in steps(&acme(), ErrorKind::NoSuchContext, &remedy).iter().filter(|step| step.who == Who::Caller)
            {
                let command = step.command.as_deref().unwrap_or_default().join(" ");
                let harmless = ["", "acme auth list", "acme auth doctor --repair", "acme auth help"];
                assert!(harmless.contains(&command.as_str()), "{command}");
            }
        }
    }
}
