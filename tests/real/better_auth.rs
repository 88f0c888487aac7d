//! The same tool against a third server that nobody here wrote: Better Auth with its OAuth provider. Its issuer has a path; its
//! metadata does not list `none`, which it takes all the same; its ID token is signed with EdDSA and names no e-mail address; and
//! it is strict with refresh tokens: at the token endpoint and at the revocation endpoint alike, one that is spent or revoked
//! ends all tokens that this person has through this client, those of a later login too.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::http;
use crate::machine::{Machine, eventually};
use crate::needs::Need::{BetterAuth, Keyring};
use crate::needs::left_out;
use crate::process::{Run, Running};
use crate::provider::{Provider, Wish, counts};

#[test]
fn a_login_from_beginning_to_end() {
    if left_out(&[BetterAuth, Keyring]) {
        return;
    }
    let (server, machine) = (Provider::better_auth(&[]), Machine::desktop());
    let acme = machine.acme(&server.issuer);
    let mut running = acme.start(&["auth", "login", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&running.line().unwrap()).unwrap();
    eventually("a poll before the person answers", || server.polls().contains_key("authorization_pending"));
    let states = server.person(shown["verification_uri_complete"].as_str().unwrap(), "ada", Wish::Approve);
    assert_eq!(states, ["pending", "approved"]);

    let login = running.finish().exits(0);
    let done = login.json().pop().unwrap();
    assert_eq!(done["event"], "logged_in", "{login}");
    assert_eq!(done["account"]["email"], "ada@example.com", "{login}");
    assert_eq!(done["context"], "ada@example.com", "{login}");

    server.forget();
    let first = acme.run(&["auth", "token"]).exits(0).word();
    assert_eq!(server.requests(), 0, "a cached token needs no server");
    let claims = server.userinfo(&first).expect("userinfo takes the token");
    assert_eq!(claims["email"], "ada@example.com");
    assert_eq!(claims["sub"], done["account"]["subject"]);
    let whoami = acme.run(&["whoami"]).exits(0);
    assert!(whoami.stdout.contains("ada@example.com"), "{whoami}");

    let second = acme.run(&["auth", "token", "--refresh"]).exits(0).word();
    assert_ne!(second, first);
    assert!(server.userinfo(&second).is_some());
    assert_eq!(live(&server), [false, true], "rotated");
    acme.run(&["auth", "token", "--refresh"]).exits(0);
    assert_eq!(server.refreshes(), counts(&[("ok", 2)]));
}

#[test]
fn logout_ends_it_at_the_server() {
    if left_out(&[BetterAuth, Keyring]) {
        return;
    }
    let (server, machine) = (Provider::better_auth(&[]), Machine::desktop());
    let acme = machine.acme(&server.issuer).logged_in(&server, "ada");
    let access = acme.run(&["auth", "token", "--refresh"]).exits(0).word();

    let logout = acme.run(&["auth", "logout", "--json"]).exits(0);
    assert!(logout.stdout.contains("\"revoked\""), "{logout}");
    assert_eq!(live(&server), [false, false]);
    assert_eq!(server.userinfo(&access), None, "the access token has gone with it");
    assert_eq!(machine.keyring_items("acme"), "");
    acme.run(&["auth", "token", "--json"]).exits(4).fails_with("notloggedin", "login");
}

#[test]
fn a_login_that_replaces_another_lives() {
    if left_out(&[BetterAuth, Keyring]) {
        return;
    }
    let (server, machine) = (Provider::better_auth(&[]), Machine::desktop());
    let acme = machine.acme(&server.issuer).logged_in(&server, "ada").logged_in(&server, "ada");
    assert_eq!(live(&server), [false, true], "the login that was replaced has ended");
    let token = acme.run(&["auth", "token", "--refresh"]).exits(0).word();
    assert!(server.userinfo(&token).is_some());
    assert_eq!(live(&server), [false, false, true]);
}

/// Killed while the server, which has rotated, holds its reply back: what is stored is spent. Whoever sends it to the revocation
/// endpoint, in order to tidy up after the login that is replaced, ends the new one.
#[test]
fn a_login_after_a_refresh_that_was_killed_lives() {
    if left_out(&[BetterAuth, Keyring]) {
        return;
    }
    let (server, machine) = (Provider::better_auth(&[("OIDC_TOKEN_DELAY_MS", "1000")]), Machine::desktop());
    let acme = machine.acme(&server.issuer).logged_in(&server, "ada");
    let mut running = acme.start(&["auth", "token", "--refresh"]);
    eventually("the rotation", || live(&server) == [false, true]);
    running.child.kill().unwrap();
    assert_eq!(running.finish().code, None, "killed");

    let acme = acme.logged_in(&server, "ada");
    assert_eq!(live(&server).last(), Some(&true), "revocations sent: {}", server.asked("revoke"));
    for _ in 0..2 {
        let token = acme.run(&["auth", "token", "--refresh"]).exits(0).word();
        assert!(server.userinfo(&token).is_some());
    }
}

#[test]
fn a_storm_at_expiry_makes_one_refresh() {
    const PROCESSES: usize = 16;
    if left_out(&[BetterAuth, Keyring]) {
        return;
    }
    let (server, machine) = (Provider::better_auth(&[("OIDC_TOKEN_DELAY_MS", "300")]), Machine::desktop());
    server.lifetime(1);
    let acme = machine.acme(&server.issuer).logged_in(&server, "ada");
    std::thread::sleep(Duration::from_secs(1));
    server.lifetime(300);
    server.forget();

    let running: Vec<Running> = (0..PROCESSES).map(|_| acme.start(&["auth", "token"])).collect();
    let runs: Vec<Run> = running.into_iter().map(Running::finish).collect();
    let tokens: BTreeSet<String> = runs.into_iter().map(|run| run.exits(0).word()).collect();
    assert_eq!(tokens.len(), 1, "all have the one new token");
    assert_eq!((server.asked("token"), server.refreshes()), (1, counts(&[("ok", 1)])));
    assert_eq!(live(&server), [false, true]);
    assert!(server.userinfo(tokens.first().unwrap()).is_some());
}

#[test]
fn a_login_that_the_server_has_ended_is_said_to_be_over() {
    if left_out(&[BetterAuth, Keyring]) {
        return;
    }
    let (server, machine) = (Provider::better_auth(&[]), Machine::desktop());
    let acme = machine.acme(&server.issuer).logged_in(&server, "ada");
    end_all(&server, &acme.run(&["auth", "token", "--refresh"]).exits(0));
    acme.run(&["auth", "token", "--refresh", "--json"]).exits(4).fails_with("expired", "login");
    let hint = acme.run(&["auth", "token", "--refresh"]).exits(4);
    assert!(hint.stderr.contains("hint: run `acme auth login"), "{hint}");
    acme.logged_in(&server, "ada").run(&["auth", "token", "--refresh"]).exits(0);
}

/// The server answers 400 to a token that it does not know or has revoked, where RFC 7009 has 200: it is over all the same.
#[test]
fn logout_forgets_a_login_that_the_server_has_ended() {
    if left_out(&[BetterAuth, Keyring]) {
        return;
    }
    let (server, machine) = (Provider::better_auth(&[]), Machine::desktop());
    for revoked in [false, true] {
        let acme = machine.acme(&server.issuer).logged_in(&server, "ada");
        let refresh = acme.run(&["auth", "token", "--refresh"]).exits(0);
        if revoked {
            let token = server.refresh_tokens().pop().unwrap().value;
            let form = format!("client_id=acme-cli&token={token}&token_type_hint=refresh_token");
            assert_eq!(http::post(&server.endpoint("token/revocation"), &form).status, 200);
        } else {
            end_all(&server, &refresh);
        }
        assert!(!live(&server).contains(&true));

        acme.run(&["auth", "logout", "--json"]).exits(0);
        assert_eq!(machine.keyring_items("acme"), "");
        acme.run(&["auth", "token", "--json"]).exits(4).fails_with("notloggedin", "login");
    }
}

/// A thief who has copied the refresh token that was spent last makes the server delete all of this person.
fn end_all(server: &Provider, refresh: &Run) {
    let spent = server.refresh_tokens().into_iter().rev().find(|token| !token.live).unwrap();
    assert_eq!(server.offer(&spent.value), (400, "invalid_grant".to_owned()), "after {refresh}");
    assert!(!live(server).contains(&true));
}

/// Of every refresh token that the server gave, oldest first, whether it would still take it.
fn live(server: &Provider) -> Vec<bool> {
    server.refresh_tokens().iter().map(|token| token.live).collect()
}
