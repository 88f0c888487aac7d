//! What to do next, for every [`Remedy`]: in the host's own commands and variables, and as this machine needs it.

use std::path::Path;

use serde::Serialize;

use crate::sanitize::{printable, shell_quoted};
use crate::{ErrorKind, Machine, Remedy};

/// One thing to do next, for a program.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Step {
    pub(super) who: Who,
    pub(super) text: String,
    /// As argv.
    pub(super) command: Option<Vec<String>>,
}

/// Who can do it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Who {
    /// Whoever ran the command, a program too: nobody has to approve or decide anything.
    #[serde(rename = "self")]
    Caller,
    Person,
    Administrator,
}

impl Step {
    /// `arguments` are those of the host `program`.
    pub(super) fn run(who: Who, text: String, program: &str, arguments: &[&str]) -> Self {
        let command = std::iter::once(&program).chain(arguments).map(|word| (*word).to_owned());
        Self { command: Some(command.collect()), ..Self::say(who, text) }
    }

    pub(super) fn say(who: Who, text: String) -> Self {
        Self { who, text, command: None }
    }
}

/// What to do next, the first thing first. A login and all that ends or replaces one is for a person to decide. `place`: the one that a
/// new login has to name for its key.
pub(super) fn steps(program: &str, place: Option<&str>, kind: ErrorKind, remedy: &Remedy) -> Vec<Step> {
    let text = hint(program, place, kind, remedy);
    let run = |who, arguments: &[&str]| Step::run(who, text.clone(), program, arguments);
    let step = |who| Step::say(who, text.clone());
    vec![match remedy {
        Remedy::LogIn { context } => {
            let command = Some(log_in(program, place, context.as_deref()));
            let login = Step { who: Who::Person, text: text.clone(), command };
            match kind {
                // Perhaps the name is mistyped.
                ErrorKind::NotLoggedIn if context.is_some() => {
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
        Remedy::FixConfig { field: "arguments" } => run(Who::Caller, &["auth", "help"]),
        Remedy::FixConfig { field: "scope" | "min_validity" | "context" | "move_to" | "folder" } => step(Who::Caller),
        Remedy::AskAdministrator => step(Who::Administrator),
        _ => step(Who::Person),
    }]
}

/// The command that logs in, as argv.
pub(super) fn log_in(program: &str, place: Option<&str>, context: Option<&str>) -> Vec<String> {
    let place = place.map(|place| format!("{}={place}", variable(program, "CUSTODY")));
    let named = place.into_iter().flat_map(|place| ["env".to_owned(), place]);
    let context = context.into_iter().flat_map(|context| ["--context", context]);
    named.chain([program, "auth", "login"].into_iter().chain(context).map(str::to_owned)).collect()
}

/// A command as a person types it.
pub(super) fn in_shell(argv: &[String]) -> String {
    argv.strip_prefix(&["env".to_owned()]).unwrap_or(argv).join(" ")
}

/// The remedy in the words of the host `program`.
pub(super) fn hint(program: &str, place: Option<&str>, kind: ErrorKind, remedy: &Remedy) -> String {
    let variable = |name: &str| variable(program, name);
    match remedy {
        Remedy::LogIn { context } => {
            let login = format!("run `{}`", in_shell(&log_in(program, place, context.as_deref())));
            match kind {
                ErrorKind::NotLoggedIn if context.is_some() => {
                    format!("{login}; `{program} auth list` shows the names that there are")
                }
                _ => login,
            }
        }
        // One that begins with a hyphen would be taken for an option.
        Remedy::LogInTo { org } => {
            format!(
                "run `{program} auth login --org{}{}`",
                if org.starts_with('-') { "=" } else { " " },
                shell_quoted(org)
            )
        }
        Remedy::UnlockStore => format!("{}; then try again", to_unlock(Machine::here())),
        Remedy::AllowItem => {
            "let programs read their items: in KeePassXC's settings, under Secret Service Integration, untick \
                              \"Confirm when passwords are retrieved by clients\"; then try again"
                .into()
        }
        Remedy::StartStore => format!("{}; then try again", to_start(Machine::here())),
        // The place that was named cannot be, whatever is started here.
        Remedy::ChooseKeyStore { key_stores } if kind == ErrorKind::Config => match key_stores.as_slice() {
            [] => format!("correct or unset {}", variable("CUSTODY")),
            key_stores => format!("set {} to one of: {}", variable("CUSTODY"), key_stores.join(", ")),
        },
        Remedy::ChooseKeyStore { key_stores } => {
            let choices: Vec<_> = key_stores
                .iter()
                .map(|place| format!("`{}={place} {program} auth login`", variable("CUSTODY")))
                .collect();
            [vec![to_start(Machine::here()).to_owned()], choices].concat().join(", or run ")
        }
        Remedy::GivePassphrase => {
            format!(
                "run it in a terminal, or give the passphrase on a descriptor: `{}=3 {program} … 3<FILE`",
                variable("PASSPHRASE_FD")
            )
        }
        Remedy::ChoosePassphrase { at_least } => {
            format!("choose a passphrase of {at_least} characters or more, and run it again")
        }
        Remedy::CorrectPassphrase => {
            format!(
                "give the right passphrase; if it is forgotten, run `{}=passphrase {program} auth login --context NAME` to log in \
                 anew",
                variable("CUSTODY")
            )
        }
        Remedy::CorrectCredential { credential } => format!(
            "give systemd a key for its credential {credential}: `openssl rand -base64 32 | systemd-creds encrypt \
             --name={credential} - FILE`"
        ),
        Remedy::Repair => format!("run `{program} auth doctor --repair`"),
        Remedy::ChooseContext { contexts } => format!(
            "choose a login by `{program} auth switch NAME`, --context or {}: {}",
            variable("CONTEXT"),
            contexts.join(", ")
        ),
        Remedy::Replace { context } => {
            format!("run `{program} auth login --context {context} --replace`, or choose another name")
        }
        Remedy::SetAside { path } if path.ends_with("index.json") => {
            format!("run `{program} auth doctor --repair`; or move {} away, then log in again", quoted(path))
        }
        Remedy::SetAside { path } if path.ends_with("key") => format!(
            "put the right key file back as {}; if it is lost, log in again: `{}=keyfile {program} auth login --context NAME`",
            quoted(path),
            variable("CUSTODY")
        ),
        Remedy::StartSession => format!(
            "for a new login, run `keyctl session`, and `{program} auth login --ephemeral` in it; one that there is opens only in the \
             login session that it was made in"
        ),
        Remedy::FixPath { path, mode: Some(0o700) } if shows(path) => {
            format!("run `chmod 700 {}`, if nobody else can have written what is in it", quoted(path))
        }
        Remedy::ForgetLocally { context } if kind == ErrorKind::Custody => format!(
            "try again where its key can be reached, or run `{program} auth logout --context {context} --local-only`"
        ),
        Remedy::ForgetLocally { context } => format!(
            "try again when the server answers, or run `{program} auth logout --context {context} --local-only`"
        ),
        Remedy::FixConfig { field: "environment.custody" } => format!("correct or unset {}", variable("CUSTODY")),
        Remedy::FixConfig { field: "passphrase_fd" } => {
            let variable = variable("PASSPHRASE_FD");
            format!("correct or unset {variable}; it takes an open descriptor: `{variable}=3 {program} … 3<FILE`")
        }
        Remedy::FixConfig { field: "move_to" } => "name one of these places with --move-to".into(),
        Remedy::FixConfig { field: "min_validity" } => {
            "leave --min-validity out; where nobody knows when a token ends, --refresh fetches a new one".into()
        }
        Remedy::FixConfig { field: "folder" } => "go to a folder that is there".into(),
        Remedy::FixConfig { field: "state_dir" } => format!(
            "set {} to the full path of a private folder outside work trees, on a file system with locks; or unset it",
            variable("HOME")
        ),
        Remedy::FixConfig { field: "arguments" } => {
            format!("correct the arguments: `{program} auth help COMMAND` names them")
        }
        Remedy::FixConfig { field: "token" } => format!("correct or unset {}", variable("TOKEN")),
        Remedy::FixConfig { field: "context" } => format!("correct --context or {}", variable("CONTEXT")),
        Remedy::FixConfig { field: "scope" } => {
            format!(
                "name other scopes with --scope; to be granted more, run `{program} auth login` with a --scope for each"
            )
        }
        Remedy::FixConfig { field }
            if field.starts_with("SSL_CERT") || field.to_ascii_uppercase().ends_with("_PROXY") =>
        {
            format!("correct or unset {field}")
        }
        Remedy::FixConfig { field } => format!("correct {field} in the configuration of {program}"),
        Remedy::Retry { after: None } if kind == ErrorKind::Unreachable => {
            "check the server's address and your network, then try again".into()
        }
        other => other.to_string(),
    }
}

/// Whether every character of a path shows: otherwise the command would be for another one.
fn shows(path: &Path) -> bool {
    printable(&path.to_string_lossy()) == path.to_string_lossy()
}

fn quoted(path: &Path) -> String {
    shell_quoted(&path.to_string_lossy())
}

/// One of the host's variables.
pub(super) fn variable(program: &str, name: &str) -> String {
    format!("{}_{name}", program.to_ascii_uppercase().replace('-', "_"))
}

/// Where the store opens with the person's own session.
const AT_THE_DESKTOP: &str = "log in at the desktop, which opens the secure store";

/// Returns how to unlock the OS's store.
fn to_unlock(machine: Machine) -> &'static str {
    match machine {
        _ if cfg!(any(windows, target_os = "macos")) => AT_THE_DESKTOP,
        // A login by key gives the keyring no password to open itself with. A second daemon, without `--replace`, would unlock itself
        // and be asked by nobody.
        Machine::Ssh => {
            "unlock the keyring: `read -rs p; printf %s \"$p\" | gnome-keyring-daemon --replace --unlock; unset p`"
        }
        _ => {
            "unlock the keyring: log in to the desktop, open your password manager, or run `read -rs p; printf %s \"$p\" | \
             gnome-keyring-daemon --replace --unlock; unset p`"
        }
    }
}

/// Returns how to get the OS's store.
fn to_start(machine: Machine) -> &'static str {
    match machine {
        _ if cfg!(any(windows, target_os = "macos")) => AT_THE_DESKTOP,
        Machine::Flatpak => {
            "run `flatpak override --user --talk-name=org.freedesktop.secrets APP` on the host, with this app's ID"
        }
        Machine::Snap => "run `sudo snap connect SNAP:password-manager-service`, with this snap's name",
        Machine::Wsl => {
            "set `systemd=true` under [boot] in /etc/wsl.conf, run `wsl --shutdown` in Windows, then install gnome-keyring"
        }
        Machine::Ssh => "install dbus-user-session and gnome-keyring, and log in again",
        Machine::Container => "let the container reach a secure store",
        _ => {
            "start the OS's secure store: log in to a desktop, switch on the Secret Service of KWallet or KeePassXC, or run \
             gnome-keyring-daemon on a D-Bus session (`dbus-run-session`)"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter::successors;

    use clap::Parser;

    use super::*;
    use crate::cli::AuthCommand;

    #[derive(Debug, Parser)]
    enum Acme {
        Auth(AuthCommand),
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
            Remedy::StartStore => Remedy::ChooseKeyStore { key_stores: vec!["kernel"] },
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
            Remedy::ForgetLocally { .. } => Remedy::FixConfig { field: "arguments" },
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
            for kind in [ErrorKind::NotLoggedIn, ErrorKind::Custody, ErrorKind::Config, ErrorKind::Unreachable] {
                let steps = steps("acme", None, kind, &remedy);
                assert!(steps.iter().all(|step| !step.text.is_empty()) && !steps.is_empty(), "{remedy:?}");
                for command in steps.iter().filter_map(|step| step.command.as_ref()) {
                    let is_help = command[1..] == ["auth", "help"];
                    let is_ours = |Acme::Auth(auth): Acme| !auth.json();
                    assert!(is_help || Acme::try_parse_from(command).is_ok_and(is_ours), "{command:?}");
                }
            }
        }
    }

    #[test]
    fn a_program_is_sent_to_no_command_that_needs_a_person() {
        for remedy in successors(Some(Remedy::LogIn { context: None }), after) {
            for step in
                steps("acme", None, ErrorKind::NotLoggedIn, &remedy).iter().filter(|step| step.who == Who::Caller)
            {
                let command = step.command.as_deref().unwrap_or_default().join(" ");
                let harmless = ["", "acme auth list", "acme auth doctor --repair", "acme auth help"];
                assert!(harmless.contains(&command.as_str()), "{command}");
            }
        }
    }
}
