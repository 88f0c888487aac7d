//! What a test needs on this machine. A test that cannot run says so, past the capture of the test harness; where
//! `HALLPASS_REQUIRE_REAL=1` is set (as `tests/all` does) it fails instead.

use std::env;
use std::io::Write;
use std::path::Path;
use std::thread;

use crate::kernel;
use crate::machine::Machine;
use crate::provider::{ALLAUTH, AUTHLIB, BETTER_AUTH, DJANGO, OIDC_PROVIDER};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// Node, and the packages of `tests/real/oidc-provider`.
    Provider,
    /// Python, and the packages of `tests/real/django`.
    Django,
    /// Python, and the packages of `tests/real/allauth`.
    Allauth,
    /// Python, and the packages of `tests/real/authlib`.
    Authlib,
    /// Python, and the packages of `tests/real/ocsf`.
    Ocsf,
    /// Node, and the packages of `tests/real/better-auth`.
    BetterAuth,
    /// D-Bus, gnome-keyring and secret-tool.
    Keyring,
    /// D-Bus, and KeePassXC with its command-line twin.
    Keepassxc,
    /// D-Bus, KWallet 5 and the plug-in that its sessions take their cryptography from.
    Kwallet,
    Openssl,
    Strace,
    /// The browser, and its driver.
    Chromium,
    /// `script`, which brings a pseudo terminal.
    Terminal,
    /// The kernel's keyrings, which containers often forbid, and `keyctl`.
    Keys,
    /// To be root. Nothing that `tests/all` could install would help.
    Root,
}

/// Sets a test up. `None` if the test has to be left out, which is then said aloud.
pub(crate) fn ready<T>(needs: &[Need], set_up: impl FnOnce() -> T) -> Option<T> {
    (!left_out(needs)).then(set_up)
}

/// A server, and a machine with a D-Bus and a keyring. `None` if the test has to be left out.
pub(crate) fn on_desktop<T>(needs: &[Need], server: impl FnOnce() -> T) -> Option<(T, Machine)> {
    ready(needs, || (server(), Machine::desktop()))
}

/// A server, and a machine without a D-Bus. `None` if the test has to be left out.
pub(crate) fn on_headless<T>(needs: &[Need], server: impl FnOnce() -> T) -> Option<(T, Machine)> {
    ready(needs, || (server(), Machine::headless()))
}

/// True if the calling test has to be left out, which is then said aloud.
pub(crate) fn left_out(needs: &[Need]) -> bool {
    let missing: Vec<(Need, String)> = needs.iter().filter_map(|need| Some((*need, need.missing()?))).collect();
    if missing.is_empty() {
        return false;
    }
    let names = missing.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ");
    let can_be_installed = missing.iter().any(|(need, _)| !matches!(need, Need::Root));
    assert!(!can_be_installed || env::var_os("HALLPASS_REQUIRE_REAL").is_none(), "missing on this machine: {names}");
    say(&format!("LEFT OUT: it needs {names}; run tests/all"));
    true
}

/// Prints a line of the running test, even of one that passes (`eprintln!` is captured, a write is not).
pub(crate) fn say(line: &str) {
    let test = thread::current().name().unwrap_or("?").to_owned();
    let _ = std::io::stderr().write_all(format!("\n[{test}] {line}\n").as_bytes());
}

impl Need {
    fn missing(self) -> Option<String> {
        let programs: &[&str] = match self {
            Need::Provider | Need::BetterAuth => &["node"],
            // Its own Python, see below.
            Need::Django | Need::Allauth | Need::Authlib | Need::Ocsf | Need::Root => &[],
            Need::Keyring => &["dbus-daemon", "dbus-send", "gnome-keyring-daemon", "secret-tool"],
            Need::Keepassxc => &["dbus-daemon", "dbus-send", "keepassxc", "keepassxc-cli"],
            Need::Kwallet => &["dbus-daemon", "dbus-send", "kwalletd5"],
            Need::Openssl => &["openssl"],
            Need::Strace => &["strace"],
            Need::Chromium => &["chromium", "chromedriver"],
            Need::Terminal => &["script", "setsid"],
            Need::Keys => &["keyctl"],
        };
        if let Some(program) = programs.iter().find(|program| !on_path(program)) {
            return Some((*program).to_owned());
        }
        if matches!(self, Need::Keys) && !kernel::is_there() {
            return Some("the kernel's keyring, which this container forbids".to_owned());
        }
        if matches!(self, Need::Root) {
            return (!rustix::process::geteuid().is_root()).then(|| "root".to_owned());
        }
        if matches!(self, Need::Ocsf) {
            let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/ocsf/.venv/requirements.txt");
            return (!python.is_file()).then(|| "the Python package ocsf-json-schema".to_owned());
        }
        let (package, product) = match self {
            Need::Provider => ("the npm package oidc-provider", &OIDC_PROVIDER),
            Need::BetterAuth => ("the npm package better-auth", &BETTER_AUTH),
            Need::Django => ("the Python package django-oauth-toolkit", &DJANGO),
            Need::Allauth => ("the Python package django-allauth", &ALLAUTH),
            Need::Authlib => ("the Python package authlib", &AUTHLIB),
            _ => return None,
        };
        (!product.is_there()).then(|| package.to_owned())
    }
}

fn on_path(program: &str) -> bool {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|folder| Path::new(&folder).join(program).is_file())
}
