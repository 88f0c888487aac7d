//! The words of each [`Remedy`]: with the host's own commands and variables, and as this machine needs it. A remedy that needs neither has
//! its words in its `Display`.

use std::path::Path;

use crate::model::commands::{Command, Commands};
use crate::model::error::{Error, ErrorKind, Remedy};
use crate::model::key_store_name::KeyStoreName;
use crate::model::sanitize::{shell_line, shell_quoted, without_hidden};
use crate::model::setting::Setting;
use crate::system::environment::Machine;

impl Error {
    /// Returns what to do as an imperative, with the exact command where the host has one: the line to print behind `hint:`. Returns `None`
    /// if nothing helps, as after a person said no.
    ///
    /// ```
    /// use hallpass::config::{Command, Commands};
    ///
    /// # fn main() -> hallpass::Result<()> {
    /// # let folder = std::env::temp_dir().join("hallpass-example-of-hints");
    /// let mut config = hallpass::Config::new("railway", "https://id.example.com", "railway-cli")?;
    /// # config.state_dir = Some(folder);
    /// # config.environment = Default::default();
    /// config.set_commands(Commands::none("railway").with(Command::Login, "login"));
    /// let commands = config.commands();
    /// let error = hallpass::Auth::new(config)?.session().unwrap_err();
    /// assert_eq!(error.hint(&commands).as_deref(), Some("run `railway login`"));
    /// # Ok(()) }
    /// ```
    pub fn hint(&self, commands: &Commands) -> Option<String> {
        self.remedy().map(|remedy| remedy.hint(self.kind(), commands))
    }
}

impl Remedy {
    /// Returns the remedy of an error of this kind as [`Error::hint`] does.
    pub fn hint(&self, kind: ErrorKind, commands: &Commands) -> String {
        without_hidden(Hint { kind, commands }.of(self))
    }
}

struct Hint<'a> {
    kind: ErrorKind,
    commands: &'a Commands,
}

