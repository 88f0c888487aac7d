//! Adds lines to the trail.

use std::io;
use std::time::Duration;

use super::files::{self, FILE, LOCK, Tail, TrailHead};
use super::line::{Line, written};
use crate::custody::mac_key::MacKey;
use crate::model::error::Result;
use crate::model::event::{Event, EventCode};
use crate::model::ids::GrantId;
use crate::state_dir::{Folder, Lock, Log};

/// An event that is to be added.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    /// The key of the grant that it is about, if that is known.
    pub(crate) key: Option<MacKey>,
    /// If a line about this grant's generation stands behind that line already, nothing is added: several processes may find that it is missing.
    pub(crate) unless: Option<Generation>,
}

/// A generation of a grant, and what its record has sealed.
#[derive(Debug, Clone)]
pub(crate) struct Generation {
    pub(crate) grant: GrantId,
    pub(crate) number: u64,
    pub(crate) sealed: Option<TrailHead>,
}

/// How long an event waits for others to be written.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// The size at which a file is closed, and the chain goes on in a new one.
pub(crate) const MAX_FILE: u64 = 16 << 20;

/// Makes an event about the trail itself: of this code, with these words, and a number of lines.
pub(crate) type OwnEvent<'a> = dyn Fn(EventCode, &str, Option<u64>) -> Result<Event> + 'a;

/// Adds the entries in this order, and before them what is to be said of the trail itself. `own` makes events about the trail. `lost`: how many
/// lines this process could not write before. `durable`: returns after they are on the disk.
pub(crate) fn append(root: &Folder, entries: &[Entry], own: &OwnEvent<'_>, lost: u64, durable: bool) -> Appended {
    let lost_now = lost + entries.len() as u64;
    let Ok(Some(lock)) = root.lock(LOCK, LOCK_TIMEOUT) else { return Appended { is_written: false, lost: lost_now } };
    let lost_before = lock.read_number();
    let all_lost = lost_before.unwrap_or_default() + lost;
    let done = Appending { root, own, durable }.run(entries, all_lost);
    match done {
        Ok(()) => {
            // Takes the room for the number while there is room.
            if lost_before != Some(0) {
                lock.write_number(0);
            }
            Appended { is_written: true, lost: 0 }
        }
        Err(_) => Appended { is_written: false, lost: count_lost(&lock, all_lost + entries.len() as u64) },
    }
}

/// What became of entries.
pub(crate) struct Appended {
    pub(crate) is_written: bool,
    /// The lines that are lost, as far as only this process knows it.
    pub(crate) lost: u64,
}

/// Leaves the number of lost lines to the next run, in room that the lock's file has already. Returns the number that only this process knows.
fn count_lost(lock: &Lock, lost: u64) -> u64 {
    lock.write_number(lost);
    if lock.read_number() == Some(lost) { 0 } else { lost }
}

struct Appending<'a> {
    root: &'a Folder,
    own: &'a OwnEvent<'a>,
    durable: bool,
}

