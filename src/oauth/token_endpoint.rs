//! The token endpoint (RFC 6749 §3.2): every grant type in, [`TokenReply`] or [`TokenError`] out.
//!
//! The only file that names the crate `oauth2`, whose grammar of replies it uses. Its secrets are moved out at once into
//! [`Secret`], which is wiped.

use std::time::{Duration, SystemTime};

use oauth2::basic::BasicTokenType;
use oauth2::{DeviceCodeErrorResponseType, StandardErrorResponse};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use crate::model::error::Error;
use crate::model::ids::{ClientId, Issuer};
use crate::model::scopes::Scopes;
use crate::model::secret::Secret;
use crate::oauth::claims::Claims;
use crate::oauth::client_auth::Client;
pub(crate) use crate::oauth::error_response::ErrorResponse;
use crate::oauth::id_token;
use crate::oauth::jwt_access_token::JwtLifetime;
use crate::oauth::normalize;
use crate::oauth::pkce::Verifier;
use crate::system::clock::Cancel;
use crate::system::http::error::HttpError;
use crate::system::http::form::Form;
use crate::system::http::{Http, Reply, UnexpectedBody};

/// A token endpoint and the client that asks it.
pub(crate) struct TokenEndpoint<'a> {
    pub(crate) http: &'a Http,
    pub(crate) url: &'a Url,
    pub(crate) client: &'a Client,
}

/// What the token is for.
#[derive(Default)]
pub(crate) struct RequestedAccess<'a> {
    /// RFC 8707 §2.2.
    pub(crate) resource: Option<&'a Url>,
    /// Fewer scopes than the login's. RFC 6749 §6: "if omitted is treated as equal to the scope originally granted".
    pub(crate) scopes: Option<&'a Scopes>,
    /// The server's parameter that names an org, and the org.
    pub(crate) org: Option<(&'a str, &'a str)>,
    /// RFC 7636 §4.5.
    pub(crate) verifier: Option<&'a Verifier>,
}

