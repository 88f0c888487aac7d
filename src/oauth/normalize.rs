//! What servers do, brought into the shape that the RFCs have: for any server, known or not.
//!
//! Pure functions over the bytes of a reply. What they make of them holds what those held, so it is wiped too.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use url::Url;
use zeroize::{Zeroize, Zeroizing};

use crate::model::secret::Secret;
use crate::oauth::error_codes;

/// An error reply as RFC 6749 §5.2 has it (`error`, `error_description`), with the `interval` that may stand beside; `None` where
/// the body tells of no error. A reply with a status of success is one only where it says so in OAuth's words, or under `error`.
pub(crate) fn error(is_success: bool, body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let Ok(Value::Object(mut object)) = serde_json::from_slice(body) else { return None };
    let told = told(is_success, &object).and_then(|told| {
        let mut json = Zeroizing::new(Vec::with_capacity(2 * body.len() + 64));
        serde_json::to_writer(&mut *json, &told).ok().map(|()| json)
    });
    // It may quote the secret that was sent.
    object.values_mut().for_each(wipe);
    told
}

/// For serde: a number of seconds, which servers also send as text; junk and what exceeds ten years is unknown. A part of a second is
/// left out: what lives for so long is not used for longer.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(believed(deserializer)?.map(|n| Duration::from_secs(n as u64)))
}

/// For serde: as [`seconds`], rounded up. RFC 8628 §3.5: "the client MUST wait at least the number of seconds specified by the
/// "interval" parameter".
pub(crate) fn seconds_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(believed(deserializer)?.map(|n| Duration::from_secs(n.ceil() as u64)))
}

/// For serde: text, or a list of texts as one (Twitch's `scope`); anything else is unknown, and makes the tokens beside it no less
/// issued.
pub(crate) fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
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

/// For serde: a URL; what is none counts as not said.
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

/// What names somebody or something: a text, or a whole number, which is taken as text. One that JSON's readers round would be the name
/// of several.
pub(crate) fn identifier(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(number.to_string()),
        _ => None,
    }
}

/// A number, which some servers write as text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The longest time that is believed, of whatever a server says.
pub(crate) const TEN_YEARS: Duration = Duration::from_secs(315_576_000);

fn believed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(number(&Value::deserialize(deserializer)?).filter(|n| (0.0..=TEN_YEARS.as_secs_f64()).contains(n)))
}

/// RFC 6749 §5.2.
#[derive(Serialize)]
struct Told<'a> {
    error: String,
    error_description: Option<&'a str>,
    interval: Option<&'a Value>,
}

/// Where servers put the code: RFC 6749's name first, then what others have beside it, and within an `error` that is an object.
const CODES: &[&str] = &["error", "code", "error_code", "errorCode"];
const INNER_CODES: &[&str] = &["error", "code", "status", "type", "reason"];

/// Where servers put words for people.
const WORDS: &[&str] =
    &["error_description", "errorDescription", "error_message", "errorSummary", "message", "msg", "detail"];
const INNER_WORDS: &[&str] = &["message", "error_description", "description", "error_user_msg"];

fn told<'a>(is_success: bool, object: &'a Map<String, Value>) -> Option<Told<'a>> {
    let inner = object.get("error").and_then(Value::as_object);
    let texts = |from: Option<&'a Map<String, Value>>, names: &'static [&str]| {
        names.iter().filter_map(move |name| from?.get(*name)?.as_str()).filter(|text| !text.trim().is_empty())
    };
    let codes = || texts(Some(object), CODES).chain(texts(inner, INNER_CODES));
    let words = || texts(Some(object), WORDS).chain(texts(inner, INNER_WORDS));
    // What stands among the words (Twitch) is a code if it is one that is known.
    let known = codes().chain(words()).map(normal).find(|code| error_codes::is_known(code));
    let says_error = object.get("error").is_some_and(is_something);
    let says_anything = !is_success && codes().chain(words()).next().is_some();
    if known.is_none() && !says_error && !says_anything {
        return None;
    }
    // `Not Found` and the like under the name of a code are words all the same.
    let is_phrase = |text: &&str| text.len() <= 40 && text.chars().all(|c| c.is_ascii_alphabetic() || c == ' ');
    let phrase = || codes().find(|text| known.is_none() && text.contains(' ')).filter(is_phrase);
    let error_description = words().find(|text| known.as_deref() != Some(&normal(text))).or_else(phrase);
    let error = known.or_else(|| codes().next().map(str::to_owned)).unwrap_or_default();
    Some(Told { error, error_description, interval: object.get("interval") })
}

/// A code as it would be written in an RFC: `Invalid device code`, `INVALID_DEVICE_CODE` and `InvalidDeviceCodeException` are
/// `invalid_device_code`.
fn normal(text: &str) -> String {
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

/// Whether a member says anything.
fn is_something(value: &Value) -> bool {
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

    fn shaped(status: u16, text: &str) -> Option<String> {
        let body = to_json(Zeroizing::new(text.as_bytes().to_vec()));
        error((200..300).contains(&status), &body).map(|json| String::from_utf8(json.to_vec()).unwrap())
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
            let json: Value = serde_json::from_str(&shaped(status, text).expect(text)).unwrap();
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
            assert_eq!(shaped(status, text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_to_its_room(bytes in prop::collection::vec(any::<u8>(), 0..200), success: bool) {
            let shaped = to_json(Zeroizing::new(bytes));
            let _ = error(success, &shaped);
        }
    }
}
