//! The strings that the server mints: opaque tokens, user codes and ID tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// A random source that failed. The server answers `server_error`.
pub(super) type Failed = getrandom::Error;

/// `prefix` and 256 random bits, base64url. The prefix lets a test grep for a token without knowing it.
pub(super) fn opaque(prefix: &str) -> Result<String, Failed> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// Eight letters like `BCDF-GHJK`, as RFC 8628 §6.1 recommends: upper case, and no vowels, so that no words appear.
pub(super) fn user_code() -> Result<String, Failed> {
    let mut code = String::new();
    while code.len() < 9 {
        let mut byte = [0];
        getrandom::fill(&mut byte)?;
        // 240 is the largest multiple of 20 in a byte; what lies above it would favour the first letters.
        if byte[0] < 240 {
            code.push(LETTERS[usize::from(byte[0]) % LETTERS.len()].into());
            if code.len() == 4 {
                code.push('-');
            }
        }
    }
    Ok(code)
}

/// The letters of a user code as typed: RFC 8628 §6.1 wants a comparison that ignores case and punctuation.
pub(super) fn letters(user_code: &str) -> String {
    user_code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// A JWT of `claims` with a dummy signature. `alg` is `RS256` and not `none`, because a client must refuse `none`.
pub(super) fn id_token(claims: &Map<String, Value>) -> String {
    let header = json!({ "alg": "RS256", "kid": "testing", "typ": "JWT" });
    let signature = URL_SAFE_NO_PAD.encode([0x5a; 256]);
    format!("{}.{}.{signature}", encoded(&header.to_string()), encoded(&Value::from(claims.clone()).to_string()))
}

/// The same ID token for another subject.
pub(super) fn with_subject(id_token: &str, subject: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1)?).ok()?;
    let mut claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
    claims.insert("sub".into(), subject.into());
    Some(self::id_token(&claims))
}

/// Whole seconds since the Unix epoch, as JWTs count (RFC 7519 §2, NumericDate).
pub(super) fn numeric_date(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

fn encoded(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

/// The base-20 letters of RFC 8628 §6.1.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
