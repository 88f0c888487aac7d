//! Content codings (RFC 9110 §8.4.1): `gzip` (RFC 1952) and `deflate` (RFC 1950, and RFC 1951 bare), for replies that a gateway
//! compressed although the request asked for `identity`.
//!
//! Written here because no crate of the tree inflates, and a reply to a refresh that cannot be read loses a login. It is small because
//! it need not be fast: the whole reply is at hand, and its size is bounded.

use zeroize::Zeroizing;

/// Why a body could not be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    /// It decodes to more bytes than allowed.
    TooLarge,
    /// It is cut, or its checksum is wrong, or it breaks the format.
    Damaged,
    /// The coding is not known here.
    Unknown,
}

/// Takes the codings off `body`, which is at most `limit` bytes then; leaves it as it was where that fails. RFC 9110 §8.4: "If one or more
/// encodings have been applied to a representation, the sender that applied the encodings MUST generate a Content-Encoding header field
/// that lists the content codings in the order in which they were applied."
///
/// Text is taken as it is, whatever the header says: proxies decode a body and leave the header behind, and some servers name a charset
/// there.
pub(crate) fn decode(body: &mut Zeroizing<Vec<u8>>, codings: &[String], limit: usize) -> Result<(), Failed> {
    // Nobody applies more, and each costs a pass over the whole.
    const MOST: usize = 4;
    let mut inner: Option<Zeroizing<Vec<u8>>> = None;
    for (at, coding) in codings.iter().rev().enumerate() {
        let outer = inner.as_ref().unwrap_or(body);
        if is_text(outer) {
            break;
        }
        inner = Some(match coding.as_str() {
            _ if at >= MOST => return Err(Failed::Unknown),
            "identity" => continue,
            // RFC 9110 §8.4.1.3: "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"."
            "gzip" | "x-gzip" => unzipped(outer, limit)?,
            "deflate" => of_deflate(outer, limit)?,
            _ => return Err(Failed::Unknown),
        });
    }
    if let Some(inner) = inner {
        *body = inner;
    }
    Ok(())
}

/// Whether the body can be read. A compressed one cannot: gzip's first byte is no UTF-8, and a block of deflate with the fixed codes ends
/// with zeros; that a longer one had no control character would be an accident.
fn is_text(body: &[u8]) -> bool {
    let hides = |c: char| c.is_control() && !c.is_whitespace();
    std::str::from_utf8(body).is_ok_and(|text| !text.contains(hides))
}

/// How every gzip member begins (RFC 1952 §2.3.1), with the only method there is.
const GZIP: &[u8] = &[0x1f, 0x8b, 8];

/// RFC 1952 §2.2: "A gzip file consists of a series of "members"".
fn unzipped(body: &[u8], limit: usize) -> Result<Zeroizing<Vec<u8>>, Failed> {
    let mut out = Output::new(limit);
    let mut rest = body;
    while rest.starts_with(GZIP) {
        let flags = *rest.get(3).ok_or(Failed::Damaged)?;
        let mut at = 10;
        let zero_ended = |from: usize| {
            let text = rest.get(from..).ok_or(Failed::Damaged)?;
            text.iter().position(|byte| *byte == 0).map(|end| from + end + 1).ok_or(Failed::Damaged)
        };
        if flags & FEXTRA != 0 {
            let [low, high] = *array::<2>(rest, at)?;
            at += 2 + usize::from(u16::from_le_bytes([low, high]));
        }
        if flags & FNAME != 0 {
            at = zero_ended(at)?;
        }
        if flags & FCOMMENT != 0 {
            at = zero_ended(at)?;
        }
        if flags & FHCRC != 0 {
            at += 2;
        }
        let start = out.bytes.len();
        let mut input = Bits::new(rest.get(at..).ok_or(Failed::Damaged)?);
        inflate(&mut input, &mut out)?;
        let after = input.bytes_after();
        let member = &out.bytes[start..];
        let length = u32::try_from(member.len()).map_err(|_| Failed::TooLarge)?;
        let is_whole =
            *array::<4>(after, 0)? == crc_32(member).to_le_bytes() && *array::<4>(after, 4)? == length.to_le_bytes();
        if !is_whole {
            return Err(Failed::Damaged);
        }
        rest = &after[8..];
    }
    // Some pad with zeros or a line break: what is behind a whole member is not of this body.
    match rest.len() < body.len() {
        true => Ok(out.bytes),
        false => Err(Failed::Damaged),
    }
}

