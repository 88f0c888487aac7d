//! Stores that are missing, locked, empty or dead. Each is an error with a remedy, soon, and before a person is sent to
//! a browser; never a wait, never a weaker place instead, never "not logged in".

use std::time::Duration;

use crate::acme::Acme;
use crate::machine::{Machine, part};
use crate::needs::Need::{Keyring, Provider as Server};
use crate::needs::{on_desktop, on_headless, ready, say};
use crate::process::Run;
use crate::provider::{Provider, Wish};

#[test]
fn without_a_bus_a_login_fails_at_once_and_writes_nothing() {
    let Some((provider, machine)) = on_headless(&[Server], || Provider::start(&[])) else { return };
    let acme = machine.acme(&provider.issuer).with("ACME_CUSTODY", "os");
    refused(&acme, &provider, "no D-Bus", Duration::from_secs(2)).fails_with("custody", "");
    assert!(machine.home_entries().is_empty(), "written: {:?}", machine.home_entries());

    // The same for a person, who reads a hint instead of JSON.
    let spoken = acme.run(&["auth", "login", "--wait"]).exits(6);
    assert!(spoken.stderr.contains("hint:") && spoken.stdout.is_empty(), "{spoken}");
}

#[test]
fn a_bus_that_never_answers_is_given_up_on() {
    let Some((provider, machine)) = ready(&[Server], || (Provider::start(&[]), Machine::with_silent_bus())) else {
        return;
    };
    let acme = machine.acme(&provider.issuer).with("ACME_CUSTODY", "os");
    for what in ["a dead D-Bus", "a dead D-Bus, the second time"] {
        refused(&acme, &provider, what, Duration::from_secs(3)).fails_with("custody", "");
        assert!(machine.home_entries().is_empty(), "written: {:?}", machine.home_entries());
    }
}

#[test]
fn a_locked_keyring_asks_to_be_unlocked() {
    let Some((provider, mut machine)) = on_desktop(&[Server, Keyring], || Provider::start(&[])) else { return };
    machine.lock();
    let acme = machine.acme(&provider.issuer).with("ACME_CUSTODY", "os");
    refused(&acme, &provider, "a locked keyring", Duration::from_secs(4)).fails_with("custody", "unlock");
    assert!(machine.home_entries().is_empty(), "written: {:?}", machine.home_entries());

    machine.unlock();
    machine.acme(&provider.issuer).with("ACME_CUSTODY", "os").logged_in(&provider, "ada");
}

#[test]
fn a_keyring_without_a_collection_is_not_used() {
    let Some((provider, machine)) = ready(&[Server, Keyring], || (Provider::start(&[]), Machine::with_no_collection()))
    else {
        return;
    };
    let acme = machine.acme(&provider.issuer).with("ACME_CUSTODY", "os");
    refused(&acme, &provider, "no collection", Duration::from_secs(4)).fails_with("custody", "");
    assert!(machine.home_entries().is_empty(), "written: {:?}", machine.home_entries());
}

/// Logged in, and then the store goes away: that is not a logout.
#[test]
fn a_login_survives_a_key_store_that_is_locked_or_down() {
    let Some((provider, mut machine)) = on_desktop(&[Server, Keyring], || Provider::start(&[])) else { return };
    machine.acme(&provider.issuer).logged_in(&provider, "ada");
    let token = machine.acme(&provider.issuer).run(&["auth", "token"]).exits(0).word();

    machine.lock();
    let locked = machine.acme(&provider.issuer).run(&["auth", "token", "--json"]).exits(6);
    locked.fails_with("custody", "unlock");
    say(&format!("a token from a locked keyring: refused after {:.2?}", locked.took));

    machine.unlock();
    assert_eq!(machine.acme(&provider.issuer).run(&["auth", "token"]).exits(0).word(), token);

    machine.silence_bus();
    let dead = machine.acme(&provider.issuer).run(&["auth", "token", "--json"]).exits(6);
    dead.fails_with("custody", "");
    say(&format!("a token from a dead D-Bus: refused after {:.2?}", dead.took));
    assert!(dead.took < Duration::from_secs(5), "{dead}");
    // The silence is remembered, so that the next process does not wait for it again.
    assert_eq!(machine.files_named("os.silent").len(), 1);
    let again = machine.acme(&provider.issuer).run(&["auth", "token", "--json"]).exits(6);
    say(&format!("a token from a dead D-Bus, the second time: refused after {:.2?}", again.took));
    assert!(again.took < dead.took / 2, "{again}");
    assert!(provider.refresh_tokens().iter().all(|token| token.live), "nothing was ended at the server");
}

/// The contract of `KeyStore` against the real store. The store is found through the environment, so that the test runs a second
/// time inside the machine's session.
#[test]
fn the_contract_holds_in_a_real_keyring() {
    if part().is_some() {
        return hallpass::testing::check_key_store(&hallpass::custody::OsKeyStore);
    }
    let Some(machine) = ready(&[Keyring], Machine::desktop) else { return };
    let run = machine.inside("contract").finish().exits(0);
    assert!(run.stdout.contains("1 passed"), "{run}");
    assert_eq!(machine.keyring_items("contract-a"), "", "nothing is left behind");
}

/// A login that cannot be kept: refused in time, and nobody was shown a code for it.
fn refused(acme: &Acme<'_>, provider: &Provider, what: &str, limit: Duration) -> Run {
    let login = acme.login(provider, "ada", Wish::Approve, &[]).exits(6);
    say(&format!("{what}: login refused after {:.2?}", login.took));
    assert!(login.took < limit, "not within {limit:?}: {login}");
    assert_eq!(provider.asked("device_authorization"), 0, "a code for nothing: {login}");
    login
}
