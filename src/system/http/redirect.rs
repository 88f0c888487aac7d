//! Where a redirect leads, as far as it may be printed: no redirect is followed.

use reqwest::header::HeaderValue;
use url::Url;
use zeroize::Zeroizing;

use crate::model::ids::host_of;
use crate::model::sanitize::quoted;
use crate::model::secret::has_piece_of;
use crate::system::http::form::Form;

/// Returns the parts of a request that may be secret, in lower case, as hosts are.
pub(super) fn secrets_sent(authorization: Option<&str>, form: Option<&Form>) -> Zeroizing<String> {
    let (authorization, form) = (authorization.unwrap_or_default(), form.map_or("", Form::expose));
    let mut sent = Zeroizing::new(String::with_capacity(authorization.len() + form.len()));
    sent.push_str(authorization);
    sent.push_str(form);
    sent.make_ascii_lowercase();
    sent
}

/// Returns the target of a redirect without any secret: the server may quote what was `sent`, in a path or even in a host.
pub(super) fn printable_target(from: &Url, location: Option<&HeaderValue>, sent: &str) -> String {
    let Some(to) = location.and_then(|value| from.join(value.to_str().ok()?).ok()) else {
        return "no address".into();
    };
    let host = host_of(&to);
    if has_piece_of(sent, &host) {
        return "an address that is not shown".into();
    }
    // A long path could be a sentence of the server's, inside a sentence of ours.
    let path = if sent.is_empty() && to.path().len() <= 64 { to.path() } else { "" };
    quoted(&format!("{}://{host}{path}", to.scheme()))
}
