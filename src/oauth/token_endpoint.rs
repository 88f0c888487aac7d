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
use crate::model::ids::{ClientId, Issuer, Scopes};
use crate::model::secret::Secret;
use crate::oauth::claims::Claims;
use crate::oauth::client_auth::Client;
pub(crate) use crate::oauth::error_response::Refusal;
use crate::oauth::id_token;
use crate::oauth::jwt_access_token::JwtLifetime;
use crate::oauth::normalize;
use crate::oauth::pkce::Verifier;
use crate::system::clock::Cancel;
use crate::system::http::error::HttpError;
use crate::system::http::form::Form;
use crate::system::http::{Http, Reply, UnexpectedBody};

/// A token endpoint and who asks it.
pub(crate) struct TokenEndpoint<'a> {
    pub(crate) http: &'a Http,
    pub(crate) url: &'a Url,
    pub(crate) client: &'a Client,
}

/// What the token shall be for.
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

/// What is exchanged for a token.
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
    /// `None` where the server does not say or says something absurd: unknown, never "for ever".
    pub(crate) expires_in: Option<Duration>,
    /// What a JWT says of its own life, where the reply says nothing.
    pub(crate) own_life: Option<JwtLifetime>,
    /// When the server sent it, by its own clock.
    pub(crate) date: Option<SystemTime>,
    pub(crate) refresh_token: Option<Secret>,
    /// How long the refresh token lives, which no RFC has and some servers say.
    pub(crate) refresh_expires_in: Option<Duration>,
    /// RFC 6749 §5.1: "OPTIONAL, if identical to the scope requested by the client; otherwise, REQUIRED."
    pub(crate) scopes: Option<Scopes>,
    pub(crate) id_token: Option<Secret>,
    /// The org that it speaks for, where the server says so beside the tokens, as WorkOS does.
    pub(crate) org: Option<String>,
    /// Whom it names beside the tokens, as WorkOS does.
    pub(crate) user: Option<Claims>,
}

impl TokenReply {
    /// When the access token ends that was asked for at `asked_at`; `None` where nobody says. Counted from when it was asked for, so
    /// that this machine's clock and the server's need not agree.
    pub(crate) fn expires_at(&self, asked_at: SystemTime) -> Option<SystemTime> {
        let own = || self.own_life.and_then(|own| own.lifetime(asked_at));
        self.expires_in.or_else(own).map(|life| asked_at + life)
    }

    /// Whether the reply to a refresh is of another person, issuer or client than the login (law 17). `user`: whom the token endpoint
    /// named at the login.
    pub(crate) fn is_of_another(
        &self,
        issuer: &Issuer,
        client: &ClientId,
        subject: Option<&str>,
        user: Option<&str>,
    ) -> bool {
        let is_other_user = self.user.as_ref().zip(user).is_some_and(|(named, own)| named.are_of_another(own));
        is_other_user || id_token::is_another(&id_token::told(self.id_token.as_ref()), issuer, client, subject)
    }
}

/// No token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// The server said no in OAuth's words (RFC 6749 §5.2, RFC 8628 §3.5).
    #[error("{0}")]
    Refused(Refusal),
    /// The server answered with something else.
    #[error("{0}")]
    NotOAuth(#[from] UnexpectedBody),
    #[error("{0}")]
    Http(#[from] HttpError),
}

impl TokenEndpoint<'_> {
    /// Makes one request. Never repeats it: whether that is safe only the caller knows.
    pub(crate) fn request(
        &self,
        grant: &Grant<'_>,
        asks: &RequestedAccess<'_>,
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
        let scopes = asks.scopes.map(Scopes::to_string);
        let verifier = asks.verifier.map(Verifier::secret);
        let mut form = form
            .with_some("resource", asks.resource.map(Url::as_str))
            .with_some("scope", scopes.as_deref())
            .with_some("code_verifier", verifier.map(Secret::expose));
        if let Some((parameter, org)) = asks.org {
            form = form.with(parameter, org);
        }
        let (form, authorization) = self.client.authenticate(form);
        let reply = self.http.post(self.url, form, authorization, cancel)?;
        let (Grant::DeviceCode(sent) | Grant::RefreshToken(sent) | Grant::Exchange(sent)) = grant;
        read(&reply).map_err(|error| {
            let error = if matches!(grant, Grant::RefreshToken(_)) { of_a_refresh(error, &reply) } else { error };
            without(error, &[&[*sent][..], verifier.as_slice()].concat(), self.client)
        })
    }
}

/// The error without words that quote a secret that was sent, in whatever form: nothing secret is printed (law 11).
pub(crate) fn without(error: TokenError, sent: &[&Secret], client: &Client) -> TokenError {
    let TokenError::Refused(refusal) = error else { return error };
    let header = client.authenticate(Form::new()).1;
    let encoded = header.as_ref().and_then(|header| header.strip_prefix("Basic "));
    let secrets = sent.iter().copied().chain(client.secret.as_deref()).map(Secret::expose).chain(encoded);
    TokenError::Refused(refusal.without(&secrets.collect::<Vec<_>>()))
}

