//! The device authorization request (RFC 8628 §3.1): asks for a device code and a user code.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use url::Url;

use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::sanitize::quoted;
use crate::model::scopes::Scopes;
use crate::model::secret::Secret;
use crate::model::setting::Setting;
use crate::oauth::client_auth::Client;
use crate::oauth::normalize;
use crate::oauth::pkce::{METHOD, Pkce, Verifier};
use crate::oauth::token_endpoint::TokenError;
use crate::system::clock::Cancel;
use crate::system::http::error::HttpError;
use crate::system::http::form::Form;
use crate::system::http::{Http, Reply};

/// What a person is asked to approve.
pub(crate) struct DeviceAuthorizationRequest<'a> {
    pub(crate) scopes: &'a Scopes,
    /// The name of the parameter with the scopes: `scope`, except at some servers.
    pub(crate) scope_parameter: &'a str,
    /// Parameters that the RFC does not have, such as Auth0's `audience`.
    pub(crate) further: Vec<(&'a str, &'a str)>,
    /// Whether a confidential client sends its secret here too.
    pub(crate) with_secret: bool,
    /// RFC 8707 §2.
    pub(crate) resource: Option<&'a Url>,
    /// What a resource demanded of the person's authentication (RFC 9470 §4 has the client pass both on).
    pub(crate) acr_values: Option<&'a str>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) pkce: Pkce,
    /// The methods of PKCE that the server lists.
    pub(crate) pkce_methods: &'a [String],
}

/// The device authorization response (RFC 8628 §3.2), checked.
#[derive(Debug)]
pub(crate) struct DeviceAuthorization {
    pub(crate) device_code: Secret,
    /// Proves at a poll who asked for the code, if the server got a challenge.
    pub(crate) verifier: Option<Verifier>,
    /// At most 40 letters, digits, spaces and `-_./:`.
    pub(crate) user_code: String,
    pub(crate) verification_uri: Url,
    pub(crate) verification_uri_complete: Option<Url>,
    pub(crate) expires_in: Duration,
    pub(crate) interval: Duration,
    /// When the server sent it, by its own clock.
    pub(crate) date: Option<SystemTime>,
}

impl DeviceAuthorizationRequest<'_> {
    /// Sends the request to `url` (RFC 8628 §3.1).
    pub(crate) fn send(&self, http: &Http, url: &Url, client: &Client, cancel: &Cancel) -> Result<DeviceAuthorization> {
        if let Some((name, _)) = self.further.iter().find(|(name, _)| is_own(name, self.scope_parameter)) {
            let message = format!("the parameter {} of a login is not for the configuration to set", quoted(name));
            return Err(Error::config(Setting::LoginParameters, message));
        }
        let mut verifier = self.pkce.applies(self.pkce_methods).then(Verifier::random).transpose()?;
        let mut reply = self.post(http, url, client, verifier.as_ref(), cancel).map_err(TokenError::Http)?;
        // RFC 8628 §3.1: "The authorization server MUST ignore unrecognized request parameters." Some refuse them, and list the method for
        // another grant; nothing was issued, so that asking again costs nothing.
        if verifier.is_some() && self.pkce == Pkce::IfListed && is_invalid_request(&reply) {
            verifier = None;
            reply = self.post(http, url, client, None, cancel).map_err(TokenError::Http)?;
        }
        if !reply.is_success() {
            return Err(TokenError::read(&reply).redact_secrets(&[], client).into());
        }
        DeviceAuthorization::read(&reply, http, verifier).map_err(|error| match error {
            Unusable::Unsafe(error) => error,
            Unusable::Incomplete => match TokenError::read(&reply).redact_secrets(&[], client) {
                // A server that answers 200 with `error` refuses all the same.
                refused @ TokenError::Refused(_) => refused.into(),
                _ => reply.is_not("a device authorization").into(),
            },
        })
    }

    fn post(
        &self,
        http: &Http,
        url: &Url,
        client: &Client,
        verifier: Option<&Verifier>,
        cancel: &Cancel,
    ) -> Result<Reply, HttpError> {
        let scope = (!self.scopes.is_empty()).then(|| self.scopes.to_string());
        let max_age = self.max_age.map(|age| age.as_secs().to_string());
        let form = Form::new()
            .with_some(self.scope_parameter, scope.as_deref())
            .with_some("resource", self.resource.map(Url::as_str))
            .with_some("acr_values", self.acr_values)
            .with_some("max_age", max_age.as_deref())
            .with_some("code_challenge", verifier.map(Verifier::challenge).as_deref())
            .with_some("code_challenge_method", verifier.map(|_| METHOD));
        let form = self.further.iter().fold(form, |form, (name, value)| form.with(name, value));
        // RFC 8628 §3.1: "The client authentication requirements of Section 3.2.1 of [RFC6749] apply to requests on this endpoint".
        let public = Client { secret: None, ..client.clone() };
        let (form, authorization) = if self.with_secret { client } else { &public }.authenticate(form);
        // §3.1 requires it only from clients that do not authenticate; some servers (those on
        // oauthlib) require it from all.
        let form = form.with_some("client_id", authorization.as_ref().map(|_| client.id.as_str()));
        http.post(url, form, authorization, cancel)
    }
}

