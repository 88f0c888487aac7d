//! The folders of `src/` and what each may use, held against every path that the code names.
//!
//! | file | has |
//! | --- | --- |
//! | `source` | reads Rust: which paths a file names, and where they lead |
//! | `samples` | each rule finds its sample |
//! | `dependencies` | how many crates this one stands on |
//! | `names` | names of tests, and the tests of each law |
//!
//! A new file needs no entry. A new folder needs a line in [`FOLDERS`]; a new crate that only one place should know, one in [`DOORS`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use self::source::Source;

mod dependencies;
mod names;
mod samples;
mod source;

/// What the files of a folder may name, besides their own.
const FOLDERS: &[(&str, &str)] = &[
    ("model", ""),
    ("system", "model"),
    ("prompt", "model system"),
    ("oauth", "model system"),
    ("state_dir", "model system"),
    ("custody", "model system prompt state_dir"),
    ("governance", "model system state_dir custody"),
    ("records", "model system state_dir custody governance"),
    ("lifecycle", "model system prompt oauth state_dir custody governance records"),
    (ROOT, "model system prompt oauth state_dir custody governance records lifecycle"),
    ("fuzzing", "model system prompt oauth state_dir custody governance records lifecycle"),
    ("manual", ""),
];

/// The files beside `lib.rs`, and what it re-exports.
const ROOT: &str = "the root";

/// These stand where a host stands, and name what a host can.
const FACES: &[&str] = &["cli", "testing"];

/// What only some files may name, and what the others do instead. Files, times, processes and the environment are in
/// `.clippy.toml`, which sees through every path; the last lines here say who may be excepted from it.
const DOORS: &[(&str, &str, &str)] = &[
    ("oauth2", "oauth/token_endpoint.rs", "take its TokenReply"),
    (
        "reqwest",
        "system/http/client.rs system/http/reply.rs system/http/redirect.rs system/http/tls/",
        "send through system::http",
    ),
    ("rustls rustls_platform_verifier", "system/http/tls/", "send through system::http"),
    (
        "tokio",
        "lifecycle/jobs.rs system/http/client.rs system/http/tls/handshakes.rs testing/",
        "write blocking code; a job makes it async",
    ),
    ("hyper hyper_util http_body_util", "testing/", "the library does not listen"),
    ("httpdate", "system/http/reply.rs testing/", "take a Reply's fields"),
    ("http_auth", "oauth/challenge.rs", "take its Demand"),
    ("rustix::fs", "state_dir/", "ask crate::state_dir, which checks and commits atomically"),
    (
        "rustix::termios rustix::event rpassword",
        "prompt/ system/environment/screen.rs system/environment/process.rs system/tty.rs",
        "ask through a Prompt, wait with the Clock",
    ),
    ("rustix::time", "system/clock.rs", "ask the Clock"),
    ("rustix::mm", "system/hardening.rs", "the host asks for it, by hallpass::secret::harden_process"),
    ("rustix::process::kill_current_process_group", "system/tty.rs", "take a Tty"),
    ("nix", "system/tty.rs cli/", "take a Tty"),
    ("terminal_size", "system/environment/", "take a Screen"),
    ("open", "system/browser.rs", "ask system::browser"),
    ("qrcode", "prompt/qr.rs", "ask Terminal"),
    ("argon2", "custody/passphrase.rs", "take Arc<dyn KeyStore>"),
    ("chacha20poly1305", "custody/sealing_key.rs", "take a SealingKey"),
    ("hmac", "custody/mac_key.rs", "take a MacKey"),
    ("linux_keyutils", "custody/kernel.rs", "take Arc<dyn KeyStore>"),
    (
        "keyring keyring_core secret_service zbus zbus_secret_service_keyring_store apple_native_keyring_store \
         windows_native_keyring_store",
        "custody/os/",
        "take Arc<dyn KeyStore>",
    ),
    (
        "clap clap_complete clap_mangen ctrlc signal_hook",
        "cli/",
        "the face parses, the library takes values and a Cancel",
    ),
    ("std::io::stdin std::io::stdout std::io::stderr", "cli/ prompt/ system/environment/", "library code is silent"),
    ("clippy::print_stdout clippy::print_stderr clippy::exit", "cli/", "library code is silent, and returns"),
    (
        "clippy::disallowed_methods clippy::disallowed_types",
        "system/browser.rs system/clock.rs system/environment/ system/http/client.rs system/http/reply.rs system/http/tls/ prompt/passphrase/ state_dir/ custody/os/ cli/ testing/",
        "write what .clippy.toml names instead",
    ),
    ("clippy::all clippy::style clippy::restriction", "", "allow the one lint that is meant"),
];

/// A longer file wants to be two.
const LINES: usize = 350;

#[test]
fn folders_use_what_lies_below_them() {
    holds(arrows_up);
}

#[test]
fn files_of_a_folder_do_not_go_round_in_a_circle() {
    holds(circles);
}

#[test]
fn cli_and_testing_use_public_names() {
    holds(hidden_names);
}

#[test]
fn crates_are_named_by_their_keepers() {
    holds(open_doors);
}

#[test]
fn the_picture_in_lib_rs_names_the_folders() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let text = std::fs::read_to_string(root.join("lib.rs")).expect("lib.rs");
    let picture = text.split("```").find(|block| block.starts_with("text")).expect("a picture");
    let drawn: BTreeSet<_> = picture.split_whitespace().filter_map(|word| word.strip_suffix('/')).collect();
    let folders = FOLDERS.iter().map(|(folder, _)| *folder).chain(FACES.iter().copied());
    let there = folders.filter(|folder| *folder != "fuzzing" && root.join(folder).is_dir());
    assert_eq!(drawn, there.collect());
}

