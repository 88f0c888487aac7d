//! The userinfo endpoint (OpenID Connect Core §5.3).

use serde_json::{Map, Value};
use url::Url;

use crate::clock::Cancel;
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::id::is_subject;
use crate::oauth::http::Http;
use crate::oauth::id_token::Claims;
use crate::secret::Secret;

/// What a server tells of the person whom a token speaks for.
pub(crate) struct Told {
    pub(crate) claims: Claims,
    /// Every claim, in the server's words.
    pub(crate) all: Map<String, Value>,
}

/// Asks who `token` speaks for.
pub(crate) fn fetch(http: &Http, url: &Url, token: &Secret) -> Result<Told> {
    let reply = http.get(url, Some(token), &Cancel::new())?;
    if let Some(busy) = reply.busy() {
        return Err(busy.into());
    }
    if !reply.is_success() {
        let message =
            format!("{} does not accept the token at its userinfo endpoint (status {})", reply.host, reply.status);
        return Err(Error::new(ErrorKind::AuthorizationServer, message).with(Remedy::LogIn { context: None }));
    }
    let all: Map<String, Value> = reply.json("userinfo claims")?;
    let text = |name: &str| all.get(name).and_then(Value::as_str).map(str::to_owned);
    // §5.3.2: "The sub (subject) Claim MUST always be returned in the UserInfo Response."
    match text("sub").filter(|sub| is_subject(sub)) {
        Some(sub) => Ok(Told { claims: Claims { sub, name: text("name"), email: text("email"), org_id: None }, all }),
        None => Err(reply.is_not("userinfo claims with a subject").into()),
    }
}
