//! Where an authorization server's endpoints are: RFC 8414 and OpenID Connect Discovery, or by hand.

use std::time::SystemTime;

use serde::Deserialize;
use url::Url;

use crate::clock::Cancel;
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::id::Issuer;
use crate::oauth::http::{Http, Reply};
use crate::oauth::http_error::HttpError;
use crate::oauth::shape::{list, url};
use crate::text::quoted;

/// The endpoints of one authorization server, each checked to be https or allowed loopback.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    pub(crate) device_authorization: Url,
    pub(crate) token: Url,
    pub(crate) revocation: Option<Url>,
    pub(crate) userinfo: Option<Url>,
    /// `token_endpoint_auth_methods_supported`, empty where the server does not say.
    pub(crate) auth_methods: Vec<String>,
}

/// What a host or its user set by hand; it goes before what the server says.
#[derive(Debug, Clone)]
pub(crate) struct ByHand {
    pub(crate) device_authorization: Option<Url>,
    pub(crate) token: Option<Url>,
    pub(crate) revocation: Option<Url>,
}

/// Finds the endpoints. With both needed ones given by hand no request is made for them.
pub(crate) fn discover(http: &Http, issuer: &Issuer, by_hand: &ByHand, cancel: &Cancel) -> Result<Endpoints> {
    let found = match (&by_hand.device_authorization, &by_hand.token) {
        (Some(_), Some(_)) => Document::default(),
        _ => fetch(
            http,
            issuer,
            |found| {
                let has = |by_hand: &Option<Url>, found: &Option<Url>| by_hand.is_some() || found.is_some();
                has(&by_hand.device_authorization, &found.device_authorization_endpoint)
                    && has(&by_hand.token, &found.token_endpoint)
                    && has(&by_hand.revocation, &found.revocation_endpoint)
                    && found.userinfo_endpoint.is_some()
            },
            cancel,
        )?,
    };
    let endpoint = |by_hand: &Option<Url>, found: Option<Url>, name: &'static str| match by_hand.clone().or(found) {
        Some(url) if http.is_secure(&url) => Ok(Some(url)),
        Some(_) if by_hand.is_some() => {
            Err(Error::config(name, format!("the configured {name} is not https, or has user information")))
        }
        Some(_) => Err(wrong(issuer, &format!("names a {name} that is not https"))),
        None => Ok(None),
    };
    let missing = |name: &str| wrong(issuer, &format!("names no {name}"));
    let device =
        endpoint(&by_hand.device_authorization, found.device_authorization_endpoint, "device_authorization_endpoint")?;
    let token = endpoint(&by_hand.token, found.token_endpoint, "token_endpoint")?;
    Ok(Endpoints {
        device_authorization: device.ok_or_else(|| missing("device_authorization_endpoint"))?,
        token: token.ok_or_else(|| missing("token_endpoint"))?,
        revocation: endpoint(&by_hand.revocation, found.revocation_endpoint, "revocation_endpoint")?,
        userinfo: endpoint(&None, found.userinfo_endpoint, "userinfo_endpoint")?,
        auth_methods: found.token_endpoint_auth_methods_supported,
    })
}

/// Finds where tokens of `issuer` may ask who they speak for.
pub(crate) fn userinfo_endpoint(http: &Http, issuer: &Issuer, cancel: &Cancel) -> Result<Option<Url>> {
    let found = fetch(http, issuer, |found| found.userinfo_endpoint.is_some(), cancel)?.userinfo_endpoint;
    match found.as_ref().is_none_or(|url| http.is_secure(url)) {
        true => Ok(found),
        false => Err(wrong(issuer, "names a userinfo_endpoint that is not https")),
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
    /// As metadata calls it (RFC 8414 §2).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Token => "token_endpoint",
            Self::Revocation => "revocation_endpoint",
            Self::Userinfo => "userinfo_endpoint",
        }
    }
}

/// Whether the metadata of `issuer` names `url` as its `endpoint`.
pub(crate) fn names(http: &Http, issuer: &Issuer, endpoint: Endpoint, url: &Url, cancel: &Cancel) -> Result<bool> {
    let is_named = |found: &Document| {
        let named = match endpoint {
            Endpoint::Token => &found.token_endpoint,
            Endpoint::Revocation => &found.revocation_endpoint,
            Endpoint::Userinfo => &found.userinfo_endpoint,
        };
        named.as_ref() == Some(url)
    };
    fetch(http, issuer, is_named, cancel).map(|found| is_named(&found))
}

/// The time by the clock of `issuer`; `None` if its metadata comes without one.
pub(crate) fn date(http: &Http, issuer: &Issuer, cancel: &Cancel) -> Result<Option<SystemTime>> {
    Ok(fetch(http, issuer, |_| true, cancel)?.date)
}

