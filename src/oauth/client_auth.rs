//! How a client says who it is at the token endpoint (RFC 6749 §2.3).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::id::ClientId;
use crate::oauth::http::Form;
use crate::secret::Secret;

/// A client, public (no secret) or confidential.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) secret: Option<Arc<Secret>>,
    pub(crate) method: AuthMethod,
}

/// How the secret travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuthMethod {
    /// RFC 6749 §2.3.1: "The authorization server MUST support the HTTP Basic authentication scheme".
    #[default]
    ClientSecretBasic,
    ClientSecretPost,
}

impl AuthMethod {
    /// The method to use with a server that supports `methods`; where it does not say, Basic (RFC 8414 §2: "If omitted, the
    /// default is "client_secret_basic"").
    pub(crate) fn among(methods: &[String]) -> Self {
        let has = |name: &str| methods.iter().any(|method| method == name);
        match has("client_secret_post") && !has("client_secret_basic") {
            true => Self::ClientSecretPost,
            false => Self::ClientSecretBasic,
        }
    }
}

impl Client {
    /// Adds the client's identity to `form`; the second value is the `Authorization` header, if there is one.
    pub(crate) fn authenticate(&self, form: Form) -> (Form, Option<Zeroizing<String>>) {
        match (&self.secret, self.method) {
            // RFC 6749 §3.2.1: "A client MAY use the "client_id" request parameter to identify itself".
            (None, _) => (form.with("client_id", self.id.as_str()), None),
            (Some(secret), AuthMethod::ClientSecretPost) => {
                (form.with("client_id", self.id.as_str()).with("client_secret", secret.expose()), None)
            }
            (Some(secret), AuthMethod::ClientSecretBasic) => (form, Some(basic(&self.id, secret))),
        }
    }
}

/// RFC 6749 §2.3.1: "The client identifier is encoded using the "application/x-www-form-urlencoded" encoding algorithm ...
/// and the encoded value is used as the username; the client password is encoded using the same algorithm".
fn basic(id: &ClientId, secret: &Secret) -> Zeroizing<String> {
    let encode = |text: &str| Zeroizing::new(form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>());
    let pair = Zeroizing::new(format!("{}:{}", *encode(id.as_str()), *encode(secret.expose())));
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    Zeroizing::new(format!("Basic {}", *encoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_encodes_both_parts_first() {
        let header = basic(&"a:b c".parse().unwrap(), &Secret::new("p%w".into()));
        assert_eq!(*header, format!("Basic {}", STANDARD.encode("a%3Ab+c:p%25w")));
    }

    #[test]
    fn post_only_where_basic_is_not_offered() {
        let among = |methods: &[&str]| AuthMethod::among(&methods.iter().map(|m| (*m).to_owned()).collect::<Vec<_>>());
        assert_eq!(among(&[]), AuthMethod::ClientSecretBasic);
        assert_eq!(among(&["client_secret_post"]), AuthMethod::ClientSecretPost);
        assert_eq!(among(&["client_secret_post", "client_secret_basic"]), AuthMethod::ClientSecretBasic);
    }
}
