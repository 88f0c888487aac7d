//! The picture at the top of `src/lib.rs`, held against every path that the code names.
//!
//! To add a file, add it to its layer in [`LAYERS`]. To open a door in another file, think twice, then see [`DOORS`].

use std::collections::BTreeMap;
use std::path::Path;

use self::source::{File, Source, Target};

mod dependencies;
mod samples;
mod source;
mod tokens;

/// Arrows point to a smaller layer, or along one without a cycle. [`Wire`] and [`Keeping`] never name each other.
///
/// [`Wire`]: Layer::Wire
/// [`Keeping`]: Layer::Keeping
#[derive(Debug, Clone, Copy, PartialEq)]
enum Layer {
    Words,
    Wire,
    Keeping,
    Living,
    Face,
}

/// Which files there are. A name stands for `name.rs` or `name/mod.rs` and what is below it, but `oauth` and `custody`
/// list theirs.
const LAYERS: &[(Layer, &str)] = &[
    (Layer::Face, "lib cli manual testing"),
    (
        Layer::Living,
        "auth blocking config context doctor fuzzing inventory leftovers login logout relocation rotation servers session switch token trail userinfo \
         wiring worker",
    ),
    (
        Layer::Wire,
        "oauth oauth/access_token oauth/challenge oauth/claims oauth/client_auth oauth/deflate oauth/device oauth/dialect oauth/dpop oauth/endpoint \
         oauth/exchange oauth/form oauth/http oauth/http_error oauth/id_token oauth/inflate oauth/introspection oauth/metadata \
         oauth/pkce oauth/proxy oauth/refusal oauth/revocation oauth/shape oauth/userinfo oauth/wording",
    ),
    (
        Layer::Keeping,
        "attempt custody custody/cache custody/kernel custody/keyfile custody/memory custody/os custody/passphrase custody/place \
         custody/verdict custody/wrapped grant home lock record seal",
    ),
    (
        Layer::Words,
        "actor browser clock duration error event failpoint hardening id org passphrase policy posture prompt remedy secret surroundings \
         text tty wrap",
    ),
];

