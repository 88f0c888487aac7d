//! The metadata document: the places where it may be, and what they say together.

use std::time::SystemTime;

use serde::Deserialize;
use url::Url;

use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::Issuer;
use crate::model::sanitize::quoted;
use crate::model::setting::Setting;
use crate::oauth::normalize::{list, url};
use crate::system::clock::Cancel;
use crate::system::http::error::HttpError;
use crate::system::http::{Http, Reply};

/// Reads the metadata of `issuer` from its possible locations, one after the other, until together
/// they suffice. Userinfo belongs to OpenID Connect and revocation does not, so some servers
/// (django-oauth-toolkit) name each at one location only. Whatever one location answers, the next
/// is asked: many servers have only one, and a gateway may answer at another with its own document
/// or with a web page.
pub(super) fn fetch(
    http: &Http,
    issuer: &Issuer,
    suffices: impl Fn(&Document) -> bool,
    cancel: &Cancel,
) -> Result<Metadata> {
    let (mut found, mut attempts, mut failures) = (None::<Document>, Vec::new(), Vec::new());
    for url in well_known(issuer) {
        let answer = match http.get(&url, None, cancel) {
            Ok(reply) => read(&reply).and_then(|document| document.checked(issuer)),
            Err(_) if cancel.is_cancelled() => return Err(Error::cancelled()),
            // The other places are of the same host.
            Err(error @ (HttpError::Unreachable { .. } | HttpError::Setup { .. } | HttpError::Insecure { .. })) => {
                if found.is_none() {
                    return Err(error.into());
                }
                break;
            }
            Err(error) => Err(Failure::from(error)),
        };
        match answer {
            Ok(document) => {
                attempts.push(format!("{} was read", url.path()));
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
            Err(failure) => {
                attempts.push(format!("{} {}", url.path(), failure.what));
                failures.push(failure);
            }
        }
    }
    let attempts = attempts.join("; ");
    match found {
        Some(document) => Ok(Metadata { document, attempts }),
        None => Err(no_metadata(issuer, failures, &attempts)),
    }
}

/// What the places of an issuer's metadata say together.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub(super) document: Document,
    /// What was asked, and what each place answered.
    pub(super) attempts: String,
}

/// RFC 8414 §2, the members that are used here.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Document {
    issuer: String,
    #[serde(default, deserialize_with = "url")]
    pub(super) token_endpoint: Option<Url>,
    /// RFC 8628 §4.
    #[serde(default, deserialize_with = "url")]
    pub(super) device_authorization_endpoint: Option<Url>,
    #[serde(default, deserialize_with = "url")]
    pub(super) revocation_endpoint: Option<Url>,
    /// OpenID Connect Discovery §3.
    #[serde(default, deserialize_with = "url")]
    pub(super) userinfo_endpoint: Option<Url>,
    #[serde(default, deserialize_with = "list")]
    pub(super) token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) code_challenge_methods_supported: Vec<String>,
    /// Of the reply, not of the document.
    #[serde(skip)]
    pub(super) date: Option<SystemTime>,
}

impl Document {
    /// Checks the issuer. RFC 8414 §3.3: "The "issuer" value returned MUST be identical to the authorization server's issuer identifier value
    /// ... If these values are not identical, the data contained in the response MUST NOT be used."
    fn checked(self, issuer: &Issuer) -> Result<Self, Failure> {
        match self.issuer == issuer.as_str() {
            true => Ok(self),
            false => Err(Failure::another_issuer(&self.issuer)),
        }
    }

    /// Returns each endpoint of this document or, if it has none that `is_usable`, of the other.
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

fn read(reply: &Reply) -> Result<Document, Failure> {
    if let Some(busy) = reply.busy() {
        return Err(busy.into());
    }
    if !reply.is_success() {
        return Err(Failure::not_there(reply.status));
    }
    match reply.json("authorization server metadata") {
        Ok(document) => Ok(Document { date: reply.date, ..document }),
        Err(_) => Err(Failure {
            what: "answered with something other than metadata".into(),
            kind: ErrorKind::Protocol,
            remedy: Remedy::AskAdministrator,
        }),
    }
}

/// Why one place gave no document.
struct Failure {
    /// What the place did, behind its path.
    what: String,
    kind: ErrorKind,
    remedy: Remedy,
}

impl Failure {
    fn not_there(status: u16) -> Self {
        let what = format!("answered with status {status}");
        Self { what, kind: ErrorKind::Config, remedy: Remedy::FixConfig { setting: Setting::Issuer } }
    }

    fn another_issuer(other: &str) -> Self {
        // An address is no sentence of a stranger's.
        let what = match Url::parse(other).is_ok() && !other.contains(char::is_whitespace) {
            true => format!("is of another issuer, \"{}\"", quoted(other)),
            false => "is of another issuer".into(),
        };
        Self { what, kind: ErrorKind::Protocol, remedy: Remedy::FixConfig { setting: Setting::Issuer } }
    }

    /// Returns 0 for a failure that may pass, 1 for a wrong issuer, 2 for another wrong document, 3 for a place without a document.
    fn rank(&self) -> u8 {
        match (self.kind, &self.remedy) {
            (ErrorKind::Unreachable, _) => 0,
            (ErrorKind::Protocol, Remedy::FixConfig { .. }) => 1,
            (ErrorKind::Protocol, _) => 2,
            _ => 3,
        }
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        let what = match &error {
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
        Self { what, kind: error.kind(), remedy }
    }
}

/// Returns the error of the failure that says most.
fn no_metadata(issuer: &Issuer, failures: Vec<Failure>, attempts: &str) -> Error {
    let message = format!("no metadata of issuer {issuer} can be used");
    match failures.into_iter().min_by_key(Failure::rank) {
        Some(Failure { kind, remedy, .. }) => Error::new(kind, message).with(remedy).caused_by(attempts),
        None => Error::config(Setting::Issuer, message).caused_by(attempts),
    }
}

/// Returns the places of the metadata: RFC 8414 §3.1 puts the well-known part between host and path, OpenID Connect Discovery §4 behind the
/// path; and some servers put that of RFC 8414 behind the path, too.
pub(super) fn well_known(issuer: &Issuer) -> Vec<Url> {
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