/// The scopes of a reply, as far as the grammar knows them and they fit: what is left out is not claimed. RFC 6749 §3.3 separates
/// them by spaces, GitHub by commas.
fn granted(scope: &str) -> Scopes {
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

/// Reads an error reply of any endpoint that answers like the token endpoint.
pub(crate) fn refusal(reply: &Reply) -> TokenError {
    let refusal = read_error(reply).map(|wire| {
        let words = wire.error.error_description().map(String::as_str);
        Refusal { interval: wire.interval, ..Refusal::new(&reply.host, wire.error.error().as_ref(), words) }
    });
    match (refusal, reply.busy()) {
        // An overloaded server's error is about its load and not about the grant, whatever it is called; but for what only a
        // device code is told, where the words decide, whatever the status.
        (Ok(refusal), busy) if busy.is_none() || refusal.is_of_a_device_code() => TokenError::Refused(refusal),
        (_, Some(busy)) => TokenError::Http(busy),
        (Ok(refusal), None) => TokenError::Refused(refusal),
        (Err(not_oauth), None) => TokenError::NotOAuth(not_oauth),
    }
}

/// Whether a reply of any status is an error in OAuth's words.
pub(crate) fn is_oauth_error(reply: &Reply) -> bool {
    read_error(reply).is_ok()
}

/// What an error means where a refresh token was sent: nobody waits for a person there, and what has expired is the grant.
fn of_a_refresh(error: TokenError, reply: &Reply) -> TokenError {
    match (error, reply.busy()) {
        (TokenError::Refused(_), Some(busy)) => TokenError::Http(busy),
        (TokenError::Refused(refusal), None) => TokenError::Refused(refusal.of_a_refresh()),
        // glewlwyd answers an expired refresh token with an empty body. RFC 6749 §5.2, of a client that failed to authenticate by the
        // header: "the authorization server MUST respond with an HTTP 401 (Unauthorized) status code and include the
        // "WWW-Authenticate" response header field matching the authentication scheme used by the client."
        (TokenError::NotOAuth(odd), None) if matches!(reply.status, 400 | 401) && reply.is_empty() => {
            let schemes = reply.challenges.iter().filter_map(|challenge| challenge.split_whitespace().next());
            let wants = |scheme: &str| schemes.clone().any(|own| own.eq_ignore_ascii_case(scheme));
            let meaning = match reply.challenges.is_empty() {
                _ if wants("basic") => "invalid_client",
                false if !wants("bearer") => return TokenError::NotOAuth(odd),
                _ => "invalid_grant",
            };
            TokenError::Refused(Refusal { meaning, ..Refusal::without_reason(reply) })
        }
        (error, _) => error,
    }
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
    #[serde(default, deserialize_with = "normalize::words")]
    scope: Option<String>,
    /// An empty one is none, here as in every other member: the person has approved, and it says nothing.
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
    #[serde(default, deserialize_with = "normalize::seconds_or_more")]
    interval: Option<Duration>,
}

/// Reads the error that the body has, wherever it has it.
fn read_error(reply: &Reply) -> Result<WireError, UnexpectedBody> {
    let json = normalize::error(reply.is_success(), &reply.body);
    json.and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(|| reply.is_not("an OAuth error"))
}

fn read(reply: &Reply) -> Result<TokenReply, TokenError> {
    if !reply.is_success() {
        return Err(refusal(reply));
    }
    let wire: Wire = match reply.json("a token reply") {
        // Tokens are there, so that no other member makes them unsaid: the server has issued, and perhaps rotated.
        Ok(wire) => wire,
        // A server that answers 200 with `error` (GitHub) refuses all the same.
        Err(_) if is_oauth_error(reply) => return Err(refusal(reply)),
        Err(odd) => return Err(odd.into()),
    };
    let (access_token, refresh_token) = (Secret::new(wire.access_token.into_secret()), wire.refresh_token);
    if access_token.expose().is_empty() && is_oauth_error(reply) {
        return Err(refusal(reply));
    }
    // What cannot stand in a header cannot be used, and would break the host's own output.
    let is_plain = |token: &Secret| token.expose().bytes().all(|byte| byte.is_ascii_graphic());
    let usable = is_plain(&access_token) && refresh_token.as_ref().is_none_or(is_plain);
    let length = access_token.expose().len().max(refresh_token.as_ref().map_or(0, |token| token.expose().len()));
    if !usable || access_token.expose().is_empty() || length > MAX_TOKEN {
        return Err(reply.is_not("a token reply").into());
    }
    // RFC 6749 §5.1: "The lifetime in seconds of the access token." Nobody issues a token that ends at once: 0 says nothing.
    let expires_in = wire.expires_in.filter(|life| !life.is_zero());
    let token_type = wire.token_type.filter(|kind| !kind.as_ref().trim().is_empty());
    let own_life = if expires_in.is_none() { JwtLifetime::read(&access_token, reply.date) } else { None };
    Ok(TokenReply {
        access_token,
        token_type: token_type.unwrap_or(BasicTokenType::Bearer).as_ref().to_ascii_lowercase(),
        expires_in,
        own_life,
        date: reply.date,
        refresh_token,
        refresh_expires_in: wire.refresh_token_expires_in.or(wire.refresh_expires_in).filter(|life| !life.is_zero()),
        scopes: wire.scope.map(|scope| granted(&scope)),
        id_token: wire.id_token,
        org: wire.organization_id.filter(|org| !org.trim().is_empty()),
        user: wire.user.and_then(|user| Claims::of_user(&serde_json::from_str(user.get()).ok()?)),
    })
}
