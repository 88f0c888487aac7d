//! Content codings (RFC 9110 §8.4.1): `gzip` (RFC 1952) and `deflate` (RFC 1950, and RFC 1951 bare), for replies that a gateway
//! compressed although the request asked for `identity`.
//!
//! Written here because no crate of the tree inflates, and a reply to a refresh that cannot be read loses a login. The code is small and
//! not fast: a reply is complete when it is decoded, and its size is bounded.

use zeroize::Zeroizing;

pub(crate) use crate::system::http::deflate::DecodeError;
use crate::system::http::deflate::{Bits, Output, array, inflate};

/// The most codings that are removed. No server applies more, and each costs a pass over the whole
/// body.
const MAX_CODINGS: usize = 4;

/// Removes the codings from `body`, which then has at most `limit` bytes. If that fails, `body` is unchanged. RFC 9110 §8.4: "If one or more
/// encodings have been applied to a representation, the sender that applied the encodings MUST generate a Content-Encoding header field
/// that lists the content codings in the order in which they were applied."
///
/// Text stays as it is, whatever the header says: some proxies decode a body and leave the header behind, and some servers name a charset
/// there.
pub(crate) fn decode(body: &mut Zeroizing<Vec<u8>>, codings: &[String], limit: usize) -> Result<(), DecodeError> {
    let mut inner: Option<Zeroizing<Vec<u8>>> = None;
    for (at, coding) in codings.iter().rev().enumerate() {
        let outer = inner.as_ref().unwrap_or(body);
        if is_text(outer) {
            break;
        }
        inner = Some(match coding.as_str() {
            _ if at >= MAX_CODINGS => return Err(DecodeError::Unknown),
            "identity" => continue,
            // RFC 9110 §8.4.1.3: "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"."
            "gzip" | "x-gzip" => gunzip(outer, limit)?,
            "deflate" => decode_deflate(outer, limit)?,
            _ => return Err(DecodeError::Unknown),
        });
    }
    if let Some(inner) = inner {
        *body = inner;
    }
    Ok(())
}

/// Returns whether the body is text. A compressed body is not: gzip's first byte is no UTF-8, and a
/// block of deflate with the fixed codes ends with zeros. A longer block without any control
/// character would be a coincidence.
fn is_text(body: &[u8]) -> bool {
    let hides = |c: char| c.is_control() && !c.is_whitespace();
    std::str::from_utf8(body).is_ok_and(|text| !text.contains(hides))
}

/// How every gzip member begins (RFC 1952 §2.3.1), with the only method there is.
const GZIP: &[u8] = &[0x1f, 0x8b, 8];

/// RFC 1952 §2.2: "A gzip file consists of a series of "members"".
fn gunzip(body: &[u8], limit: usize) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
    let mut out = Output::new(limit);
    let mut rest = body;
    while rest.starts_with(GZIP) {
        let deflated = after_gzip_header(rest)?;
        let start = out.bytes.len();
        let mut input = Bits::new(deflated);
        inflate(&mut input, &mut out)?;
        let after = input.bytes_after();
        let member = &out.bytes[start..];
        let length = u32::try_from(member.len()).map_err(|_| DecodeError::TooLarge)?;
        let is_whole =
            *array::<4>(after, 0)? == crc_32(member).to_le_bytes() && *array::<4>(after, 4)? == length.to_le_bytes();
        if !is_whole {
            return Err(DecodeError::Damaged);
        }
        rest = &after[8..];
    }
    // Some servers pad with zeros or a line break. Bytes after a whole member are not of this body.
    match rest.len() < body.len() {
        true => Ok(out.bytes),
        false => Err(DecodeError::Damaged),
    }
}

/// Returns what follows the header of a member (RFC 1952 §2.3).
fn after_gzip_header(member: &[u8]) -> Result<&[u8], DecodeError> {
    let flags = *member.get(3).ok_or(DecodeError::Damaged)?;
    let mut at = 10;
    if flags & FEXTRA != 0 {
        let [low, high] = *array::<2>(member, at)?;
        at += 2 + usize::from(u16::from_le_bytes([low, high]));
    }
    if flags & FNAME != 0 {
        at = after_zero(member, at)?;
    }
    if flags & FCOMMENT != 0 {
        at = after_zero(member, at)?;
    }
    if flags & FHCRC != 0 {
        at += 2;
    }
    member.get(at..).ok_or(DecodeError::Damaged)
}

/// Returns the place after the text that begins at `from` and ends with a zero.
fn after_zero(member: &[u8], from: usize) -> Result<usize, DecodeError> {
    let text = member.get(from..).ok_or(DecodeError::Damaged)?;
    text.iter().position(|byte| *byte == 0).map(|end| from + end + 1).ok_or(DecodeError::Damaged)
}

