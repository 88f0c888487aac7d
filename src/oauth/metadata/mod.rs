//! Where an authorization server's endpoints are: RFC 8414 and OpenID Connect Discovery, or by hand.

use std::time::SystemTime;

use serde::Deserialize;
use url::Url;

use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::Issuer;
use crate::model::sanitize::quoted;
use crate::oauth::normalize::{list, url};
use crate::system::clock::Cancel;
use crate::system::http::error::HttpError;
use crate::system::http::{Http, Reply};

/// The endpoints of one authorization server, each checked to be https or allowed loopback.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    pub(crate) device_authorization: Url,
    pub(crate) token: Url,
    pub(crate) revocation: Option<Url>,
    pub(crate) userinfo: Option<Url>,
    /// `token_endpoint_auth_methods_supported`, empty where the server does not say.
    pub(crate) auth_methods: Vec<String>,
    /// `code_challenge_methods_supported` (RFC 8414 §2), empty where the server does not say.
    pub(crate) code_challenge_methods: Vec<String>,
}

/// What a host or its user set by hand; it goes before what the server says.
#[derive(Debug, Clone)]
pub(crate) struct ConfiguredEndpoints {
    pub(crate) device_authorization: Option<Url>,
    pub(crate) token: Option<Url>,
    pub(crate) revocation: Option<Url>,
}

/// Finds the endpoints. With both needed ones given by hand no request is made for them. One that a login can do without is dropped where
/// nothing may be sent to it.
pub(crate) fn discover(
    http: &Http,
    issuer: &Issuer,
    by_hand: &ConfiguredEndpoints,
    cancel: &Cancel,
) -> Result<Endpoints> {
    let suffices = |found: &Document| {
        let has = |by_hand: &Option<Url>, found: &Option<Url>| {
            by_hand.is_some() || found.as_ref().is_some_and(|url| http.is_secure(url))
        };
        has(&by_hand.device_authorization, &found.device_authorization_endpoint)
            && has(&by_hand.token, &found.token_endpoint)
            && has(&by_hand.revocation, &found.revocation_endpoint)
            && has(&None, &found.userinfo_endpoint)
    };
    let Found { document, asked } = match (&by_hand.device_authorization, &by_hand.token) {
        (Some(_), Some(_)) => Found::default(),
        _ => fetch(http, issuer, suffices, cancel)?,
    };
    let needed = |by_hand: &Option<Url>, found: Option<Url>, name: &'static str| match by_hand.clone().or(found) {
        Some(url) if http.is_secure(&url) => Ok(url),
        Some(_) if by_hand.is_some() => Err(not_https(name)),
        Some(_) => Err(wrong(issuer, &format!("names a {name} that is not https"))),
        None => Err(wrong(issuer, &format!("names no {name}")).because(asked.clone())),
    };
    if by_hand.revocation.as_ref().is_some_and(|url| !http.is_secure(url)) {
        return Err(not_https("revocation_endpoint"));
    }
    let device = document.device_authorization_endpoint;
    Ok(Endpoints {
        device_authorization: needed(&by_hand.device_authorization, device, "device_authorization_endpoint")?,
        token: needed(&by_hand.token, document.token_endpoint, "token_endpoint")?,
        revocation: by_hand.revocation.clone().or(document.revocation_endpoint.filter(|url| http.is_secure(url))),
        userinfo: document.userinfo_endpoint.filter(|url| http.is_secure(url)),
        auth_methods: document.token_endpoint_auth_methods_supported,
        code_challenge_methods: document.code_challenge_methods_supported,
    })
}

fn not_https(name: &'static str) -> Error {
    Error::config(name, format!("the configured {name} is not https, or has user information"))
}

/// Finds where tokens of `issuer` may ask who they speak for.
pub(crate) fn userinfo_endpoint(http: &Http, issuer: &Issuer, cancel: &Cancel) -> Result<Option<Url>> {
    let is_usable = |found: &Document| found.userinfo_endpoint.as_ref().is_some_and(|url| http.is_secure(url));
    let found = fetch(http, issuer, is_usable, cancel)?.document.userinfo_endpoint;
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
    fetch(http, issuer, is_named, cancel).map(|found| is_named(&found.document))
}

