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
#[cfg(any(test, fuzzing))]
pub(crate) use line::hash as hash_of;

/// Returns a trail of four lines about a grant, with the code of its key, for tests of the reader.
#[cfg(any(test, fuzzing))]
pub(crate) fn sample(grant: &crate::model::ids::GrantId, key: &crate::custody::mac_key::MacKey) -> Vec<u8> {
    use crate::model::event::{Event, EventCode};
    let runner = r#"{"actor":{"kind":"agent","name":"x","told_by":"host"},"os_user":"a","host":"h","pid":1,"program":"p","app":"acme","hallpass":"0"}"#;
    let (mut bytes, mut hash) = (Vec::new(), String::new());
    for (seq, code) in [EventCode::TrailStarted, EventCode::GrantCreated, EventCode::Exported, EventCode::Refreshed]
        .into_iter()
        .enumerate()
    {
        let json = format!(
            r#"{{"event":"{}","id":"i","time":"2026-01-01T00:00:00.000Z","flow":"f","outcome":"success","by":{runner},"of":{{"grant":"{grant}"}},"details":{{"generation":{seq}}}}}"#,
            code.name()
        );
        let Ok(event) = serde_json::from_str::<Event>(&json) else { return Vec::new() };
        let Ok(line) = line::written(seq as u64 + 1, &hash, &event, Some(key)) else { return Vec::new() };
        hash = line::hash(&line);
        bytes.extend_from_slice(&line);
        bytes.push(b'\n');
    }
    bytes
}
