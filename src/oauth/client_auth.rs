//! How a client authenticates at the token endpoint (RFC 6749 §2.3).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::model::ids::ClientId;
use crate::model::secret::Secret;
use crate::system::http::form::Form;

/// A client, public (no secret) or confidential.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) secret: Option<Arc<Secret>>,
    /// Whether the secret travels in the form instead of the `Authorization` header.
    pub(crate) secret_in_form: bool,
}

impl Client {
    /// Adds the client's identity to `form`, or returns it as the value of an `Authorization` header.
    pub(crate) fn authenticate(&self, form: Form) -> (Form, Option<Zeroizing<String>>) {
        match (&self.secret, self.secret_in_form) {
            // RFC 6749 §3.2.1: "A client MAY use the "client_id" request parameter to identify itself".
            (None, _) => (form.with("client_id", self.id.as_str()), None),
            (Some(secret), true) => {
                (form.with("client_id", self.id.as_str()).with("client_secret", secret.expose()), None)
            }
            (Some(secret), false) => (form, Some(basic(&self.id, secret))),
        }
    }
}

/// Returns whether a server that supports `methods` wants the secret in the form. RFC 6749 §2.3.1 prefers the header: "Including the
/// client credentials in the request-body using the two parameters is NOT RECOMMENDED". RFC 8414 §2, of a server that does not
/// say: "If omitted, the default is "client_secret_basic"".
pub(crate) fn wants_secret_in_form(methods: &[String]) -> bool {
    let has = |name: &str| methods.iter().any(|method| method == name);
    has("client_secret_post") && !has("client_secret_basic")
}

/// Returns the header of HTTP Basic. RFC 6749 §2.3.1: "The client identifier is encoded using the "application/x-www-form-urlencoded" encoding algorithm ...
/// and the encoded value is used as the username; the client password is encoded using the same algorithm".
fn basic(id: &ClientId, secret: &Secret) -> Zeroizing<String> {
    let encode = |text: &str| {
        // The longest that it can become, so that it does not grow and leave copies behind.
        let mut encoded = Zeroizing::new(String::with_capacity(3 * text.len()));
        encoded.extend(form_urlencoded::byte_serialize(text.as_bytes()));
        encoded
    };
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
    fn in_the_form_only_where_the_header_is_not_offered() {
        let wants =
            |methods: &[&str]| wants_secret_in_form(&methods.iter().map(|m| (*m).to_owned()).collect::<Vec<_>>());
        assert!(!wants(&[]));
        assert!(wants(&["client_secret_post"]));
        assert!(!wants(&["client_secret_post", "client_secret_basic"]));
    }
}