/// What only some files may name, and what the others do instead.
const DOORS: &[(&str, &[&str], &str)] = &[
    ("oauth2", &["oauth/endpoint.rs"], "take its TokenReply"),
    ("reqwest", &["oauth/http.rs"], "send through it"),
    ("rustls", &["oauth/http.rs"], "send through it"),
    ("std::net::TcpStream", &["oauth/http.rs", "testing/"], "send through oauth/http.rs"),
    ("std::net::TcpListener", &["testing/"], "the library does not listen"),
    ("std::net::UdpSocket", &[], "the library speaks HTTP only"),
    ("hyper", &["testing/"], "the library does not listen"),
    ("hyper_util", &["testing/"], "the library does not listen"),
    (
        "std::fs",
        &["home.rs", "home/", "surroundings/", "passphrase/terminal.rs"],
        "ask crate::home, which checks and commits atomically",
    ),
    ("std::os::unix::fs", &["home.rs", "home/"], "ask crate::home"),
    ("std::os::windows::fs", &["home.rs", "home/"], "ask crate::home"),
    ("rustix::termios", &["passphrase/terminal.rs", "prompt/keys.rs", "tty.rs"], "ask through AskPassphrase"),
    ("terminal_size", &["surroundings/screen.rs"], "take a Screen"),
    ("rustix::mm", &["hardening.rs"], "the host asks for it, by hallpass::hardening"),
    ("rustix::process::kill_current_process_group", &["tty.rs"], "take a Tty"),
    ("nix", &["tty.rs", "cli/signals.rs"], "take a Tty"),
    ("rustix::event", &["passphrase/terminal.rs", "prompt/keys.rs"], "wait with the Clock, or on a channel"),
    ("argon2", &["custody/passphrase.rs"], "take Arc<dyn Custody>"),
    ("chacha20poly1305", &["seal.rs"], "take a SealingKey"),
    ("rustix::fs", &["home.rs", "home/"], "ask crate::home"),
    ("tempfile", &["testing/"], "ask crate::home"),
    ("std::env", &["surroundings/"], "take &Surroundings"),
    ("tokio", &["worker.rs", "oauth/http.rs", "testing/"], "write blocking code; the worker makes it async"),
    ("keyring", &["custody/os.rs", "custody/os/"], "take Arc<dyn Custody>"),
    ("keyring_core", &["custody/os.rs", "custody/os/"], "take Arc<dyn Custody>"),
    ("secret_service", &["custody/os.rs", "custody/os/"], "take Arc<dyn Custody>"),
    ("zbus", &["custody/os.rs", "custody/os/"], "take Arc<dyn Custody>"),
    ("zbus_secret_service_keyring_store", &["custody/os.rs", "custody/os/"], "take Arc<dyn Custody>"),
    ("apple_native_keyring_store", &["custody/os.rs", "custody/os/"], "take Arc<dyn Custody>"),
    ("windows_native_keyring_store", &["custody/os.rs", "custody/os/"], "take Arc<dyn Custody>"),
    ("linux_keyutils", &["custody/kernel.rs", "custody/kernel/"], "take Arc<dyn Custody>"),
    ("httpdate", &["oauth/http.rs", "testing/connection.rs"], "take its Reply"),
    ("http_auth", &["oauth/challenge.rs"], "take its Demand"),
    ("open", &["browser.rs"], "ask crate::browser"),
    ("qrcode", &["prompt/qr.rs"], "ask Terminal"),
    ("std::process::Command", &["browser.rs", "cli/"], "ask crate::browser"),
    ("std::process::exit", &["cli/render.rs"], "return an ExitCode: exit drops nothing"),
    ("std::time::SystemTime::now", &["clock.rs"], "ask the Clock"),
    ("std::time::Instant::now", &["clock.rs"], "ask the Clock, or take a Deadline"),
    ("rustix::time", &["clock.rs"], "ask the Clock"),
    ("std::thread::sleep", &["clock.rs"], "clock.sleep(duration, &cancel)"),
    ("clap", &["cli/"], "the face parses, the library takes values"),
    ("ctrlc", &["cli/"], "the library takes a Cancel"),
    ("signal_hook", &["cli/"], "the library takes a Cancel"),
    ("std::io::stdin", &["cli/", "prompt.rs", "prompt/", "surroundings/"], "library code is silent"),
    ("std::io::stdout", &["cli/", "prompt.rs", "prompt/", "surroundings/"], "library code is silent"),
    (
        "std::io::stderr",
        &["cli/", "passphrase/terminal.rs", "prompt.rs", "prompt/", "surroundings/"],
        "library code is silent",
    ),
];

/// The macros that speak, for `cli/` only.
const LOUD: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// A file past 400 lines wants to be two; it may take 50 more to find out where to cut.
const LINES: usize = 450;

#[test]
fn every_file_has_its_layer() {
    holds(strangers);
}

#[test]
fn arrows_point_down() {
    holds(arrows_up);
}

#[test]
fn no_files_of_a_layer_go_round_in_a_circle() {
    holds(circles);
}

#[test]
fn the_face_uses_public_names() {
    holds(hidden_names);
}

#[test]
fn doors_are_used_by_their_keepers() {
    holds(open_doors);
}

#[test]
fn files_fit_a_head() {
    holds(long_files);
}

#[track_caller]
fn holds(rule: fn(&Source) -> Vec<String>) {
    let source = Source::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("src is readable");
    assert!(source.files.contains_key("lib.rs"), "looked in the wrong folder");
    let found = rule(&source);
    assert!(found.is_empty(), "\n  {}\n", found.join("\n  "));
}

fn strangers(source: &Source) -> Vec<String> {
    let strangers = source.files.keys().filter(|name| layer(name).is_none());
    strangers.map(|name| format!("src/{name}: in no layer; add it to LAYERS in tests/it/architecture.rs")).collect()
}

fn arrows_up(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (from, line, to) in arrows(source) {
        let (Some(above), Some(below)) = (layer(from), layer(&to)) else {
            continue;
        };
        if !may_name(above, below) {
            found.push(format!("src/{from}:{line}: {above:?} may not name {below:?} (src/{to})"));
        } else if above == Layer::Wire && ["prompt", "browser"].iter().any(|person| covers(person, &to)) {
            found.push(format!("src/{from}:{line}: oauth knows no person (src/{to})"));
        }
    }
    found
}