/// The time by the clock of `issuer`; `None` if its metadata comes without one.
pub(crate) fn date(http: &Http, issuer: &Issuer, cancel: &Cancel) -> Result<Option<SystemTime>> {
    Ok(fetch(http, issuer, |_| true, cancel)?.document.date)
}

/// As [`date`], of a server that need not have metadata: any reply counts.
pub(crate) fn answers(http: &Http, issuer: &Issuer, cancel: &Cancel) -> Result<Option<SystemTime>> {
    match http.get(&well_known(issuer)[0], None, cancel) {
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
    #[serde(default, deserialize_with = "list")]
    code_challenge_methods_supported: Vec<String>,
    /// Of the reply, not of the document.
    #[serde(skip)]
    date: Option<SystemTime>,
}

/// What the places of an issuer's metadata say together.
#[derive(Debug, Default)]
struct Found {
    document: Document,
    /// What was asked, and what each place answered.
    asked: String,
}

/// Why one place brought nothing.
struct Nothing {
    told: String,
    kind: ErrorKind,
    remedy: Remedy,
}

/// Asks the places of the metadata of `issuer` one after the other, until what they say together suffices: userinfo is OpenID Connect's and
/// revocation is not, so that some servers (django-oauth-toolkit) name each in one of them only. Whatever one place answers, the next
/// is asked: many servers have one of them, and a gateway may answer another with its own document or with a page for people.
fn fetch(http: &Http, issuer: &Issuer, suffices: impl Fn(&Document) -> bool, cancel: &Cancel) -> Result<Found> {
    let (mut found, mut asked, mut failures) = (None::<Document>, Vec::new(), Vec::new());
    for url in well_known(issuer) {
        let answer = match http.get(&url, None, cancel) {
            Ok(reply) => read(&reply).and_then(|document| document.of(issuer)),
            Err(_) if cancel.is_cancelled() => return Err(Error::cancelled()),
            // The other places are of the same host.
            Err(error @ (HttpError::Unreachable { .. } | HttpError::Setup { .. } | HttpError::Insecure { .. })) => {
                if found.is_none() {
                    return Err(error.into());
                }
                break;
            }
            Err(error) => Err(Nothing::of(error)),
        };
        match answer {
            Ok(document) => {
                asked.push(format!("{} was read", url.path()));
                let document = match found {
                    Some(first) => Document::or(first, document, |url| http.is_secure(url)),
                    None => document,
                };
                let is_enough = suffices(&document);
                found = Some(document);
                if is_enough {
                    break;
                }
            }
            Err(nothing) => {
                asked.push(format!("{} {}", url.path(), nothing.told));
                failures.push(nothing);
            }
        }
    }
    let asked = asked.join("; ");
    match found {
        Some(document) => Ok(Found { document, asked }),
        None => Err(nowhere(issuer, failures, &asked)),
    }
}

/// Returns the error of the place that says most: one that may answer later, else one that is wrong, else one where nothing is.
fn nowhere(issuer: &Issuer, failures: Vec<Nothing>, asked: &str) -> Error {
    let weight = |nothing: &Nothing| match (nothing.kind, &nothing.remedy) {
        (ErrorKind::Unreachable, _) => 0,
        (ErrorKind::Protocol, Remedy::FixConfig { .. }) => 1,
        (ErrorKind::Protocol, _) => 2,
        _ => 3,
    };
    let message = format!("no metadata of issuer {issuer} can be used");
    let Some(Nothing { kind, remedy, .. }) = failures.into_iter().min_by_key(weight) else {
        return Error::config("issuer", message).because(asked);
    };
    Error::new(kind, message).with(remedy).because(asked)
}

impl Nothing {
    fn not_there(status: u16) -> Self {
        let told = format!("answered with status {status}");
        Self { told, kind: ErrorKind::Config, remedy: Remedy::FixConfig { field: "issuer" } }
    }

    fn of(error: HttpError) -> Self {
        let told = match &error {
            // A page for people may say that there is nothing, too.
            HttpError::WebPage { status: status @ (404 | 410), .. } => return Self::not_there(*status),
            HttpError::WebPage { status, .. } => format!("answered with a web page (status {status})"),
            HttpError::Busy { status, .. } => format!("answered with status {status}"),
            HttpError::NoReply { why, .. } => format!("did not answer ({why})"),
            HttpError::Redirect { to, .. } => format!("redirects to {to}, which is not followed"),
            HttpError::TooLarge { limit, .. } => format!("answered with more than {limit} bytes"),
            other => format!("failed ({other})"),
        };
        let error = Error::from(error);
        let remedy = error.remedy().cloned().unwrap_or(Remedy::AskAdministrator);
        Self { told, kind: error.kind(), remedy }
    }
}

impl Document {
    /// RFC 8414 §3.3: "The "issuer" value returned MUST be identical to the authorization server's issuer identifier value
    /// ... If these values are not identical, the data contained in the response MUST NOT be used."
    fn of(self, issuer: &Issuer) -> Result<Self, Nothing> {
        match self.issuer == issuer.as_str() {
            true => Ok(self),
            false => Err(Nothing {
                // An address is no sentence of a stranger's.
                told: match Url::parse(&self.issuer).is_ok() && !self.issuer.contains(char::is_whitespace) {
                    true => format!("is of another issuer, \"{}\"", quoted(&self.issuer)),
                    false => "is of another issuer".into(),
                },
                kind: ErrorKind::Protocol,
                remedy: Remedy::FixConfig { field: "issuer" },
            }),
        }
    }

    /// What this one says; and where it says nothing, or nothing that `is_usable`, the other.
    fn or(self, other: Self, is_usable: impl Fn(&Url) -> bool) -> Self {
        let or = |own: Option<Url>, other: Option<Url>| match own {
            Some(url) if is_usable(&url) => Some(url),
            own => other.filter(&is_usable).or(own),
        };
        let or_list = |own: Vec<String>, other| if own.is_empty() { other } else { own };
        Self {
            token_endpoint: or(self.token_endpoint, other.token_endpoint),
            device_authorization_endpoint: or(self.device_authorization_endpoint, other.device_authorization_endpoint),
            revocation_endpoint: or(self.revocation_endpoint, other.revocation_endpoint),
            userinfo_endpoint: or(self.userinfo_endpoint, other.userinfo_endpoint),
            token_endpoint_auth_methods_supported: or_list(
                self.token_endpoint_auth_methods_supported,
                other.token_endpoint_auth_methods_supported,
            ),
            code_challenge_methods_supported: or_list(
                self.code_challenge_methods_supported,
                other.code_challenge_methods_supported,
            ),
            ..self
        }
    }
}

fn read(reply: &Reply) -> Result<Document, Nothing> {
    if let Some(busy) = reply.busy() {
        return Err(Nothing::of(busy));
    }
    if !reply.is_success() {
        return Err(Nothing::not_there(reply.status));
    }
    match reply.json("authorization server metadata") {
        Ok(document) => Ok(Document { date: reply.date, ..document }),
        Err(_) => Err(Nothing {
            told: "answered with something other than metadata".into(),
            kind: ErrorKind::Protocol,
            remedy: Remedy::AskAdministrator,
        }),
    }
}

/// Where metadata is asked for: RFC 8414 §3.1 puts the well-known part between host and path, OpenID Connect Discovery §4 behind the path;
/// and some servers put that of RFC 8414 behind the path, too.
fn well_known(issuer: &Issuer) -> Vec<Url> {
    let path = issuer.url().path().trim_end_matches('/');
    let oauth = "/.well-known/oauth-authorization-server";
    let mut paths =
        vec![format!("{oauth}{path}"), format!("{path}/.well-known/openid-configuration"), format!("{path}{oauth}")];
    // Without a path the last is the first.
    paths.truncate(if path.is_empty() { 2 } else { 3 });
    let at = |path: String| {
        let mut url = issuer.url().clone();
        url.set_path(&path);
        url
    };
    paths.into_iter().map(at).collect()
}

fn wrong(issuer: &Issuer, what: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("the metadata of issuer {issuer} {what}")).with(Remedy::AskAdministrator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_part_stands_where_each_standard_puts_it() {
        let at = |issuer: &str| well_known(&issuer.parse().unwrap()).into_iter().map(String::from).collect::<Vec<_>>();
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
                "https://a.example/t/.well-known/openid-configuration",
                "https://a.example/t/.well-known/oauth-authorization-server"
            ]
        );
    }
}
