//! What tests/fuzz throws bytes at: a function for each kind of bytes that come from outside, through the doors that the product
//! has. Each checks what has to hold whatever the bytes are, and panics where it does not.
//!
//! There only with `--cfg fuzzing`, and in the unit tests, which play the committed corpus.

mod keeping;
mod wire;

pub use keeping::{index, record};
pub use wire::{challenge, device_reply, metadata, token_reply};

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::error::Error;
use crate::text::is_plain;

/// The members of a JSON object, unread: what nobody reads may hold anything, be it no text or too deep.
type Members = BTreeMap<String, Box<RawValue>>;

fn members(json: &[u8]) -> Option<Members> {
    serde_json::from_str(&String::from_utf8_lossy(json)).ok()
}

/// What an error says in any of its ways to be printed. Safe to print, and no longer than a person reads (law 12).
fn said(error: &Error) -> String {
    let message = error.to_string();
    assert!(is_plain(&message) && message.chars().count() <= 1000, "{message:?}");
    format!("{message} {error:?} {error:#?}")
}

/// A number below `end` that only the bytes decide.
fn somewhere(bytes: &[u8], end: usize) -> usize {
    let mixed = bytes.iter().fold(end, |mixed, byte| (mixed ^ usize::from(*byte)).wrapping_mul(0x0100_0193));
    (mixed >> 7) % end.max(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "the corpus is files")]

    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    type Target = fn(&[u8]);

    const TARGETS: &[(&str, Target)] = &[
        ("challenge", challenge),
        ("device_reply", device_reply),
        ("index", index),
        ("metadata", metadata),
        ("record", record),
        ("token_reply", token_reply),
    ];

    #[test]
    fn the_corpus_holds() {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        if !tests.exists() {
            return println!("a package has no corpus: it is in the repository");
        }
        let entries = |folder: &Path| {
            let mut paths: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            paths
        };
        let names = |folder: &str| -> Vec<_> {
            let paths = entries(&tests.join(folder));
            paths.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
        };
        let targets: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
        assert_eq!((names("fuzz/corpus"), names("fuzz/fuzz_targets")), (owned(&targets), owned(&targets)));
        for (name, target) in TARGETS {
            let seeds = entries(&tests.join("fuzz/corpus").join(name));
            assert!(!seeds.is_empty(), "{name}");
            for seed in seeds {
                println!("{}", seed.display());
                target(&std::fs::read(&seed).unwrap());
            }
        }
    }

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    proptest! {
        #[test]
        fn any_bytes_hold(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            TARGETS.iter().for_each(|(_, target)| target(&bytes));
        }
    }
}