fn circles(source: &Source) -> Vec<String> {
    let mut next: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (from, _, to) in arrows(source) {
        if layer(from) == layer(&to) {
            next.entry(from).or_default().push(to);
        }
    }
    let (mut done, mut found) = (Vec::new(), Vec::new());
    for name in source.files.keys() {
        visit(name, &next, &mut Vec::new(), &mut done, &mut found);
    }
    found
}

fn visit(
    name: &str,
    next: &BTreeMap<&str, Vec<String>>,
    trail: &mut Vec<String>,
    done: &mut Vec<String>,
    found: &mut Vec<String>,
) {
    if let Some(start) = trail.iter().position(|earlier| earlier == name) {
        let circle = trail[start..].iter().map(|name| format!("src/{name} → ")).collect::<String>() + "src/" + name;
        if !found.contains(&circle) {
            found.push(circle);
        }
        return;
    }
    if done.iter().any(|earlier| earlier == name) {
        return;
    }
    trail.push(name.to_owned());
    for to in next.get(name).into_iter().flatten() {
        visit(to, next, trail, done, found);
    }
    trail.pop();
    done.push(name.to_owned());
}

fn hidden_names(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (name, file) in &source.files {
        let Some(own) = ["cli", "testing"].into_iter().find(|face| covers(face, name)) else {
            continue;
        };
        for mention in &file.mentions {
            let path = &mention.path;
            if path[0] == "crate" && path.get(1).is_some_and(|first| first != own) && !source.is_public(path) {
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
            let Target::Foreign(path) = source.target(&mention.path) else {
                continue;
            };
            for (what, keepers, instead) in DOORS {
                if is_at(what, "::", &path) && !keepers.iter().any(|keeper| is_kept_by(keeper, name)) {
                    found.push(format!("src/{name}:{}: {path} is not for this file: {instead}", mention.line));
                }
            }
        }
        for (line, called) in &file.macros {
            if LOUD.contains(&called.as_str()) && !is_kept_by("cli/", name) {
                found.push(format!("src/{name}:{line}: {called}! is not for this file: library code is silent"));
            }
        }
    }
    found
}

fn long_files(source: &Source) -> Vec<String> {
    let judge = |(name, file): (&String, &File)| {
        let (lines, tests) = (file.lines, file.test_lines);
        if lines > LINES {
            Some(format!("src/{name}: {lines} lines, more than {LINES}; it wants to be two files"))
        } else if tests * 3 > lines {
            Some(format!(
                "src/{name}: {tests} of {lines} lines are unit tests, more than a third; tests/it is for more"
            ))
        } else {
            None
        }
    };
    source.files.iter().filter_map(judge).collect()
}

/// Every arrow from a file to another, with its line. A folder's table of contents (`pub use child::Name`) is none.
fn arrows(source: &Source) -> Vec<(&str, usize, String)> {
    let mut arrows = Vec::new();
    for (name, file) in &source.files {
        let folder = name.strip_suffix("mod.rs").unwrap_or(name);
        for mention in &file.mentions {
            if let Target::File(to) = source.target(&mention.path)
                && to != *name
                && !(mention.is_reexport && to.starts_with(folder))
            {
                arrows.push((name.as_str(), mention.line, to));
            }
        }
    }
    arrows
}

fn layer(name: &str) -> Option<Layer> {
    LAYERS.iter().find(|(_, names)| names.split_whitespace().any(|entry| covers(entry, name))).map(|(layer, _)| *layer)
}

fn may_name(above: Layer, below: Layer) -> bool {
    use Layer::{Face, Keeping, Living, Wire, Words};
    match above {
        Words => below == Words,
        Wire => matches!(below, Wire | Words),
        Keeping => matches!(below, Keeping | Words),
        Living => below != Face,
        Face => true,
    }
}

/// Whether the entry of [`LAYERS`] stands for the file.
fn covers(entry: &str, name: &str) -> bool {
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    stem == entry || (!["oauth", "custody"].contains(&entry) && is_at(entry, "/", stem))
}

fn is_kept_by(keeper: &str, name: &str) -> bool {
    name == keeper || (keeper.ends_with('/') && name.starts_with(keeper))
}

/// Whether `path` is `start` or goes on from there.
fn is_at(start: &str, separator: &str, path: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
}
