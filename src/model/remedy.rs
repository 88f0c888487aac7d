//! [`Remedy`]: what can be done about an error, as data.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::key_store_name::KeyStoreName;
use crate::model::sanitize::{is_plain, shell_quoted};
use crate::model::setting::Setting;

/// What can be done about an error, as data: a host prints it with its own command names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Log in, to this context if it is given.
    LogIn {
        /// The context that needs the login.
        context: Option<String>,
    },
    /// Log in to this org.
    LogInTo {
        /// The org.
        org: String,
    },
    /// Try again, after this time if it is given.
    Retry {
        /// How long to wait.
        after: Option<Duration>,
    },
    /// Unlock the secure store, then try again.
    UnlockStore,
    /// Let programs read their items in the secure store, which asks for each item; then try again.
    AllowItem,
    /// Start the secure store that has this login's key, then try again.
    StartStore,
    /// Choose another key store.
    ChooseKeyStore {
        /// The names of the key stores that could take a key.
        key_stores: Vec<KeyStoreName>,
    },
    /// Start a login session that has its own keyring: `keyctl session`, or a new connection.
    StartSession,
    /// Give the passphrase in a terminal or on a descriptor.
    GivePassphrase,
    /// Choose a longer passphrase.
    ChoosePassphrase {
        /// The minimum number of characters.
        at_least: usize,
    },
    /// Give the correct passphrase: the passphrase is incorrect.
    CorrectPassphrase,
    /// Put a key into this credential of systemd: its content is no key.
    CorrectCredential {
        /// The credential's name.
        credential: String,
    },
    /// Run as the service that systemd provides with this credential.
    RunAsService {
        /// The credential's name.
        credential: String,
    },
    /// Choose one of these contexts.
    ChooseContext {
        /// The names of the contexts.
        contexts: Vec<String>,
    },
    /// Choose another name.
    ChooseName {
        /// The name that is taken.
        taken: String,
    },
    /// Allow another account to take over the context.
    Replace {
        /// The context that belongs to another account.
        context: String,
    },
    /// Forget the login on this machine without telling the server.
    ForgetLocally {
        /// The name of the context.
        context: String,
    },
    /// Correct this setting.
    FixConfig {
        /// The setting.
        setting: Setting,
    },
    /// Fix this path: its mode, or whatever else the error names.
    FixPath {
        /// The path.
        path: PathBuf,
        /// The mode that it needs (chmod(1)), if its mode is wrong.
        mode: Option<u32>,
    },
    /// Run it as this user, for example without `sudo`.
    RunAs {
        /// The user's name.
        user: String,
    },
    /// Free some space on the disk of this path, then try again.
    FreeSpace {
        /// The path.
        path: PathBuf,
    },
    /// Fix this file, which is damaged, missing or replaced; or move it away, and log in again.
    SetAside {
        /// The path.
        path: PathBuf,
    },
    /// Another process holds the login: continue it if it was stopped, or wait for it.
    OtherProcess {
        /// The process that last worked on the login.
        pid: Option<u32>,
    },
    /// Repair the logins of this state folder: [`Auth::repair`](crate::Auth::repair).
    Repair,
    /// Set this machine's clock.
    SetClock,
    /// Make TLS trust the root of the server's certificate: `SSL_CERT_FILE`, or [`Network::extra_roots`](crate::config::Network::extra_roots).
    TrustRoot,
    /// Raise the limit of open files (`ulimit -n`), or close some.
    RaiseLimit,
    /// Ask whoever runs the authorization server.
    AskAdministrator,
    /// Use a newer version of this tool.
    Upgrade,
}

