//! [`JsonLines`]: the prompt for a program.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Outcome, Prompt, Verification};
use crate::model::duration::rfc3339;
use crate::model::sanitize::ascii_json;

/// Writes one JSON object a line, for a program that drives the login.
pub struct JsonLines(Mutex<Box<dyn Write + Send>>);

impl JsonLines {
    /// Writes to standard output.
    pub fn stdout() -> Self {
        Self::to(Box::new(io::stdout()))
    }

    /// Writes to `out`.
    pub fn to(out: Box<dyn Write + Send>) -> Self {
        Self(Mutex::new(out))
    }

    fn line(&self, object: &Value) -> io::Result<()> {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(out, "{}", ascii_json(&object.to_string()))?;
        out.flush()
    }
}

impl Prompt for JsonLines {
    fn show(&self, verification: &Verification) -> io::Result<()> {
        self.line(&json!(verification))
    }

    fn done(&self, outcome: &Outcome<'_>) {
        // A reader that is gone must not undo a login that is already stored.
        let _ = self.line(&json!(outcome));
    }
}

/// The event `device_authorization` of [`manual::json`](crate::manual::json).
impl Serialize for Verification {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = json!({
            "event": "device_authorization",
            "verification_uri": self.verification_uri,
            "verification_uri_complete": self.verification_uri_complete,
            "user_code": self.user_code,
            "expires_at": rfc3339(self.expires_at),
            "interval": self.interval.as_secs(),
            "custody": self.key_store,
            "lasts": self.protection.lasts.name(),
            "instead_of": self.instead_of,
        });
        if !self.warnings.is_empty() {
            event["warnings"] = json!(self.warnings);
        }
        event.serialize(serializer)
    }
}

/// The event `logged_in`, `adopted` or `error` of [`manual::json`](crate::manual::json).
impl Serialize for Outcome<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = match self {
            Self::LoggedIn { context, account, org, scopes, key_store, protection, expires_at, renews, left_alive } => {
                json!({
                    "event": "logged_in",
                    "context": context,
                    "account": account,
                    "org": org,
                    "scopes": scopes.iter().collect::<Vec<_>>(),
                    "custody": key_store,
                    "lasts": protection.lasts.name(),
                    "expires_at": expires_at.map(rfc3339),
                    "renews": renews,
                    "left_alive": left_alive,
                })
            }
            Self::Adopted { context, account, org, key_store, from, warnings } => {
                let mut event = json!({
                    "event": "adopted",
                    "context": context,
                    "account": account,
                    "org": org,
                    "custody": key_store,
                    "from": from.map(|path| path.to_string_lossy()),
                });
                if !warnings.is_empty() {
                    event["warnings"] = json!(warnings);
                }
                event
            }
            Self::Failed(error) => {
                let mut event = json!(error);
                event["event"] = json!("error");
                event
            }
        };
        event.serialize(serializer)
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonLines")
    }
}
