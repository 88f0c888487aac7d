//! The other Secret Services of Linux desktops, KeePassXC and KWallet, without a screen: the same contract and the same life of a
//! session as in gnome-keyring, and the same error while they are locked, without a prompt for a person who is not there.

use std::time::Duration;

use hallpass::custody::{Item, KeyStore, OsKeyStore};

use crate::machine::{Machine, part};
use crate::needs::Need::{Keepassxc, Kwallet, Provider as Server};
use crate::needs::{ready, say};
use crate::process::{Run, STEP_TIMEOUT};
use crate::provider::Provider;

#[test]
fn the_contract_holds_in_keepassxc() {
    if let Some(part) = part() {
        return play(&part);
    }
    let Some(machine) = ready(&[Keepassxc], Machine::with_keepassxc) else { return };
    told(machine.inside("contract").finish(), "the contract holds");
}

#[test]
fn a_session_lives_in_keepassxc_and_outlives_its_lock() {
    if let Some(part) = part() {
        return play(&part);
    }
    let Some((provider, machine)) = ready(&[Server, Keepassxc], || (Provider::start(&[]), Machine::with_keepassxc()))
    else {
        return;
    };
    machine.acme(&provider.issuer).logged_in(&provider, "ada");
    let records = machine.home_entries();

    machine.lock_keepassxc();
    stays_locked(&machine, &provider);
    assert_eq!(machine.home_entries(), records, "the login is still there");

    let asking = machine.inside("unlock");
    machine.unlock_keepassxc();
    told(asking.finish(), "unlock: Ok(())");
    lives_on(&machine, &provider);
}

#[test]
fn the_contract_holds_in_kwallet() {
    if let Some(part) = part() {
        return play(&part);
    }
    let Some(machine) = ready(&[Kwallet], Machine::with_kwallet) else { return };
    // The login has opened the wallet, so that this asks nobody.
    told(machine.inside("unlock").finish(), "unlock: Ok(())");
    told(machine.inside("contract").finish(), "the contract holds");
}

#[test]
fn a_session_lives_in_kwallet_and_outlives_its_lock() {
    if let Some(part) = part() {
        return play(&part);
    }
    let Some((provider, mut machine)) = ready(&[Server, Kwallet], || (Provider::start(&[]), Machine::with_kwallet()))
    else {
        return;
    };
    told(machine.inside("unlock").finish(), "unlock: Ok(())");
    machine.acme(&provider.issuer).logged_in(&provider, "ada");
    let records = machine.home_entries();

    machine.lock_kwallet();
    stays_locked(&machine, &provider);
    assert_eq!(machine.home_entries(), records, "the login is still there");

    machine.start_kwallet();
    told(machine.inside("unlock").finish(), "unlock: Ok(())");
    lives_on(&machine, &provider);
}

/// What a test's second process does inside the session.
fn play(part: &str) {
    let (app, grant) = ("acme".parse().unwrap(), "a".repeat(26).parse().unwrap());
    match part {
        "contract" => {
            hallpass::testing::check_key_store(&OsKeyStore);
            println!("the contract holds");
        }
        "load" => println!("load: {:?}", OsKeyStore.load(&Item::new(&app, &grant))),
        "list" => println!("list: {:?}", OsKeyStore.list(&app)),
        "unlock" => println!("unlock: {:?}", OsKeyStore.unlock(STEP_TIMEOUT / 2)),
        "unlock, soon" => println!("unlock, soon: {:?}", OsKeyStore.unlock(Duration::from_millis(500))),
        other => panic!("no part is called {other}"),
    }
}

/// Locked is an error for every way in; none of them waits for a person, and one who is asked and not there ends nothing.
fn stays_locked(machine: &Machine, provider: &Provider) {
    let acme = machine.acme(&provider.issuer);
    for arguments in [&["auth", "token", "--json"], &["auth", "logout", "--json"]] {
        let refused = acme.run(arguments).exits(6);
        refused.fails_with("custody", "unlock");
        say(&format!("auth {}: refused after {:.2?}", arguments[1], refused.took));
        // A prompt would be waited for until the deadline of a call, and not be called a lock.
    }
    for part in ["load", "list", "unlock, soon"] {
        told(machine.inside(part).finish(), &format!("{part}: Err(Locked)"));
    }
    acme.run(&["auth", "token", "--json"]).exits(6).fails_with("custody", "unlock");
}

fn lives_on(machine: &Machine, provider: &Provider) {
    let acme = machine.acme(&provider.issuer);
    let token = acme.run(&["auth", "token"]).exits(0);
    say(&format!("a cached token: {:.2?}", token.took));
    assert!(provider.userinfo(&token.word()).is_some());
    acme.run(&["auth", "token", "--refresh"]).exits(0);
    acme.run(&["auth", "logout", "--json"]).exits(0);
    told(machine.inside("list").finish(), "list: Ok(Some([]))");
    acme.run(&["auth", "token"]).exits(4);
}

#[track_caller]
fn told(run: Run, line: &str) {
    let run = run.exits(0);
    assert!(run.stdout.contains(line), "not told \"{line}\": {run}");
}