/// A folder's `mod.rs` begins with a table of its files: this is how a reader finds anything from the tree.
#[test]
fn tables_of_files_are_true() {
    for root in ["src", "tests/it"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
        for (folder, entries) in folders_below(&root) {
            let text = std::fs::read_to_string(folder.join("mod.rs")).expect("mod.rs");
            let rows =
                text.lines().filter_map(|line| line.strip_prefix("//! | ").or_else(|| line.strip_prefix("// | ")));
            let named = rows.filter_map(|row| row.trim_start_matches('[').strip_prefix('`')?.split_once('`'));
            let named: BTreeSet<_> = named.map(|(name, _)| name.to_owned()).filter(|name| name != "mod").collect();
            assert_eq!(named, entries, "the table in {}/mod.rs, and the files there", folder.display());
        }
    }
}

#[test]
fn files_are_short() {
    holds(long_files);
}

#[track_caller]
fn holds(rule: fn(&Source) -> Vec<String>) {
    let source = Source::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("src is readable");
    assert!(source.files.contains_key("lib.rs"), "looked in the wrong folder");
    let found = rule(&source);
    assert!(found.is_empty(), "\n  {}\n", found.join("\n  "));
}

fn arrows_up(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (name, file) in &source.files {
        let from = folder_of(name);
        if FACES.contains(&from) {
            continue;
        }
        let Some((_, below)) = FOLDERS.iter().find(|(folder, _)| *folder == from) else {
            found.push(format!("src/{name}: {from}/ has no line in FOLDERS"));
            continue;
        };
        for mention in file.mentions.iter().filter(|mention| mention.path[0] == "crate") {
            let first = mention.path.get(1).map_or("", String::as_str);
            // What is re-exported at the root lies at the root, wherever it comes from.
            let to = FOLDERS.iter().map(|(folder, _)| folder).chain(FACES).find(|folder| **folder == first);
            let to = to.copied().unwrap_or(ROOT);
            if to != from && !below.split(' ').any(|folder| folder == to) {
                let (line, path) = (mention.line, mention.path.join("::"));
                found.push(format!("src/{name}:{line}: {from} may not use {to} ({path})"));
            }
        }
    }
    found
}

fn circles(source: &Source) -> Vec<String> {
    let mut arrows = BTreeSet::new();
    for (name, file) in &source.files {
        let below = name.strip_suffix("mod.rs").unwrap_or(name);
        for mention in &file.mentions {
            if let Some(to) = source.file_of(&source.resolve(&mention.path))
                && to != name
                && folder_of(to) == folder_of(name)
                // A table of contents (`pub use child::Name`) is no arrow.
                && !(mention.is_reexport && (to.starts_with(below) || name == "lib.rs"))
            {
                arrows.insert((name.as_str(), to));
            }
        }
    }
    // Arrows out of a file that none leads to, and into one that none leaves, are on no circle. What is left is.
    loop {
        let goes_on = |(from, to): &&(&str, &str)| {
            arrows.iter().any(|earlier| earlier.1 == *from) && arrows.iter().any(|later| later.0 == *to)
        };
        let left: BTreeSet<_> = arrows.iter().filter(goes_on).copied().collect();
        if left.len() == arrows.len() {
            return left.iter().map(|(from, to)| format!("src/{from} → src/{to}: goes round in a circle")).collect();
        }
        arrows = left;
    }
}

fn hidden_names(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (name, file) in source.files.iter().filter(|(name, _)| FACES.contains(&folder_of(name))) {
        for mention in &file.mentions {
            let path = &mention.path;
            let is_own = path.get(1).is_some_and(|first| first == folder_of(name));
            if path[0] == "crate" && !is_own && !source.is_public(path) {
                found.push(format!("src/{name}:{}: {} is not public", mention.line, path.join("::")));
            }
        }
    }
    found
}

fn open_doors(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (name, file) in &source.files {
        for mention in &file.mentions {
            let path = source.resolve(&mention.path).join("::");
            for (what, keepers, instead) in DOORS {
                let is_named = what
                    .split(' ')
                    .any(|what| path.strip_prefix(what).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")));
                let is_keeper = |keeper: &str| name == keeper || (keeper.ends_with('/') && name.starts_with(keeper));
                if is_named && !keepers.split(' ').any(is_keeper) {
                    found.push(format!("src/{name}:{}: {path} is not for this file: {instead}", mention.line));
                }
            }
        }
    }
    found
}

fn long_files(source: &Source) -> Vec<String> {
    let long = source.files.iter().filter(|(_, file)| file.lines > LINES);
    long.map(|(name, file)| format!("src/{name}: {} lines, more than {LINES}", file.lines)).collect()
}

/// Every folder that is a module, with the names of the files and folders (`name/`) in it that are modules too.
fn folders_below(root: &Path) -> Vec<(PathBuf, BTreeSet<String>)> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        let mut entries = BTreeSet::new();
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("UTF-8").to_owned();
            if path.join("mod.rs").exists() {
                entries.insert(format!("{stem}/"));
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && stem != "mod" {
                entries.insert(stem);
            }
        }
        if folder != root {
            found.push((folder, entries));
        }
    }
    found
}

fn folder_of(name: &str) -> &str {
    name.split_once('/').map_or(ROOT, |(folder, _)| folder)
}
