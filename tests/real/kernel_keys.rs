//! Keys in the kernel's keyrings: which session reaches them, what they end with, and the copies that spare a token at
//! hand the D-Bus.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::acme::Acme;
use crate::embedded::server;
use crate::kernel;
use crate::needs::Need::{Keyring, Keys, Strace};
use crate::needs::{on_desktop, on_headless};
use crate::process::{self, Run};

/// Runs a program in a login session that has its own keyring.
const SESSION: [&str; 3] = ["keyctl", "session", "-"];

#[test]
fn a_key_in_the_user_keyring_is_reached_from_any_session() {
    let Some((server, machine)) = on_headless(&[Keys], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "kernel");
    acme.at_a_standing_clock(0).run_under(&SESSION, &["auth", "login", "--json"]).exits(0);
    let own = acme.token();
    assert_eq!(acme.run_under(&SESSION, &["auth", "token"]).exits(0).word(), own);
    acme.run_under(&SESSION, &["auth", "token", "--refresh"]).exits(0);
    acme.log_in();
    let own = acme.token();
    assert_eq!(acme.run_under(&SESSION, &["auth", "token"]).exits(0).word(), own, "made in none, read in one");
    let grant = acme.grant();
    acme.run_under(&SESSION, &["auth", "logout"]).exits(0);
    assert!(!kernel::holds("hallpass", &grant));
}

#[test]
fn an_ephemeral_login_is_reached_only_from_its_session() {
    let Some((server, machine)) = on_headless(&[Keys], server) else { return };
    let acme = machine.acme(server.issuer());
    let refused = acme.run(&["auth", "login", "--ephemeral", "--json"]).exits(6);
    refused.fails_with("custody", "startsession");
    assert!(machine.home_entries().is_empty(), "{:?}", machine.home_entries());

    // Two processes of one session, and then the end of it.
    let inside = in_one_session(&acme, "\"$0\" auth login --ephemeral --json && \"$0\" auth token");
    assert!(inside.stdout.contains("until_session_end"), "{inside}");
    let token = inside.stdout.lines().last().unwrap();
    assert!(server.is_live_access_token(token), "{inside}");
    for ended in [acme.run(&["auth", "token", "--json"]), acme.run_under(&SESSION, &["auth", "token", "--json"])] {
        ended.exits(6).fails_with("custody", "startsession");
    }
    assert_eq!(acme.only_login()["custody"], "session");
    assert!(!kernel::holds("hallpass", &acme.grant()), "nothing of it is in the user's keyring");
}

#[test]
fn without_an_os_store_the_kernel_keeps_the_key() {
    let Some((server, machine)) = on_headless(&[Keys], server) else { return };
    let acme = machine.acme(server.issuer()).at_a_standing_clock(0);
    let login = acme.run(&["auth", "login", "--json"]).exits(0);
    assert!(login.stdout.contains("\"custody\":\"kernel\"") && login.stdout.contains("until_reboot"), "{login}");
    let spoken = acme.run(&["auth", "login", "--wait"]).exits(0);
    assert!(spoken.stderr.contains("kernel") && spoken.stderr.contains("until the next reboot"), "{spoken}");
    assert!(spoken.stderr.contains("secure store cannot be used"), "and why: {spoken}");
    assert_eq!(acme.only_login()["custody"], "kernel");

    for (custody, code, remedy) in [("os", 6, "chooseplace"), ("cellar", 2, "config"), ("session", 6, "startsession")] {
        let narrowed = acme.clone().with("ACME_CUSTODY", custody).run(&["auth", "login", "--json"]).exits(code);
        narrowed.fails_with("", remedy);
        assert_eq!(acme.only_login()["custody"], "kernel", "nothing has changed");
    }
}

#[test]
fn a_cached_key_serves_a_token_without_a_bus() {
    let Some((server, machine)) = on_desktop(&[Keyring, Keys, Strace], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_KEY_CACHE", "3600");
    acme.log_in();
    // The first record proves nothing of another, and is not remembered.
    acme.run(&["auth", "token", "--refresh"]).exits(0);
    let own = acme.token();
    assert!(kernel::holds("hallpass-cache", &acme.grant()) && kernel::has_seen(&acme.grant()));
    let trace = machine.scratch().join("trace");
    let traced = ["strace", "-f", "-qq", "-e", "trace=connect", "-o", trace.to_str().unwrap()];
    let connects = |acme: &Acme<'_>| {
        assert_eq!(acme.run_under(&traced, &["auth", "token"]).exits(0).word(), own);
        fs::read_to_string(&trace).unwrap().matches(machine.bus().to_str().unwrap()).count()
    };
    assert_eq!(connects(&acme), 0, "with the copy");
    assert!(connects(&acme.clone().with("ACME_KEY_CACHE", "0")) > 0, "without");

    // One that somebody else has put there opens nothing, and is none.
    let grant = acme.grant();
    for planted in ["hunter2", "hallpass1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        kernel::plant("hallpass-cache", &grant, planted);
        assert!(connects(&acme) > 0, "{planted}");
        assert_eq!(connects(&acme), 0, "the right one took its place");
    }
    acme.run(&["auth", "logout"]).exits(0);
    assert!(!kernel::holds("hallpass-cache", &grant) && !kernel::has_seen(&grant));
}

#[test]
fn a_cached_key_expires() {
    let Some((server, machine)) = on_desktop(&[Keys, Keyring], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "os").with("ACME_KEY_CACHE", "2");
    acme.log_in();
    let grant = acme.grant();
    acme.token();
    let kept = Instant::now();
    // The kernel's own clock, which nobody moves, and which counts whole seconds.
    while kernel::holds("hallpass-cache", &grant) {
        assert!(kept.elapsed() < Duration::from_secs(5), "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(kept.elapsed() > Duration::from_millis(500), "it was hardly there");
    acme.token();
    assert!(kernel::holds("hallpass-cache", &grant), "the next one puts it there again");
}

/// A login whose key ends with a session or a reboot has no copy that would outlive it.
#[test]
fn a_key_that_shall_end_with_the_session_is_not_cached() {
    let Some((server, machine)) = on_headless(&[Keys], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_KEY_CACHE", "3600");
    let script = "\"$0\" auth login --ephemeral --json && \"$0\" auth token && \"$0\" auth token --refresh";
    in_one_session(&acme, script);
    assert!(!kernel::holds("hallpass-cache", &acme.grant()));
    acme.clone().with("ACME_CUSTODY", "kernel").log_in();
    acme.token();
    assert!(!kernel::holds("hallpass-cache", &acme.grant()));
}

/// A script in its own login session, `$0` being `acme`.
fn in_one_session(acme: &Acme<'_>, script: &str) -> Run {
    let program = crate::acme::example("acme");
    let arguments = [&SESSION[1..], &["sh", "-c", script, program.to_str().unwrap()]].concat();
    process::run(&mut acme.at_a_standing_clock(0).command_of(Path::new(SESSION[0]), &arguments)).exits(0)
}
