//! The device authorization grant (RFC 8628): the request, and [`Poll`], which decides when to ask next.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use url::Url;

use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::Scopes;
use crate::model::sanitize::quoted;
use crate::model::secret::Secret;
use crate::oauth::client_auth::Client;
use crate::oauth::normalize;
use crate::oauth::pkce::{METHOD, Pkce, Verifier};
use crate::oauth::token_endpoint::{TokenError, refusal, without};
use crate::system::clock::Cancel;
use crate::system::http::error::HttpError;
use crate::system::http::form::Form;
use crate::system::http::{Http, Reply};

/// What the server answered to a device authorization request (RFC 8628 §3.2), checked.
#[derive(Debug)]
pub(crate) struct DeviceAuthorization {
    pub(crate) device_code: Secret,
    /// What a poll has to prove, where the server was given a challenge.
    pub(crate) verifier: Option<Verifier>,
    /// At most 40 letters, digits, spaces and `-_./:`.
    pub(crate) user_code: String,
    pub(crate) verification_uri: Url,
    pub(crate) verification_uri_complete: Option<Url>,
    pub(crate) expires_in: Duration,
    pub(crate) interval: Duration,
    /// When the server said so, by its own clock.
    pub(crate) date: Option<SystemTime>,
}

/// RFC 8628 §3.2: "If no value is provided, clients MUST use 5 as the default."
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);

/// A lifetime is REQUIRED; where a server leaves it out or sends junk, this is what most use.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(900);

/// Nobody approves a code for longer than this.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest address that is shown to a person, in bytes.
const MAX_PAGE: usize = 2048;

/// What a person is asked to approve.
pub(crate) struct Ask<'a> {
    pub(crate) scopes: &'a Scopes,
    /// The parameter that the scopes travel in: `scope`, but for some servers.
    pub(crate) scope_parameter: &'a str,
    /// What the server wants beside the RFC's parameters, such as Auth0's `audience`.
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

/// Asks for a device code (RFC 8628 §3.1).
pub(crate) fn authorize(
    http: &Http,
    url: &Url,
    client: &Client,
    ask: &Ask<'_>,
    cancel: &Cancel,
) -> Result<DeviceAuthorization> {
    if let Some((name, _)) = ask.further.iter().find(|(name, _)| is_own(name, ask.scope_parameter)) {
        let message = format!("the parameter {} of a login is not for the configuration to set", quoted(name));
        return Err(Error::config("login_parameters", message));
    }
    let mut verifier = ask.pkce.applies(ask.pkce_methods).then(Verifier::random).transpose()?;
    let mut reply = request(http, url, client, ask, verifier.as_ref(), cancel).map_err(TokenError::Http)?;
    // RFC 8628 §3.1: "The authorization server MUST ignore unrecognized request parameters." Some refuse them, and list the method for
    // another grant; nothing was issued, so that asking again costs nothing.
    let may_ask_without = verifier.is_some() && ask.pkce == Pkce::IfListed;
    if may_ask_without && matches!(refusal(&reply), TokenError::Refused(refused) if refused.is("invalid_request")) {
        verifier = None;
        reply = request(http, url, client, ask, None, cancel).map_err(TokenError::Http)?;
    }
    let refusal = || without(refusal(&reply), &[], client);
    if !reply.is_success() {
        return Err(refusal().into());
    }
    // A server that answers 200 with `error` refuses all the same.
    let odd = || match refusal() {
        refused @ TokenError::Refused(_) => Error::from(refused),
        _ => reply.is_not("a device authorization").into(),
    };
    let wire: Wire = reply.json("a device authorization").map_err(|_| odd())?;
    let is_page = |url: &Url| http.is_secure(url) && url.as_str().len() <= MAX_PAGE;
    let page = wire.verification_uri.or(wire.verification_url).ok_or_else(odd)?;
    if !is_page(&page) {
        return Err(unsafe_reply(
            &reply.host,
            "verification_uri",
            "it takes a short https address without user information",
        ));
    }
    // RFC 8628 §3.2 has it "OPTIONAL", so that an odd one costs no login: the person types the code. One on another host would be opened
    // where a person has compared the host of the other.
    let complete = wire.verification_uri_complete.or(wire.verification_url_complete);
    let complete = complete.filter(|url| is_page(url) && url.host() == page.host());
    let user_code = checked_user_code(wire.user_code.ok_or_else(odd)?);
    Ok(DeviceAuthorization {
        device_code: wire.device_code.ok_or_else(odd)?,
        verifier,
        user_code: user_code.ok_or_else(|| {
            unsafe_reply(&reply.host, "user_code", "it takes at most 40 letters, digits, spaces and -_./:")
        })?,
        verification_uri: page,
        verification_uri_complete: complete,
        expires_in: wire.expires_in.filter(|d| !d.is_zero()).unwrap_or(DEFAULT_LIFETIME).min(MAX_LIFETIME),
        interval: wire.interval.filter(|d| !d.is_zero()).unwrap_or(DEFAULT_INTERVAL),
        date: reply.date,
    })
}

