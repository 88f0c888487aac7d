//! Where an authorization server's endpoints are: RFC 8414 and OpenID Connect Discovery, or by hand.
//!
//! | file | has |
//! | --- | --- |
//! | `mod` | the questions that a login, a refresh and `doctor` ask |
//! | `document` | the places of the metadata, asked one after the other |

mod document;

use std::time::SystemTime;

use url::Url;

use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::Issuer;
use crate::model::setting::Setting;
use crate::oauth::metadata::document::{Document, Metadata, fetch, well_known};
use crate::system::clock::Cancel;
use crate::system::http::Http;
use crate::system::http::error::HttpError;

/// The endpoints that a host or its user set by hand. They replace those of the server's metadata.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Endpoints {
    /// The device authorization endpoint (RFC 8628 §3.1). If this and `token` are set, a login reads no metadata. The default is
    /// `None`.
    pub device_authorization: Option<Url>,
    /// The token endpoint (RFC 6749 §3.2). The default is `None`.
    pub token: Option<Url>,
    /// The revocation endpoint (RFC 7009 §2). The default is `None`.
    pub revocation: Option<Url>,
}

/// The endpoints of one authorization server, each checked to be https or allowed loopback.
#[derive(Debug, Clone)]
pub(crate) struct FoundEndpoints {
    /// An error if a login by device code is not possible.
    pub(crate) device_authorization: Result<Url>,
    pub(crate) token: Url,
    pub(crate) revocation: Option<Url>,
    pub(crate) userinfo: Option<Url>,
    /// `token_endpoint_auth_methods_supported`, empty if the server does not say.
    pub(crate) auth_methods: Vec<String>,
    /// `code_challenge_methods_supported` (RFC 8414 §2), empty if the server does not say.
    pub(crate) code_challenge_methods: Vec<String>,
}

/// Finds the endpoints. If both needed ones are configured, no request is made. An endpoint that a login can do without is dropped if
/// nothing may be sent to it.
pub(crate) fn discover(
    http: &Http,
    issuer: &Issuer,
    configured: &Endpoints,
    cancel: &Cancel,
) -> Result<FoundEndpoints> {
    let metadata = match configured.are_enough() {
        true => Metadata::default(),
        false => fetch(http, issuer, |found| configured.is_complete_with(found, http), cancel)?,
    };
    if configured.revocation.as_ref().is_some_and(|url| !http.is_secure(url)) {
        return Err(configured_not_https(Setting::RevocationEndpoint));
    }
    let Metadata { document, attempts } = metadata;
    let needed = |configured: &Option<Url>, found: Option<Url>, name, setting| match configured.clone().or(found) {
        Some(url) if http.is_secure(&url) => Ok(url),
        Some(_) if configured.is_some() => Err(configured_not_https(setting)),
        Some(_) => Err(wrong_metadata(issuer, &format!("names a {name} that is not https"))),
        None => Err(wrong_metadata(issuer, &format!("names no {name}")).caused_by(attempts.clone())),
    };
    Ok(FoundEndpoints {
        device_authorization: needed(
            &configured.device_authorization,
            document.device_authorization_endpoint,
            "device_authorization_endpoint",
            Setting::DeviceAuthorizationEndpoint,
        ),
        token: needed(&configured.token, document.token_endpoint, "token_endpoint", Setting::TokenEndpoint)?,
        revocation: configured.revocation.clone().or(document.revocation_endpoint.filter(|url| http.is_secure(url))),
        userinfo: document.userinfo_endpoint.filter(|url| http.is_secure(url)),
        auth_methods: document.token_endpoint_auth_methods_supported,
        code_challenge_methods: document.code_challenge_methods_supported,
    })
}

impl Endpoints {
    /// Returns whether a login needs no metadata.
    pub(crate) fn are_enough(&self) -> bool {
        self.device_authorization.is_some() && self.token.is_some()
    }

    /// Returns whether, with these, `found` has every endpoint that a login can use.
    fn is_complete_with(&self, found: &Document, http: &Http) -> bool {
        let is_usable = |url: &Option<Url>| url.as_ref().is_some_and(|url| http.is_secure(url));
        (self.device_authorization.is_some() || is_usable(&found.device_authorization_endpoint))
            && (self.token.is_some() || is_usable(&found.token_endpoint))
            && (self.revocation.is_some() || is_usable(&found.revocation_endpoint))
            && is_usable(&found.userinfo_endpoint)
    }
}

/// Finds the userinfo endpoint of `issuer`.
pub(crate) fn userinfo_endpoint(http: &Http, issuer: &Issuer, cancel: &Cancel) -> Result<Option<Url>> {
    let is_usable = |found: &Document| found.userinfo_endpoint.as_ref().is_some_and(|url| http.is_secure(url));
    let found = fetch(http, issuer, is_usable, cancel)?.document.userinfo_endpoint;
    match found.as_ref().is_none_or(|url| http.is_secure(url)) {
        true => Ok(found),
        false => Err(wrong_metadata(issuer, "names a userinfo_endpoint that is not https")),
    }
}

/// An endpoint that a secret is sent to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Endpoint {
    Token,
    Revocation,
    Userinfo,
}

impl Endpoint {
    /// Returns its name in metadata (RFC 8414 §2).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Token => "token_endpoint",
            Self::Revocation => "revocation_endpoint",
            Self::Userinfo => "userinfo_endpoint",
        }
    }
}

/// Returns whether the metadata of `issuer` names `url` as its `endpoint`.
pub(crate) fn lists_endpoint(
    http: &Http,
    issuer: &Issuer,
    endpoint: Endpoint,
    url: &Url,
    cancel: &Cancel,
) -> Result<bool> {
    let is_named = |found: &Document| {
        let named = match endpoint {
            Endpoint::Token => &found.token_endpoint,
            Endpoint::Revocation => &found.revocation_endpoint,
            Endpoint::Userinfo => &found.userinfo_endpoint,
        };
        named.as_ref() == Some(url)
    };
    fetch(http, issuer, is_named, cancel).map(|found| is_named(&found.document))
}

/// Returns the time by the clock of `issuer`; `None` if its metadata comes without a date.
pub(crate) fn date(http: &Http, issuer: &Issuer, cancel: &Cancel) -> Result<Option<SystemTime>> {
    Ok(fetch(http, issuer, |_| true, cancel)?.document.date)
}

/// Returns the time by the clock of `issuer`, which need not have metadata: any reply counts.
pub(crate) fn date_of_any_reply(http: &Http, issuer: &Issuer, cancel: &Cancel) -> Result<Option<SystemTime>> {
    match http.get(&well_known(issuer)[0], None, cancel) {
        Ok(reply) => reply.busy().map_or(Ok(reply.date), |busy| Err(busy.into())),
        Err(HttpError::WebPage { .. } | HttpError::Redirect { .. } | HttpError::TooLarge { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn configured_not_https(setting: Setting) -> Error {
    Error::config(setting, format!("the configured {setting} is not https, or has user information"))
}

fn wrong_metadata(issuer: &Issuer, what: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("the metadata of issuer {issuer} {what}")).with(Remedy::AskAdministrator)
}