impl Hint<'_> {
    fn of(&self, remedy: &Remedy) -> String {
        let (program, variables) = (self.commands.program(), self.commands.variables());
        match remedy {
            Remedy::LogIn { context } => self.log_in(remedy, context.as_deref()),
            Remedy::LogInTo { org } => self.log_in_to(org),
            Remedy::UnlockStore => format!("{}; then try again", how_to_unlock(Machine::here())),
            Remedy::StartStore => format!("{}; then try again", how_to_start(Machine::here())),
            Remedy::ChooseKeyStore { key_stores } => self.choose_key_store(key_stores),
            Remedy::GivePassphrase => match &variables.passphrase_fd {
                Some(variable) => {
                    format!(
                        "run it in a terminal, or give the passphrase on a descriptor: `{variable}=3 {program} … 3<FILE`"
                    )
                }
                None => "run it in a terminal, which can ask for the passphrase".into(),
            },
            Remedy::CorrectPassphrase => match self.log_in_with(KeyStoreName::Passphrase) {
                Some(login) => format!("give the right passphrase; if it is forgotten, run `{login}` to log in anew"),
                None => remedy.to_string(),
            },
            Remedy::Repair => self.repair(remedy),
            Remedy::ChooseContext { contexts } => self.choose_context(contexts),
            Remedy::Replace { context } => {
                match self.commands.line(Command::Login, &["--context", context, "--replace"]) {
                    Some(login) => format!("run `{login}`, or choose another name"),
                    None => remedy.to_string(),
                }
            }
            Remedy::SetAside { path } if path.ends_with("index.json") => match self.doctor() {
                Some(doctor) => format!("run `{doctor}`; or move {} away, then log in again", quoted(path)),
                None => format!("move {} away, then log in again", quoted(path)),
            },
            Remedy::SetAside { path } if path.ends_with("key") => {
                let login = self.log_in_with(KeyStoreName::KeyFile);
                let login = login.map(|login| format!(": `{login}`")).unwrap_or_default();
                format!("put the right key file back as {}; if it is lost, log in again{login}", quoted(path))
            }
            Remedy::StartSession => match self.commands.line(Command::Login, &["--ephemeral"]) {
                Some(login) => format!(
                    "for a new login, run `keyctl session`, then `{login}` in it; an existing login opens only in the session that made it"
                ),
                None => remedy.to_string(),
            },
            Remedy::ForgetLocally { context } => self.forget_locally(context),
            Remedy::FixConfig { setting } => self.correct_setting(*setting),
            Remedy::Retry { after: None } if self.kind == ErrorKind::Unreachable => {
                "check the server's address and your network, then try again".into()
            }
            other => other.to_string(),
        }
    }

    fn log_in(&self, remedy: &Remedy, context: Option<&str>) -> String {
        let Some(login) = self.commands.login(context).map(|argv| shell_line(&argv)) else { return remedy.to_string() };
        match self.commands.line(Command::List, &[]) {
            Some(list) if self.kind == ErrorKind::NoSuchContext => {
                format!("run `{login}`; `{list}` shows the names")
            }
            _ => format!("run `{login}`"),
        }
    }

    fn log_in_to(&self, org: &str) -> String {
        // An org that begins with a hyphen would be taken for an option.
        let login = match org.starts_with('-') {
            true => self.commands.line(Command::Login, &[&format!("--org={org}")]),
            false => self.commands.line(Command::Login, &["--org", org]),
        };
        match (login, self.commands.line(Command::BareLogin, &[])) {
            (Some(login), _) => format!("run `{login}`"),
            (None, Some(login)) => format!("run `{login}`, and log in to the org {org}"),
            (None, None) => Remedy::LogInTo { org: org.to_owned() }.to_string(),
        }
    }

    fn choose_key_store(&self, key_stores: &[KeyStoreName]) -> String {
        let variable = self.commands.variables().custody.as_ref();
        // The key store that was named cannot be used, whatever is started here.
        if self.kind == ErrorKind::Config {
            return match (key_stores, variable) {
                ([], _) => self.correct_setting(Setting::RequestedCustody),
                (_, Some(variable)) => format!("set {variable} to one of: {}", KeyStoreName::join(key_stores)),
                (_, None) => format!("choose one of these key stores: {}", KeyStoreName::join(key_stores)),
            };
        }
        let choices = key_stores.iter().filter_map(|key_store| self.log_in_anew(key_store, &[]));
        let choices = choices.map(|login| format!("`{login}`"));
        std::iter::once(how_to_start(Machine::here()).to_owned()).chain(choices).collect::<Vec<_>>().join(", or run ")
    }

    fn repair(&self, remedy: &Remedy) -> String {
        match (self.doctor(), self.commands.login(None)) {
            (Some(doctor), _) => format!("run `{doctor}`"),
            // A new login replaces the one that cannot be used.
            (None, Some(login)) => format!("run `{}` to log in anew", shell_line(&login)),
            (None, None) => remedy.to_string(),
        }
    }

    fn choose_context(&self, contexts: &[String]) -> String {
        let switch = self.commands.argv(Command::Switch, &["NAME"]).map(|argv| format!("`{}`", argv.join(" ")));
        let ways: Vec<_> = switch.into_iter().chain(self.commands.variables().context.clone()).collect();
        match ways.is_empty() {
            true => format!("choose one of these logins: {}", contexts.join(", ")),
            false => format!("choose a login by {}: {}", ways.join(" or "), contexts.join(", ")),
        }
    }

    fn forget_locally(&self, context: &str) -> String {
        let first = match self.kind {
            ErrorKind::Custody => "try again where its key can be reached",
            _ => "try again when the server answers",
        };
        match self.commands.line(Command::Logout, &["--context", context, "--local-only"]) {
            Some(logout) => format!("{first}, or run `{logout}`"),
            None => first.into(),
        }
    }

    fn correct_setting(&self, setting: Setting) -> String {
        let (program, variables) = (self.commands.program(), self.commands.variables());
        let correct_or_unset =
            |variable: &Option<String>| variable.as_ref().map(|name| format!("correct or unset {name}"));
        let named = match setting {
            Setting::Arguments => Some("correct the arguments".into()),
            Setting::Context => variables.context.as_ref().map(|name| format!("correct {name}")),
            Setting::RequestedCustody => correct_or_unset(&variables.custody),
            Setting::Org => variables.org.as_ref().map(|name| format!("name another org, or correct or unset {name}")),
            Setting::Request => Some("correct the method or the URL of the request".into()),
            Setting::Folder => Some("go to a folder that exists".into()),
            Setting::StateDir => variables.home.as_ref().map(|name| {
                format!("set {name} to the full path of a private folder outside work trees, on a file system with locks; or unset it")
            }),
            Setting::PassphraseFd => variables.passphrase_fd.as_ref().map(|name| {
                format!("correct or unset {name}; it takes an open descriptor: `{name}=3 {program} … 3<FILE`")
            }),
            Setting::Token => correct_or_unset(&variables.token),
            Setting::MinValidity => Some("ask for a token that is valid for less, or for a new one".into()),
            Setting::Scope => Some(match self.commands.line(Command::Login, &[]) {
                Some(login) => {
                    format!("ask for other scopes; to be granted more, run `{login}` with a --scope for each")
                }
                None => "ask for other scopes, or log in with more".into(),
            }),
            Setting::Variable(name) => Some(format!("correct or unset {name}")),
            _ => None,
        };
        named.unwrap_or_else(|| format!("correct {setting} in the configuration of {program}"))
    }

    fn doctor(&self) -> Option<String> {
        self.commands.line(Command::Doctor, &["--repair"])
    }

    /// Returns the command that logs in anew under the same name, with the key in this key store.
    fn log_in_with(&self, key_store: KeyStoreName) -> Option<String> {
        self.log_in_anew(&key_store, &["--context", "NAME"])
    }

    fn log_in_anew(&self, key_store: &KeyStoreName, options: &[&str]) -> Option<String> {
        let variable = self.commands.variables().custody.as_ref()?;
        let bare = || self.commands.line(Command::BareLogin, &[]);
        let login = self.commands.line(Command::Login, options).or_else(bare)?;
        Some(format!("{variable}={key_store} {login}"))
    }
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
    use super::*;
    use crate::model::variables::Variables;

    fn remedies() -> Vec<Remedy> {
        let (text, index) = (|| "work".to_owned(), || "/x/index.json".into());
        vec![
            Remedy::LogIn { context: Some(text()) },
            Remedy::LogInTo { org: "-x".into() },
            Remedy::ChooseKeyStore { key_stores: vec![KeyStoreName::KeyFile] },
            Remedy::StartSession,
            Remedy::GivePassphrase,
            Remedy::CorrectPassphrase,
            Remedy::ChooseContext { contexts: vec![text()] },
            Remedy::Replace { context: text() },
            Remedy::ForgetLocally { context: text() },
            Remedy::FixConfig { setting: Setting::Context },
            Remedy::FixConfig { setting: Setting::StateDir },
            Remedy::FixConfig { setting: Setting::Scope },
            Remedy::SetAside { path: index() },
            Remedy::SetAside { path: "/x/key".into() },
            Remedy::Repair,
        ]
    }

    const KINDS: [ErrorKind; 4] =
        [ErrorKind::NotLoggedIn, ErrorKind::NoSuchContext, ErrorKind::Custody, ErrorKind::Config];

    #[test]
    fn a_host_without_commands_and_variables_is_sent_to_none() {
        let none = Commands::none("railway").with_variables(Variables::none());
        for remedy in remedies() {
            for kind in KINDS {
                let hint = remedy.hint(kind, &none);
                assert!(!hint.is_empty() && !hint.contains("`railway") && !hint.contains("RAILWAY"), "{hint}");
            }
        }
    }

    #[test]
    fn a_login_of_the_host_s_own_is_named_without_options() {
        let own = Commands::none("railway").with(Command::BareLogin, "signin");
        for remedy in remedies() {
            for kind in KINDS {
                let hint = remedy.hint(kind, &own);
                let commands = hint.split('`').skip(1).step_by(2).filter(|quoted| quoted.contains("railway"));
                for command in commands.filter(|command| !command.contains("_FD=")) {
                    assert!(command.ends_with("railway signin"), "{hint}");
                }
            }
        }
        let org = Remedy::LogInTo { org: "globex".into() };
        assert_eq!(org.hint(ErrorKind::NotLoggedIn, &own), "run `railway signin`, and log in to the org globex");
    }

    #[test]
    fn what_stands_in_a_command_is_one_word() {
        let commands = Commands::from("acme");
        let org = Remedy::LogInTo { org: "two words; rm".into() };
        assert!(org.hint(ErrorKind::NotLoggedIn, &commands).ends_with("--org 'two words; rm'`"));
        let login = Remedy::LogIn { context: Some("work\u{1b}[2J".into()) };
        assert!(!login.hint(ErrorKind::NotLoggedIn, &commands).contains('\u{1b}'));
    }
}