/// The grant that a token is requested with.
pub(crate) enum Grant<'a> {
    /// RFC 8628 §3.4.
    DeviceCode(&'a Secret),
    /// RFC 6749 §6.
    RefreshToken(&'a Secret),
    /// RFC 8693 §2.1, of an access token.
    Exchange(&'a Secret),
}

/// A successful reply (RFC 6749 §5.1).
#[derive(Debug)]
pub(crate) struct TokenReply {
    pub(crate) access_token: Secret,
    /// In lower case, as RFC 6749 §5.1 has it: "Value is case insensitive." `bearer` is RFC 6750.
    pub(crate) token_type: String,
    /// `None` if the server does not say or says something absurd: unknown, never "for ever".
    pub(crate) expires_in: Option<Duration>,
    /// What a JWT says of its own lifetime, if the reply says nothing.
    pub(crate) jwt_lifetime: Option<JwtLifetime>,
    /// When the server sent it, by its own clock.
    pub(crate) date: Option<SystemTime>,
    pub(crate) refresh_token: Option<Secret>,
    /// The lifetime of the refresh token, which no RFC has and some servers send.
    pub(crate) refresh_expires_in: Option<Duration>,
    /// How long the login lives whatever is refreshed, which no RFC has and some servers send.
    pub(crate) ends_in: Option<Duration>,
    /// RFC 6749 §5.1: "OPTIONAL, if identical to the scope requested by the client; otherwise, REQUIRED."
    pub(crate) scopes: Option<Scopes>,
    pub(crate) id_token: Option<Secret>,
    /// The org that the token speaks for, if the server names it beside the tokens, as WorkOS does.
    pub(crate) org: Option<String>,
    /// The person that the server names beside the tokens, as WorkOS does.
    pub(crate) user: Option<Claims>,
}

impl TokenReply {
    /// Returns when the access token ends; `None` if nobody says. Counted from when it was asked for, so that this machine's clock and the
    /// server's need not agree.
    pub(crate) fn expires_at(&self, asked_at: SystemTime) -> Option<SystemTime> {
        let jwt_lifetime = || self.jwt_lifetime.and_then(|jwt| jwt.lifetime(asked_at));
        self.expires_in.or_else(jwt_lifetime).map(|lifetime| asked_at + lifetime)
    }

    /// Returns whether the reply to a refresh is of another person, issuer or client than the login (law 17). `user`: whom the token endpoint
    /// named at the login.
    pub(crate) fn is_of_another_login(
        &self,
        issuer: &Issuer,
        client: &ClientId,
        subject: Option<&str>,
        user: Option<&str>,
    ) -> bool {
        let is_other_user = self.user.as_ref().zip(user).is_some_and(|(named, own)| named.name_another_subject(own));
        is_other_user
            || id_token::names_another_login(
                &id_token::unverified_claims(self.id_token.as_ref()),
                issuer,
                client,
                subject,
            )
    }

    /// Reads the reply of the token endpoint.
    fn read(reply: &Reply) -> Result<Self, TokenError> {
        if !reply.is_success() {
            return Err(TokenError::read(reply));
        }
        let wire: Wire = match reply.json("a token reply") {
            // Tokens are there, whatever else is: the server has issued them, and perhaps rotated.
            Ok(wire) => wire,
            // A server that answers 200 with `error` (GitHub) refuses all the same.
            Err(_) if is_oauth_error(reply) => return Err(TokenError::read(reply)),
            Err(unexpected) => return Err(unexpected.into()),
        };
        let (access_token, refresh_token) = (Secret::new(wire.access_token.into_secret()), wire.refresh_token);
        if access_token.expose().is_empty() && is_oauth_error(reply) {
            return Err(TokenError::read(reply));
        }
        if !is_usable(&access_token) || !refresh_token.as_ref().is_none_or(is_usable) {
            return Err(reply.is_not("a token reply").into());
        }
        // RFC 6749 §5.1: "The lifetime in seconds of the access token." Nobody issues a token that ends at once: 0 says nothing.
        let expires_in = wire.expires_in.filter(|lifetime| !lifetime.is_zero());
        let refresh_expires_in =
            wire.refresh_token_expires_in.or(wire.refresh_expires_in).or(wire.refresh_token_timeout);
        let token_type = wire.token_type.filter(|kind| !kind.as_ref().trim().is_empty());
        let jwt_lifetime = if expires_in.is_none() { JwtLifetime::read(&access_token, reply.date) } else { None };
        Ok(Self {
            access_token,
            token_type: token_type.unwrap_or(BasicTokenType::Bearer).as_ref().to_ascii_lowercase(),
            expires_in,
            jwt_lifetime,
            date: reply.date,
            refresh_token,
            refresh_expires_in: refresh_expires_in.filter(|lifetime| !lifetime.is_zero()),
            ends_in: wire.authorization_expires_in.filter(|lifetime| !lifetime.is_zero()),
            scopes: wire.scope.map(|scope| read_scopes(&scope)),
            id_token: wire.id_token,
            org: wire.organization_id.filter(|org| !org.trim().is_empty()),
            user: wire.user.and_then(|user| Claims::of_user(&serde_json::from_str(user.get()).ok()?)),
        })
    }
}

/// Returns whether a token can be used. A token that no header can carry would break the host's own
/// output.
fn is_usable(token: &Secret) -> bool {
    let token = token.expose();
    (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// No token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// The server answered with an error of OAuth's (RFC 6749 §5.2, RFC 8628 §3.5).
    #[error("{0}")]
    Refused(ErrorResponse),
    /// The server answered with something else.
    #[error("{0}")]
    NotOAuth(#[from] UnexpectedBody),
    #[error("{0}")]
    Http(#[from] HttpError),
}

impl TokenEndpoint<'_> {
    /// Makes one request. Never repeats it: only the caller knows whether that is safe.
    pub(crate) fn request(
        &self,
        grant: &Grant<'_>,
        access: &RequestedAccess<'_>,
        cancel: &Cancel,
    ) -> Result<TokenReply, TokenError> {
        let form = match grant {
            Grant::DeviceCode(code) => Form::new()
                .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
                .with("device_code", code.expose()),
            Grant::RefreshToken(token) => {
                Form::new().with("grant_type", "refresh_token").with("refresh_token", token.expose())
            }
            Grant::Exchange(token) => Form::new()
                .with("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
                .with("subject_token", token.expose())
                .with("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        };
        let scopes = access.scopes.map(Scopes::to_string);
        let verifier = access.verifier.map(Verifier::secret);
        let mut form = form
            .with_some("resource", access.resource.map(Url::as_str))
            .with_some("scope", scopes.as_deref())
            .with_some("code_verifier", verifier.map(Secret::expose));
        if let Some((parameter, org)) = access.org {
            form = form.with(parameter, org);
        }
        let (form, authorization) = self.client.authenticate(form);
        let reply = self.http.post(self.url, form, authorization, cancel)?;
        let (Grant::DeviceCode(sent) | Grant::RefreshToken(sent) | Grant::Exchange(sent)) = grant;
        TokenReply::read(&reply).map_err(|error| {
            let error = if matches!(grant, Grant::RefreshToken(_)) { error.of_refresh(&reply) } else { error };
            error.redact_secrets(&[&[*sent][..], verifier.as_slice()].concat(), self.client)
        })
    }
}

impl TokenError {
    /// Reads the error reply of any endpoint that answers like the token endpoint.
    pub(crate) fn read(reply: &Reply) -> Self {
        match (read_error(reply), reply.busy()) {
            // An overloaded server's error is about its load and not about the grant, whatever its code. But the codes that only a poll gets
            // count, whatever the status.
            (Ok(response), Some(busy)) if !response.is_of_a_device_code() => Self::Http(busy),
            (Ok(response), _) => Self::Refused(response),
            (Err(_), Some(busy)) => Self::Http(busy),
            (Err(unexpected), None) => Self::NotOAuth(unexpected),
        }
    }

    /// Removes words that quote a secret that was sent, in whatever form: nothing secret is printed (law 11).
    pub(crate) fn redact_secrets(self, sent: &[&Secret], client: &Client) -> Self {
        let Self::Refused(response) = self else { return self };
        let header = client.authenticate(Form::new()).1;
        let encoded = header.as_ref().and_then(|header| header.strip_prefix("Basic "));
        let secrets = sent.iter().copied().chain(client.secret.as_deref()).map(Secret::expose).chain(encoded);
        Self::Refused(response.redact_secrets(&secrets.collect::<Vec<_>>()))
    }

    /// Reads the error as the answer to a refresh token: no person is waited for, and only the grant can have expired.
    fn of_refresh(self, reply: &Reply) -> Self {
        match (self, reply.busy()) {
            (Self::Refused(_), Some(busy)) => Self::Http(busy),
            (Self::Refused(response), None) => Self::Refused(response.of_refresh()),
            (Self::NotOAuth(unexpected), None) if matches!(reply.status, 400 | 401) && reply.is_empty() => {
                match meaning_of_empty_refusal(reply) {
                    Some(meaning) => Self::Refused(ErrorResponse { meaning, ..ErrorResponse::without_reason(reply) }),
                    None => Self::NotOAuth(unexpected),
                }
            }
            (error, _) => error,
        }
    }
}

/// Returns whether a reply of any status is an error of OAuth's.
pub(crate) fn is_oauth_error(reply: &Reply) -> bool {
    read_error(reply).is_ok()
}

/// Returns the code that an empty answer to a refresh token stands for; `None` if it stands for none.
fn meaning_of_empty_refusal(reply: &Reply) -> Option<&'static str> {
    let schemes = reply.challenges.iter().filter_map(|challenge| challenge.split_whitespace().next());
    let wants = |scheme: &str| schemes.clone().any(|own| own.eq_ignore_ascii_case(scheme));
    // RFC 6749 §5.2, of a client that failed to authenticate by the header: "the authorization server MUST respond with an HTTP 401
    // (Unauthorized) status code and include the "WWW-Authenticate" response header field matching the authentication scheme used by the
    // client."
    if wants("basic") {
        return Some("invalid_client");
    }
    // glewlwyd answers an expired refresh token with an empty body.
    (reply.challenges.is_empty() || wants("bearer")).then_some("invalid_grant")
}

/// Returns the scopes of a reply that the grammar allows and that fit; the others are not claimed. RFC 6749 §3.3 separates them by spaces,
/// GitHub by commas.
fn read_scopes(scope: &str) -> Scopes {
    let separator = if scope.trim().contains(' ') { ' ' } else { ',' };
    let mut kept = String::new();
    for token in scope.trim().split(separator).filter(|token| token.parse::<Scopes>().is_ok()) {
        if kept.len() + token.len() < MAX_SCOPE {
            kept.push_str(token);
            kept.push(' ');
        }
    }
    kept.parse().unwrap_or_default()
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused(refusal) => refusal.into(),
            TokenError::NotOAuth(error) => error.into(),
            TokenError::Http(http) => http.into(),
        }
    }
}

/// The longest token that is kept, in bytes.
const MAX_TOKEN: usize = 32 << 10;

/// The longest list of scopes that is kept, in bytes.
const MAX_SCOPE: usize = 8 << 10;

#[derive(Deserialize)]
struct Wire {
    access_token: oauth2::AccessToken,
    /// REQUIRED, and left out by some (WorkOS AuthKit).
    token_type: Option<BasicTokenType>,
    #[serde(default, deserialize_with = "normalize::seconds")]
    expires_in: Option<Duration>,
    #[serde(default, deserialize_with = "normalize::secret")]
    refresh_token: Option<Secret>,
    #[serde(default, deserialize_with = "normalize::seconds")]
    refresh_token_expires_in: Option<Duration>,
    /// Keycloak's name for it, where 0 is "never".
    #[serde(default, deserialize_with = "normalize::seconds")]
    refresh_expires_in: Option<Duration>,
    /// Another name for it, of servers that count idle time.
    #[serde(default, deserialize_with = "normalize::seconds")]
    refresh_token_timeout: Option<Duration>,
    /// The lifetime of the whole grant.
    #[serde(default, deserialize_with = "normalize::seconds")]
    authorization_expires_in: Option<Duration>,
    #[serde(default, deserialize_with = "normalize::text_or_list")]
    scope: Option<String>,
    /// An empty ID token counts as missing, like any empty member: the person has approved all the
    /// same.
    #[serde(default, deserialize_with = "normalize::secret")]
    id_token: Option<Secret>,
    #[serde(default, deserialize_with = "normalize::text_or_number")]
    organization_id: Option<String>,
    /// Unread: whatever is in it, the tokens beside it are issued.
    user: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(flatten)]
    error: StandardErrorResponse<DeviceCodeErrorResponseType>,
    #[serde(default, deserialize_with = "normalize::seconds_rounded_up")]
    interval: Option<Duration>,
}

/// Reads the error of the body, wherever the server put it.
fn read_error(reply: &Reply) -> Result<ErrorResponse, UnexpectedBody> {
    let json = normalize::error_response(reply.is_success(), &reply.body);
    let wire = json.and_then(|json| serde_json::from_slice::<WireError>(&json).ok());
    let WireError { error, interval } = wire.ok_or_else(|| reply.is_not("an OAuth error"))?;
    let words = error.error_description().map(String::as_str);
    Ok(ErrorResponse { interval, ..ErrorResponse::new(&reply.host, error.error().as_ref(), words) })
}
