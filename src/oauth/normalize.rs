//! What servers do, brought into the shape that the RFCs have: for any server, known or not.
//!
//! Pure functions over the bytes of a reply. What they make of them holds what those held, so it is wiped too.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use url::Url;
use zeroize::{Zeroize, Zeroizing};

use crate::model::secret::Secret;
use crate::oauth::server_quirks;

/// The body as JSON, where it can be: without a byte order mark, and a form (GitHub's default) as an object of texts. The declared
/// type is not looked at: servers mislabel both, and what is neither is left as it is, to be no JSON.
pub(crate) fn body(mut body: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    // RFC 8259 §8.1: "implementations that parse JSON texts MAY ignore the presence of a byte order mark rather than treating it
    // as an error."
    if body.starts_with(b"\xef\xbb\xbf") {
        body.drain(..3);
    }
    form(&body).unwrap_or(body)
}

/// Whether the body is a page for people, whatever its declared type.
pub(crate) fn is_page(body: &[u8]) -> bool {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    text.starts_with(b"<")
        && text.windows(5).any(|tag| tag.eq_ignore_ascii_case(b"<html") || tag.eq_ignore_ascii_case(b"<body"))
}

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
    let known = codes().chain(words()).map(normal).find(|code| server_quirks::is_known(code));
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

/// A form as a JSON object of texts, if it is one from end to end: names of letters, digits, `_`, `.` and `-`, each with a value
/// that holds nothing that a form would have encoded.
fn form(body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let body = body.trim_ascii();
    // The longest that it can become, so that it does not grow and leave copies behind.
    let mut json = Zeroizing::new(Vec::with_capacity(6 * body.len() + 16));
    for (number, pair) in body.split(|byte| *byte == b'&').enumerate() {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (&pair[..at], &pair[at + 1..]);
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
        if name.is_empty() || !name.iter().all(is_name) {
            return None;
        }
        json.extend_from_slice(if number == 0 { b"{\"" } else { b",\"" });
        json.extend_from_slice(name);
        json.extend_from_slice(b"\":\"");
        decode(value, &mut json)?;
        json.push(b'"');
    }
    json.push(b'}');
    Some(json)
}

/// One encoded value into the inside of a JSON text.
fn decode(value: &[u8], json: &mut Vec<u8>) -> Option<()> {
    let hex = |byte: Option<&u8>| char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        let decoded = match byte {
            b'+' => b' ',
            b'%' => 16 * hex(bytes.next())? + hex(bytes.next())?,
            byte if !byte.is_ascii_graphic() || b"<>\"{}".contains(byte) => return None,
            byte => *byte,
        };
        match decoded {
            b'"' | b'\\' => json.extend_from_slice(&[b'\\', decoded]),
            0..0x20 => {
                let digit = |n: u8| b"0123456789abcdef"[usize::from(n)];
                json.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(decoded >> 4), digit(decoded & 15)]);
            }
            _ => json.push(decoded),
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shaped(status: u16, text: &str) -> Option<String> {
        let body = body(Zeroizing::new(text.as_bytes().to_vec()));
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

    #[test]
    fn a_form_becomes_an_object_and_a_page_does_not() {
        let json = form(b"access_token=a%2Bb%22%0a&scope=repo%2Cgist+x&token_type=\n").unwrap();
        assert_eq!(&**json, br#"{"access_token":"a+b\"\u000a","scope":"repo,gist x","token_type":""}"#);
        for text in ["", "a", "a=<b>", "a=b c", "<p a=b>", "{\"a\":1}", "a=%zz", "a=%f", "=b", "a=b&", "[a=b]"] {
            assert!(form(text.as_bytes()).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_to_its_room(bytes in prop::collection::vec(any::<u8>(), 0..200), success: bool) {
            let shaped = body(Zeroizing::new(bytes));
            let _ = error(success, &shaped);
        }

        #[test]
        fn every_form_is_an_object(pairs in prop::collection::vec(("[a-z_]{1,8}", any::<String>()), 1..5)) {
            let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let json = form(text.as_bytes()).unwrap();
            prop_assert!(json.len() <= 6 * text.len() + 16);
            let object: Map<String, Value> = serde_json::from_slice(&json).unwrap();
            let (name, value) = pairs.last().unwrap();
            prop_assert_eq!(object[name].as_str(), Some(value.as_str()));
        }
    }
}