const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;

/// RFC 9110 §8.4.1.2: "Some non-conformant implementations send the "deflate" compressed data without the zlib wrapper."
fn of_deflate(body: &[u8], limit: usize) -> Result<Zeroizing<Vec<u8>>, Failed> {
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
        return Err(inflated.err().unwrap_or(Failed::Damaged));
    }
    let mut input = Bits::new(body);
    inflate(&mut input, &mut out)?;
    // No checksum says that it is whole.
    if input.bytes_after().is_empty() { Ok(out.bytes) } else { Err(Failed::Damaged) }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<&[u8; N], Failed> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(Failed::Damaged)
}

/// What was inflated so far, in a buffer that never grows: one that does leaves copies behind.
struct Output {
    bytes: Zeroizing<Vec<u8>>,
    limit: usize,
}

impl Output {
    fn new(limit: usize) -> Self {
        Self { bytes: Zeroizing::new(Vec::with_capacity(limit)), limit }
    }

    fn push(&mut self, byte: u8) -> Result<(), Failed> {
        if self.bytes.len() == self.limit {
            return Err(Failed::TooLarge);
        }
        self.bytes.push(byte);
        Ok(())
    }
}

/// RFC 1951 §3.1.1: "Data elements are packed into bytes in order of increasing bit number within the byte".
struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn bit(&mut self) -> Result<u16, Failed> {
        let byte = self.bytes.get(self.at / 8).ok_or(Failed::Damaged)?;
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        Ok(bit.into())
    }

    /// A number, the least significant bit first.
    fn number(&mut self, bits: u8) -> Result<u16, Failed> {
        (0..bits).try_fold(0, |number, place| Ok(number | self.bit()? << place))
    }

    /// What is left from the next byte on.
    fn bytes_after(&mut self) -> &'a [u8] {
        self.at = self.at.next_multiple_of(8);
        self.bytes.get(self.at / 8..).unwrap_or_default()
    }
}

/// One Huffman code (RFC 1951 §3.2.2): how many symbols have a code of each length, and the symbols in the order of their codes.
struct Code {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Result<Self, Failed> {
        let mut counts = [0_u16; 16];
        lengths.iter().for_each(|length| counts[usize::from(*length)] += 1);
        counts[0] = 0;
        // More codes of a length than there is room for.
        let room = counts[1..].iter().try_fold(1_i32, |room, count| {
            let left = 2 * room - i32::from(*count);
            (left >= 0).then_some(left)
        });
        room.ok_or(Failed::Damaged)?;
        let mut symbols: Vec<u16> = (0_u16..).take(lengths.len()).filter(|at| lengths[usize::from(*at)] > 0).collect();
        // A stable sort: "All codes of a given bit length have lexicographically consecutive values, in the same order as the symbols they
        // represent".
        symbols.sort_by_key(|at| lengths[usize::from(*at)]);
        Ok(Self { counts, symbols })
    }

