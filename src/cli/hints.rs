//! The words of each [`Remedy`]: in the host's own commands and variables, and as this machine needs it. A remedy that needs neither has
//! its words in its `Display`.

use std::path::Path;

use crate::config::{Machine, Setting};
use crate::custody::{Custody, KeyStoreName};
use crate::sanitize::shell_quoted;
use crate::{Auth, Config, ErrorKind, Remedy, Result};

/// What hints need to know about the host.
#[derive(Clone)]
pub(super) struct Hints {
    /// The host's name.
    pub(super) program: String,
    /// Says in which key store a login's key rests.
    config: Option<Config>,
}

impl Hints {
    pub(super) fn new(config: &Result<Config>) -> Self {
        match config {
            Ok(config) => Self { program: config.app.to_string(), config: Some(config.clone()) },
            Err(_) => Self::without_config("this tool".into()),
        }
    }

    pub(super) fn without_config(program: String) -> Self {
        Self { program, config: None }
    }

    /// Returns the remedy as an imperative, with the exact command.
    pub(super) fn hint(&self, kind: ErrorKind, remedy: &Remedy) -> String {
        let (program, variable) = (&self.program, |name: &str| self.variable(name));
        match remedy {
            Remedy::LogIn { context } => {
                let login = format!("run `{}`", shell_command(&self.login_command(context.as_deref())));
                match kind {
                    ErrorKind::NoSuchContext => {
                        format!("{login}; `{program} auth list` shows the names that there are")
                    }
                    _ => login,
                }
            }
            // An org that begins with a hyphen would be taken for an option.
            Remedy::LogInTo { org } => {
                format!(
                    "run `{program} auth login --org{}{}`",
                    if org.starts_with('-') { "=" } else { " " },
                    shell_quoted(org)
                )
            }
            Remedy::UnlockStore => format!("{}; then try again", how_to_unlock(Machine::here())),
            Remedy::StartStore => format!("{}; then try again", how_to_start(Machine::here())),
            // The key store that was named cannot be used, whatever is started here.
            Remedy::ChooseKeyStore { key_stores } if kind == ErrorKind::Config => match key_stores.as_slice() {
                [] => self.correct_setting(Setting::RequestedCustody),
                key_stores => format!("set {} to one of: {}", variable("CUSTODY"), names(key_stores)),
            },
            Remedy::ChooseKeyStore { key_stores } => {
                let choices: Vec<_> = key_stores
                    .iter()
                    .map(|place| format!("`{}={place} {program} auth login`", variable("CUSTODY")))
                    .collect();
                [vec![how_to_start(Machine::here()).to_owned()], choices].concat().join(", or run ")
            }
            Remedy::GivePassphrase => {
                format!(
                    "run it in a terminal, or give the passphrase on a descriptor: `{}=3 {program} … 3<FILE`",
                    variable("PASSPHRASE_FD")
                )
            }
            Remedy::CorrectPassphrase => {
                format!(
                    "give the right passphrase; if it is forgotten, run `{}=passphrase {program} auth login --context NAME` to log in \
                     anew",
                    variable("CUSTODY")
                )
            }
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
            Remedy::ForgetLocally { context } if kind == ErrorKind::Custody => format!(
                "try again where its key can be reached, or run `{program} auth logout --context {context} --local-only`"
            ),
            Remedy::ForgetLocally { context } => format!(
                "try again when the server answers, or run `{program} auth logout --context {context} --local-only`"
            ),
            Remedy::FixConfig { setting } => self.correct_setting(*setting),
            Remedy::Retry { after: None } if kind == ErrorKind::Unreachable => {
                "check the server's address and your network, then try again".into()
            }
            other => other.to_string(),
        }
    }

    fn correct_setting(&self, setting: Setting) -> String {
        let (program, variable) = (&self.program, |name: &str| self.variable(name));
        match setting {
            Setting::Arguments => format!("correct the arguments: `{program} auth help COMMAND` names them"),
            Setting::Context => format!("correct --context or {}", variable("CONTEXT")),
            Setting::RequestedCustody => format!("correct or unset {}", variable("CUSTODY")),
            Setting::Folder => "go to a folder that is there".into(),
            Setting::StateDir => format!(
                "set {} to the full path of a private folder outside work trees, on a file system with locks; or unset it",
                variable("HOME")
            ),
            Setting::MinValidity => {
                "leave --min-validity out; where nobody knows when a token ends, --refresh fetches a new one".into()
            }
            Setting::MoveTo => "name one of these places with --move-to".into(),
            Setting::PassphraseFd => {
                let variable = variable("PASSPHRASE_FD");
                format!("correct or unset {variable}; it takes an open descriptor: `{variable}=3 {program} … 3<FILE`")
            }
            Setting::Scope => format!(
                "name other scopes with --scope; to be granted more, run `{program} auth login` with a --scope for each"
            ),
            Setting::Token => format!("correct or unset {}", variable("TOKEN")),
            Setting::Variable(name) => format!("correct or unset {name}"),
            other => format!("correct {other} in the configuration of {program}"),
        }
    }

    /// Returns the command that logs in, as argv. If the key of the context's last login was in a key store that has to be named, the command
    /// names it.
    pub(super) fn login_command(&self, context: Option<&str>) -> Vec<String> {
        let key_store = context.and_then(|context| self.key_store_of(context));
        self.login_command_keeping(context, key_store.as_ref())
    }

    /// As [`login_command`](Self::login_command), with the custody of the context's last login.
    pub(super) fn login_command_keeping(&self, context: Option<&str>, key_store: Option<&KeyStoreName>) -> Vec<String> {
        let key_store = key_store.filter(|key_store| self.has_to_be_named(key_store));
        let key_store = key_store.map(|key_store| format!("{}={key_store}", self.variable("CUSTODY")));
        let environment = key_store.into_iter().flat_map(|variable| ["env".to_owned(), variable]);
        let context = context.into_iter().flat_map(|context| ["--context", context]);
        environment.chain([&*self.program, "auth", "login"].into_iter().chain(context).map(str::to_owned)).collect()
    }

    /// Returns the name of one of the host's variables.
    pub(super) fn variable(&self, name: &str) -> String {
        format!("{}_{name}", self.program.to_ascii_uppercase().replace('-', "_"))
    }

    fn key_store_of(&self, context: &str) -> Option<KeyStoreName> {
        let contexts = Auth::new(self.config.clone()?).ok()?.contexts().ok()?;
        contexts.into_iter().find(|one| one.name.as_str() == context).map(|one| one.key_store)
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

fn names(key_stores: &[KeyStoreName]) -> String {
    key_stores.iter().map(KeyStoreName::as_str).collect::<Vec<_>>().join(", ")
}

/// Returns a command as a person types it.
pub(super) fn shell_command(argv: &[String]) -> String {
    argv.strip_prefix(&["env".to_owned()]).unwrap_or(argv).join(" ")
}

fn quoted(path: &Path) -> String {
    shell_quoted(&path.to_string_lossy())
}

/// On these systems the store opens with the desktop session.
const AT_THE_DESKTOP: &str = "log in at the desktop, which opens the secure store";

/// Returns how to unlock the OS's store.
fn how_to_unlock(machine: Machine) -> &'static str {
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
fn how_to_start(machine: Machine) -> &'static str {
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
    use crate::cli::next_steps::{Who, steps};

    #[derive(Debug, Parser)]
    enum Acme {
        Auth(AuthCommand),
    }

    fn acme() -> Hints {
        Hints::without_config("acme".into())
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
                    let is_ours = |Acme::Auth(auth): Acme| !auth.json();
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
