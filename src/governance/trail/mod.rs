//! The trail: what happened to the credentials of a state folder, as lines that show tampering (law 14).
//!
//! | file | has |
//! | --- | --- |
//! | `line` | one line: an event, and what chains it to the line before |
//! | `files` | the files of the trail: the newest one, and those before it |
//! | `append` | adds lines under the trail's lock, and counts what could not be written |
//! | `verify` | finds what was edited, cut, exchanged or deleted, and says from where on nothing is proved |
//! | `read` | the events of a trail, from a place on |
//!
//! `trail.jsonl` is only ever added to. At 16 MiB it is renamed to `trail-<number of its first line>.jsonl`, and the chain goes on in a new
//! file. No file is deleted here.

pub(crate) mod append;
pub(crate) mod files;
mod line;
pub(crate) mod read;
pub(crate) mod verify;

pub(crate) use files::TrailHead;
pub(crate) use line::PURPOSE;
