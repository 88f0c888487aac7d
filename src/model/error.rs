//! [`Error`]: what happened, of which kind, and what to do about it.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::ser::{Serialize, SerializeStruct, Serializer};

pub use crate::model::remedy::Remedy;
use crate::model::sanitize::{quoted, without_hidden};
use crate::model::setting::Setting;

/// `Result` with hallpass's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong: one line in lower case that names the issuer, context or path; never a server's words or body, never a secret.
///
/// `Display` writes this line alone. [`because`](Self::because) has the causes, [`server_says`](Self::server_says) the server's words,
/// [`remedy`](Self::remedy) what to do.
///
/// `Debug` is for `fn main() -> hallpass::Result<()>`: it writes message, causes, the server's words and hint. Serialized, an error is an
/// object of `kind`, `remedy`, `message`, `because`, `retry_after` and `server_says`, as [`manual::json`](crate::manual::json) describes
/// it.
///
/// Clones are the same error: every caller that waited for one refresh gets the reason of its failure.
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

/// The kind of an error. It answers a caller's question: is nobody logged in, is the server
/// unreachable, did the person say no?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nobody is logged in, or not to the org; or it is unclear which login is selected; or the login was ended or replaced meanwhile.
    NotLoggedIn,
    /// An argument, a variable, the rule of a folder or the default names a context that does not exist, and there are others.
    NoSuchContext,
    /// The login expired, or the server ended it and does not say why.
    Expired,
    /// The server ended the login before its time: an administrator ended it, or one of its tokens was used twice.
    Revoked,
    /// A refresh was interrupted, and the server does not accept the refresh token that is left.
    Interrupted,
    /// The device code ran out before it was approved (RFC 8628 §3.5 `expired_token`).
    CodeExpired,
    /// The person said no (RFC 8628 §3.5 `access_denied`).
    Denied,
    /// The server refused, with an OAuth error.
    AuthorizationServer,
    /// The server's answer does not follow the RFC.
    Protocol,
    /// The configuration, an argument or the environment is wrong.
    Config,
    /// The server could not be reached.
    Unreachable,
    /// A key store or the state folder could not be read or written.
    Custody,
    /// The caller cancelled, for example with Ctrl-C.
    Cancelled,
}

impl Error {
    /// Returns what kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns what can be done, computed from the actual situation.
    pub fn remedy(&self) -> Option<&Remedy> {
        self.0.remedy.as_ref()
    }

    /// Returns the causes in one line, the nearest first: what the system, the network or a lower layer said. `None` if the message says all.
    ///
    /// The causes contain no secret. `Display` leaves them out, so a host that prints a single line prints both.
    pub fn because(&self) -> Option<String> {
        let causes: Vec<_> = self.causes().collect();
        Some(causes.join(": ")).filter(|causes| !causes.is_empty())
    }

    /// Returns the words of the authorization server, if it said any: filtered, at most 200 characters.
    ///
    /// The server or somebody in its place wrote them: show them as a quotation, and do not do what they ask for.
    pub fn server_says(&self) -> Option<&str> {
        match &self.0.server_says {
            Some(words) => Some(words),
            None => self.source()?.downcast_ref::<Self>()?.server_says(),
        }
    }

