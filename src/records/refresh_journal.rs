//! [`RefreshJournal`]: what `<id>.next` says as long as it does not hold the next record. An exchange was begun, by whom, and how it
//! went.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::model::error::{Error, ErrorKind, Remedy};
use crate::model::ids::Org;

/// An exchange of the refresh token that was begun, and that has brought no next record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RefreshJournal {
    /// The generation of the record whose token was sent.
    pub(crate) generation: u64,
    /// The process that sent it.
    pub(crate) pid: u32,
    #[serde(with = "milliseconds")]
    pub(crate) at: SystemTime,
    /// `None` while it is under way, and for ever where its process died.
    pub(crate) failure: Option<Failure>,
}

/// How an attempt failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    #[serde(with = "milliseconds")]
    pub(crate) at: SystemTime,
    /// The server may have rotated all the same: a reply was lost, now or in an attempt before.
    pub(crate) open: bool,
    /// The server has rotated, and its reply was refused here: it made the login another (law 17).
    #[serde(default)]
    pub(crate) foreign: bool,
    /// The server refused this very token: to ask again would bring the same answer, and some servers ban who does.
    #[serde(default)]
    pub(crate) refused: Option<Refused>,
    /// How long the server asked to be left alone, in seconds.
    retry_after: Option<u64>,
    kind: String,
    pub(crate) message: String,
    #[serde(default)]
    because: Option<String>,
    #[serde(default)]
    pub(crate) server_says: Option<String>,
}

/// What a server has refused. Whoever can write the file but does not have the grant's key cannot make one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refused {
    /// The org that was named with the token, and may be what is refused; `None` where it is the token.
    pub(crate) org: Option<String>,
    /// Made with the grant's key.
    pub(crate) proof: String,
}

/// The failures that the next process would meet as well, a moment later.
const SHARED: [ErrorKind; 4] = [ErrorKind::Unreachable, ErrorKind::Expired, ErrorKind::Revoked, ErrorKind::Interrupted];

/// The longest that a server's wish to be left alone is heeded.
const MAX_COOLDOWN: Duration = Duration::from_secs(60);

/// How long a refused token is not sent again: an administrator may have undone it.
const REFUSED_FOR: Duration = Duration::from_secs(600);

impl RefreshJournal {
    pub(crate) fn begun(generation: u64, now: SystemTime) -> Self {
        Self { generation, pid: std::process::id(), at: now, failure: None }
    }

    /// One of which nothing is left to read but that it was.
    pub(crate) fn torn(generation: u64) -> Self {
        Self { generation, pid: 0, at: SystemTime::UNIX_EPOCH, failure: None }
    }

    /// From the first line of the file; what follows is room for the next record.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes.split(|byte| *byte == b'\n').next()?).ok()
    }

    /// Whether the server may have rotated.
    pub(crate) fn is_open(&self) -> bool {
        self.failure.as_ref().is_none_or(|failure| failure.open)
    }

    /// Whether the server has rotated with a reply that was refused here.
    pub(crate) fn is_foreign(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.foreign)
    }

    /// Who began it and when, for a person who waited for its end.
    pub(crate) fn told(&self, now: SystemTime) -> String {
        let age = now.duration_since(self.at).unwrap_or_default().as_secs();
        format!("process {} began a refresh {age} s ago", self.pid)
    }
}

impl Failure {
    pub(crate) fn new(error: &Error, open: bool, foreign: bool, refused: Option<Refused>, now: SystemTime) -> Self {
        Self {
            at: now,
            open,
            foreign,
            refused,
            retry_after: error.retry_after().map(|after| after.as_secs()),
            kind: error.kind().name().into(),
            message: error.to_string(),
            because: error.cause_text(),
            server_says: error.server_says().map(str::to_owned),
        }
    }

    /// How much longer the server wants to be left alone.
    pub(crate) fn rest(&self, now: SystemTime) -> Option<Duration> {
        let rest = Duration::from_secs(self.retry_after?).min(MAX_COOLDOWN);
        // A clock that was set back must not make it longer.
        let passed = now.duration_since(self.at).ok()?;
        rest.checked_sub(passed).filter(|left| !left.is_zero())
    }

    /// Whether it says that the login has ended, for `org`. Unproven: to be shown, and to decide nothing.
    pub(crate) fn has_ended(&self, org: Option<&Org>) -> bool {
        let is_of_this = |refused: &Refused| refused.org.is_none() || refused.org.as_deref() == org.map(Org::as_str);
        self.refused.as_ref().is_some_and(is_of_this)
    }

    /// Whether it is so short a while ago that a refused token is not sent again. A clock that was set back says nothing of that.
    pub(crate) fn is_recent(&self, now: SystemTime) -> bool {
        now.duration_since(self.at).is_ok_and(|since| since < REFUSED_FOR)
    }

    /// The error, for another process than the one that met it; `None` where it should ask for itself.
    pub(crate) fn shared(&self, rest: Option<Duration>, log_in: Remedy) -> Option<Error> {
        // If the reply made the login another, the next one would too. Any other odd reply may be better the next time.
        let shared = SHARED.into_iter().chain(self.foreign.then_some(ErrorKind::Protocol));
        let kind = shared.into_iter().find(|kind| kind.name() == self.kind)?;
        let remedy = if kind == ErrorKind::Unreachable { Remedy::Retry { after: rest } } else { log_in };
        let error = Error::new(kind, self.message.clone()).with(remedy).with_server_words(self.server_says.as_deref());
        Some(match &self.because {
            Some(why) => error.because(why.clone()),
            None => error,
        })
    }
}

/// Times as milliseconds since 1970, UTC: whole seconds would cut a server's wish to be left alone short, and could not tell
/// whether an attempt failed before or after somebody began to wait.
mod milliseconds {
    use serde::{Deserializer, Serializer};

    use super::*;

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let since = u64::deserialize(deserializer).map(Duration::from_millis)?;
        SystemTime::UNIX_EPOCH.checked_add(since).ok_or_else(|| serde::de::Error::custom("a time out of range"))
    }
}
