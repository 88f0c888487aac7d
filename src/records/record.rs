//! [`Record`]: the secret part of a grant, as bytes that only its key opens.
//!
//! A file is one line of plain JSON (the header), followed by the sealed rest, which opens with this header only. A record belongs to one
//! app and one grant: moved to another, it does not open. Within the seal the refresh token is sealed once more, so that serving an access
//! token does not bring it into memory.

use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::custody::sealing_key::{NotOpened, SealingKey};
use crate::governance::trail::TrailHead;
use crate::model::account::Account;
use crate::model::actor::Actor;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::event::EventCode;
use crate::model::ids::{AppName, ClientId, GrantId, Issuer, Org};
use crate::model::provenance::Provenance;
use crate::model::scopes::Scopes;
use crate::model::secret::Secret;
use crate::records::encoding::{WipedBuffer, exposed, time};
use crate::records::header::{FORMAT, Header, Unreadable};

/// What one grant keeps secret, and where its secrets may go.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(skip)]
    pub(crate) generation: u64,
    #[serde(with = "time")]
    pub(crate) born: SystemTime,
    #[serde(with = "time")]
    pub(crate) rotated: SystemTime,
    pub(crate) destination: Destination,
    pub(crate) account: Account,
    /// In lower case; a refresh may not change it (law 17).
    pub(crate) token_type: String,
    #[serde(skip)]
    pub(crate) refresh_token: Option<RefreshToken>,
    /// When the refresh token expires; `None` if the server does not say.
    #[serde(default, with = "time::option")]
    pub(crate) refresh_expires_at: Option<SystemTime>,
    /// When the login ends whatever is refreshed: as the server says, or as no refresh has moved the end; `None` if nobody knows.
    #[serde(default, with = "time::option")]
    pub(crate) ends_at: Option<SystemTime>,
    /// What the credential is and whose. Only its owner can change. It stands in the header.
    #[serde(skip)]
    pub(crate) provenance: Provenance,
    /// What made this generation, for whoever has to tell of it later.
    #[serde(default = "refreshed")]
    pub(crate) cause: EventCode,
    /// A line of the trail that was there before this generation was made: it has to be there later, too (law 14).
    #[serde(default)]
    pub(crate) trail: Option<TrailHead>,
    /// What a policy answered at the login and asks for at each refresh, by its keys.
    #[serde(default)]
    pub(crate) policy: Map<String, Value>,
    /// The thumbprint of the key that the tokens are bound to (RFC 9449 §6.1), if they are.
    #[serde(default)]
    pub(crate) jkt: Option<String>,
    /// What was granted at login.
    pub(crate) scopes: Scopes,
    /// The id of the machine that the login was made on, hashed with the grant's key; `None` if the machine has no id.
    pub(crate) machine: Option<String>,
    /// The user that the token endpoint first named beside the tokens: no refresh may name another (law 17).
    pub(crate) user: Option<String>,
    /// What the newest ID token says about the person, for what userinfo does not say.
    pub(crate) claims: Option<Map<String, Value>>,
    /// The token that this login was adopted with, hashed with the grant's key; `None` if it was made by a login.
    #[serde(default)]
    pub(crate) adopted: Option<String>,
    pub(crate) tokens: Vec<StoredToken>,
    /// What a later version of this format has added, which must survive.
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}

/// A refresh token, as the server gave it or sealed.
#[derive(Debug)]
pub(crate) enum RefreshToken {
    Plain(Secret),
    Sealed(String),
}

/// Where a grant's secrets may go: fixed at login, sealed, and compared before anything is sent (law 16).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Destination {
    pub(crate) issuer: Issuer,
    pub(crate) client_id: ClientId,
    pub(crate) secret_in_form: bool,
    pub(crate) token_endpoint: Url,
    pub(crate) revocation_endpoint: Option<Url>,
    pub(crate) userinfo_endpoint: Option<Url>,
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}

/// An access token and what is known of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredToken {
    pub(crate) org: Option<Org>,
    /// What the token is for (RFC 8707), if the request said that.
    pub(crate) resource: Option<Url>,
    /// The scopes that were asked for, if they were fewer than the login's.
    #[serde(default)]
    pub(crate) asked: Option<Scopes>,
    /// The scopes that it has.
    pub(crate) scopes: Scopes,
    #[serde(with = "exposed")]
    pub(crate) access_token: Arc<Secret>,
    /// When the token was requested. Its lifetime counts from there, so that a machine that sleeps in between does not stretch it.
    #[serde(with = "time")]
    pub(crate) received_at: SystemTime,
    /// `received_at` plus the lifetime, which the server says, or the token itself if it is a JWT; `None` if neither does.
    #[serde(with = "time::option")]
    pub(crate) expires_at: Option<SystemTime>,
    /// The actor that the token names at the server, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) actor: Option<Actor>,
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}

