//! Replies of a server, word by word.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hallpass::testing::Fault;
use serde_json::Value;

pub(crate) fn body(status: u16, content_type: &str, body: &str) -> Fault {
    Fault::Status { status, headers: Vec::new(), content_type: content_type.into(), body: body.into() }
}

pub(crate) fn json_body(status: u16, body: &str) -> Fault {
    self::body(status, "application/json", body)
}

pub(crate) fn with_headers(status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Fault::Status { status, headers, content_type: "application/json".into(), body: body.into() }
}

/// In the form of a JWT, with a signature that nobody made.
pub(crate) fn unsigned_jwt(claims: &Value) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}
