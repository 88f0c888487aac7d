//! [`Event`]: one moment in the life of a credential.
//!
//! An event has no field that takes a [`Secret`](crate::secret::Secret), which cannot be serialized.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::model::actor::Actor;
use crate::model::ids::{ClientId, ContextName, GrantId, Issuer, Org};
use crate::model::key_store_name::KeyStoreName;
use crate::model::provenance::Provenance;
use crate::model::sanitize::quoted;
use crate::model::scopes::Scopes;

/// One moment in the life of a credential: what happened, who ran it, and which credential it is about.
///
/// Text from outside is filtered and at most 200 characters long. No member is a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// What happened.
    #[serde(rename = "event")]
    pub code: EventCode,
    /// A random id, one of each event.
    pub id: String,
    /// When it happened, UTC, by the clock of this machine. In JSON it is RFC 3339 with milliseconds.
    #[serde(with = "crate::model::duration::rfc3339_millis")]
    pub time: SystemTime,
    /// The same random id in all events of one login, refresh, logout and so on.
    pub flow: String,
    /// How it went.
    pub outcome: EventOutcome,
    /// The kind of the error, as [`ErrorKind::name`](crate::ErrorKind::name) has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<String>,
    /// The error, or what else is to be said: one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Who ran the program.
    pub by: Runner,
    /// What it is about.
    pub of: Subject,
    /// What is said only of some events.
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

/// The process that an event comes from. Names only: arguments hold secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Runner {
    /// Who runs it.
    pub actor: Actor,
    /// The user of the operating system.
    pub os_user: String,
    /// The name of the machine.
    pub host: String,
    /// The id of the process.
    pub pid: u32,
    /// The name of its program.
    pub program: String,
    /// The name of the program that started it, if the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The id of the process that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_pid: Option<u32>,
    /// The name of the host application.
    pub app: String,
    /// Its version, if the host tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    /// The version of this crate.
    pub hallpass: String,
}

/// What an event is about: the credential, as far as it is known by then.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Subject {
    /// The issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Issuer>,
    /// The client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// The subject of the account (`sub`), unique within the issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What a person recognises of the account: e-mail address, name, or subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The org.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<Org>,
    /// The context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextName>,
    /// The grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// The key store that has its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_store: Option<KeyStoreName>,
    /// What the credential is, whose, and how it came to be.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// What is said only of some events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Details {
    /// The scopes that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes_asked: Option<Scopes>,
    /// The scopes that the token has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes_granted: Option<Scopes>,
    /// What the token is for (RFC 8707).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Url>,
    /// The lifetime that was asked for, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_asked: Option<u64>,
    /// The lifetime of the access token that was granted, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_granted: Option<u64>,
    /// Where a secret or a key went: `stdout`, or the name of a key store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// How often the same happened before, uncounted by an event of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The generation of the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// A keyed fingerprint of the access token: events of one token have the same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// What it was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventOutcome {
    /// It was done.
    Success,
    /// It was not done.
    Failure,
    /// The person, or a signal, stopped it.
    Cancelled,
    /// It broke off, and nobody knows how far it got.
    Interrupted,
}

/// Declares the codes: each with its name in JSON and its outcome.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident $name:literal $outcome:ident;)*) => {
        /// What happened. A code keeps its name and its meaning for ever.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum EventCode {
            $($(#[$doc])* #[serde(rename = $name)] $code,)*
        }

        impl EventCode {
            /// All codes.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// Returns the name in JSON, in `snake_case`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)*
                }
            }

            /// Returns how it went.
            pub fn outcome(self) -> EventOutcome {
                match self {
                    $(Self::$code => EventOutcome::$outcome,)*
                }
            }
        }
    };
}

codes! {
    /// A person is about to be shown a code.
    LoginStarted "login_started" Success;
    /// A person has approved, and the login is kept.
    LoginSucceeded "login_succeeded" Success;
    /// A login was refused, ran out, or could not be kept.
    LoginFailed "login_failed" Failure;
    /// A login was stopped before it was approved.
    LoginCancelled "login_cancelled" Cancelled;
    /// A grant is kept on this machine from now on.
    GrantCreated "grant_created" Success;
    /// A login that another program made was taken over.
    Imported "imported" Success;
    /// The old file of such a login was replaced, and holds no token any more.
    Scrubbed "scrubbed" Success;
    /// A context for another org of a login was made.
    OrgSwitched "org_switched" Success;
    /// A refresh brought a new access token.
    Refreshed "refreshed" Success;
    /// A refresh brought none.
    RefreshFailed "refresh_failed" Failure;
    /// A refresh broke off, and the server takes the old refresh token no more.
    RotationInterrupted "rotation_interrupted" Interrupted;
    /// The host was given an access token in its own memory: the first time in an hour.
    TokenServed "token_served" Success;
    /// An access token left the program by a named door: the first time in an hour.
    Exported "exported" Success;
    /// A key moved to another key store.
    Moved "moved" Success;
    /// The owner of a grant changed.
    OwnerChanged "owner_changed" Success;
    /// The server has revoked a grant.
    Revoked "revoked" Success;
    /// The server could not be told to revoke a grant, or refused.
    RevocationFailed "revocation_failed" Failure;
    /// The server has no way to revoke a grant.
    RevocationUnsupported "revocation_unsupported" Failure;
    /// A login was forgotten on this machine.
    LoggedOut "logged_out" Success;
    /// A login was found to have ended by itself.
    Expired "expired" Success;
    /// A trail begins.
    TrailStarted "trail_started" Success;
    /// The trail goes on in a new file.
    TrailRotated "trail_rotated" Success;
    /// Lines of the trail are missing.
    TrailGap "trail_gap" Failure;
    /// A refresh token was used twice, as far as the server's answer tells.
    ReuseDetected "reuse_detected" Failure;
    /// Something does not fit: a record of another machine, or an older one than this machine has seen.
    Anomaly "anomaly" Failure;
}

impl Event {
    /// Makes an event without details.
    pub(crate) fn new(code: EventCode, [id, flow]: [String; 2], time: SystemTime, by: Runner, of: Subject) -> Self {
        let details = Details::default();
        Self { code, id, time, flow, outcome: code.outcome(), error_kind: None, detail: None, by, of, details }
    }

    /// Sets the line of text, filtered and cut.
    pub(crate) fn say(&mut self, text: &str) {
        self.detail = Some(quoted(text));
    }
}

impl Details {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