/// What an access token is for. A grant keeps one of each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    pub(crate) org: Option<Org>,
    pub(crate) resource: Option<Url>,
    /// Fewer than the login's.
    pub(crate) scopes: Option<Scopes>,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Contents<R> {
    record: R,
    refresh_token: Option<String>,
}

/// The associated data of a sealed refresh token.
const REFRESH_TOKEN: &[u8] = b"refresh token";

impl Record {
    /// Returns the record as it is on disk.
    pub(crate) fn seal(&self, app: &AppName, grant: &GrantId, key: &SealingKey) -> Result<Vec<u8>> {
        let header = Header {
            format: FORMAT,
            app: app.clone(),
            grant: grant.clone(),
            key: key.fingerprint(),
            generation: self.generation,
            born: self.born,
            rotated: self.rotated,
            expires_at: self.tokens.first().and_then(|token| token.expires_at),
            renews: Some(self.refresh_token.is_some()),
            refresh_expires_at: self.refresh_expires_at,
            ends_at: self.ends_at,
            provenance: self.provenance.clone(),
        };
        let mut bytes = serde_json::to_vec(&header).map_err(unencodable)?;
        bytes.push(b'\n');
        let refresh_token = self.refresh_token.as_ref().map(|token| token.seal(key)).transpose()?;
        let mut plain = WipedBuffer::default();
        serde_json::to_writer(&mut plain, &Contents { record: self, refresh_token }).map_err(unencodable)?;
        let sealed = key.seal(&plain.0, &bytes)?;
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    /// Opens what [`seal`](Self::seal) made for the same app and grant.
    pub(crate) fn open(bytes: &[u8], app: &AppName, grant: &GrantId, key: &SealingKey) -> Result<Self, Unreadable> {
        let (header, associated_data, sealed) = Header::split(bytes)?;
        if header.app != *app || header.grant != *grant {
            return Err(Unreadable::Foreign);
        }
        if !header.is_sealed_with(key) {
            return Err(Unreadable::WrongKey);
        }
        let plain = key.open(sealed, associated_data).map_err(|NotOpened| Unreadable::Damaged)?;
        let Contents { mut record, refresh_token }: Contents<Self> =
            serde_json::from_slice(&plain).map_err(|_| Unreadable::Damaged)?;
        record.generation = header.generation;
        record.provenance = header.provenance;
        record.refresh_token = refresh_token.map(RefreshToken::Sealed);
        Ok(record)
    }

    /// Returns the token for `target`, if the record has one.
    pub(crate) fn token(&self, target: &Target) -> Option<&StoredToken> {
        self.tokens.iter().find(|token| token.is_for(target))
    }
}

impl StoredToken {
    /// Returns whether the token was requested for `target`. What the server granted does not count: otherwise a token with fewer scopes
    /// would be requested again and again.
    pub(crate) fn is_for(&self, target: &Target) -> bool {
        (&self.org, &self.resource, &self.asked) == (&target.org, &target.resource, &target.scopes)
    }
}

impl RefreshToken {
    /// Returns the token itself, for right before it is sent. `None` if it is sealed and does not open.
    pub(crate) fn reveal(&self, key: &SealingKey) -> Option<Secret> {
        match self {
            Self::Plain(token) => Some(token.copy()),
            Self::Sealed(sealed) => {
                let mut plain = key.open(&URL_SAFE_NO_PAD.decode(sealed).ok()?, REFRESH_TOKEN).ok()?;
                Secret::from_bytes(std::mem::take(&mut *plain))
            }
        }
    }

    fn seal(&self, key: &SealingKey) -> Result<String> {
        match self {
            Self::Plain(token) => Ok(URL_SAFE_NO_PAD.encode(key.seal(token.expose().as_bytes(), REFRESH_TOKEN)?)),
            Self::Sealed(sealed) => Ok(sealed.clone()),
        }
    }
}

fn refreshed() -> EventCode {
    EventCode::Refreshed
}

fn unencodable(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Custody, "the record cannot be written down").caused_by(error)
}