    /// Codes come with the most significant bit first: the first code of each length follows from the counts of the shorter ones.
    fn symbol(&self, input: &mut Bits<'_>) -> Result<u16, Failed> {
        let (mut code, mut first, mut index) = (0_i32, 0_i32, 0_i32);
        for count in self.counts[1..].iter().map(|count| i32::from(*count)) {
            code |= i32::from(input.bit()?);
            if code - first < count {
                let at = usize::try_from(index + code - first).map_err(|_| Failed::Damaged)?;
                return self.symbols.get(at).copied().ok_or(Failed::Damaged);
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        Err(Failed::Damaged)
    }
}

/// One stream of blocks (RFC 1951 §3.2.3).
fn inflate(input: &mut Bits<'_>, out: &mut Output) -> Result<(), Failed> {
    let start = out.bytes.len();
    // RFC 1951 §3.2.6. Made once: a stream may consist of nothing but empty blocks.
    let lengths = [(144, 8), (112, 9), (24, 7), (8, 8)].map(|(count, bits)| vec![bits; count]).concat();
    let fixed = (Code::new(&lengths)?, Code::new(&[5; 30])?);
    loop {
        let is_last = input.bit()? == 1;
        match input.number(2)? {
            0 => stored(input, out)?,
            1 => block(input, out, start, &fixed.0, &fixed.1)?,
            2 => {
                let (literals, distances) = codes(input)?;
                block(input, out, start, &literals, &distances)?;
            }
            _ => return Err(Failed::Damaged),
        }
        if is_last {
            return Ok(());
        }
    }
}

/// RFC 1951 §3.2.4.
fn stored(input: &mut Bits<'_>, out: &mut Output) -> Result<(), Failed> {
    let rest = input.bytes_after();
    let [low, high, not_low, not_high] = *array::<4>(rest, 0)?;
    if [!low, !high] != [not_low, not_high] {
        return Err(Failed::Damaged);
    }
    let length = usize::from(u16::from_le_bytes([low, high]));
    rest.get(4..4 + length).ok_or(Failed::Damaged)?.iter().try_for_each(|byte| out.push(*byte))?;
    input.at += 8 * (4 + length);
    Ok(())
}

/// The codes of a block that brings its own (RFC 1951 §3.2.7).
fn codes(input: &mut Bits<'_>) -> Result<(Code, Code), Failed> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let literals = usize::from(input.number(5)?) + 257;
    let distances = usize::from(input.number(5)?) + 1;
    let of_lengths = usize::from(input.number(4)?) + 4;
    let mut lengths = [0_u8; 19];
    for place in &ORDER[..of_lengths] {
        lengths[*place] = input.number(3)? as u8;
    }
    let code = Code::new(&lengths)?;
    let mut lengths: Vec<u8> = Vec::with_capacity(320);
    while lengths.len() < literals + distances {
        let (length, times) = match code.symbol(input)? {
            16 => (*lengths.last().ok_or(Failed::Damaged)?, input.number(2)? + 3),
            17 => (0, input.number(3)? + 3),
            18 => (0, input.number(7)? + 11),
            length => (length as u8, 1),
        };
        lengths.extend(std::iter::repeat_n(length, times.into()));
    }
    // More lengths than codes; or no code for the end of the block.
    if lengths.len() != literals + distances || lengths[256] == 0 {
        return Err(Failed::Damaged);
    }
    let (literals, distances) = lengths.split_at(literals);
    Ok((Code::new(literals)?, Code::new(distances)?))
}

/// RFC 1951 §3.2.5: the shortest length of a symbol from 257 on, and how many extra bits are added to it.
fn length(symbol: u16) -> Result<(u16, u8), Failed> {
    match symbol - 257 {
        at @ 0..8 => Ok((at + 3, 0)),
        at @ 8..28 => Ok((((4 + at % 4) << (at / 4 - 1)) + 3, (at / 4 - 1) as u8)),
        28 => Ok((258, 0)),
        _ => Err(Failed::Damaged),
    }
}

/// The same of a distance.
fn distance(symbol: u16) -> Result<(u16, u8), Failed> {
    match symbol {
        0..4 => Ok((symbol + 1, 0)),
        4..30 => Ok((((2 + symbol % 2) << (symbol / 2 - 1)) + 1, (symbol / 2 - 1) as u8)),
        _ => Err(Failed::Damaged),
    }
}

/// Literals and copies, up to the end of the block. A copy reaches back to `start`, where this stream began, and no further.
fn block(
    input: &mut Bits<'_>,
    out: &mut Output,
    start: usize,
    literals: &Code,
    distances: &Code,
) -> Result<(), Failed> {
    let sum = |input: &mut Bits<'_>, (base, extra): (u16, u8)| Ok(usize::from(base + input.number(extra)?));
    loop {
        match literals.symbol(input)? {
            256 => return Ok(()),
            literal @ 0..256 => out.push(literal as u8)?,
            symbol => {
                let length = sum(input, length(symbol)?)?;
                let symbol = distances.symbol(input)?;
                let distance = sum(input, distance(symbol)?)?;
                let from =
                    out.bytes.len().checked_sub(distance).filter(|from| *from >= start).ok_or(Failed::Damaged)?;
                // Byte by byte: a copy may reach into itself.
                for at in from..from + length {
                    let byte = out.bytes[at];
                    out.push(byte)?;
                }
            }
        }
    }
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
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1 << 20;

    const JSON: &[u8] = br#"{"access_token":"at_s3cr3t_1","token_type":"Bearer","refresh_token":"rt_s3cr3t_2"}"#;

    /// By gzip 1.12.
    const GZIPPED: &str = "1f8b0800000000000003ab564a4c4e4e2d2e8e2fc9cf4ecd53b2524a2c892f364e2e322e893754d251028bc6975416a402a59c\
                           52138b528b80a245a96945a9c519703d45703d464ab50017cf4df552000000";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
    }

    fn of(body: &[u8], codings: &[&str]) -> Result<Vec<u8>, Failed> {
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
        // With every optional part of the header: extra field, name, comment and its own checksum.
        let parts = [&file[..3], &[0x1e], &file[4..10], b"\x02\0ab", b"name\0", b"comment\0", b"\0\0", &file[10..]];
        assert_eq!(of(&parts.concat(), &["gzip"]).as_deref(), Ok(JSON));
        for at in 3..file.len() {
            assert_eq!(of(&file[..at], &["gzip"]), Err(Failed::Damaged), "cut at {at}");
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
        for codings in [&["br"][..], &["zstd", "gzip"], &["identity", "br"]] {
            assert_eq!(
                of(b"\xce\xb2\xcf\x81\x1b\0", codings),
                Err(if codings[0] == "zstd" { Failed::Damaged } else { Failed::Unknown })
            );
        }
    }

    #[test]
    fn the_limit_counts_what_comes_out() {
        let zeros = vec![0; LIMIT];
        assert_eq!(of(&compress_to_vec(&zeros, 9), &["deflate"]).map(|body| body.len()), Ok(LIMIT));
        let bomb = compress_to_vec_zlib(&vec![0; 64 * LIMIT], 9);
        assert_eq!(of(&bomb, &["deflate"]), Err(Failed::TooLarge));
    }

    proptest! {
        #[test]
        fn everything_comes_back(words in prop::collection::vec("[ -~]{0,9}", 0..400), noise: Vec<u8>, level in 0_u8..=10) {
            let mut body = words.iter().cycle().take(2 * words.len()).flat_map(|word| word.bytes()).collect::<Vec<_>>();
            body.extend(noise);
            for compressed in [compress_to_vec(&body, level), compress_to_vec_zlib(&body, level)] {
                prop_assert_eq!(of(&compressed, &["deflate"]), Ok(body.clone()));
            }
            let twice = compress_to_vec_zlib(&compress_to_vec(&body, level), level);
            prop_assert_eq!(of(&twice, &["deflate", "deflate"]), Ok(body));
        }

        #[test]
        fn no_bytes_do_harm(bytes: Vec<u8>, start in 0_usize..3) {
            let start = [&b""[..], b"\x1f\x8b\x08\0", b"\x78\x9c"][start];
            let body = [start, &bytes].concat();
            for coding in ["gzip", "deflate"] {
                prop_assert!(of(&body, &[coding]).is_ok_and(|body| body.len() <= LIMIT) || of(&body, &[coding]).is_err());
            }
        }
    }
}
