//! [`SealingKey`]: 256 bits that seal what rests on disk, with XChaCha20-Poly1305.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, Zeroizing};

use crate::model::error::Result;
use crate::model::ids::no_randomness;
use crate::model::secret::Secret;

/// A key: on the heap, wiped when dropped.
pub(crate) struct SealingKey(Box<Zeroizing<[u8; 32]>>);

/// Bytes that the key does not open: they are not what was sealed, or the key is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotOpened;

const NONCE: usize = 24;
const KEY_PREFIX: &str = "hallpass1.";

impl SealingKey {
    /// A new one, from the operating system's random numbers.
    pub(crate) fn random() -> Result<Self> {
        Self::filled(|key| getrandom::fill(key).map_err(no_randomness))
    }

    /// The key that `fill` writes down.
    pub(crate) fn filled<E>(fill: impl FnOnce(&mut [u8; 32]) -> Result<(), E>) -> Result<Self, E> {
        let mut key = Box::new(Zeroizing::new([0; 32]));
        fill(&mut key)?;
        Ok(Self(key))
    }

    /// The form that rests in custody: ASCII, 53 bytes.
    pub(crate) fn to_text(&self) -> Secret {
        // Room for all of it, so that nothing is left behind by growing.
        let mut text = String::with_capacity(64);
        text.push_str(KEY_PREFIX);
        URL_SAFE_NO_PAD.encode_string(&self.0[..], &mut text);
        Secret::new(text)
    }

    /// The key as a key file holds it: base64 and a line's end.
    pub(crate) fn to_base64(&self) -> Secret {
        let mut text = String::with_capacity(64);
        STANDARD.encode_string(&self.0[..], &mut text);
        text.push('\n');
        Secret::new(text)
    }

    /// `None` where the text is no 32 bytes in base64, as `openssl rand -base64 32` writes them.
    pub(crate) fn from_base64(text: &[u8]) -> Option<Self> {
        Self::filled(|key| match STANDARD.decode_slice(text.trim_ascii(), key) {
            Ok(32) => Ok(()),
            _ => Err(()),
        })
        .ok()
    }

    /// `None` where the text is none of ours.
    pub(crate) fn from_text(text: &Secret) -> Option<Self> {
        let encoded = text.expose().strip_prefix(KEY_PREFIX)?;
        Self::filled(|key| match URL_SAFE_NO_PAD.decode_slice(encoded, key) {
            Ok(32) => Ok(()),
            _ => Err(()),
        })
        .ok()
    }

    /// Nonce and ciphertext. `beside` is not in it, and has to be the same when it is opened.
    pub(crate) fn seal(&self, plain: &[u8], beside: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0_u8; NONCE];
        getrandom::fill(&mut nonce).map_err(no_randomness)?;
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: beside })
            .map_err(|_| crate::Error::new(crate::ErrorKind::Custody, "it is too large to seal"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// What [`seal`](Self::seal) sealed, in a buffer that is wiped.
    pub(crate) fn open(&self, sealed: &[u8], beside: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(NotOpened)?;
        let plain = self.cipher().decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: beside });
        plain.map(Zeroizing::new).map_err(|_| NotOpened)
    }

    /// A word about `claim` that only this key makes, another one each time: it may be shown, and one key may make many.
    pub(crate) fn prove(&self, claim: &str) -> Result<String> {
        self.seal(b"", claim.as_bytes()).map(|sealed| URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Whether `proof` is one of [`prove`](Self::prove)'s of this claim.
    pub(crate) fn has_proven(&self, proof: &str, claim: &str) -> bool {
        URL_SAFE_NO_PAD.decode(proof).is_ok_and(|sealed| self.open(&sealed, claim.as_bytes()).is_ok())
    }

    /// A word that tells this key from others, and of which nobody can tell the key.
    pub(crate) fn fingerprint(&self) -> String {
        self.tag(b"hallpass key fingerprint", b"")
    }

    /// A word about `message` that only this key makes, and that does not tell the message.
    pub(crate) fn mark_of(&self, message: &[u8]) -> String {
        self.tag(b"hallpass mark of message", message)
    }

    /// The authentication tag of an empty text, beside which `message` stands. The nonce is fixed: with one key, it is to
    /// see one message only, or to be kept secret itself. A random nonce is never the same: it would have to be 24 letters.
    fn tag(&self, nonce: &[u8; NONCE], message: &[u8]) -> String {
        let tag = self.cipher().encrypt(&XNonce::from(*nonce), Payload { msg: b"", aad: message });
        // An empty text is never too long.
        URL_SAFE_NO_PAD.encode(tag.unwrap_or_default())
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

/// Whether these bytes are still what they were: for what no key protects yet. Anybody can make one.
pub(crate) fn checksum(bytes: &[u8]) -> String {
    SealingKey(Box::new(Zeroizing::new([0; 32]))).mark_of(bytes)
}

/// `bytes` as text; wiped where they are none.
pub(crate) fn text(bytes: Vec<u8>) -> Option<Secret> {
    String::from_utf8(bytes).map(Secret::new).map_err(|error| error.into_bytes().zeroize()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_beside_the_same_and_else_not() {
        let (key, other) = (SealingKey::random().unwrap(), SealingKey::random().unwrap());
        let sealed = key.seal(b"plain", b"beside").unwrap();
        assert_eq!(key.open(&sealed, b"beside").unwrap().as_slice(), b"plain");
        assert_eq!(key.open(&sealed, b"besides").unwrap_err(), NotOpened);
        assert_eq!(other.open(&sealed, b"beside").unwrap_err(), NotOpened);
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(key.open(&damaged, b"beside").unwrap_err(), NotOpened);
            assert_eq!(key.open(&sealed[..at], b"beside").unwrap_err(), NotOpened);
        }
    }

    #[test]
    fn a_key_is_told_by_its_fingerprint_and_comes_back_from_its_text() {
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
