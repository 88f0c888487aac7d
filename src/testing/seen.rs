//! [`SeenRequest`]: what a client sent, recorded for the test, by [`Endpoint`].

use std::fmt;
use std::time::SystemTime;

/// An endpoint of the embedded authorization server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `/.well-known/oauth-authorization-server` (RFC 8414 §3) and `/.well-known/openid-configuration`.
    Metadata,
    /// `/jwks`: an empty key set, for the signatures of these ID tokens are dummies.
    Keys,
    /// `/device_authorization` (RFC 8628 §3.1).
    DeviceAuthorization,
    /// `/token` (RFC 6749 §3.2): the device code grant and the refresh token grant.
    Token,
    /// `/revoke` (RFC 7009 §2).
    Revocation,
    /// `/userinfo` (OpenID Connect Core §5.3).
    UserInfo,
    /// `/device`: the page where the person enters the user code (RFC 8628 §3.3).
    Verification,
    /// Every other path, answered by 404.
    Unknown,
}

impl Endpoint {
    pub(super) fn of(path: &str) -> Self {
        match path {
            "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration" => Self::Metadata,
            "/jwks" => Self::Keys,
            "/device_authorization" => Self::DeviceAuthorization,
            "/token" => Self::Token,
            "/revoke" => Self::Revocation,
            "/userinfo" => Self::UserInfo,
            "/device" => Self::Verification,
            _ => Self::Unknown,
        }
    }
}

/// One request as it arrived, with its secrets, so that a test can check what is sent. `Debug` redacts them.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenRequest {
    /// The endpoint that the path belongs to.
    pub endpoint: Endpoint,
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, if there was one, as it was sent.
    pub query: Option<String>,
    /// The form parameters in the order sent, repeated and empty ones included. Empty unless the body was
    /// `application/x-www-form-urlencoded`.
    pub form: Vec<(String, String)>,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The `Accept` header.
    pub accept: Option<String>,
    /// The `Origin` header: the page that a browser sent the request from (RFC 6454 §7).
    pub origin: Option<String>,
    /// When it arrived, by the server's clock.
    pub at: SystemTime,
}

impl SeenRequest {
    /// The first form parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for SeenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A list of what may be shown, as the parameters of extensions may be secrets.
        let form: Vec<(&str, &str)> = self
            .form
            .iter()
            .map(|(key, value)| (key.as_str(), if HARMLESS.contains(&key.as_str()) { value } else { REDACTED }))
            .collect();
        f.debug_struct("SeenRequest")
            .field("endpoint", &self.endpoint)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query.as_ref().map(|_| REDACTED))
            .field("form", &form)
            .field("authorization", &self.authorization.as_ref().map(|_| REDACTED))
            .field("content_type", &self.content_type)
            .field("user_agent", &self.user_agent)
            .field("accept", &self.accept)
            .field("origin", &self.origin)
            .field("at", &self.at)
            .finish()
    }
}

const HARMLESS: [&str; 6] = ["grant_type", "client_id", "scope", "token_type_hint", "resource", "decision"];

const REDACTED: &str = "[redacted]";
