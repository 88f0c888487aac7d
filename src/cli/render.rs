//! How answers and errors are printed. The one file that may write to standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the one file that may print")]

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::doctor::{Finding, Report};
use crate::prompt::{JsonLines, Outcome, Prompt};
use crate::{ChosenBy, Config, Error, ErrorKind, Machine, Remedy, Result};

/// Where a command's answers go.
pub(super) struct Output {
    pub(super) json: bool,
    /// Whether the JSON is events, one a line, as a login prints them.
    pub(super) events: bool,
    /// The host's name, for hints.
    pub(super) program: String,
}

impl Output {
    pub(super) fn new(json: bool, events: bool, config: &Result<Config>) -> Self {
        Self {
            json,
            events,
            program: config.as_ref().map_or_else(|_| "this tool".into(), |config| config.app.to_string()),
        }
    }

    /// Data: one line on standard output. A reader that went away is not an error of ours.
    pub(super) fn data(&self, line: &str) -> ExitCode {
        let mut out = io::stdout().lock();
        match writeln!(out, "{line}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                eprintln!("error: standard output: {error}");
                ExitCode::FAILURE
            }
            _ => ExitCode::SUCCESS,
        }
    }

    pub(super) fn object(&self, value: &Value) -> ExitCode {
        self.data(&value.to_string())
    }

    /// Conversation: a line on standard error, for a person only.
    pub(super) fn say(&self, line: &str) {
        if !self.json {
            say(line);
        }
    }

    /// What the doctor found: 1 where there is a problem.
    pub(super) fn report(&self, report: &Report) -> ExitCode {
        let printed = match self.json {
            true => {
                let object = |finding: &Finding| {
                    json!({
                        "area": finding.area,
                        "state": finding.state.name(),
                        "text": finding.text,
                        "remedy": finding.remedy.as_ref().map(Remedy::name),
                        "place": finding.place,
                        "context": finding.context,
                    })
                };
                let findings: Vec<_> = report.findings.iter().map(object).collect();
                self.object(&json!({"well": report.is_well(), "findings": findings}))
            }
            false => {
                let line = |finding: &Finding| {
                    let line = format!("{:8} {:9} {}", finding.state, finding.area, finding.text);
                    match self.hint_of(finding) {
                        Some(hint) => format!("{line}\n{:18} {hint}", ""),
                        None => line,
                    }
                };
                self.data(&report.findings.iter().map(line).collect::<Vec<_>>().join("\n"))
            }
        };
        if report.is_well() { printed } else { ExitCode::FAILURE }
    }

    /// An error, with its hint or as JSON.
    pub(super) fn fail(&self, error: &Error) -> ExitCode {
        let remedy = error.remedy();
        if self.json && self.events {
            JsonLines::stdout().done(&Outcome::Failed(error));
        } else if self.json {
            self.object(&error_object(error));
        } else {
            self.say(&format!("error: {error}"));
            let mut cause = std::error::Error::source(error);
            while let Some(why) = cause {
                self.say(&format!("  because: {why}"));
                cause = why.source();
            }
            if let Some(remedy) = remedy {
                self.say(&format!("hint: {}", self.hint(error.kind(), remedy)));
            }
        }
        self.exit_code(error)
    }

    /// What a command refuses by itself.
    pub(super) fn refuse(&self, kind: ErrorKind, message: &str, remedy: &Remedy) -> ExitCode {
        if self.json {
            self.object(&json!({"kind": kind.name(), "remedy": remedy.name(), "message": message}));
        } else {
            self.say(&format!("error: {message}\nhint: {}", self.hint(kind, remedy)));
        }
        ExitCode::from(kind.exit_code())
    }

    pub(super) fn exit_code(&self, error: &Error) -> ExitCode {
        ExitCode::from(error.kind().exit_code())
    }

    /// What can be done about a finding.
    pub(super) fn hint_of(&self, finding: &Finding) -> Option<String> {
        finding.remedy.as_ref().map(|remedy| format!("hint: {}", self.hint(ErrorKind::Custody, remedy)))
    }

    /// The remedy in the host's own words.
    fn hint(&self, kind: ErrorKind, remedy: &Remedy) -> String {
        let (program, variable) = (&self.program, |name: &str| self.variable(name));
        match remedy {
            Remedy::LogIn { context: Some(context) } => format!("run `{program} auth login --context {context}`"),
            Remedy::LogIn { context: None } => format!("run `{program} auth login`"),
            Remedy::LogInTo { org } => format!("run `{program} auth login --org {org}`"),
            Remedy::UnlockStore => format!("{}; then try again", to_unlock(Machine::here())),
            Remedy::AllowItem => {
                "let programs read their items: in KeePassXC's settings, under Secret Service Integration, untick \
                                  \"Confirm when passwords are retrieved by clients\"; then try again"
                    .into()
            }
            Remedy::StartStore => format!("{}; then try again", to_start(Machine::here())),
            // The place that was named cannot be, whatever is started here.
            Remedy::ChoosePlace { places } if kind == ErrorKind::Config => match places.as_slice() {
                [] => format!("correct or unset {}", variable("CUSTODY")),
                places => format!("set {} to one of: {}", variable("CUSTODY"), places.join(", ")),
            },
            Remedy::ChoosePlace { places } => {
                let choices: Vec<_> = places
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
                format!("give the right passphrase; if it is forgotten, run `{program} auth login` to log in anew")
            }
            Remedy::CorrectCredential { credential } => format!(
                "give systemd a key for its credential {credential}: `openssl rand -base64 32 | systemd-creds encrypt \
                 --name={credential} - FILE`"
            ),
            Remedy::Repair => format!("run `{program} auth doctor --repair`"),
            Remedy::ChooseContext { contexts } if contexts.len() == 1 => {
                format!("name {} with --context or {}", contexts.join(""), variable("CONTEXT"))
            }
            Remedy::ChooseContext { contexts } => format!(
                "run `{program} auth switch NAME`, or choose one with --context or {}: {}",
                variable("CONTEXT"),
                contexts.join(", ")
            ),
            Remedy::Replace { context } => {
                format!("run `{program} auth login --context {context} --replace`, or choose another name")
            }
            Remedy::SetAside { path } if path.ends_with("index.json") => {
                format!("run `{program} auth doctor --repair`; or move {} away, then log in again", path.display())
            }
            Remedy::SetAside { path } if path.ends_with("key") => format!(
                "put the right key file back; or move {} away, then log in again: without one, a login makes its own, as \
                 `openssl rand -base64 32` does",
                path.display()
            ),
            Remedy::StartSession => format!(
                "use it in the login session that it was made in; for a new login, run `keyctl session` and `{program} auth login` there"
            ),
            Remedy::ForgetLocally { context } if kind == ErrorKind::Custody => format!(
                "try again where its key can be reached, or run `{program} auth logout --context {context} --local-only`"
            ),
            Remedy::ForgetLocally { context } => format!(
                "try again when the server answers, or run `{program} auth logout --context {context} --local-only`"
            ),
            Remedy::FixConfig { field: "custody" } => format!("correct or unset {}", variable("CUSTODY")),
            Remedy::FixConfig { field: "passphrase_fd" } => {
                let variable = variable("PASSPHRASE_FD");
                format!("correct or unset {variable}; it takes an open descriptor: `{variable}=3 {program} … 3<FILE`")
            }
            Remedy::FixConfig { field: "move_to" } => "name one of these places with --move-to".into(),
            Remedy::FixConfig { field: "folder" } => "go to a folder that is there".into(),
            Remedy::FixConfig { field: "home" } => format!("correct {} or HOME", variable("HOME")),
            Remedy::FixConfig { field: "token" } => format!("correct or unset {}", variable("TOKEN")),
            Remedy::FixConfig { field: "context" } => format!("correct --context or {}", variable("CONTEXT")),
            Remedy::FixConfig { field } => format!("correct {field} in the configuration of {program}"),
            Remedy::Retry { after: None } if kind == ErrorKind::Unreachable => {
                "check the server's address and your network, then try again".into()
            }
            other => other.to_string(),
        }
    }

    /// The rule by which a context was chosen, for a person.
    pub(super) fn rule(&self, by: &ChosenBy) -> String {
        match by {
            ChosenBy::Argument => "--context".into(),
            ChosenBy::Environment => self.variable("CONTEXT"),
            ChosenBy::Folder(folder) => format!("the rule of {}", folder.display()),
            ChosenBy::Default => "the default".into(),
            ChosenBy::Only => "there is no other".into(),
        }
    }

    /// One of the host's variables.
    pub(super) fn variable(&self, name: &str) -> String {
        format!("{}_{name}", self.program.to_ascii_uppercase().replace('-', "_"))
    }
}

/// Where the store opens with the person's own session.
const AT_THE_DESKTOP: &str = "log in at the desktop, which opens the secure store";

/// How the OS's store is unlocked.
fn to_unlock(machine: Machine) -> &'static str {
    match machine {
        _ if cfg!(any(windows, target_os = "macos")) => AT_THE_DESKTOP,
        // A login by key gives the keyring no password to open itself with.
        Machine::Ssh => {
            "unlock the keyring: `read -rs p; printf %s \"$p\" | gnome-keyring-daemon --replace --unlock; unset p`"
        }
        _ => {
            "unlock the keyring: log in to the desktop, open your password manager, or run `gnome-keyring-daemon --unlock`"
        }
    }
}

/// How the OS's store is had.
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

/// A line on standard error.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// An error as JSON.
pub(super) fn error_object(error: &Error) -> Value {
    let remedy = error.remedy().map(Remedy::name);
    json!({"kind": error.kind().name(), "remedy": remedy, "message": error.to_string()})
}

/// For a second signal: the person does not want to wait for anything.
#[allow(clippy::disallowed_methods, clippy::exit, reason = "a person insists")]
pub(super) fn exit_at_once(code: u8) -> ! {
    std::process::exit(code.into())
}
