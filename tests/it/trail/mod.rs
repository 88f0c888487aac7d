//! The trail: what it tells, what it notices, and that no trouble with it breaks a login.
//!
//! | file | has |
//! | --- | --- |
//! | `life` | the events of a login, from its birth to its end |
//! | `tampering` | edited, dropped, exchanged, cut, deleted: each is found |
//! | `trouble` | a line that was not written whole, a folder that takes none, a clock that jumps |
//! | `reading` | events from a place on |
//! | `ocsf` | events in the terms of OCSF |

mod life;
mod ocsf;
mod reading;
mod tampering;
mod trouble;

use std::fs;
use std::path::PathBuf;

use hallpass::events::{Event, EventCode, LoggedEvent};

use crate::support::rig::Rig;

fn file(rig: &Rig) -> PathBuf {
    rig.home().join("trail.jsonl")
}

fn lines(rig: &Rig) -> Vec<String> {
    fs::read_to_string(file(rig)).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn write(rig: &Rig, lines: &[String]) {
    fs::write(file(rig), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

fn events(rig: &Rig) -> Vec<Event> {
    logged(rig).into_iter().map(|logged| logged.event.unwrap()).collect()
}

fn logged(rig: &Rig) -> Vec<LoggedEvent> {
    rig.auth().events(None).unwrap()
}

fn codes(rig: &Rig) -> Vec<EventCode> {
    events(rig).iter().map(|event| event.code).collect()
}

/// Chains the lines anew, as anybody can.
fn rechain(lines: &mut [String]) {
    use base64::Engine as _;
    let hash = |line: &str| {
        use sha2::Digest as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(line))
    };
    for at in 1..lines.len() {
        let before = hash(&lines[at - 1]);
        let start = lines[at].find("\"prev\":\"").unwrap() + 8;
        lines[at].replace_range(start..start + 43, &before);
    }
}
