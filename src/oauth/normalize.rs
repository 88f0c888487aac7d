//! What servers answer, brought into the RFCs' form: for any server, known or not.
//!
//! Pure functions over the JSON of a reply. The result holds what the JSON held, so it is wiped too.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use url::Url;
use zeroize::{Zeroize, Zeroizing};

use crate::model::secret::Secret;
use crate::oauth::error_codes;

/// Returns an error reply as RFC 6749 §5.2 has it (`error`, `error_description`), with the `interval` that may stand beside; `None` if
/// the body has no error. A reply with a status of success is an error only if it says so in OAuth's words, or under `error`.
pub(crate) fn error_response(is_success: bool, body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let Ok(Value::Object(mut object)) = serde_json::from_slice(body) else { return None };
    let error = NormalizedError::read(is_success, &object).and_then(|error| {
        let mut json = Zeroizing::new(Vec::with_capacity(2 * body.len() + 64));
        serde_json::to_writer(&mut *json, &error).ok().map(|()| json)
    });
    // It may quote the secret that was sent.
    object.values_mut().for_each(wipe);
    error
}

/// For serde: a number of seconds, which some servers send as text; junk, and more than ten years, is unknown. Rounded down: a token is not
/// used longer than it lives.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(plausible_seconds(deserializer)?.map(|n| Duration::from_secs(n as u64)))
}

/// For serde: as [`seconds`], rounded up. RFC 8628 §3.5: "the client MUST wait at least the number of seconds specified by the
/// "interval" parameter".
pub(crate) fn seconds_rounded_up<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(plausible_seconds(deserializer)?.map(|n| Duration::from_secs(n.ceil() as u64)))
}

/// For serde: text, or a list of texts joined by spaces (Twitch's `scope`); anything else is unknown, since the tokens beside it are issued
/// all the same.
pub(crate) fn text_or_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        _ => None,
    })
}

/// For serde: text, or a whole number as text (Authentik's user code).
pub(crate) fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(identifier(&Value::deserialize(deserializer)?))
}

/// For serde: a secret that is text and not blank; anything else is none.
pub(crate) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(Secret::new(text)).filter(|secret| !secret.expose().trim().is_empty()),
        _ => None,
    })
}

/// For serde: a URL; anything else is none.
pub(crate) fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_str().and_then(|text| Url::parse(text).ok()))
}

/// For serde: the texts of a list; anything else is an empty one.
pub(crate) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    })
}

/// Returns an identifier: a text, or a whole number as text. A number that JSON readers round would identify several.
pub(crate) fn identifier(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(number.to_string()),
        _ => None,
    }
}

/// Returns a number, which some servers write as text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The longest time that is believed, whatever a server says.
pub(crate) const TEN_YEARS: Duration = Duration::from_secs(315_576_000);

fn plausible_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(number(&Value::deserialize(deserializer)?).filter(|n| (0.0..=TEN_YEARS.as_secs_f64()).contains(n)))
}

/// Where servers put the code: RFC 6749's name first, then what others have beside it, and within an `error` that is an object.
const CODES: &[&str] = &["error", "code", "error_code", "errorCode"];
const INNER_CODES: &[&str] = &["error", "code", "status", "type", "reason"];

/// Where servers put words for people.
const WORDS: &[&str] =
    &["error_description", "errorDescription", "error_message", "errorSummary", "message", "msg", "detail"];
const INNER_WORDS: &[&str] = &["message", "error_description", "description", "error_user_msg"];

/// RFC 6749 §5.2.
#[derive(Serialize)]
struct NormalizedError<'a> {
    error: String,
    error_description: Option<&'a str>,
    interval: Option<&'a Value>,
}

impl<'a> NormalizedError<'a> {
    fn read(is_success: bool, object: &'a Map<String, Value>) -> Option<Self> {
        let inner = object.get("error").and_then(Value::as_object);
        let codes = texts(object, CODES, inner, INNER_CODES);
        let words = texts(object, WORDS, inner, INNER_WORDS);
        // A text among the words (Twitch) is a code if it is a known one.
        let known = codes.iter().chain(&words).map(|text| rfc_spelling(text)).find(|code| error_codes::is_known(code));
        let has_error = object.get("error").is_some_and(is_meaningful);
        let says_anything = !codes.is_empty() || !words.is_empty();
        if known.is_none() && !has_error && (is_success || !says_anything) {
            return None;
        }
        let description = words.into_iter().find(|text| known.as_deref() != Some(&rfc_spelling(text)));
        Some(Self {
            // `Not Found` and the like under the name of a code are words all the same.
            error_description: description.or_else(|| phrase(&codes).filter(|_| known.is_none())),
            error: known.or_else(|| codes.first().map(|code| (*code).to_owned())).unwrap_or_default(),
            interval: object.get("interval"),
        })
    }
}

