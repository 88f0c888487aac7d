//! A reply's body as JSON, whatever its declared type: servers mislabel it.
//!
//! Pure functions over bytes. The result holds what the body held, so it is wiped too.

use zeroize::Zeroizing;

/// Returns the body as JSON: without a byte order mark, and a form (GitHub's default) as an object of texts. A body that is neither
/// JSON nor a form is returned as it is; it will not parse.
pub(crate) fn to_json(mut body: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    // RFC 8259 §8.1: "implementations that parse JSON texts MAY ignore the presence of a byte order mark rather than treating it
    // as an error."
    if body.starts_with(BYTE_ORDER_MARK) {
        body.drain(..BYTE_ORDER_MARK.len());
    }
    form_to_json(&body).unwrap_or(body)
}

/// Returns whether the body is a page for people.
pub(crate) fn is_web_page(body: &[u8]) -> bool {
    let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body).trim_ascii_start();
    text.starts_with(b"<")
        && text.windows(5).any(|tag| tag.eq_ignore_ascii_case(b"<html") || tag.eq_ignore_ascii_case(b"<body"))
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Converts a form to a JSON object of texts. Returns `None` unless the whole body is a form: names of letters, digits, `_`, `.` and `-`,
/// each with a value that has no character that a form would have encoded.
fn form_to_json(body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
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
        push_decoded(value, &mut json)?;
        json.push(b'"');
    }
    json.push(b'}');
    Some(json)
}

/// Decodes one value of a form into the inside of a JSON text.
fn push_decoded(value: &[u8], json: &mut Vec<u8>) -> Option<()> {
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        let decoded = match byte {
            b'+' => b' ',
            b'%' => 16 * hex_digit(bytes.next())? + hex_digit(bytes.next())?,
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

fn hex_digit(byte: Option<&u8>) -> Option<u8> {
    char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    #[test]
    fn a_form_becomes_an_object_and_a_page_does_not() {
        let json = form_to_json(b"access_token=a%2Bb%22%0a&scope=repo%2Cgist+x&token_type=\n").unwrap();
        assert_eq!(&**json, br#"{"access_token":"a+b\"\u000a","scope":"repo,gist x","token_type":""}"#);
        for text in ["", "a", "a=<b>", "a=b c", "<p a=b>", "{\"a\":1}", "a=%zz", "a=%f", "=b", "a=b&", "[a=b]"] {
            assert!(form_to_json(text.as_bytes()).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_form_is_an_object(pairs in prop::collection::vec(("[a-z_]{1,8}", any::<String>()), 1..5)) {
            let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let json = form_to_json(text.as_bytes()).unwrap();
            prop_assert!(json.len() <= 6 * text.len() + 16);
            let object: Map<String, Value> = serde_json::from_slice(&json).unwrap();
            let (name, value) = pairs.last().unwrap();
            prop_assert_eq!(object[name].as_str(), Some(value.as_str()));
        }
    }
}
