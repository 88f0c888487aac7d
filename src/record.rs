//! The record: the secret part of a grant, as bytes that only its key opens.
//!
//! A file is one line of plain JSON (the header), a nonce, and XChaCha20-Poly1305 ciphertext with the header as associated
//! data. A record belongs to one app and one grant: moved to another it does not open.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::{Zeroize, Zeroizing};

use crate::error::Result;
use crate::id::{Account, AppName, ClientId, GrantId, Issuer, Org, Scopes, no_randomness};
use crate::secret::Secret;

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
    #[serde(with = "exposed::option")]
    pub(crate) refresh_token: Option<Secret>,
    /// When the refresh token ends by itself; `None` where the server does not say.
    #[serde(default, with = "time::option")]
    pub(crate) refresh_expires_at: Option<SystemTime>,
    /// What was granted at login.
    pub(crate) scopes: Scopes,
    pub(crate) tokens: Vec<StoredToken>,
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
}

/// An access token and what is known of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredToken {
    pub(crate) org: Option<Org>,
    /// What the token is for (RFC 8707), where that was said.
    pub(crate) resource: Option<Url>,
    pub(crate) scopes: Scopes,
    #[serde(with = "exposed::shared")]
    pub(crate) access_token: Arc<Secret>,
    /// When it was asked for: its lifetime is counted from there, so that a machine that sleeps meanwhile does not stretch it.
    #[serde(with = "time")]
    pub(crate) received_at: SystemTime,
    /// `received_at` and `expires_in`; `None` where the server does not say.
    #[serde(with = "time::option")]
    pub(crate) expires_at: Option<SystemTime>,
}

/// What can be read of a record without its key. Not to be believed until the record is opened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Header {
    format: u32,
    app: AppName,
    grant: GrantId,
    pub(crate) generation: u64,
    #[serde(with = "time")]
    pub(crate) born: SystemTime,
    #[serde(with = "time")]
    pub(crate) rotated: SystemTime,
    #[serde(with = "time::option")]
    pub(crate) expires_at: Option<SystemTime>,
}

/// The key of one grant: 256 random bits, on the heap, wiped when dropped.
pub(crate) struct SealingKey(Box<Zeroizing<[u8; 32]>>);

/// Why bytes are not the record they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it is damaged")]
    Damaged,
    #[error("it was written by a newer version of this program")]
    Newer,
    #[error("it belongs to another app or login")]
    Foreign,
    #[error("its key does not open it: it is damaged, or belongs to another login")]
    WrongKey,
}

const FORMAT: u32 = 1;
const NONCE: usize = 24;
const KEY_PREFIX: &str = "hallpass1.";

impl SealingKey {
    /// A new one, from the operating system's random numbers.
    pub(crate) fn random() -> Result<Self> {
        let mut key = Box::new(Zeroizing::new([0; 32]));
        getrandom::fill(&mut key[..]).map_err(no_randomness)?;
        Ok(Self(key))
    }

    /// The form that rests in custody: ASCII, 53 bytes.
    pub(crate) fn to_text(&self) -> Secret {
        let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(&self.0[..]));
        Secret::new(format!("{KEY_PREFIX}{}", *encoded))
    }

    /// `None` where the text is none of ours.
    pub(crate) fn from_text(text: &Secret) -> Option<Self> {
        let encoded = text.expose().strip_prefix(KEY_PREFIX)?;
        let mut key = Box::new(Zeroizing::new([0; 32]));
        match URL_SAFE_NO_PAD.decode_slice(encoded, &mut key[..]) {
            Ok(32) => Some(Self(key)),
            _ => None,
        }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&**self.0).into())
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(_)")
    }
}

