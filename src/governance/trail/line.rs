//! A line of the trail: an event, and what chains it to the line before.
//!
//! ```text
//! {"seq":12,"prev":"…","grant":"…","mac":"…","event":{…}}
//! ```
//!
//! `prev` is the SHA-256 of the line before, without its line break. `mac` is made with a key of the grant, over the line without `mac`
//! itself. Only native lines are chained; other formats are made of them when they are read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::custody::mac_key::MacKey;
use crate::model::event::Event;

/// What the key of a line's code is derived for.
pub(crate) const PURPOSE: &str = "hallpass trail";

/// A line as it is in the file, taken apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line<'a> {
    /// Its place in the trail, from 1 on.
    pub(super) seq: u64,
    /// The hash of the line before; empty in the first line of a trail.
    pub(super) prev: &'a str,
    /// The grant that it is about, if it is about one.
    pub(super) grant: Option<&'a str>,
    /// The code that the grant's key has made.
    pub(super) mac: Option<&'a str>,
    /// The event, as JSON.
    pub(super) event: &'a [u8],
    /// The line up to the code, and the line behind it: what the code is made of.
    signed: [&'a [u8]; 2],
}

const SEQ: &[u8] = b"{\"seq\":";
const PREV: &[u8] = b",\"prev\":\"";
const GRANT: &[u8] = b"\",\"grant\":\"";
const MAC: &[u8] = b"\",\"mac\":\"";
const EVENT: &[u8] = b"\",\"event\":";

/// Returns the line, without a line break; `key` is the one of the grant.
pub(super) fn written(seq: u64, prev: &str, event: &Event, key: Option<&MacKey>) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(1024);
    let mut add = |parts: &[&[u8]]| parts.iter().for_each(|part| line.extend_from_slice(part));
    add(&[SEQ, seq.to_string().as_bytes(), PREV, prev.as_bytes()]);
    if let Some(grant) = &event.of.grant {
        add(&[GRANT, grant.as_str().as_bytes()]);
    }
    let mut rest = EVENT.to_vec();
    serde_json::to_writer(&mut rest, event)?;
    rest.push(b'}');
    if let Some(key) = key {
        let code = key.code(&[&line, &rest]);
        line.extend_from_slice(MAC);
        line.extend_from_slice(code.as_bytes());
    }
    line.append(&mut rest);
    Ok(line)
}

/// Returns the hash of a line, without its line break.
pub(crate) fn hash(line: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(line))
}

impl<'a> Line<'a> {
    /// Takes a line apart, without its line break. Returns `None` if it is not exactly as [`written`] writes it, up to the event, which is
    /// not looked at: a million lines are read in a second.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let (seq, rest) = until(line.strip_prefix(SEQ)?, b',')?;
        let (prev, rest) = until(rest.strip_prefix(PREV)?, b'"')?;
        let (grant, rest) = optional(rest, GRANT)?;
        let before = line.len() - rest.len();
        let (mac, rest) = optional(rest, MAC)?;
        let event = rest.strip_prefix(EVENT)?.strip_suffix(b"}")?;
        let is_number = seq.bytes().all(|byte| byte.is_ascii_digit()) && !seq.starts_with('0');
        let seq = seq.parse().ok().filter(|_| is_number)?;
        Some(Self { seq, prev, grant, mac, event, signed: [&line[..before], rest] })
    }

    /// Returns whether the key has made the code of this line.
    pub(super) fn is_by(&self, key: &MacKey) -> bool {
        self.mac.is_some_and(|code| key.made(code, &self.signed))
    }

    /// Returns the event, if it can be read.
    pub(super) fn event(&self) -> Option<Event> {
        serde_json::from_slice(self.event).ok()
    }
}

/// Returns the text up to `end`, and the rest from `end` on.
fn until(bytes: &[u8], end: u8) -> Option<(&str, &[u8])> {
    let at = bytes.iter().position(|byte| *byte == end)?;
    Some((std::str::from_utf8(&bytes[..at]).ok()?, &bytes[at..]))
}

/// Returns the text behind `name`, if `name` comes next.
fn optional<'a>(bytes: &'a [u8], name: &[u8]) -> Option<(Option<&'a str>, &'a [u8])> {
    match bytes.strip_prefix(name) {
        Some(rest) => until(rest, b'"').map(|(text, rest)| (Some(text), rest)),
        None => Some((None, bytes)),
    }
}