/// Returns the texts of these names that are not blank, of the object and then of the one within.
fn texts<'a>(
    object: &'a Map<String, Value>,
    names: &[&str],
    inner: Option<&'a Map<String, Value>>,
    inner_names: &[&str],
) -> Vec<&'a str> {
    let outer = names.iter().filter_map(|name| object.get(*name));
    let values = outer.chain(inner_names.iter().filter_map(|name| inner?.get(*name)));
    values.filter_map(Value::as_str).filter(|text| !text.trim().is_empty()).collect()
}

/// Returns the first code with a space, if it is a short phrase of letters.
fn phrase<'a>(codes: &[&'a str]) -> Option<&'a str> {
    let is_short = |text: &&str| text.len() <= 40 && text.chars().all(|c| c.is_ascii_alphabetic() || c == ' ');
    codes.iter().copied().find(|text| text.contains(' ')).filter(is_short)
}

/// Returns a code as an RFC would write it: `Invalid device code`, `INVALID_DEVICE_CODE` and `InvalidDeviceCodeException` are
/// `invalid_device_code`.
fn rfc_spelling(text: &str) -> String {
    let text = text.trim().trim_end_matches('.').replace([' ', '-'], "_");
    let is_camel_case = !text.contains('_') && text.contains(|c: char| c.is_ascii_lowercase());
    let mut code = String::with_capacity(text.len() + 4);
    for c in text.chars() {
        if is_camel_case && c.is_ascii_uppercase() && !code.is_empty() {
            code.push('_');
        }
        code.push(c.to_ascii_lowercase());
    }
    code.trim_end_matches("_exception").to_owned()
}

/// Returns whether a member says anything.
fn is_meaningful(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::Bool(true) => true,
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(list) => list.iter_mut().for_each(wipe),
        Value::Object(object) => object.values_mut().for_each(wipe),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::system::http::body::to_json;

    fn normalized(status: u16, text: &str) -> Option<String> {
        let body = to_json(Zeroizing::new(text.as_bytes().to_vec()));
        error_response((200..300).contains(&status), &body).map(|json| String::from_utf8(json.to_vec()).unwrap())
    }

    #[test]
    fn the_code_is_found_wherever_it_stands() {
        for (status, text, code) in [
            (200, "error=authorization_pending&error_description=x+y%21", "authorization_pending"),
            (400, r#"{"status":400,"message":"authorization_pending"}"#, "authorization_pending"),
            (400, r#"{"error":"Bad Request","status":400,"message":"Invalid refresh token"}"#, "invalid_refresh_token"),
            (400, r#"{"error":{"code":31,"message":"take an action","type":"OAuthException"}}"#, "OAuthException"),
            (400, r#"{"error":{"message":"slow_down"}}"#, "slow_down"),
            (403, r#"{"error":"made_up","error_description":7}"#, "made_up"),
            (200, r#"{"ok":false,"error":"not_authed"}"#, "not_authed"),
        ] {
            let json: Value = serde_json::from_str(&normalized(status, text).expect(text)).unwrap();
            assert_eq!(json["error"], code, "{text}");
        }
        for (status, text) in [
            (200, r#"{"message":"done","code":"success"}"#),
            (200, r#"{"error":null}"#),
            (200, r#"{"error":""}"#),
            (400, "{}"),
            (400, r#"{"errors":[]}"#),
            (400, "<html>a=b</html>"),
            (400, ""),
        ] {
            assert_eq!(normalized(status, text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_to_its_room(bytes in prop::collection::vec(any::<u8>(), 0..200), success: bool) {
            let json = to_json(Zeroizing::new(bytes));
            let _ = error_response(success, &json);
        }
    }
}
