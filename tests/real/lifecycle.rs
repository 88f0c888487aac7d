//! A session's life: cached, refreshed, ended. (Refreshed by many at once: tests/processes/storm.rs.)

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::machine::Machine;
use crate::needs::Need::{Keyring, Provider as Server};
use crate::needs::left_out;
use crate::provider::Provider;

#[test]
fn a_cached_token_asks_nobody_and_a_refresh_asks_once() {
    if left_out(&[Server, Keyring]) {
        return;
    }
    let (provider, machine) = (Provider::start(&[]), Machine::desktop());
    let acme = machine.acme(&provider.issuer).logged_in(&provider, "ada");

    provider.forget();
    let first = acme.run(&["auth", "token"]).exits(0).word();
    assert_eq!(acme.run(&["auth", "token"]).exits(0).word(), first);
    assert_eq!(provider.requests(), 0, "a cached token needs no server");

    let second = acme.run(&["auth", "token", "--refresh"]).exits(0).word();
    assert_ne!(second, first);
    assert_eq!(provider.refreshes(), once());
    assert_eq!(acme.run(&["auth", "token"]).exits(0).word(), second);
    assert!(provider.userinfo(&second).is_some());

    // The server rotates: the one token that it would still take has to be the one that is kept.
    let live: Vec<bool> = provider.refresh_tokens().iter().map(|token| token.live).collect();
    assert_eq!(live, [false, true]);
    acme.run(&["auth", "token", "--refresh"]).exits(0);
}

#[test]
fn logout_ends_it_at_the_server_in_the_keyring_and_on_disk() {
    if left_out(&[Server, Keyring]) {
        return;
    }
    let (provider, machine) = (Provider::start(&[]), Machine::desktop());
    let acme = machine.acme(&provider.issuer).logged_in(&provider, "ada");
    let access = acme.run(&["auth", "token", "--refresh"]).exits(0).word();
    assert!(provider.refresh_tokens().iter().any(|token| token.live));

    let logout = acme.run(&["auth", "logout", "--json"]).exits(0);
    assert!(!logout.json().is_empty() && logout.stdout.contains("revoked"), "{logout}");

    let refresh = provider.refresh_tokens();
    assert!(refresh.iter().all(|token| !token.live), "still live: {refresh:?}");
    assert_eq!(provider.offer(&refresh.last().unwrap().value), (400, "invalid_grant".to_owned()));
    assert_eq!(provider.userinfo(&access), None);

    assert_eq!(machine.keyring_items("acme"), "");
    let records: Vec<PathBuf> = machine.home_entries().into_iter().filter(|path| is_record(path)).collect();
    assert!(records.is_empty(), "left on disk: {records:?}");
    acme.run(&["auth", "token"]).exits(4);
    acme.run(&["auth", "token", "--json"]).exits(4).fails_with("notloggedin", "login");
}

/// In the folder of the grants only lock files may stay (a lock that is unlinked is no lock).
fn is_record(path: &std::path::Path) -> bool {
    let in_grants = path.parent().and_then(|folder| folder.file_name()).is_some_and(|name| name == "grants");
    in_grants && path.extension().is_none_or(|kind| kind != "lock")
}

fn once() -> BTreeMap<String, u64> {
    BTreeMap::from([("ok".to_owned(), 1)])
}