/// The request, with the challenge of `verifier`.
fn request(
    http: &Http,
    url: &Url,
    client: &Client,
    ask: &Ask<'_>,
    verifier: Option<&Verifier>,
    cancel: &Cancel,
) -> Result<Reply, HttpError> {
    let scope = (!ask.scopes.is_empty()).then(|| ask.scopes.to_string());
    let max_age = ask.max_age.map(|age| age.as_secs().to_string());
    let form = Form::new()
        .with_some(ask.scope_parameter, scope.as_deref())
        .with_some("resource", ask.resource.map(Url::as_str))
        .with_some("acr_values", ask.acr_values)
        .with_some("max_age", max_age.as_deref())
        .with_some("code_challenge", verifier.map(Verifier::challenge).as_deref())
        .with_some("code_challenge_method", verifier.map(|_| METHOD));
    let form = ask.further.iter().fold(form, |form, (name, value)| form.with(name, value));
    // RFC 8628 §3.1: "The client authentication requirements of Section 3.2.1 of [RFC6749] apply to requests on this endpoint".
    let public = Client { secret: None, ..client.clone() };
    let (form, authorization) = if ask.with_secret { client } else { &public }.authenticate(form);
    // §3.1 wants it only of who does not authenticate; some servers (those on oauthlib) want it of everybody.
    let form = form.with_some("client_id", authorization.as_ref().map(|_| client.id.as_str()));
    http.post(url, form, authorization, cancel)
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "normalize::secret")]
    device_code: Option<Secret>,
    #[serde(default, deserialize_with = "normalize::text_or_number")]
    user_code: Option<String>,
    #[serde(default, deserialize_with = "normalize::url")]
    verification_uri: Option<Url>,
    /// The name that it had in the drafts, and still has at Google.
    #[serde(default, deserialize_with = "normalize::url")]
    verification_url: Option<Url>,
    #[serde(default, deserialize_with = "normalize::url")]
    verification_uri_complete: Option<Url>,
    #[serde(default, deserialize_with = "normalize::url")]
    verification_url_complete: Option<Url>,
    #[serde(default, deserialize_with = "normalize::seconds")]
    expires_in: Option<Duration>,
    #[serde(default, deserialize_with = "normalize::seconds_or_more")]
    interval: Option<Duration>,
}

/// Whether hallpass sets a parameter itself, so that a server would get it twice. RFC 6749 §3.2: "Request and response parameters
/// MUST NOT be included more than once."
fn is_own(name: &str, scope_parameter: &str) -> bool {
    let own = ["scope", "client_id", "client_secret", "resource", "acr_values", "max_age"];
    let is_pkce = ["code_challenge", "code_challenge_method"].contains(&name);
    name.is_empty() || name == scope_parameter || own.contains(&name) || is_pkce
}

/// A user code may be shown only if it can hold no escape, no override and no sentence.
fn checked_user_code(code: String) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_./:".contains(c);
    ((1..=40).contains(&code.len()) && code.chars().all(plain)).then_some(code)
}

fn unsafe_reply(host: &str, name: &str, why: &str) -> Error {
    let message = format!("{host} sent a {name} that is not safe to show: {why}");
    Error::new(ErrorKind::Protocol, message).with(Remedy::AskAdministrator)
}
