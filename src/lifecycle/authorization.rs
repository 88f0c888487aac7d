//! The headers of a request that an access token authorizes (RFC 6750 §2.1).

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use url::Url;
use zeroize::Zeroizing;

use crate::lifecycle::access_token::AccessToken;
use crate::model::error::{Error, Result};
use crate::model::ids::{host_of, may_carry_a_secret};
use crate::model::secret::{STACK_OF_A_HEADER, wipe_stack};
use crate::model::setting::Setting;

/// Checks what is known before there is a token: the method and the address of the request.
pub(crate) fn check_request(method: &str, url: &str, allow_loopback_http: bool) -> Result<()> {
    if http::Method::from_bytes(method.as_bytes()).is_err() {
        return Err(Error::config(Setting::Request, "cannot authorize a request: its method is not valid"));
    }
    let url = Url::parse(url).map_err(|error| {
        Error::config(Setting::Request, "cannot authorize a request: its URL is not valid").caused_by(error)
    })?;
    // RFC 6750 §5.3: "Clients MUST always use TLS [RFC5246] (https) or equivalent transport security when making requests with bearer
    // tokens."
    match may_carry_a_secret(&url, allow_loopback_http) {
        true => Ok(()),
        false => Err(Error::config(
            Setting::Request,
            format!("cannot authorize a request to {}: its URL is not https, or has user information", host_of(&url)),
        )),
    }
}

/// Returns the headers that carry `token`. Loggers know that the value is secret, and it is wiped with its last copy. This is the host's
/// thread, so what making it has left on the stack is wiped here.
pub(crate) fn headers(token: &AccessToken) -> Result<HeaderMap> {
    let headers = headers_of(token);
    wipe_stack::<STACK_OF_A_HEADER>();
    headers
}

#[inline(never)]
fn headers_of(token: &AccessToken) -> Result<HeaderMap> {
    // RFC 6750 §2.1: "credentials = "Bearer" 1*SP b64token".
    let value = Zeroizing::new(format!("Bearer {}", token.expose()));
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value))
        .map_err(|_| Error::config(Setting::Token, "the access token has characters that no header takes"))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}
