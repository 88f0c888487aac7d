//! Proof Key for Code Exchange (RFC 7636), on the device grant: a poll proves that it comes from who asked for the code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::model::error::Result;
use crate::model::ids::no_randomness;
use crate::model::secret::Secret;

/// Whether a login carries a proof key (RFC 7636): `code_challenge` at the device authorization endpoint, `code_verifier` at each
/// poll, both by the method S256.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pkce {
    /// If the metadata lists S256 in `code_challenge_methods_supported` (RFC 8414 §2). A device authorization endpoint that refuses
    /// the challenge with `invalid_request` is asked once more without one.
    #[default]
    IfListed,
    /// Always, whatever the metadata says.
    Always,
    /// Never.
    Never,
}

impl Pkce {
    /// Returns whether a login at a server that lists these methods carries a proof key.
    pub(crate) fn applies(self, methods: &[String]) -> bool {
        match self {
            Self::IfListed => methods.iter().any(|method| method == METHOD),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// `code_challenge_method` (RFC 7636 §4.3). RFC 7636 §4.2: "If the client is capable of using "S256", it MUST use "S256"".
pub(crate) const METHOD: &str = "S256";

/// A code verifier (RFC 7636 §4.1).
#[derive(Debug)]
pub(crate) struct Verifier(Secret);

impl Verifier {
    /// Makes a random one. RFC 7636 §4.1: "It is RECOMMENDED that the output of a suitable random number generator be used to create a 32-octet
    /// sequence. The octet sequence is then base64url-encoded to produce a 43-octet URL safe string to use as the code verifier."
    pub(crate) fn random() -> Result<Self> {
        let mut octets = Zeroizing::new([0_u8; 32]);
        getrandom::fill(&mut *octets).map_err(no_randomness)?;
        Ok(Self(Secret::new(URL_SAFE_NO_PAD.encode(*octets))))
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0
    }

    /// Returns its challenge. RFC 7636 §4.2: "code_challenge = BASE64URL-ENCODE(SHA256(ASCII(code_verifier)))".
    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_rfcs_example() {
        // RFC 7636 appendix B.
        let verifier = Verifier(Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into()));
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn every_verifier_is_another() {
        let [one, other] = [(); 2].map(|()| Verifier::random().unwrap());
        assert!(one.secret().expose().len() == 43 && one.secret().expose() != other.secret().expose());
    }
}