impl Record {
    /// The record as it rests on disk.
    pub(crate) fn seal(&self, app: &AppName, grant: &GrantId, key: &SealingKey) -> Result<Vec<u8>> {
        let header = Header {
            format: FORMAT,
            app: app.clone(),
            grant: grant.clone(),
            generation: self.generation,
            born: self.born,
            rotated: self.rotated,
            expires_at: self.tokens.first().and_then(|token| token.expires_at),
        };
        let mut bytes = serde_json::to_vec(&header).map_err(unencodable)?;
        bytes.push(b'\n');
        let mut plain = WipedBuffer::default();
        serde_json::to_writer(&mut plain, self).map_err(unencodable)?;
        let mut nonce = [0_u8; NONCE];
        getrandom::fill(&mut nonce).map_err(no_randomness)?;
        let sealed = key
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: &plain.0, aad: &bytes })
            .map_err(|_| crate::Error::new(crate::ErrorKind::Custody, "the record is too large to seal"))?;
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    /// Opens what [`seal`](Self::seal) made for the same app and grant.
    pub(crate) fn open(bytes: &[u8], app: &AppName, grant: &GrantId, key: &SealingKey) -> Result<Self, Unreadable> {
        let (header, aad, sealed) = Header::split(bytes)?;
        if header.app != *app || header.grant != *grant {
            return Err(Unreadable::Foreign);
        }
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(Unreadable::Damaged)?;
        let plain = key
            .cipher()
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad })
            .map(Zeroizing::new)
            .map_err(|_| Unreadable::WrongKey)?;
        let mut record: Self = serde_json::from_slice(&plain).map_err(|_| Unreadable::Damaged)?;
        record.generation = header.generation;
        Ok(record)
    }

    /// The token for `org` and `resource`, if there is one.
    pub(crate) fn token(&self, org: Option<&Org>, resource: Option<&Url>) -> Option<&StoredToken> {
        self.tokens.iter().find(|token| token.org.as_ref() == org && token.resource.as_ref() == resource)
    }
}

impl Header {
    /// Reads the header only.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        Self::split(bytes).map(|(header, _, _)| header)
    }

    /// The header, the bytes that it was read from, and the rest.
    fn split(bytes: &[u8]) -> Result<(Self, &[u8], &[u8]), Unreadable> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(Unreadable::Damaged)? + 1;
        let (line, rest) = bytes.split_at(end);
        // The format first, alone: a newer header need not have what this one has.
        let format: Format = serde_json::from_slice(line).map_err(|_| Unreadable::Damaged)?;
        match format.format {
            FORMAT => {}
            newer if newer > FORMAT => return Err(Unreadable::Newer),
            _ => return Err(Unreadable::Damaged),
        }
        let header = serde_json::from_slice(line).map_err(|_| Unreadable::Damaged)?;
        Ok((header, line, rest))
    }
}

/// A buffer that leaves nothing behind when it grows or goes.
#[derive(Default)]
struct WipedBuffer(Zeroizing<Vec<u8>>);

impl Write for WipedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity((2 * needed).max(8 << 10)));
            larger.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unencodable(error: serde_json::Error) -> crate::Error {
    crate::Error::new(crate::ErrorKind::Custody, "the record cannot be written down").because(error)
}

/// Times as whole seconds since 1970, UTC.
mod time {
    use serde::{Deserializer, Serializer};

    use super::*;

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(seconds(time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        u64::deserialize(deserializer).and_then(from_seconds)
    }

    pub(super) mod option {
        use super::*;

        pub(crate) fn serialize<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
            time.as_ref().map(seconds).serialize(serializer)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<SystemTime>, D::Error> {
            Option::<u64>::deserialize(d)?.map(from_seconds).transpose()
        }
    }

    fn seconds(time: &SystemTime) -> u64 {
        time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    fn from_seconds<E: serde::de::Error>(seconds: u64) -> Result<SystemTime, E> {
        // Up to the end of the year 9999, the last that RFC 3339 can write.
        match seconds <= 253_402_300_799 {
            true => Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
            false => Err(E::custom("a time out of range")),
        }
    }
}

/// The one place where secrets are written down: inside the seal.
mod exposed {
    use super::*;

    pub(super) mod option {
        use serde::{Deserializer, Serializer};

        use super::*;

        pub(crate) fn serialize<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
            secret.as_ref().map(Secret::expose).serialize(serializer)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
            Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
        }
    }

    pub(super) mod shared {
        use serde::{Deserializer, Serializer};

        use super::*;

        pub(crate) fn serialize<S: Serializer>(secret: &Arc<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(secret.expose())
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Secret>, D::Error> {
            String::deserialize(deserializer).map(|text| Arc::new(Secret::new(text)))
        }
    }
}
