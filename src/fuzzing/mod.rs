//! The targets of tests/fuzz: a function for each kind of bytes that come from outside, through the product's own entry points. Each checks
//! what must hold for all bytes, and panics if it does not.
//!
//! Compiled only with `--cfg fuzzing`, and for the unit tests, which play the committed corpus.
//!
//! | file | targets |
//! | --- | --- |
//! | `mod` | the list of targets, and the checks that they share |
//! | `server_replies` | replies of servers and resources: token endpoint, device authorization, metadata, challenge |
//! | `stored_files` | files of the state folder: record, index, trail |

mod server_replies;
mod stored_files;

pub use server_replies::{challenge, device_reply, metadata, token_reply};
pub use stored_files::{index, record, trail};

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::model::error::Error;
use crate::model::sanitize::is_plain;
use crate::system::http::body;

/// Checks some bytes.
pub type Target = fn(&[u8]);

/// Every target, by its name in tests/fuzz.
pub const TARGETS: &[(&str, Target)] = &[
    ("challenge", challenge),
    ("device_reply", device_reply),
    ("index", index),
    ("metadata", metadata),
    ("record", record),
    ("token_reply", token_reply),
    ("trail", trail),
];

/// A part of every secret of the corpus.
const PLANTED: &str = "s3cr3t";
/// The members with secrets.
const SECRETS: &[&str] = &["access_token", "refresh_token", "id_token", "device_code"];
/// What is sent. A description may have been cut, so that the beginning counts as the whole.
const CLIENT_SECRET: &str = "cs_s3cr3t_0123456789";
const SENT: &str = "tk_s3cr3t_0123456789";
const MIN_SECRET_PIECE: usize = 12;

/// The members of a JSON object, unread: a member that nobody reads may hold anything, also no text, or too deep a value.
type Members = BTreeMap<String, Box<RawValue>>;

fn members(json: &[u8]) -> Option<Members> {
    serde_json::from_str(&String::from_utf8_lossy(json)).ok()
}

/// Returns the body as the product reads it, if it is an object.
fn object(body: &[u8]) -> Option<Members> {
    members(&body::to_json(Zeroizing::new(body.to_vec())))
}

/// Returns an error in every way to print it. Safe to print, and no longer than a person reads (law 12).
fn printed(error: &Error) -> String {
    let message = error.to_string();
    assert!(is_plain(&message) && message.chars().count() <= 1000, "{message:?}");
    format!("{message} {error:?} {error:#?}")
}

/// Law 11: nothing of what was sent, even if the server quotes it.
#[track_caller]
fn assert_quotes_nothing_sent(seen: &str, sent: &[&str]) {
    assert!(!sent.iter().any(|sent| seen.contains(&sent[..MIN_SECRET_PIECE])), "{seen}");
}

/// Law 11: nothing of a member with a secret, unless the server has it in its own words too.
#[track_caller]
fn assert_reveals_no_secret(seen: &str, body: &[u8]) {
    assert!(!seen.contains(PLANTED) || may_be_in_server_words(body), "{seen}");
}

/// Returns whether the server's own words could hold the planted text: then nothing distinguishes
/// them from a secret.
fn may_be_in_server_words(body: &[u8]) -> bool {
    let is_beside = |name: &str, value: &RawValue| {
        let text = format!("{name}{value}").to_ascii_lowercase();
        // Escapes and invisible characters could become the planted text.
        let is_as_it_seems = text.is_ascii() && is_plain(&text) && !text.contains(['\\', '%']);
        let could = text.contains(PLANTED) || !is_as_it_seems;
        could && !(SECRETS.contains(&name) && value.get().starts_with('"'))
    };
    object(body).is_some_and(|object| object.iter().any(|(name, value)| is_beside(name, value)))
}

/// Returns a number below `end` that only the bytes decide.
fn number_below(bytes: &[u8], end: usize) -> usize {
    let mixed = bytes.iter().fold(end, |mixed, byte| (mixed ^ usize::from(*byte)).wrapping_mul(0x0100_0193));
    (mixed >> 7) % end.max(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "the corpus is files")]

    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_corpus_holds() {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        if !tests.exists() {
            return println!("a package has no corpus: it is in the repository");
        }
        let names = |folder: &str| {
            let entries = tests.join("fuzz").join(folder).read_dir().unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(names("corpus"), TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        for (name, target) in TARGETS {
            assert!(names("fuzz_targets").contains(&format!("{name}.rs")));
            for seed in names(&format!("corpus/{name}")) {
                println!("{name}/{seed}");
                target(&std::fs::read(tests.join("fuzz/corpus").join(name).join(seed)).unwrap());
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_hold(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            TARGETS.iter().for_each(|(_, target)| target(&bytes));
        }
    }
}
