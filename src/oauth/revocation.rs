//! Token revocation (RFC 7009).

use url::Url;

use crate::model::secret::Secret;
use crate::oauth::client_auth::Client;
use crate::oauth::token_endpoint::{TokenError, is_oauth_error};
use crate::system::clock::Cancel;
use crate::system::http::Http;
use crate::system::http::form::Form;

/// A token to revoke.
pub(crate) enum Token<'a> {
    Refresh(&'a Secret),
    Access(&'a Secret),
}

impl<'a> Token<'a> {
    /// Returns the token whose revocation ends most. §2.1: "If the particular token is a refresh token and the authorization server
    /// supports the revocation of access tokens, then the authorization server SHOULD also invalidate all access tokens based
    /// on the same authorization grant".
    pub(crate) fn best(refresh: Option<&'a Secret>, access: Option<&'a Secret>) -> Option<Self> {
        refresh.map(Token::Refresh).or(access.map(Token::Access))
    }
}

/// How a token has ended at the server.
pub(crate) enum Revoked {
    Now,
    /// It was dead already.
    Already,
}

/// Revokes `token` at the server.
pub(crate) fn revoke(http: &Http, url: &Url, client: &Client, token: &Token<'_>) -> Result<Revoked, TokenError> {
    let (secret, hint) = match token {
        Token::Refresh(secret) => (secret, "refresh_token"),
        Token::Access(secret) => (secret, "access_token"),
    };
    let form = Form::new().with("token", secret.expose()).with("token_type_hint", hint);
    let (form, authorization) = client.authenticate(form);
    let reply = http.post(url, form, authorization, &Cancel::new())?;
    // §2.2: "The authorization server responds with HTTP status code 200 if the token has been revoked successfully or if
    // the client submitted an invalid token."
    if reply.is_success() && !is_oauth_error(&reply) {
        return Ok(Revoked::Now);
    }
    match TokenError::read(&reply) {
        // Better Auth answers 400 to a token that is dead already: there is nothing left to end.
        TokenError::Refused(response) if response.says_revoked_token_is_dead() => Ok(Revoked::Already),
        error => Err(error.redact_secrets(&[*secret], client)),
    }
}