impl Appending<'_> {
    fn run(&self, entries: &[Entry], lost: u64) -> io::Result<()> {
        let (log, tail) = self.newest()?;
        let seq = tail.head.as_ref().map_or(0, |head| head.seq);
        let mut lines = Lines { bytes: Vec::new(), seq, hash: tail.hash.clone() };
        if tail.is_open {
            lines.bytes.push(b'\n');
        }
        if tail.length == 0 {
            match self.last_of_older()? {
                Some((seq, hash)) => {
                    (lines.seq, lines.hash) = (seq, hash);
                    lines.add(&self.own(EventCode::TrailRotated, "the trail goes on in a new file", None)?, None)?;
                }
                None => {
                    lines.hash.clear();
                    lines.add(&self.own(EventCode::TrailStarted, "a trail begins", None)?, None)?;
                }
            }
        } else if tail.is_torn {
            lines.add(&self.own(EventCode::TrailGap, "a line was not written whole", Some(1))?, None)?;
        }
        if lost > 0 {
            let detail = "lines could not be written, as the disk or the folder failed";
            lines.add(&self.own(EventCode::TrailGap, detail, Some(lost))?, None)?;
        }
        for entry in entries {
            if entry.unless.as_ref().is_some_and(|generation| self.is_told(&log, generation)) {
                continue;
            }
            lines.add(&entry.event, entry.key.as_ref())?;
        }
        if let Err(error) = log.append(&lines.bytes) {
            // So that the next line does not begin in the middle of this one.
            let _ = log.cut(tail.length);
            return Err(error);
        }
        if self.durable { log.sync(self.root) } else { Ok(()) }
    }

    fn own(&self, code: EventCode, detail: &str, count: Option<u64>) -> io::Result<Event> {
        (self.own)(code, detail, count).map_err(io::Error::other)
    }

    /// Returns the file to add to. Closes one that is full.
    fn newest(&self) -> io::Result<(Log, Tail)> {
        let log = self.root.extend_log(FILE)?;
        let tail = files::tail(&log)?;
        if tail.length < MAX_FILE {
            return Ok((log, tail));
        }
        let first = log.read_at(0, 64)?;
        let digits = first.strip_prefix(b"{\"seq\":").unwrap_or_default().split(|byte| !byte.is_ascii_digit()).next();
        let first = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        // A file that does not begin with a line of ours gets the number of its last one.
        let first: u64 = first.or(tail.head.as_ref().map(|head| head.seq)).unwrap_or_default();
        drop(log);
        // Nothing is written over, whatever somebody has put there.
        let mut names = (first..).map(files::name_of_older);
        let free = names.find(|name| self.root.touched(name).is_none()).unwrap_or_default();
        self.root.publish(FILE, &free).map_err(io::Error::other)?;
        let log = self.root.extend_log(FILE)?;
        let tail = files::tail(&log)?;
        Ok((log, tail))
    }

    /// Returns the number of the last line of the newest file that is closed, and the hash of what stands last there.
    fn last_of_older(&self) -> io::Result<Option<(u64, String)>> {
        let names = files::names(self.root).map_err(io::Error::other)?;
        let Some(name) = names.iter().rfind(|name| *name != FILE) else { return Ok(None) };
        let Some(log) = self.root.open_log(name).map_err(io::Error::other)? else { return Ok(None) };
        let tail = files::tail(&log)?;
        let seq = tail.head.map(|head| head.seq).or_else(|| files::first_of(name));
        Ok(Some((seq.unwrap_or_default(), tail.hash)))
    }

    /// Returns whether a line tells of this generation.
    fn is_told(&self, log: &Log, generation: &Generation) -> bool {
        let Ok(length) = log.length() else { return false };
        // Behind what the record has sealed. After a rotation that offset is of another file, and the whole new one is read.
        let from = generation.sealed.as_ref().filter(|head| is_at(log, head)).map_or(0, |head| head.offset);
        let Ok(bytes) = log.read_at(from, (length - from) as usize) else { return false };
        let lines = bytes.split(|byte| *byte == b'\n').filter_map(Line::read);
        let mut of_grant = lines.filter(|line| line.grant == Some(generation.grant.as_str()));
        of_grant.any(|line| line.event().is_some_and(|event| tells_of(&event, generation.number)))
    }
}

/// Returns whether the event is the one that each generation has.
pub(super) fn tells_of(event: &Event, generation: u64) -> bool {
    let makes_one = [EventCode::Refreshed, EventCode::GrantCreated, EventCode::OwnerChanged];
    makes_one.contains(&event.code) && event.details.generation == Some(generation)
}

fn is_at(log: &Log, head: &TrailHead) -> bool {
    let bytes = log.read_at(head.offset, 64 << 10).unwrap_or_default();
    bytes.split(|byte| *byte == b'\n').next().is_some_and(|line| super::line::hash(line) == head.hash)
}

/// Lines that are added in one write.
struct Lines {
    bytes: Vec<u8>,
    seq: u64,
    hash: String,
}

impl Lines {
    fn add(&mut self, event: &Event, key: Option<&MacKey>) -> io::Result<()> {
        let line = written(self.seq + 1, &self.hash, event, key)?;
        self.seq += 1;
        self.hash = super::line::hash(&line);
        self.bytes.extend_from_slice(&line);
        self.bytes.push(b'\n');
        Ok(())
    }
}
