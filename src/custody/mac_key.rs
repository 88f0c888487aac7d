//! [`MacKey`]: a key that shows who wrote something (HMAC-SHA-256, RFC 2104).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// A key for authentication codes, of one purpose. Unlike [`SealingKey::keyed_hash`](super::sealing_key::SealingKey::keyed_hash), its
/// codes may be shown, for as many messages as there are.
#[derive(Clone)]
pub(crate) struct MacKey(Box<Hmac<Sha256>>);

impl MacKey {
    /// Derives the key for `purpose`.
    pub(super) fn derived(key: &[u8], purpose: &str) -> Self {
        let derived = with_key(key).chain_update(purpose).finalize().into_bytes();
        Self(Box::new(with_key(&derived)))
    }

    /// Returns the code of a message, which is given in parts: base64url, 43 characters.
    pub(crate) fn code(&self, parts: &[&[u8]]) -> String {
        URL_SAFE_NO_PAD.encode(self.of(parts).finalize().into_bytes())
    }

    /// Returns whether this key made the code.
    pub(crate) fn made(&self, code: &str, parts: &[&[u8]]) -> bool {
        URL_SAFE_NO_PAD.decode(code).is_ok_and(|code| self.of(parts).verify_slice(&code).is_ok())
    }

    fn of(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut code = (*self.0).clone();
        parts.iter().for_each(|part| code.update(part));
        code
    }
}

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey(_)")
    }
}

#[allow(clippy::expect_used, reason = "RFC 2104 takes a key of any length")]
fn with_key(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 §4.3.
    #[test]
    fn a_code_is_the_one_of_the_rfc() {
        let key = MacKey(Box::new(with_key(b"Jefe")));
        let code = key.code(&[b"what do ya want ", b"for nothing?"]);
        assert_eq!(code, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM");
        assert!(key.made(&code, &[b"what do ya want for nothing?"]));
        assert!(!key.made(&code, &[b"what do ya want for nothing!"]) && !key.made("", &[]) && !key.made("?", &[]));
    }

    #[test]
    fn each_purpose_has_a_key_of_its_own() {
        let code = |key: &[u8], purpose| MacKey::derived(key, purpose).code(&[b"x"]);
        assert_ne!(code(b"one", "a"), code(b"one", "b"));
        assert_ne!(code(b"one", "a"), code(b"two", "a"));
    }
}
