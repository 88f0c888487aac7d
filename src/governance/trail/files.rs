//! The files of the trail.

use std::io;

use serde::{Deserialize, Serialize};

use super::line::{Line, hash};
use crate::model::error::{Error, ErrorKind, Result};
use crate::state_dir::{Folder, Log};

/// The file that lines are added to.
pub(super) const FILE: &str = "trail.jsonl";

/// The trail's lock. Its number counts the lines that could not be written.
pub(super) const LOCK: &str = "trail.lock";

/// A line of the trail that was there at some moment. A record seals one: if the line is gone later, somebody has changed the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TrailHead {
    /// The number of the line.
    pub(crate) seq: u64,
    /// Its hash.
    pub(crate) hash: String,
    /// Where it begins in its file, in bytes.
    pub(crate) offset: u64,
}

/// The end of the newest file.
pub(super) struct Tail {
    /// The last line of ours.
    pub(super) head: Option<TrailHead>,
    /// The hash of what stands last, be it a line of ours or not: the next line is chained to it.
    pub(super) hash: String,
    /// Whether what stands last is no whole line of ours: a write broke off.
    pub(super) is_torn: bool,
    /// Whether it ends without a line break.
    pub(super) is_open: bool,
    /// The length of the file.
    pub(super) length: u64,
}

/// How much is read at once to find the last line. Most lines are shorter than 2 KiB.
const BLOCK: u64 = 8 << 10;

/// The largest file that is read whole: a file is closed at 16 MiB, after the lines of one deed.
const MAX_READ: u64 = 64 << 20;

/// No line of ours is longer.
const MAX_LINE: u64 = 1 << 20;

/// Reads a whole file of the trail; `None` if it does not exist.
pub(super) fn read(root: &Folder, name: &str) -> Result<Option<Vec<u8>>> {
    let Some(log) = root.open_log(name)? else { return Ok(None) };
    let whole = log.length().and_then(|length| match length <= MAX_READ {
        true => log.read_at(0, length as usize),
        false => Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than a trail's file gets")),
    });
    whole.map(Some).map_err(|error| {
        let path = root.path_of(name);
        Error::new(ErrorKind::Custody, format!("cannot read {}", path.display())).caused_by(error)
    })
}

/// Returns the names of the files, the oldest first.
pub(super) fn names(root: &Folder) -> Result<Vec<String>> {
    let mut older: Vec<(u64, String)> =
        root.names()?.into_iter().filter_map(|name| Some((first_of(&name)?, name))).collect();
    older.sort();
    let newest = root.open_log(FILE)?.map(|_| FILE.to_owned());
    Ok(older.into_iter().map(|(_, name)| name).chain(newest).collect())
}

/// Returns the name of a file that is not added to any more; `first` is the number of its first line.
pub(super) fn name_of_older(first: u64) -> String {
    format!("trail-{first:012}.jsonl")
}

/// Returns the number of the first line of an older file, by its name.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix("trail-")?.strip_suffix(".jsonl")?;
    number.parse().ok().filter(|first| name_of_older(*first) == name)
}

/// Returns the end of the trail as it is now: without the lock, as a line that is just being added does not count. `None` if there is no
/// trail, or if it cannot be read.
pub(crate) fn head(root: &Folder) -> Option<TrailHead> {
    let tail = tail(&root.open_log(FILE).ok()??).ok()?;
    tail.head
}

/// Returns whether the line is in the trail.
pub(crate) fn holds(root: &Folder, head: &TrailHead) -> bool {
    let is_in = |name: &str| {
        let log = root.open_log(name).ok()??;
        let bytes = log.read_at(head.offset, BLOCK as usize).ok()?;
        let bytes = match bytes.contains(&b'\n') {
            true => bytes,
            false => log.read_at(head.offset, MAX_LINE as usize).ok()?,
        };
        let line = bytes.split(|byte| *byte == b'\n').next()?;
        Some(hash(line) == head.hash && Line::read(line)?.seq == head.seq)
    };
    // Almost always in the newest: older ones are looked for if it is not there.
    is_in(FILE) == Some(true)
        || names(root).unwrap_or_default().iter().rev().any(|name| name != FILE && is_in(name) == Some(true))
}

/// Reads the end of a file.
pub(super) fn tail(log: &Log) -> io::Result<Tail> {
    let length = log.length()?;
    let mut block = BLOCK.min(length);
    loop {
        let start = length - block;
        let bytes = log.read_at(start, block as usize)?;
        if let Some(tail) = tail_of(&bytes, start, length) {
            return Ok(tail);
        }
        if block == length || block >= MAX_LINE {
            // Not one line of ours in it: the next line is chained to all that was seen.
            let is_open = bytes.last().is_some_and(|last| *last != b'\n');
            return Ok(Tail { head: None, hash: hash(&bytes), is_torn: length > 0, is_open, length });
        }
        block = (block * 4).min(length);
    }
}

/// Returns the end of a file of which `bytes` are the last ones, from `start` on; `None` if more is needed.
fn tail_of(bytes: &[u8], start: u64, length: u64) -> Option<Tail> {
    let is_open = bytes.last().is_some_and(|last| *last != b'\n');
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut last: Option<&[u8]> = None;
    let mut end = text.len();
    loop {
        let begins = text[..end].iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        // The first line may be cut, unless the file begins with it.
        let from = begins.or_else(|| (start == 0).then_some(0))?;
        let one = &text[from..end];
        let last = *last.get_or_insert(one);
        // Half a line may look like a whole one up to where its event is read.
        let is_whole = |line: &Line<'_>| !is_open || end < text.len() || line.event().is_some();
        if let Some(line) = Line::read(one).filter(is_whole) {
            let is_torn = end < text.len();
            let head = TrailHead { seq: line.seq, hash: hash(one), offset: start + from as u64 };
            let hash = if is_torn { hash(last) } else { head.hash.clone() };
            return Some(Tail { head: Some(head), hash, is_torn, is_open, length });
        }
        if from == 0 {
            return None;
        }
        end = from - 1;
    }
}