impl Remedy {
    /// Returns the remedy's name in JSON output, in `snake_case`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LogIn { .. } => "log_in",
            Self::LogInTo { .. } => "log_in_to",
            Self::Retry { .. } => "retry",
            Self::UnlockStore => "unlock_store",
            Self::AllowItem => "allow_item",
            Self::StartStore => "start_store",
            Self::ChooseKeyStore { .. } => "choose_place",
            Self::StartSession => "start_session",
            Self::GivePassphrase => "give_passphrase",
            Self::ChoosePassphrase { .. } => "choose_passphrase",
            Self::CorrectPassphrase => "correct_passphrase",
            Self::CorrectCredential { .. } => "correct_credential",
            Self::RunAsService { .. } => "run_as_service",
            Self::ChooseContext { .. } => "choose_context",
            Self::ChooseName { .. } => "choose_name",
            Self::Replace { .. } => "replace",
            Self::ForgetLocally { .. } => "forget_locally",
            Self::FixConfig { .. } => "fix_config",
            Self::FixPath { .. } => "fix_path",
            Self::RunAs { .. } => "run_as",
            Self::FreeSpace { .. } => "free_space",
            Self::SetAside { .. } => "set_aside",
            Self::OtherProcess { .. } => "other_process",
            Self::Repair => "repair",
            Self::SetClock => "set_clock",
            Self::TrustRoot => "trust_root",
            Self::RaiseLimit => "raise_limit",
            Self::AskAdministrator => "ask_administrator",
            Self::Upgrade => "upgrade",
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogIn { context: Some(context) } => write!(f, "log in to {context} again"),
            Self::LogIn { context: None } => f.write_str("log in"),
            Self::LogInTo { org } => write!(f, "log in to the org {org}"),
            Self::Retry { after: Some(after) } => {
                write!(f, "try again in {} s", after.as_secs().max(1))
            }
            Self::Retry { after: None } => f.write_str("try again"),
            Self::UnlockStore => f.write_str("unlock the secure store, then try again"),
            Self::AllowItem => f.write_str(
                "let programs read their items: in KeePassXC's settings, under Secret Service Integration, untick \"Confirm when passwords \
                 are retrieved by clients\"; then try again",
            ),
            Self::StartStore => f.write_str("start the secure store, then try again"),
            Self::ChooseKeyStore { key_stores } if key_stores.is_empty() => f.write_str("choose another place for the keys"),
            Self::ChooseKeyStore { key_stores } => {
                write!(f, "choose a place for the keys: {}", KeyStoreName::join(key_stores))
            }
            Self::StartSession => f.write_str("start a login session of its own: run `keyctl session` first"),
            Self::GivePassphrase => f.write_str("give the passphrase, in a terminal or on a descriptor"),
            Self::ChoosePassphrase { at_least } => {
                write!(f, "choose a passphrase of {at_least} characters or more, and run it again")
            }
            Self::CorrectPassphrase => f.write_str("give the right passphrase; if it is forgotten, log in again"),
            Self::CorrectCredential { credential } => write!(
                f,
                "give systemd a key for its credential {credential}: `openssl rand -base64 32 | systemd-creds encrypt \
                 --name={credential} - FILE`"
            ),
            Self::RunAsService { credential } => {
                write!(f, "run it as the service that systemd hands the credential {credential} to")
            }
            Self::ChooseContext { contexts } => write!(f, "choose one of: {}", contexts.join(", ")),
            Self::ChooseName { taken } => write!(f, "choose another name than {taken}"),
            Self::Replace { context } => write!(f, "allow the login to replace {context}, or give it another name"),
            Self::ForgetLocally { context } => {
                write!(f, "try again when the server answers, or forget {context} on this machine only")
            }
            Self::FixConfig { setting } => write!(f, "correct {setting}"),
            // Quoting removes invisible characters: then it would be the command for another path.
            Self::FixPath { path, mode: Some(mode) } if is_plain(&path.to_string_lossy()) => {
                write!(f, "run `chmod {mode:o} {}`", shell_quoted(&path.to_string_lossy()))?;
                match mode {
                    0o700 => f.write_str(", if nobody else can have written what is in it"),
                    _ => Ok(()),
                }
            }
            Self::FixPath { path, mode: Some(_) } => write!(f, "check owner and permissions of {}", path.display()),
            Self::FixPath { path, mode: None } => write!(f, "put {} right, or move it away", path.display()),
            Self::RunAs { user } => write!(f, "run it as {user}, without sudo"),
            Self::FreeSpace { path } => {
                write!(f, "delete some files on the disk of {}, then try again", path.display())
            }
            Self::SetAside { path } => write!(f, "put {} right, or move it away and log in again", path.display()),
            // Not `kill`: that is a crash in the middle of a refresh, after which some servers end the login.
            Self::OtherProcess { pid: Some(pid) } => {
                write!(
                    f,
                    "if process {pid} was stopped (Ctrl-Z), let it go on: `fg`, or `kill -CONT {pid}`; then try again"
                )
            }
            Self::OtherProcess { pid: None } => f.write_str("wait for the other process, then try again"),
            Self::Repair => f.write_str("let the logins be repaired"),
            Self::SetClock => f.write_str("set this machine's clock"),
            Self::TrustRoot if cfg!(any(windows, target_os = "macos")) => {
                f.write_str("let the system trust the root of the server's certificate, or name the root in the tool's `extra_roots`")
            }
            Self::TrustRoot => f.write_str(
                "name a file with the root of the server's certificate in SSL_CERT_FILE, or the root in the tool's `extra_roots`",
            ),
            Self::RaiseLimit => f.write_str("raise the limit of open files: `ulimit -n 4096`; then try again"),
            Self::AskAdministrator => f.write_str("ask the administrator of the authorization server"),
            Self::Upgrade => f.write_str("use a newer version of this tool"),
        }
    }
}
