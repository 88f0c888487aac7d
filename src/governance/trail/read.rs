//! The events of a trail, from a place on.

use std::fmt;
use std::str::FromStr;

use super::files::{self, FILE};
use super::line::{Line, hash};
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::setting::Setting;
use crate::state_dir::Folder;

/// A place in the trail: behind one of its lines. As text it is `12.Xk3v9QzA`, the number of the line and the beginning of its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    seq: u64,
    hash: String,
}

/// An event as it stands in the trail.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LoggedEvent {
    /// The number of its line.
    pub seq: u64,
    /// The hash of the line before.
    pub previous: String,
    /// The code that the grant's key has made, if it was there.
    pub mac: Option<String>,
    /// The event; `None` if a newer version of this program wrote it in a way that this version does not know.
    pub event: Option<Event>,
    /// The whole line, as JSON.
    pub line: String,
    /// The place behind it.
    pub cursor: Cursor,
}

/// How many characters of a hash a cursor has.
const SHORT: usize = 8;

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('.').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash)));
        match parts.filter(|(_, hash)| hash.len() == SHORT && hash.is_ascii()) {
            Some((seq, hash)) => Ok(Self { seq, hash: hash.to_owned() }),
            None => Err(Error::config(
                Setting::Cursor,
                format!(
                    "\"{}\" is no cursor of a trail: take one from an answer",
                    crate::model::sanitize::quoted(text)
                ),
            )),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.seq, self.hash)
    }
}

/// Returns the events behind `since`, the oldest first. If the line of the cursor is not there any more, returns all: an event is read at least once.
pub(crate) fn events(root: &Folder, since: Option<&Cursor>) -> Result<Vec<LoggedEvent>> {
    let (mut events, mut is_behind) = (Vec::new(), since.is_none());
    for name in names_from(root, since)? {
        let Some(bytes) = files::read(root, &name)? else { continue };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
        for text in bytes[..whole].split(|byte| *byte == b'\n') {
            let Some(line) = Line::read(text) else { continue };
            let own_hash = hash(text);
            if is_behind {
                events.extend(logged(&line, text, &own_hash));
            } else if since.is_some_and(|since| since.seq == line.seq && own_hash.starts_with(&since.hash)) {
                is_behind = true;
            }
        }
    }
    if is_behind { Ok(events) } else { self::events(root, None) }
}

/// Returns the files that may have lines behind `since`.
fn names_from(root: &Folder, since: Option<&Cursor>) -> Result<Vec<String>> {
    let names = files::names(root)?;
    let Some(since) = since else { return Ok(names) };
    let first = |name: &String| if name == FILE { None } else { files::first_of(name) };
    let begins = names.iter().rposition(|name| first(name).is_some_and(|first| first <= since.seq)).unwrap_or(0);
    Ok(names[begins..].to_vec())
}

fn logged(line: &Line<'_>, text: &[u8], own_hash: &str) -> Option<LoggedEvent> {
    Some(LoggedEvent {
        seq: line.seq,
        previous: line.prev.to_owned(),
        mac: line.mac.map(str::to_owned),
        event: line.event(),
        line: String::from_utf8(text.to_vec()).ok()?,
        cursor: Cursor { seq: line.seq, hash: own_hash.get(..SHORT)?.to_owned() },
    })
}
