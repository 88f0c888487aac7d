//! What is left of secrets in a process's memory after login, token, refresh and drop: counted from outside, and in a core. The
//! process is hardened by nothing. With the numbers: `cargo test --all-features --test real residue -- --nocapture`.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{ChildStdin, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::acme::example;
use crate::machine::Machine;
use crate::memory::{Copy, Needle, ProcessMemory};
use crate::needs::Need::{Keyring, Openssl, Provider as Server};
use crate::needs::{left_out, say};
use crate::process::Running;
use crate::provider::{Issued, Provider, Wish};
use crate::tls;

/// The steps after which the host stands still; then comes the core.
const STEPS: [&str; 6] = ["logged in", "token", "refreshed", "another token", "dropped", "core"];

const PLANTED: &str = "(planted)";
const SERVED: &str = "access token";
const SPENT: &str = "access tokens before it";
const REFRESH: &str = "refresh tokens";
const DEVICE: &str = "device code";
const CLIENT: &str = "client secret";
const KEY: &str = "sealing key";
const PASSPHRASE: &str = "passphrase";
const SECRETS: [&str; 8] = [PLANTED, SERVED, SPENT, REFRESH, DEVICE, CLIENT, KEY, PASSPHRASE];

/// Copies by step and secret.
type Found = HashMap<(&'static str, &'static str), Vec<Copy>>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wire {
    Http,
    Tls,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum KeyStore {
    Os,
    Memory,
    Passphrase,
}

#[test]
fn the_zeroizing_allocator_leaves_no_secret() {
    if left_out(&[Server, Keyring, Openssl]) {
        return;
    }
    for custody in [KeyStore::Os, KeyStore::Memory, KeyStore::Passphrase] {
        for ((step, secret), copies) in live("residue", Wire::Tls, custody) {
            let in_use = in_use(step, secret, custody);
            assert_eq!(copies.len(), in_use, "{secret} at the step \"{step}\", {custody:?}: {copies:#?}");
        }
    }
}

/// On another allocator, other crates leave what they had in their buffers for the wire. Nothing else is left: what is ours is
/// wiped by us.
#[test]
fn another_allocator_leaves_only_what_was_on_the_wire() {
    if left_out(&[Server, Keyring, Openssl]) {
        return;
    }
    let mut left = 0;
    for (wire, custody) in [(Wire::Http, KeyStore::Os), (Wire::Tls, KeyStore::Os), (Wire::Tls, KeyStore::Passphrase)] {
        for ((step, secret), copies) in live("residue_plain", wire, custody) {
            // Beside what is left of a reply can lie what never is in one.
            let can_travel = !matches!(secret, PLANTED | KEY | PASSPHRASE);
            let (on_the_wire, ours): (Vec<_>, Vec<_>) =
                copies.iter().partition(|copy| can_travel && matches!(copy.is_in(), "a reply" | "a request's head"));
            assert_eq!(
                ours.len(),
                in_use(step, secret, custody),
                "{secret} at the step \"{step}\", {custody:?}: {copies:#?}"
            );
            left += on_the_wire.len();
        }
    }
    assert!(left > 0, "something was left, and was not seen");
}

/// How many copies there have to be: the configuration has the client secret, the session the access token that it serves, and a
/// custody in memory the key. What was read from a pipe cannot be read again, so the passphrase is kept as long as the configuration.
fn in_use(step: &str, secret: &str, custody: KeyStore) -> usize {
    let is_live = !matches!(step, "dropped" | "core");
    usize::from(match secret {
        PLANTED => true,
        SERVED => is_live && step != "logged in",
        CLIENT => is_live,
        KEY => is_live && custody == KeyStore::Memory,
        PASSPHRASE => is_live && custody == KeyStore::Passphrase,
        _ => false,
    })
}

/// Leads a host through its life, and looks into it after each step.
fn live(name: &str, wire: Wire, custody: KeyStore) -> Found {
    let machine = Machine::desktop();
    // With letters that a form writes otherwise.
    let (planted, client) = (random(), format!("+/{}=&", random()));
    let tls = tls::make(machine.scratch());
    let options = [("OIDC_CLIENT_SECRET", &*client)];
    let server = match wire {
        Wire::Http => Provider::start(&options),
        Wire::Tls => Provider::start_tls(&tls, &options),
    };
    let acme = machine.acme(&server.issuer).with("ACME_CA_FILE", tls.ca.to_str().unwrap());
    let acme = acme.with("ACME_CUSTODY", &format!("{custody:?}").to_lowercase()).with("ACME_PASSPHRASE_FD", "3");
    let (passphrase, file) = (random(), machine.scratch().join("passphrase"));
    fs::write(&file, &passphrase).unwrap();
    let folder = machine.scratch().join("cores");
    fs::create_dir(&folder).unwrap();
    let program = example(name);
    let with_descriptor = ["-c", "exec 3<\"$1\"; exec \"$0\"", program.to_str().unwrap(), file.to_str().unwrap()];
    let mut command = acme.command_of(Path::new("/bin/sh"), &with_descriptor);
    let mut host = Running::start(command.current_dir(&folder).stdin(Stdio::piped()));
    let mut stdin = host.take_stdin();
    tell(&mut stdin, &planted);
    tell(&mut stdin, &client);
    server.person(&host.line().expect("a page"), "ada", Wish::Approve);

    let (mut found, mut key) = (Found::new(), None);
    let mut look = |step, memory: &ProcessMemory| {
        let key = key.get_or_insert_with(|| match custody {
            KeyStore::Os => Some(key_in([machine.keyring_items("acme").as_bytes()])),
            // Nobody else has it.
            KeyStore::Memory => Some(key_in(memory.mappings())),
            // Nobody has it.
            KeyStore::Passphrase => None,
        });
        let values = |issued: Vec<Issued>| issued.into_iter().map(|token| token.value).collect::<Vec<_>>();
        let mut access = values(server.access_tokens());
        let served = access.pop().into_iter().collect();
        let texts = [
            (PLANTED, vec![planted.clone()]),
            (SERVED, served),
            (SPENT, access),
            (REFRESH, values(server.refresh_tokens())),
            (DEVICE, values(server.device_codes())),
            (CLIENT, vec![client.clone()]),
            (PASSPHRASE, vec![passphrase.clone()]),
        ];
        let of_texts = texts.iter().flat_map(|(secret, texts)| texts.iter().map(|text| (*secret, Needle::text(text))));
        let of_key = key.iter().map(|key| (KEY, Needle::key(key)));
        let (secrets, needles): (Vec<_>, Vec<_>) = of_texts.chain(of_key).unzip();
        let looked_for = SECRETS.into_iter().filter(|secret| *secret != KEY || key.is_some());
        found.extend(looked_for.map(|secret| ((step, secret), Vec::new())));
        for (secret, copies) in secrets.into_iter().zip(memory.copies(&needles)) {
            found.entry((step, secret)).or_default().extend(copies);
        }
    };
    for step in &STEPS[..5] {
        let line = host.line();
        assert_eq!(line.as_deref(), Some(*step), "{}", host.finish());
        look(*step, &ProcessMemory::of(&host));
        if *step != "dropped" {
            tell(&mut stdin, "");
        }
    }
    match ProcessMemory::of_core(host, &folder) {
        Some(core) => look(STEPS[5], &core),
        None => say("LEFT OUT: the kernel writes no core into the folder of a process here; only /proc was looked at"),
    }
    say(&format!("{name}, {wire:?}, key in custody {custody:?}\n{}", table(&found)));
    found
}

fn tell(stdin: &mut ChildStdin, line: &str) {
    writeln!(stdin, "{line}").unwrap();
}

/// The key that rests in one of these.
fn key_in<'b>(key_stores: impl IntoIterator<Item = &'b [u8]>) -> Vec<u8> {
    const BEGINNING: &[u8] = b"hallpass1.";
    /// The length of 32 bytes in base64.
    const LENGTH: usize = 43;
    let mut items = key_stores.into_iter().flat_map(|bytes| bytes.windows(BEGINNING.len() + LENGTH));
    let key = items.find_map(|item| URL_SAFE_NO_PAD.decode(item.strip_prefix(BEGINNING)?).ok());
    key.expect("a key")
}

/// 44 letters, so that no two are alike.
fn random() -> String {
    let mut bytes = [0; 33];
    getrandom::fill(&mut bytes).unwrap();
    STANDARD.encode(bytes)
}

/// How many copies of each secret there were at each step, and what those are a part of that were left in the end.
fn table(found: &Found) -> String {
    let line = |name: &str, cells: [String; 6], left: &str| {
        let cells = cells.map(|cell| format!("{cell:>14}")).concat();
        format!("  {name:24}{cells}  {left}")
    };
    let mut lines = vec![line("", STEPS.map(str::to_owned), "left in")];
    for secret in SECRETS {
        let count = |step| found.get(&(step, secret)).map_or("-".to_owned(), |copies| copies.len().to_string());
        let mut left = BTreeMap::<_, usize>::new();
        found
            .get(&("dropped", secret))
            .into_iter()
            .flatten()
            .for_each(|copy| *left.entry(copy.is_in()).or_default() += 1);
        let left: Vec<_> = left.iter().map(|(what, count)| format!("{what}: {count}")).collect();
        lines.push(line(secret, STEPS.map(count), &left.join(", ")));
    }
    lines.join("\n")
}
