//! What to do next about an error, for a program: the `next_steps` of JSON answers.

use serde::Serialize;

use super::hints::Hints;
use crate::config::{Command, Commands, Setting};
use crate::{ErrorKind, Remedy};

/// Returns the steps in their order. Only a person decides about a login, and about what ends or replaces one.
pub(super) fn steps(hints: &Hints, kind: ErrorKind, remedy: &Remedy) -> Vec<Step> {
    let (commands, text) = (&hints.commands, hints.hint(kind, remedy));
    let step = |who, command| Step { who, text: text.clone(), command };
    vec![match remedy {
        Remedy::LogIn { context } => {
            let login = step(Who::Person, hints.login_command(context.as_deref()));
            match commands.argv(Command::List, &[]) {
                // Perhaps the name is mistyped.
                Some(list) if kind == ErrorKind::NoSuchContext => {
                    let text = "list the names".into();
                    return vec![Step { who: Who::Caller, text, command: Some(list) }, login];
                }
                _ => login,
            }
        }
        Remedy::LogInTo { org } => {
            let login = commands.argv(Command::Login, &[&format!("--org={org}")]);
            step(Who::Person, login.or_else(|| commands.login(None)))
        }
        Remedy::Replace { context } => {
            step(Who::Person, commands.argv(Command::Login, &["--context", context, "--replace"]))
        }
        Remedy::ForgetLocally { context } => {
            step(Who::Person, commands.argv(Command::Logout, &["--context", context, "--local-only"]))
        }
        Remedy::ChooseContext { .. } => step(Who::Caller, commands.argv(Command::List, &[])),
        Remedy::Repair => repair(commands, step),
        Remedy::SetAside { path } if path.ends_with("index.json") => repair(commands, step),
        Remedy::Retry { after: Some(_) } | Remedy::ChooseName { .. } => step(Who::Caller, None),
        Remedy::FixConfig { setting: Setting::Arguments } => step(Who::Caller, hints.help()),
        Remedy::FixConfig {
            setting: Setting::Scope | Setting::MinValidity | Setting::Context | Setting::MoveTo | Setting::Folder,
        } => step(Who::Caller, None),
        Remedy::AskAdministrator => step(Who::Administrator, None),
        _ => step(Who::Person, None),
    }]
}

/// Anybody may repair; where the host cannot, a person logs in anew.
fn repair(commands: &Commands, step: impl FnOnce(Who, Option<Vec<String>>) -> Step) -> Step {
    match commands.argv(Command::Doctor, &["--repair"]) {
        None => step(Who::Person, commands.login(None)),
        doctor => step(Who::Caller, doctor),
    }
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