/// Why a reply with a status of success is no device authorization.
enum Unusable {
    /// It lacks a member that a login needs.
    Incomplete,
    /// It has a member that is not safe to show.
    Unsafe(Error),
}

impl DeviceAuthorization {
    fn read(reply: &Reply, http: &Http, verifier: Option<Verifier>) -> Result<Self, Unusable> {
        let wire: Wire = reply.json("a device authorization").map_err(|_| Unusable::Incomplete)?;
        let is_page = |url: &Url| http.is_secure(url) && url.as_str().len() <= MAX_PAGE;
        let page = wire.verification_uri.or(wire.verification_url).ok_or(Unusable::Incomplete)?;
        if !is_page(&page) {
            let why = "it takes a short https address without user information";
            return Err(not_safe_to_show(&reply.host, "verification_uri", why));
        }
        // RFC 8628 §3.2: "OPTIONAL". So an unusable address does not end the login: the person
        // types the code. An address on another host is dropped: the person has compared the host
        // of `verification_uri`.
        let complete = wire.verification_uri_complete.or(wire.verification_url_complete);
        let complete = complete.filter(|url| is_page(url) && url.host() == page.host());
        let (user_code, device_code) = wire.user_code.zip(wire.device_code).ok_or(Unusable::Incomplete)?;
        if !is_safe_user_code(&user_code) {
            let why = "it takes at most 40 letters, digits, spaces and -_./:";
            return Err(not_safe_to_show(&reply.host, "user_code", why));
        }
        Ok(Self {
            device_code,
            verifier,
            user_code,
            verification_uri: page,
            verification_uri_complete: complete,
            expires_in: wire.expires_in.filter(|d| !d.is_zero()).unwrap_or(DEFAULT_LIFETIME).min(MAX_LIFETIME),
            interval: wire.interval.filter(|d| !d.is_zero()).unwrap_or(DEFAULT_INTERVAL),
            date: reply.date,
        })
    }
}

fn is_invalid_request(reply: &Reply) -> bool {
    matches!(TokenError::read(reply), TokenError::Refused(response) if response.is("invalid_request"))
}

/// Returns whether hallpass sets a parameter itself, so that a server would get it twice. RFC 6749 §3.2: "Request and response parameters
/// MUST NOT be included more than once."
fn is_own(name: &str, scope_parameter: &str) -> bool {
    let own = ["scope", "client_id", "client_secret", "resource", "acr_values", "max_age"];
    let is_pkce = ["code_challenge", "code_challenge_method"].contains(&name);
    name.is_empty() || name == scope_parameter || own.contains(&name) || is_pkce
}

/// Returns whether a user code may be shown: whether it can hold no escape, no override and no sentence.
fn is_safe_user_code(code: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_./:".contains(c);
    (1..=40).contains(&code.len()) && code.chars().all(plain)
}

fn not_safe_to_show(host: &str, name: &str, why: &str) -> Unusable {
    let message = format!("{host} sent a {name} that is not safe to show: {why}");
    Unusable::Unsafe(Error::new(ErrorKind::Protocol, message).with(Remedy::AskAdministrator))
}

/// RFC 8628 §3.2: "If no value is provided, clients MUST use 5 as the default."
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);

/// A lifetime is REQUIRED; if a server leaves it out or sends junk, this is what most use.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(900);

/// Nobody approves a code for longer than this.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest address that is shown to a person, in bytes.
const MAX_PAGE: usize = 2048;

#[derive(Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "normalize::secret")]
    device_code: Option<Secret>,
    #[serde(default, deserialize_with = "normalize::text_or_number")]
    user_code: Option<String>,
    #[serde(default, deserialize_with = "normalize::url")]
    verification_uri: Option<Url>,
    /// The name in the drafts, and still at Google.
    #[serde(default, deserialize_with = "normalize::url")]
    verification_url: Option<Url>,
    #[serde(default, deserialize_with = "normalize::url")]
    verification_uri_complete: Option<Url>,
    #[serde(default, deserialize_with = "normalize::url")]
    verification_url_complete: Option<Url>,
    #[serde(default, deserialize_with = "normalize::seconds")]
    expires_in: Option<Duration>,
    #[serde(default, deserialize_with = "normalize::seconds_rounded_up")]
    interval: Option<Duration>,
}
