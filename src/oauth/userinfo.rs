//! The userinfo endpoint (OpenID Connect Core §5.3).

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use crate::model::error::Error;
use crate::model::ids::{ClientId, Issuer};
use crate::model::secret::Secret;
use crate::oauth::challenge::{self, BearerChallenge, Demand};
use crate::oauth::claims::Claims;
use crate::oauth::token_endpoint::{ErrorResponse, TokenError};
use crate::system::clock::Cancel;
use crate::system::http::error::HttpError;
use crate::system::http::{Http, Reply, UnexpectedBody};

/// The userinfo endpoint, and the login that its claims have to be about.
pub(crate) struct UserinfoEndpoint<'a> {
    pub(crate) http: &'a Http,
    pub(crate) url: &'a Url,
    pub(crate) issuer: &'a Issuer,
    /// `None` if nobody knows which client asked for the token.
    pub(crate) client: Option<&'a ClientId>,
}

/// No claims.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UserinfoError {
    /// The server does not take the token, or not for this.
    #[error("{0}")]
    Refused(TokenRefused),
    /// The server answered with something else.
    #[error("{0}")]
    Unusable(#[from] UnexpectedBody),
    #[error("{0}")]
    Http(#[from] HttpError),
}

/// How a server refused an access token.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct TokenRefused {
    pub(crate) reason: ErrorResponse,
    /// Whether another token may be taken. RFC 6750 §3.1 of `invalid_token`: "The client MAY request a new access token and retry the
    /// protected resource request."
    pub(crate) may_retry_with_new_token: bool,
}

impl UserinfoEndpoint<'_> {
    /// Asks whom `token` speaks for.
    pub(crate) fn ask(&self, token: &Secret, cancel: &Cancel) -> Result<Claims, UserinfoError> {
        let reply = self.http.get(self.url, Some(token), cancel)?;
        if let Some(busy) = reply.busy() {
            return Err(busy.into());
        }
        if !reply.is_success() {
            return Err(UserinfoError::Refused(TokenRefused::read(&reply, token)));
        }
        let claims = self.read(&reply)?;
        // §5.3.2: "The sub (subject) Claim MUST always be returned in the UserInfo Response."
        match claims.sub() {
            Some(_) => Ok(claims),
            None => Err(reply.is_not("userinfo claims with a subject").into()),
        }
    }

    /// Reads claims in JSON or a JWT. §5.3.2: "If the UserInfo Response is signed and/or encrypted, then the Claims are returned in a JWT".
    ///
    /// The signature is not looked at. §5.3.4: "Verify that the OP that responded was the intended OP through a TLS server certificate
    /// check", which `system/http` does for an address that was sealed at login. Claims in plain JSON have no other proof, so that whoever
    /// could forge the JWT could send JSON instead. §5.3.2 wants "the Claims iss (issuer) and aud (audience) as
    /// members" of a signed response: if they are there, they are checked, so that a JWT that was made for somebody else, and was put
    /// here by mistake, names nobody.
    fn read(&self, reply: &Reply) -> Result<Claims, UnexpectedBody> {
        let body = reply.body.trim_ascii();
        if body.starts_with(b"{") {
            return reply.json::<Map<String, Value>>("userinfo claims").map(Claims::from);
        }
        // RFC 7516 §3.1: an encrypted one has five parts.
        if body.split(|byte| *byte == b'.').count() == 5 {
            return Err(reply.is_not("userinfo claims, but something encrypted"));
        }
        let claims = std::str::from_utf8(body).ok().and_then(Claims::of_jwt);
        let claims = claims.ok_or_else(|| reply.is_not("userinfo claims"))?;
        if claims.name_another_issuer(self.issuer) {
            return Err(reply.is_not("userinfo claims of the issuer"));
        }
        match self.client.is_some_and(|client| claims.name_other_clients_only(client)) {
            true => Err(reply.is_not("userinfo claims for this client")),
            false => Ok(claims),
        }
    }
}

impl TokenRefused {
    /// Reads a refusal: the header that RFC 6750 §3 has for it, else the body.
    fn read(reply: &Reply, token: &Secret) -> Self {
        let header = reply.challenges.join(", ");
        let challenge = BearerChallenge::read(&header).unwrap_or_default();
        let words = challenge.description.as_deref();
        let in_header = challenge.error.map(|error| ErrorResponse::new(&reply.host, &error, words));
        let reason = in_header.or_else(|| match TokenError::read(reply) {
            TokenError::Refused(response) => Some(response),
            _ => None,
        });
        let reason = reason.unwrap_or_else(|| ErrorResponse::without_reason(reply)).redact_secrets(&[token.expose()]);
        // Some servers say it in the body alone, or with another status.
        let demands_more =
            ["insufficient_scope", "invalid_scope", "invalid_request"].iter().any(|code| reason.has_code(code));
        let is_demanded = challenge::read(reply.status, &header) == Demand::AnotherToken && !demands_more;
        Self { may_retry_with_new_token: is_demanded || reason.has_code("invalid_token"), reason }
    }
}

impl UserinfoError {
    /// Returns how long to wait before another try may succeed; `None` if waiting would not help.
    pub(crate) fn retry_delay(&self) -> Option<Duration> {
        match self {
            Self::Refused(_) => None,
            Self::Unusable(_) => Some(Duration::ZERO),
            Self::Http(error) => error.retry_delay(),
        }
    }
}

impl From<UserinfoError> for Error {
    fn from(error: UserinfoError) -> Self {
        match error {
            UserinfoError::Refused(refused) => refused.reason.into(),
            UserinfoError::Unusable(odd) => odd.into(),
            UserinfoError::Http(http) => http.into(),
        }
    }
}
