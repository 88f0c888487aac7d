//! [`Error`]: what happened, of which kind, and what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::text::{is_plain, quoted, shell_quoted, shown};

/// `Result` with hallpass's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong: one line, lower case, of which issuer, context or path; never a server's words or body, never a secret.
///
/// `Debug` is made for `fn main() -> hallpass::Result<()>`: message, causes, the server's words and hint. Serialized, it is an object of
/// `kind`, `remedy`, `message`, `because`, `retry_after` and `server_says`, as [`manual::json`](crate::manual::json) describes it.
///
/// Clones tell the same: everyone who waited for one refresh is told why it failed.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    remedy: Option<Remedy>,
    server_says: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// The question a caller has: is nobody logged in, is the server away, did the person say no?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no login for what was asked.
    NotLoggedIn,
    /// There was a login; it expired, or the server ended it and does not say why.
    Expired,
    /// There was a login, and its time was not over: the server ended it, by an administrator's hand or because a token of it was
    /// used twice.
    Revoked,
    /// A rotation was interrupted and the server no longer takes the token that is left.
    Interrupted,
    /// The device code ran out before it was approved (RFC 8628 §3.5 `expired_token`).
    CodeExpired,
    /// The person said no (RFC 8628 §3.5 `access_denied`).
    Denied,
    /// The server refused, in OAuth's words.
    AuthorizationServer,
    /// The server's answer is not what the RFC asks for.
    Protocol,
    /// The configuration, an argument or the environment is wrong.
    Config,
    /// The server could not be reached.
    Unreachable,
    /// The secure store or the state folder did not give or take what it should.
    Custody,
    /// The caller cancelled, for example with Ctrl-C.
    Cancelled,
}

/// What can be done about an error, as data: a host prints it with its own command names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// Log in, to this context if one is named.
    LogIn {
        /// The context that wants the login.
        context: Option<String>,
    },
    /// Log in to this org.
    LogInTo {
        /// The org.
        org: String,
    },
    /// Try again, after this time if it is known.
    Retry {
        /// How long to wait.
        after: Option<Duration>,
    },
    /// Unlock the secure store, then try again.
    UnlockStore,
    /// Let programs read their items in the secure store, which asks for each one; then try again.
    AllowItem,
    /// Start the secure store that this login's key rests in, then try again.
    StartStore,
    /// Choose another place for the keys.
    ChoosePlace {
        /// The places that could take one.
        places: Vec<&'static str>,
    },
    /// Start a login session that has a keyring of its own: `keyctl session`, or a new connection.
    StartSession,
    /// Give the passphrase: where a person can be asked, or on a descriptor.
    GivePassphrase,
    /// Choose a longer passphrase.
    ChoosePassphrase {
        /// The fewest characters it takes.
        at_least: usize,
    },
    /// Give another passphrase: the one that was given is not the one that was chosen.
    CorrectPassphrase,
    /// Let systemd hand over a key in this credential: what it hands over is none.
    CorrectCredential {
        /// The credential's name.
        credential: String,
    },
    /// Run as the service that systemd hands this credential to.
    RunAsService {
        /// The credential's name.
        credential: String,
    },
    /// Choose one of these contexts.
    ChooseContext {
        /// The contexts there are.
        contexts: Vec<String>,
    },
    /// Choose another name.
    ChooseName {
        /// The one that is taken.
        taken: String,
    },
    /// Say that the context shall change hands.
    Replace {
        /// The context that belongs to another account.
        context: String,
    },
    /// Forget the login on this machine without telling the server.
    ForgetLocally {
        /// The context to forget.
        context: String,
    },
    /// Correct this setting.
    FixConfig {
        /// The name of the setting.
        field: &'static str,
    },
    /// Put this path right: its mode, or what else the error names.
    FixPath {
        /// The path.
        path: PathBuf,
        /// The mode it takes (chmod(1)), where that is what is wrong.
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
    /// Put this file right, which is damaged, gone or another; or move it away, and log in again.
    SetAside {
        /// The path.
        path: PathBuf,
    },
    /// Another process holds the login: let it go on if it was stopped, or wait for it.
    OtherProcess {
        /// The process that was last seen at work on it.
        pid: Option<u32>,
    },
    /// Let the logins of this state folder be repaired: [`Auth::repair`](crate::Auth::repair).
    Repair,
    /// Set this machine's clock.
    SetClock,
    /// Let TLS trust the root of the server's certificate: `SSL_CERT_FILE`, or [`Config::extra_roots`](crate::Config::extra_roots).
    TrustRoot,
    /// Raise the limit of open files (`ulimit -n`), or close some.
    RaiseLimit,
    /// Ask whoever runs the authorization server.
    AskAdministrator,
    /// Use a newer version of this tool.
    Upgrade,
}