const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;

/// RFC 9110 §8.4.1.2: "Some non-conformant implementations send the "deflate" compressed data without the zlib wrapper."
fn decode_deflate(body: &[u8], limit: usize) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
    // RFC 1950 §2.2: the method is 8, and "CMF and FLG, when viewed as a 16-bit unsigned integer stored in MSB order (CMF*256 + FLG), is
    // a multiple of 31". A preset dictionary (0x20) nobody has agreed on.
    let is_wrapped =
        |head: &[u8; 2]| head[0] & 15 == 8 && u16::from_be_bytes(*head).is_multiple_of(31) && head[1] & 0x20 == 0;
    let mut out = Output::new(limit);
    if array::<2>(body, 0).is_ok_and(is_wrapped) {
        let mut input = Bits::new(&body[2..]);
        let inflated = inflate(&mut input, &mut out);
        if inflated == Ok(()) && array::<4>(input.bytes_after(), 0)? == &adler_32(&out.bytes).to_be_bytes() {
            return Ok(out.bytes);
        }
        return Err(inflated.err().unwrap_or(DecodeError::Damaged));
    }
    let mut input = Bits::new(body);
    inflate(&mut input, &mut out)?;
    // No checksum says that it is whole.
    if input.bytes_after().is_empty() { Ok(out.bytes) } else { Err(DecodeError::Damaged) }
}

/// RFC 1952 §8.
fn crc_32(bytes: &[u8]) -> u32 {
    let byte = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(!0, byte)
}

/// RFC 1950 §8.2.
fn adler_32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

    use super::*;

    const LIMIT: usize = 1 << 20;

    const JSON: &[u8] = br#"{"access_token":"at_s3cr3t_1","token_type":"Bearer","refresh_token":"rt_s3cr3t_2"}"#;

    /// By gzip 1.12.
    const GZIPPED: &str = "1f8b0800000000000003ab564a4c4e4e2d2e8e2fc9cf4ecd53b2524a2c892f364e2e322e893754d251028bc6975416a402a59c\
                           52138b528b80a245a96945a9c519703d45703d464ab50017cf4df552000000";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
    }

    fn of(body: &[u8], codings: &[&str]) -> Result<Vec<u8>, DecodeError> {
        let codings: Vec<_> = codings.iter().map(|coding| (*coding).to_owned()).collect();
        let mut decoded = Zeroizing::new(body.to_vec());
        let outcome = decode(&mut decoded, &codings, LIMIT);
        assert!(outcome.is_ok() || *decoded == body, "it is left as it was");
        outcome.map(|()| decoded.to_vec())
    }

    #[test]
    fn a_gzip_file_is_read_whole_or_not_at_all() {
        let file = bytes(GZIPPED);
        assert_eq!(of(&file, &["gzip"]).as_deref(), Ok(JSON));
        assert_eq!(of(&[file.clone(), file.clone()].concat(), &["x-gzip"]), Ok([JSON, JSON].concat()));
        let twice = compress_to_vec_zlib(&compress_to_vec(JSON, 6), 6);
        assert_eq!(of(&twice, &["deflate", "deflate"]).as_deref(), Ok(JSON));
        // With every optional part of the header: extra field, name, comment and its own checksum.
        let parts = [&file[..3], &[0x1e], &file[4..10], b"\x02\0ab", b"name\0", b"comment\0", b"\0\0", &file[10..]];
        assert_eq!(of(&parts.concat(), &["gzip"]).as_deref(), Ok(JSON));
        for at in 3..file.len() {
            assert_eq!(of(&file[..at], &["gzip"]), Err(DecodeError::Damaged), "cut at {at}");
        }
        for at in 10..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0x10;
            assert!(of(&damaged, &["gzip"]).is_err(), "byte {at}");
        }
    }

    #[test]
    fn what_is_not_compressed_is_taken_as_it_is() {
        let pretty = serde_json::to_vec_pretty(&serde_json::from_slice::<serde_json::Value>(JSON).unwrap()).unwrap();
        for body in [JSON, &pretty, b"", b" {\r\n\t\"name\": \"Zo\xc3\xab\"}", b"error=invalid_grant", b"<html>"] {
            for codings in [
                &["gzip"][..],
                &["deflate"],
                &["identity"],
                &[],
                &["deflate", "gzip"],
                &["br"],
                &["utf-8"],
                &["gzip"; 5],
            ] {
                assert_eq!(of(body, codings).as_deref(), Ok(body), "{codings:?}");
            }
        }
        assert_eq!(of(b"\xce\xb2\x1b\0", &["br"]), Err(DecodeError::Unknown));
    }
}
