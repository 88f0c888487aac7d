//! [`RefreshJournal`]: the content of `<id>.next` until it holds the next record. It says who began an exchange and how that failed.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::model::error::{Error, ErrorKind, Remedy};
use crate::model::ids::Org;

/// An exchange of the refresh token that has brought no next record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RefreshJournal {
    /// The generation of the record whose token was sent.
    pub(crate) generation: u64,
    /// The process that sent it.
    pub(crate) pid: u32,
    #[serde(with = "milliseconds")]
    pub(crate) at: SystemTime,
    /// `None` while the exchange runs, and for ever if its process died.
    pub(crate) failure: Option<Failure>,
}

/// How an exchange failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    #[serde(with = "milliseconds")]
    pub(crate) at: SystemTime,
    /// Whether the server may have rotated all the same: a reply was lost, now or in an exchange before.
    pub(crate) open: bool,
    /// Whether the server has rotated and its reply was rejected here, as it was for another login (law 17).
    #[serde(default)]
    pub(crate) foreign: bool,
    /// The server refused this token. Asking again would bring the same answer, and some servers
    /// ban a client that asks again.
    #[serde(default)]
    pub(crate) refused: Option<Refused>,
    /// How long the server asked not to be called, in seconds.
    retry_after: Option<u64>,
    kind: String,
    pub(crate) message: String,
    #[serde(default)]
    because: Option<String>,
    #[serde(default)]
    pub(crate) server_says: Option<String>,
}

/// What a server has refused. Only the grant's key can make the proof: somebody who can write the
/// file cannot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refused {
    /// The org that was named with the token, and may be what the server refused; `None` if the server refused the token.
    pub(crate) org: Option<String>,
    /// The proof, made with the grant's key.
    pub(crate) proof: String,
}

/// The failures that another process would meet a moment later too.
const SHARED_KINDS: [ErrorKind; 4] =
    [ErrorKind::Unreachable, ErrorKind::Expired, ErrorKind::Revoked, ErrorKind::Interrupted];

/// The longest time that a server's `Retry-After` is obeyed.
const MAX_COOLDOWN: Duration = Duration::from_secs(60);

/// How long a refused token is not sent again. Not for ever, as an administrator may undo the refusal.
const REFUSAL_LIFETIME: Duration = Duration::from_secs(600);

impl RefreshJournal {
    pub(crate) fn begin(generation: u64, now: SystemTime) -> Self {
        Self { generation, pid: std::process::id(), at: now, failure: None }
    }

    /// Returns the journal of an exchange that was begun, and of which nothing else is known.
    pub(crate) fn unreadable(generation: u64) -> Self {
        Self { generation, pid: 0, at: SystemTime::UNIX_EPOCH, failure: None }
    }

    /// Reads the first line of the file; the rest is room for the next record.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes.split(|byte| *byte == b'\n').next()?).ok()
    }

    /// Returns whether the server may have rotated.
    pub(crate) fn may_have_rotated(&self) -> bool {
        self.failure.as_ref().is_none_or(|failure| failure.open)
    }

    /// Returns whether the server has rotated and its reply was rejected here.
    pub(crate) fn reply_was_rejected(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.foreign)
    }

    /// Says who began the exchange and when, for a person who waited for its end.
    pub(crate) fn describe(&self, now: SystemTime) -> String {
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
            because: error.because(),
            server_says: error.server_says().map(str::to_owned),
        }
    }

    /// Returns how much longer the server asked not to be called.
    pub(crate) fn cooldown(&self, now: SystemTime) -> Option<Duration> {
        let cooldown = Duration::from_secs(self.retry_after?).min(MAX_COOLDOWN);
        // A clock that was set back must not make it longer.
        let passed = now.duration_since(self.at).ok()?;
        cooldown.checked_sub(passed).filter(|left| !left.is_zero())
    }

    /// Returns whether the journal says that the login has ended for `org`. Unproven: it may be shown, but decides nothing.
    pub(crate) fn has_ended(&self, org: Option<&Org>) -> bool {
        let Some(refused) = &self.refused else { return false };
        refused.org.is_none() || refused.org.as_deref() == org.map(Org::as_str)
    }

    /// Returns whether the failure is so recent that a refused token is not sent again. False if the clock was set back.
    pub(crate) fn is_recent(&self, now: SystemTime) -> bool {
        now.duration_since(self.at).is_ok_and(|since| since < REFUSAL_LIFETIME)
    }

    /// Returns the error for another process than the one that met it; `None` if that process should ask the server itself.
    pub(crate) fn shared(&self, cooldown: Option<Duration>, log_in: Remedy) -> Option<Error> {
        // If the reply was for another login, the next reply would be too. Any other odd reply may be better the next time.
        let shared = SHARED_KINDS.into_iter().chain(self.foreign.then_some(ErrorKind::Protocol));
        let kind = shared.into_iter().find(|kind| kind.name() == self.kind)?;
        let remedy = if kind == ErrorKind::Unreachable { Remedy::Retry { after: cooldown } } else { log_in };
        let error = Error::new(kind, self.message.clone()).with(remedy).with_server_words(self.server_says.as_deref());
        Some(match &self.because {
            Some(why) => error.caused_by(why.clone()),
            None => error,
        })
    }
}

/// Times as milliseconds since 1970, UTC. Whole seconds would cut a server's `Retry-After` short, and could not say whether an exchange
/// failed before or after somebody began to wait.
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
