//! Token revocation (RFC 7009).

use url::Url;

use crate::clock::Cancel;
use crate::oauth::client_auth::Client;
use crate::oauth::endpoint::{TokenError, refusal};
use crate::oauth::http::{Form, Http};
use crate::secret::Secret;

/// Ends `token` at the server. §2.1: "If the particular token is a refresh token and the authorization server supports the
/// revocation of access tokens, then the authorization server SHOULD also invalidate all access tokens based on the same
/// authorization grant".
pub(crate) fn revoke(
    http: &Http,
    url: &Url,
    client: &Client,
    token: &Secret,
    hint: &str,
    cancel: &Cancel,
) -> Result<(), TokenError> {
    let form = Form::new().with("token", token.expose()).with("token_type_hint", hint);
    let (form, authorization) = client.authenticate(form);
    let reply = http.post(url, form, authorization.as_ref(), cancel)?;
    // §2.2: "The authorization server responds with HTTP status code 200 if the token has been revoked successfully or if
    // the client submitted an invalid token."
    match reply.is_success() {
        true => Ok(()),
        false => Err(refusal(&reply)),
    }
}
