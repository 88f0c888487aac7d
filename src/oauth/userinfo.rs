//! The userinfo endpoint (OpenID Connect Core §5.3).

use serde_json::{Map, Value};
use url::Url;

use crate::clock::Cancel;
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::id::is_subject;
use crate::oauth::http::Http;
use crate::secret::Secret;

/// All claims that the server gives for this token. `sub` is there and not empty: §5.3.2, "The sub (subject) Claim MUST
/// always be returned in the UserInfo Response."
pub(crate) fn fetch(http: &Http, url: &Url, token: &Secret, cancel: &Cancel) -> Result<Map<String, Value>> {
    let reply = http.get(url, Some(token), cancel)?;
    if reply.is_busy() {
        let message = format!("{} is not able to answer (status {})", reply.host, reply.status);
        return Err(Error::new(ErrorKind::Unreachable, message).with(Remedy::Retry { after: reply.retry_after }));
    }
    if !reply.is_success() {
        let message =
            format!("{} does not accept the token at its userinfo endpoint (status {})", reply.host, reply.status);
        return Err(Error::new(ErrorKind::AuthorizationServer, message).with(Remedy::LogIn { context: None }));
    }
    let claims: Map<String, Value> = reply.json("userinfo claims")?;
    match claims.get("sub").and_then(Value::as_str) {
        Some(sub) if is_subject(sub) => Ok(claims),
        _ => Err(reply.is_not("userinfo claims with a subject").into()),
    }
}
