//! [`SealingKey`]: 256 bits that seal bytes on disk, with XChaCha20-Poly1305.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::custody::mac_key::MacKey;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::ids::no_randomness;
use crate::model::secret::Secret;

/// A key on the heap, wiped when dropped.
pub(crate) struct SealingKey(Box<Zeroizing<[u8; 32]>>);

/// The key does not open these bytes: they have changed, or another key sealed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotOpened;

const NONCE: usize = 24;
const KEY_PREFIX: &str = "hallpass1.";

impl SealingKey {
    /// Creates a key from the operating system's random numbers.
    pub(crate) fn random() -> Result<Self> {
        Self::filled(|key| getrandom::fill(key).map_err(no_randomness))
    }

    /// Creates the key that `fill` writes.
    pub(crate) fn filled<E>(fill: impl FnOnce(&mut [u8; 32]) -> Result<(), E>) -> Result<Self, E> {
        let mut key = Box::new(Zeroizing::new([0; 32]));
        fill(&mut key)?;
        Ok(Self(key))
    }

    /// Returns the form that key stores keep: ASCII, 53 bytes.
    pub(crate) fn to_text(&self) -> Secret {
        // Room for the whole text, so that growing leaves no copy behind.
        let mut text = String::with_capacity(64);
        text.push_str(KEY_PREFIX);
        URL_SAFE_NO_PAD.encode_string(&self.0[..], &mut text);
        Secret::new(text)
    }

    /// Returns the form that a key file has: base64 and a line break.
    pub(crate) fn to_base64(&self) -> Secret {
        let mut text = String::with_capacity(64);
        STANDARD.encode_string(&self.0[..], &mut text);
        text.push('\n');
        Secret::new(text)
    }

    /// Returns `None` unless the text is 32 bytes in base64, as `openssl rand -base64 32` writes them.
    pub(crate) fn from_base64(text: &[u8]) -> Option<Self> {
        Self::filled(|key| match STANDARD.decode_slice(text.trim_ascii(), key) {
            Ok(32) => Ok(()),
            _ => Err(()),
        })
        .ok()
    }

    /// Returns `None` unless [`to_text`](Self::to_text) made the text.
    pub(crate) fn from_text(text: &Secret) -> Option<Self> {
        let encoded = text.expose().strip_prefix(KEY_PREFIX)?;
        Self::filled(|key| match URL_SAFE_NO_PAD.decode_slice(encoded, key) {
            Ok(32) => Ok(()),
            _ => Err(()),
        })
        .ok()
    }

    /// Returns nonce and ciphertext. The ciphertext does not contain `associated_data`, which must be the same when it is opened.
    pub(crate) fn seal(&self, plain: &[u8], associated_data: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0_u8; NONCE];
        getrandom::fill(&mut nonce).map_err(no_randomness)?;
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: associated_data })
            .map_err(|_| Error::new(ErrorKind::Custody, "it is too large to seal"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what [`seal`](Self::seal) sealed, in a buffer that is wiped.
    pub(crate) fn open(&self, sealed: &[u8], associated_data: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(NotOpened)?;
        let plain = self.cipher().decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: associated_data });
        plain.map(Zeroizing::new).map_err(|_| NotOpened)
    }

    /// Returns a proof of `claim` that only this key can make, a different one each time. It may be shown, and one key may make many.
    pub(crate) fn prove(&self, claim: &str) -> Result<String> {
        self.seal(b"", claim.as_bytes()).map(|sealed| URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Returns whether [`prove`](Self::prove) made `proof` for this claim.
    pub(crate) fn has_proven(&self, proof: &str, claim: &str) -> bool {
        URL_SAFE_NO_PAD.decode(proof).is_ok_and(|sealed| self.open(&sealed, claim.as_bytes()).is_ok())
    }

    /// Returns a text that distinguishes this key from others and does not reveal it.
    pub(crate) fn fingerprint(&self) -> String {
        self.tag(b"hallpass key fingerprint", b"")
    }

    /// Returns a text that only this key can make of `message`, and that does not reveal the message.
    pub(crate) fn keyed_hash(&self, message: &[u8]) -> String {
        self.tag(b"hallpass mark of message", message)
    }

    /// Returns the authentication tag of an empty text with `message` as associated data. The nonce is fixed, so one key must see one
    /// message only, or the tag must stay secret. It cannot equal a random nonce by chance: it would have to be 24 letters.
    fn tag(&self, nonce: &[u8; NONCE], message: &[u8]) -> String {
        let tag = self.cipher().encrypt(&XNonce::from(*nonce), Payload { msg: b"", aad: message });
        // Encryption fails for texts that are too long only.
        URL_SAFE_NO_PAD.encode(tag.unwrap_or_default())
    }

    /// Returns a key for authentication codes, derived for `purpose`. One key has another one for each purpose.
    pub(crate) fn mac_key(&self, purpose: &str) -> MacKey {
        MacKey::derived(&self.0[..], purpose)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&**self.0).into())
    }
}

impl PartialEq for SealingKey {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(_)")
    }
}

/// Returns a checksum of bytes that no key protects. It shows damage; anybody can make one.
pub(crate) fn checksum(bytes: &[u8]) -> String {
    SealingKey(Box::new(Zeroizing::new([0; 32]))).keyed_hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_with_its_key_and_associated_data() {
        let (key, other) = (SealingKey::random().unwrap(), SealingKey::random().unwrap());
        let sealed = key.seal(b"plain", b"about").unwrap();
        assert_eq!(key.open(&sealed, b"about").unwrap().as_slice(), b"plain");
        assert_eq!(key.open(&sealed, b"other").unwrap_err(), NotOpened);
        assert_eq!(other.open(&sealed, b"about").unwrap_err(), NotOpened);
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(key.open(&damaged, b"about").unwrap_err(), NotOpened);
            assert_eq!(key.open(&sealed[..at], b"about").unwrap_err(), NotOpened);
        }
    }

    #[test]
    fn has_a_fingerprint_and_round_trips_as_text() {
        let (key, other) = (SealingKey::random().unwrap(), SealingKey::random().unwrap());
        assert_eq!(SealingKey::from_text(&key.to_text()).unwrap().fingerprint(), key.fingerprint());
        assert_ne!(other.fingerprint(), key.fingerprint());
        assert_eq!(key.to_text().expose().len(), 53);
        assert_eq!(
            SealingKey::from_base64(key.to_base64().expose().as_bytes()).unwrap().fingerprint(),
            key.fingerprint()
        );
        assert!(SealingKey::from_base64(b"AAAA").is_none());
        for wrong in ["", "hallpass1.", "hallpass2.AAAA", "hallpass1.AAAA", &"x".repeat(53)] {
            assert!(SealingKey::from_text(&Secret::new(wrong.into())).is_none(), "{wrong}");
        }
    }
}