    /// Returns how long the server asked to be left alone, if that is the remedy and the time is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self.remedy() {
            Some(Remedy::Retry { after }) => *after,
            _ => None,
        }
    }

    /// Returns whether a new login helps: nobody is logged in, the selected context does not exist, or the login has ended or cannot be
    /// opened any more.
    ///
    /// Returns false if it is only unclear which login is selected, and for errors of a login itself.
    pub fn needs_login(&self) -> bool {
        let is_about_a_login = self.kind().exit_code() == 4 || self.kind() == ErrorKind::Custody;
        is_about_a_login && matches!(self.remedy(), Some(Remedy::LogIn { .. } | Remedy::LogInTo { .. }))
    }

    /// Removes what a terminal obeys from the message, once for all: it may contain a path or a name from outside.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: without_hidden(message.into()),
            remedy: None,
            server_says: None,
            source: None,
        }))
    }

    pub(crate) fn with(mut self, remedy: Remedy) -> Self {
        self.0.remedy = Some(remedy);
        self
    }

    /// Adds the login that the error is about, if several were requested or nobody named one. A cancellation is about all of them.
    pub(crate) fn of(mut self, context: &str) -> Self {
        if self.0.kind != ErrorKind::Cancelled {
            self.0.message = format!("{} (login {context})", self.0.message);
        }
        if let Some(Remedy::LogIn { context: whose }) = &mut self.0.remedy {
            whose.get_or_insert_with(|| context.to_owned());
        }
        self
    }

    /// Makes "cannot X: Y" with one colon: a `why` that has its own colon becomes the cause.
    pub(crate) fn with_reason(kind: ErrorKind, what: String, why: String) -> Self {
        match why.contains(": ") {
            true => Self::new(kind, what).caused_by(why),
            false => Self::new(kind, format!("{what}: {why}")),
        }
    }

    /// Adds a cause. The cause must contain no secret: only errors of the operating system and our own.
    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Adds what the server said, apart from our own words (law 12).
    pub(crate) fn with_server_words(mut self, server_says: Option<&str>) -> Self {
        self.0.server_says = server_says.map(quoted).filter(|words| !words.is_empty());
        self
    }

    /// Returns the message with its causes, to be quoted in another sentence.
    pub(crate) fn full_text(&self) -> String {
        let why = self.because().map(|why| format!(" ({why})"));
        format!("{self}{}", why.unwrap_or_default())
    }

    /// Returns the causes, the nearest first.
    fn causes(&self) -> impl Iterator<Item = String> {
        let mut next = self.source();
        std::iter::from_fn(move || {
            let cause = next?;
            next = cause.source();
            Some(without_hidden(cause.to_string()))
        })
    }

    pub(crate) fn config(setting: Setting, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message).with(Remedy::FixConfig { setting })
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "cancelled")
    }
}

impl ErrorKind {
    /// Returns the exit code of a process that ends with this error (`4` log in, `2` configuration, `5` network, `6` custody,
    /// `130` Ctrl-C, `1` what the server or the person refused).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::NotLoggedIn | Self::NoSuchContext | Self::Expired | Self::Revoked | Self::Interrupted => 4,
            Self::CodeExpired | Self::Denied | Self::AuthorizationServer | Self::Protocol => 1,
            Self::Config => 2,
            Self::Unreachable => 5,
            Self::Custody => 6,
            Self::Cancelled => 130,
        }
    }

    /// Returns the kind's name in JSON output, in `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotLoggedIn => "not_logged_in",
            Self::NoSuchContext => "no_such_context",
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
            Some(remedy) => write!(f, "\n\nhint: {}", without_hidden(remedy.to_string())),
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
        object.serialize_field("because", &self.because())?;
        object.serialize_field("retry_after", &self.retry_after().map(|after| after.as_secs()))?;
        object.serialize_field("server_says", &self.server_says())?;
        object.end()
    }
}

impl From<url::ParseError> for Error {
    /// For hosts that read endpoints from text.
    fn from(error: url::ParseError) -> Self {
        Self::config(Setting::Endpoints, "an endpoint in the configuration is not a valid URL").caused_by(error)
    }
}

impl From<Infallible> for Error {
    /// For methods that take a value or its text: a value is valid already.
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_causes_are_one_filtered_line_and_the_same_in_json() {
        let lower = Error::new(ErrorKind::Unreachable, "no reply").caused_by("timed\u{1b}[2J out");
        let error = Error::new(ErrorKind::Unreachable, "cannot log in").caused_by(lower.clone());
        assert_eq!(error.because().unwrap(), format!("no reply: {}", lower.because().unwrap()));
        assert_eq!(serde_json::json!(error)["because"], error.because().unwrap());
        assert!(!error.because().unwrap().contains('\u{1b}'));
        assert_eq!(Error::cancelled().because(), None);
    }
}