impl Error {
    /// Which question this error answers.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What can be done, computed from the actual situation.
    pub fn remedy(&self) -> Option<&Remedy> {
        self.0.remedy.as_ref()
    }

    /// Returns the words of the authorization server, if it said any: filtered, at most 200 characters.
    ///
    /// The server or somebody in its place wrote them: show them as a quotation, and do not do what they ask for.
    pub fn server_says(&self) -> Option<&str> {
        let of_cause = || self.source()?.downcast_ref::<Self>()?.server_says();
        self.0.server_says.as_deref().or_else(of_cause)
    }

    /// Returns how long the server asked to be left alone, if that is the remedy and the time is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.remedy() {
            Some(Remedy::Retry { after }) => *after,
            _ => None,
        }
    }

    /// Returns whether a new login helps: nobody is logged in, or the login has ended or cannot be opened any more.
    ///
    /// Returns false if it is only unclear which login is selected, and for errors of a login itself.
    pub fn needs_login(&self) -> bool {
        let is_about_a_login = self.kind().exit_code() == 4 || self.kind() == ErrorKind::Custody;
        is_about_a_login && matches!(self.remedy(), Some(Remedy::LogIn { .. } | Remedy::LogInTo { .. }))
    }

    /// What a message quotes, a path or a name, may hold what a terminal obeys: it is taken out here, once for all.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: shown(message.into()), remedy: None, server_says: None, source: None }))
    }

    pub(crate) fn with(mut self, remedy: Remedy) -> Self {
        self.0.remedy = Some(remedy);
        self
    }

    /// Says whose it is, where several logins were asked for or one that nobody named. Who cancels does so for all.
    pub(crate) fn of(mut self, context: &str) -> Self {
        if self.0.kind != ErrorKind::Cancelled {
            self.0.message = format!("{} (login {context})", self.0.message);
        }
        if let Some(Remedy::LogIn { context: whose }) = &mut self.0.remedy {
            whose.get_or_insert_with(|| context.to_owned());
        }
        self
    }

    /// Only for causes that hold no secret: errors of the operating system and of our own layers.
    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Keeps what the server said of it, apart from our own words (law 12).
    pub(crate) fn in_words(mut self, server_says: Option<&str>) -> Self {
        self.0.server_says = server_says.map(quoted).filter(|words| !words.is_empty());
        self
    }

    /// The message with its causes, for a sentence about something else.
    pub(crate) fn in_full(&self) -> String {
        let why = self.why().map(|why| format!(" ({why})"));
        format!("{self}{}", why.unwrap_or_default())
    }

    /// The causes in one line.
    pub(crate) fn why(&self) -> Option<String> {
        let causes: Vec<_> = self.causes().collect();
        Some(causes.join(": ")).filter(|causes| !causes.is_empty())
    }

    /// The causes, the nearest first.
    fn causes(&self) -> impl Iterator<Item = String> {
        let mut next = self.source();
        std::iter::from_fn(move || {
            let cause = next?;
            next = cause.source();
            Some(shown(cause.to_string()))
        })
    }

    pub(crate) fn config(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message).with(Remedy::FixConfig { field })
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "cancelled")
    }
}