/// As [`date`], of a server that need not have metadata: any reply counts.
pub(crate) fn answers(http: &Http, issuer: &Issuer, cancel: &Cancel) -> Result<Option<SystemTime>> {
    let [url, _] = well_known(issuer);
    match http.get(&url, None, cancel) {
        Ok(reply) => reply.busy().map_or(Ok(reply.date), |busy| Err(busy.into())),
        Err(HttpError::WebPage { .. } | HttpError::Redirect { .. } | HttpError::TooLarge { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// RFC 8414 §2, the members that are used here.
#[derive(Debug, Default, Deserialize)]
struct Document {
    issuer: String,
    #[serde(default, deserialize_with = "url")]
    token_endpoint: Option<Url>,
    /// RFC 8628 §4.
    #[serde(default, deserialize_with = "url")]
    device_authorization_endpoint: Option<Url>,
    #[serde(default, deserialize_with = "url")]
    revocation_endpoint: Option<Url>,
    /// OpenID Connect Discovery §3.
    #[serde(default, deserialize_with = "url")]
    userinfo_endpoint: Option<Url>,
    #[serde(default, deserialize_with = "list")]
    token_endpoint_auth_methods_supported: Vec<String>,
    /// Of the reply, not of the document.
    #[serde(skip)]
    date: Option<SystemTime>,
}

/// The document of `issuer`; and where it does not suffice, what the other one adds: userinfo is OpenID Connect's and revocation is
/// not, so that some servers (django-oauth-toolkit) name each in one of them only.
fn fetch(http: &Http, issuer: &Issuer, suffices: impl Fn(&Document) -> bool, cancel: &Cancel) -> Result<Document> {
    let [first, second] = well_known(issuer);
    let ask = |url: &Url| match http.get(url, None, cancel) {
        Ok(reply) => read(&reply, issuer),
        Err(error) => Err(error.into()),
    };
    match ask(&first) {
        Ok(document) => {
            let document = document.of(issuer)?;
            match suffices(&document) {
                true => Ok(document),
                // One that cannot be had adds nothing: most servers that lack something have only this one.
                false => Ok(match ask(&second).and_then(|other| other.of(issuer)) {
                    Ok(other) => document.or(other, |url| http.is_secure(url)),
                    Err(_) => document,
                }),
            }
        }
        Err(error) if cancel.is_cancelled() => Err(error),
        // Many servers have the second only, and some answer the first with a page for people, or lead to one.
        Err(error) => ask(&second)
            .map_err(|other| match error.kind() {
                ErrorKind::Unreachable if other.kind() != ErrorKind::Cancelled => error,
                _ => other,
            })?
            .of(issuer),
    }
}

impl Document {
    /// RFC 8414 §3.3: "The "issuer" value returned MUST be identical to the authorization server's issuer identifier value
    /// ... If these values are not identical, the data contained in the response MUST NOT be used."
    fn of(self, issuer: &Issuer) -> Result<Self> {
        match self.issuer == issuer.as_str() {
            true => Ok(self),
            false => {
                let other = quoted(&self.issuer);
                let message = format!("the metadata of issuer {issuer} is that of another issuer, \"{other}\"");
                Err(Error::new(ErrorKind::Protocol, message).with(Remedy::FixConfig { field: "issuer" }))
            }
        }
    }

    /// What this one says, and where it says nothing, the other. What a login can do without is not taken from there unless it
    /// `is_usable`: this one alone would do.
    fn or(self, other: Self, is_usable: impl Fn(&Url) -> bool) -> Self {
        let methods = self.token_endpoint_auth_methods_supported;
        Self {
            token_endpoint: self.token_endpoint.or(other.token_endpoint),
            device_authorization_endpoint: self.device_authorization_endpoint.or(other.device_authorization_endpoint),
            revocation_endpoint: self.revocation_endpoint.or(other.revocation_endpoint.filter(&is_usable)),
            userinfo_endpoint: self.userinfo_endpoint.or(other.userinfo_endpoint.filter(&is_usable)),
            token_endpoint_auth_methods_supported: match methods.is_empty() {
                true => other.token_endpoint_auth_methods_supported,
                false => methods,
            },
            ..self
        }
    }
}

fn read(reply: &Reply, issuer: &Issuer) -> Result<Document> {
    if let Some(busy) = reply.busy() {
        return Err(busy.into());
    }
    match reply.is_success() {
        true => Ok(Document { date: reply.date, ..reply.json("authorization server metadata")? }),
        false => Err(Error::config(
            "issuer",
            format!("{issuer} has no metadata (status {}): is the issuer right?", reply.status),
        )),
    }
}

/// RFC 8414 §3.1 puts the well-known part between host and path; OpenID Connect Discovery §4 behind the path.
fn well_known(issuer: &Issuer) -> [Url; 2] {
    let path = issuer.url().path().trim_end_matches('/');
    [format!("/.well-known/oauth-authorization-server{path}"), format!("{path}/.well-known/openid-configuration")].map(
        |path| {
            let mut url = issuer.url().clone();
            url.set_path(&path);
            url
        },
    )
}

fn wrong(issuer: &Issuer, what: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("the metadata of issuer {issuer} {what}")).with(Remedy::AskAdministrator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_part_stands_where_each_standard_puts_it() {
        let at = |issuer: &str| well_known(&issuer.parse().unwrap()).map(|url| url.to_string());
        assert_eq!(
            at("https://a.example"),
            [
                "https://a.example/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/openid-configuration"
            ]
        );
        assert_eq!(
            at("https://a.example/t/"),
            [
                "https://a.example/.well-known/oauth-authorization-server/t",
                "https://a.example/t/.well-known/openid-configuration"
            ]
        );
    }
}
