//! [`Header`]: what can be read of a record without its key.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::custody::sealing_key::SealingKey;
use crate::model::ids::{AppName, GrantId};
use crate::model::provenance::Provenance;
use crate::records::encoding::time;

/// What can be read of a record without its key. It is unproven until the record is opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(super) format: u32,
    pub(super) app: AppName,
    pub(super) grant: GrantId,
    /// The fingerprint of the key that sealed the record.
    pub(super) key: String,
    pub(crate) generation: u64,
    #[serde(with = "time")]
    pub(crate) born: SystemTime,
    #[serde(with = "time")]
    pub(crate) rotated: SystemTime,
    #[serde(with = "time::option")]
    pub(crate) expires_at: Option<SystemTime>,
    /// Whether the record has a refresh token, and when that token expires. Records of earlier
    /// versions say neither.
    #[serde(default)]
    pub(crate) renews: Option<bool>,
    #[serde(default, with = "time::option")]
    pub(crate) refresh_expires_at: Option<SystemTime>,
    /// When the login ends whatever is refreshed; `None` if the server does not say.
    #[serde(default, with = "time::option")]
    pub(crate) ends_at: Option<SystemTime>,
    /// What the credential is and whose. It stands here alone: the seal covers it, and an inventory reads it without a key.
    #[serde(default)]
    pub(crate) provenance: Provenance,
}

/// Why bytes are not the record they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it is damaged")]
    Damaged,
    #[error("it was written by a newer version of this program")]
    Newer,
    #[error("it belongs to another app or login")]
    Foreign,
    #[error("it is sealed with another key than the one of this login")]
    WrongKey,
}

/// The newest format that this version reads, and the one that it writes. Format 1 had no provenance, and nothing of the trail.
pub(super) const FORMAT: u32 = 2;

impl Header {
    /// Returns whether `key` sealed the record.
    pub(crate) fn is_sealed_with(&self, key: &SealingKey) -> bool {
        self.key == key.fingerprint()
    }

    /// Returns when the login expires. Without a refresh token it expires with its access token.
    pub(crate) fn session_ends_at(&self) -> Option<SystemTime> {
        let of_tokens = if self.renews == Some(false) { self.expires_at } else { self.refresh_expires_at };
        of_tokens.into_iter().chain(self.ends_at).min()
    }

    /// Reads the header only.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        Self::split(bytes).map(|(header, _, _)| header)
    }

    /// Returns the header, the bytes that it was read from, and the rest.
    pub(super) fn split(bytes: &[u8]) -> Result<(Self, &[u8], &[u8]), Unreadable> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(Unreadable::Damaged)? + 1;
        let (line, rest) = bytes.split_at(end);
        // The format first, alone: a newer header need not have the members of this one.
        let format: Format = serde_json::from_slice(line).map_err(|_| Unreadable::Damaged)?;
        match format.format {
            // An older record is rewritten by its next commit.
            1..=FORMAT => {}
            0 => return Err(Unreadable::Damaged),
            _ => return Err(Unreadable::Newer),
        }
        let header = serde_json::from_slice(line).map_err(|_| Unreadable::Damaged)?;
        Ok((header, line, rest))
    }
}