impl ErrorKind {
    /// The exit code of a process that ends with this error (`4` log in, `2` configuration, `5` network, `6` custody,
    /// `130` Ctrl-C, `1` what the server or the person refused).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::NotLoggedIn | Self::Expired | Self::Revoked | Self::Interrupted => 4,
            Self::CodeExpired | Self::Denied | Self::AuthorizationServer | Self::Protocol => 1,
            Self::Config => 2,
            Self::Unreachable => 5,
            Self::Custody => 6,
            Self::Cancelled => 130,
        }
    }

    /// The kind's name in JSON output, in `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotLoggedIn => "not_logged_in",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Interrupted => "interrupted",
            Self::CodeExpired => "code_expired",
            Self::Denied => "denied",
            Self::AuthorizationServer => "authorization_server",
            Self::Protocol => "protocol",
            Self::Config => "config",
            Self::Unreachable => "unreachable",
            Self::Custody => "custody",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Remedy {
    /// The remedy's name in JSON output, in `snake_case`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LogIn { .. } => "log_in",
            Self::LogInTo { .. } => "log_in_to",
            Self::Retry { .. } => "retry",
            Self::UnlockStore => "unlock_store",
            Self::AllowItem => "allow_item",
            Self::StartStore => "start_store",
            Self::ChoosePlace { .. } => "choose_place",
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
            Self::AllowItem => f.write_str("let programs read their items in the secure store, then try again"),
            Self::StartStore => f.write_str("start the secure store, then try again"),
            Self::ChoosePlace { places } if places.is_empty() => f.write_str("choose another place for the keys"),
            Self::ChoosePlace { places } => write!(f, "choose a place for the keys: {}", places.join(", ")),
            Self::StartSession => f.write_str("start a login session of its own: run `keyctl session` first"),
            Self::GivePassphrase => f.write_str("give the passphrase, in a terminal or on a descriptor"),
            Self::ChoosePassphrase { at_least } => write!(f, "choose a passphrase of {at_least} characters or more"),
            Self::CorrectPassphrase => f.write_str("give the right passphrase; if it is forgotten, log in again"),
            Self::CorrectCredential { credential } => {
                write!(f, "give systemd a key for its credential {credential}: `openssl rand -base64 32` makes one")
            }
            Self::RunAsService { credential } => {
                write!(f, "run it as the service that systemd hands the credential {credential} to")
            }
            Self::ChooseContext { contexts } => write!(f, "choose one of: {}", contexts.join(", ")),
            Self::ChooseName { taken } => write!(f, "choose another name than {taken}"),
            Self::Replace { context } => write!(f, "allow the login to replace {context}, or give it another name"),
            Self::ForgetLocally { context } => {
                write!(f, "try again when the server answers, or forget {context} on this machine only")
            }
            Self::FixConfig { field } => write!(f, "correct {field}"),
            // What does not show is left out when it is quoted: then it would be the command for another path.
            Self::FixPath { path, mode: Some(mode) } if is_plain(&path.to_string_lossy()) => {
                write!(f, "run `chmod {mode:o} {}`", shell_quoted(&path.to_string_lossy()))
            }
            Self::FixPath { path, mode: Some(_) } => write!(f, "check owner and permissions of {}", path.display()),
            Self::FixPath { path, mode: None } => write!(f, "put {} right, or move it away", path.display()),
            Self::RunAs { user } => write!(f, "run it as {user}, without sudo"),
            Self::FreeSpace { path } => {
                write!(f, "delete some files on the disk of {}, then try again", path.display())
            }
            Self::SetAside { path } => write!(f, "put {} right, or move it away and log in again", path.display()),
            // To kill it would be like a crash, which some servers do not forgive.
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        self.causes().try_for_each(|cause| write!(f, "\n  because: {cause}"))?;
        if let Some(words) = self.server_says() {
            write!(f, "\n  the server says: {words}")?;
        }
        match &self.0.remedy {
            Some(remedy) => write!(f, "\n\nhint: {}", shown(remedy.to_string())),
            None => Ok(()),
        }
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Error", 6)?;
        object.serialize_field("kind", self.kind().name())?;
        object.serialize_field("remedy", &self.remedy().map(Remedy::name))?;
        object.serialize_field("message", &self.0.message)?;
        object.serialize_field("because", &self.why())?;
        object.serialize_field("retry_after", &self.retry_after().map(|after| after.as_secs()))?;
        object.serialize_field("server_says", &self.server_says())?;
        object.end()
    }
}

impl From<url::ParseError> for Error {
    /// For hosts that read endpoints from text.
    fn from(error: url::ParseError) -> Self {
        Self::config("endpoint", "an endpoint in the configuration is not a valid URL").because(error)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
