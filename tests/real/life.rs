//! The life of a login at a server that nobody here wrote, from the code to the end. A [`Server`] holds what is special to one; `life!`
//! makes its tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::acme::Acme;
use crate::http;
use crate::machine::{Machine, eventually};
use crate::needs::Need::{self, Keyring};
use crate::needs::on_desktop;
use crate::process::{Run, Running};
use crate::provider::{Product, Provider, Wish, counts};

pub(crate) struct Server {
    pub product: &'static Product,
    pub need: Need,
    /// What `acme` asks for.
    pub scopes: &'static str,
    /// The pages that an approving person meets.
    pub pages: &'static [&'static str],
    /// Its metadata names no device authorization endpoint, which is given by hand.
    pub device_endpoint_by_hand: bool,
    /// A refresh ends the access token that was there before.
    pub refresh_ends_access: bool,
    /// A spent refresh token that comes again ends the login.
    pub reuse_ends_login: bool,
    /// A refresh for fewer scopes leaves the login with these alone, against RFC 6749 §6: "If a new refresh token is
    /// issued, the refresh token scope MUST be identical".
    pub narrowing_stays: bool,
}

/// The tests of one server: from its [`Server`], and what one test alone has to know.
macro_rules! life {
    ($server:ident: $($test:ident $(($fact:literal))?)*) => {
        $(
            #[test]
            fn $test() {
                crate::life::$test(&$server $(, $fact)?);
            }
        )*
    };
}
pub(crate) use life;

pub(crate) fn a_login_waits_for_the_person_and_learns_the_name(server: &Server) {
    let Some((provider, machine)) = server.start(&[]) else { return };
    let acme = server.acme(&machine, &provider);
    let mut running = acme.start(&["auth", "login", "--json"]);
    let shown: Value = serde_json::from_str(&running.line().unwrap()).unwrap();
    eventually("a poll before the person answers", || provider.polls().contains_key("authorization_pending"));
    let pages = provider.person(shown["verification_uri_complete"].as_str().unwrap(), "ada", Wish::Approve);
    assert_eq!(pages, server.pages);

    let login = running.finish().exits(0);
    let done = login.json().pop().unwrap();
    assert_eq!(done["event"], "logged_in", "{login}");
    assert_eq!(done["account"]["email"], "ada@example.com", "{login}");
    assert_eq!(done["context"], "ada@example.com", "{login}");
    assert_eq!(provider.polls()["ok"], 1);

    provider.forget();
    let token = acme.run(&["auth", "token"]).exits(0).word();
    assert_eq!(acme.run(&["auth", "token"]).exits(0).word(), token);
    let status = acme.run(&["auth", "status", "--json"]).exits(0);
    assert!(status.stdout.contains("ada@example.com"), "{status}");
    assert_eq!(provider.requests(), 0, "a cached token and the status need no server");

    let whoami = acme.run(&["whoami"]).exits(0);
    assert!(whoami.stdout.contains("ada@example.com"), "{whoami}");
    let claims = provider.userinfo(&token).expect("userinfo takes the token");
    assert_eq!((&claims["email"], &claims["sub"]), (&done["account"]["email"], &done["account"]["subject"]));
}

pub(crate) fn a_refresh_rotates_and_the_spent_token_is_dead(server: &Server) {
    let Some((provider, machine)) = server.start(&[]) else { return };
    let acme = server.acme(&machine, &provider).logged_in(&provider, "ada");
    let first = acme.run(&["auth", "token"]).exits(0).word();
    let second = acme.run(&["auth", "token", "--refresh"]).exits(0).word();
    assert_ne!(second, first);
    assert_eq!(acme.run(&["auth", "token"]).exits(0).word(), second);
    assert_eq!(provider.refreshes(), counts(&[("ok", 1)]));
    assert!(provider.userinfo(&second).is_some());
    assert_eq!(provider.userinfo(&first).is_none(), server.refresh_ends_access);

    // The token that was kept is the one that the server takes.
    assert_eq!(live(&provider), [false, true]);
    acme.run(&["auth", "token", "--refresh"]).exits(0);
    // A thief who has copied the first one gets nothing.
    assert_eq!(provider.offer(&provider.refresh_tokens()[0].value), (400, "invalid_grant".to_owned()));
    assert_eq!(provider.refreshes(), counts(&[("ok", 2), ("invalid_grant", 1)]));
    assert_eq!(live(&provider), [false, false, !server.reuse_ends_login]);
    if server.reuse_ends_login {
        return is_over(&provider, acme);
    }
    let token = acme.run(&["auth", "token", "--refresh"]).exits(0).word();
    assert!(provider.userinfo(&token).is_some());
}

/// Each token names the scopes that it has, whether the server follows the RFC or not.
pub(crate) fn a_token_for_fewer_scopes_names_them(server: &Server) {
    let Some((provider, machine)) = server.start(&[]) else { return };
    let acme = server.acme(&machine, &provider).logged_in(&provider, "ada");
    let scopes = |arguments: &[&str]| {
        let run = acme.run(&[&["auth", "token", "--json"], arguments].concat()).exits(0);
        let scopes = run.json()[0]["scopes"].as_array().unwrap().clone();
        scopes.iter().map(|scope| scope.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(scopes(&[]), server.scopes);
    assert_eq!(scopes(&["--scope", "email"]), "email");
    assert_eq!(scopes(&[]), server.scopes, "the token with all of them is still there");
    assert_eq!(scopes(&["--refresh"]), if server.narrowing_stays { "email" } else { server.scopes });
}

pub(crate) fn a_storm_at_expiry_makes_one_refresh(server: &Server) {
    const PROCESSES: usize = 20;
    let Some((provider, machine)) = server.start(&[("OIDC_TOKEN_DELAY_MS", "300")]) else { return };
    provider.lifetime(1);
    let acme = server.acme(&machine, &provider).logged_in(&provider, "ada");
    std::thread::sleep(Duration::from_secs(1));
    provider.lifetime(300);
    provider.forget();

    let running: Vec<Running> = (0..PROCESSES).map(|_| acme.start(&["auth", "token"])).collect();
    let runs: Vec<Run> = running.into_iter().map(Running::finish).collect();
    let tokens: BTreeSet<String> = runs.into_iter().map(|run| run.exits(0).word()).collect();
    assert_eq!(tokens.len(), 1, "all have the one new token");
    assert_eq!((provider.asked("token"), provider.refreshes()), (1, counts(&[("ok", 1)])));
    assert_eq!(live(&provider), [false, true]);
    assert!(provider.userinfo(tokens.first().unwrap()).is_some());
}

pub(crate) fn a_refused_person_is_told(server: &Server) {
    let Some((provider, machine)) = server.start(&[]) else { return };
    let acme = server.acme(&machine, &provider);
    acme.login(&provider, "ada", Wish::Deny, &[]).exits(1).fails_with("denied", "login");
    assert_eq!(provider.polls()["access_denied"], 1);
    assert_eq!(machine.keyring_items("acme"), "");
    assert!(provider.refresh_tokens().is_empty() && provider.access_tokens().is_empty());
}

/// `error` is the reply to the last poll.
pub(crate) fn an_expired_code_is_named_as_expired(server: &Server, error: &str) {
    let Some((provider, machine)) = server.start(&[("OIDC_DEVICE_TTL", "2"), ("OIDC_INTERVAL", "5")]) else { return };
    let running = server.acme(&machine, &provider).start(&["auth", "login", "--json"]);
    running.finish().exits(1).fails_with("codeexpired", "login");
    assert_eq!(provider.polls(), counts(&[(error, 1)]), "the last poll, at the end");
    assert_eq!(machine.keyring_items("acme"), "");
}

/// Some servers forget a code at a restart or a little early. `error` is the reply to the next poll, which is the last one.
pub(crate) fn a_code_that_the_server_forgot_ends_the_login(server: &Server, error: &str) {
    let Some((provider, machine)) = server.start(&[]) else { return };
    let mut running = server.acme(&machine, &provider).start(&["auth", "login", "--json"]);
    running.line().unwrap();
    eventually("a poll while the code is known", || provider.polls().contains_key("authorization_pending"));
    provider.end_codes();
    let login = running.finish().exits(1);
    assert_eq!(login.json().pop().unwrap()["event"], "error", "{login}");
    assert_eq!(provider.polls()[error], 1);
    assert_eq!(machine.keyring_items("acme"), "");
}

/// `client` is what the server says to a client that it does not know.
pub(crate) fn the_error_names_what_the_server_does_not_know(server: &Server, client: &str) {
    let Some((provider, machine)) = server.start(&[]) else { return };
    let refused = |name, value| {
        let login = server.acme(&machine, &provider).with(name, value).run(&["auth", "login", "--json"]).exits(1);
        login.fails_with("authorizationserver", "fixconfig");
        login
    };
    let scope = refused("ACME_SCOPES", "openid offline_access");
    assert!(scope.stdout.contains("invalid_scope"), "{scope}");
    let nobody = refused("ACME_CLIENT_ID", "nobody");
    assert!(nobody.stdout.contains(client), "{nobody}");
}

/// A person can end a login on the server's page of connected programs.
pub(crate) fn a_login_ended_by_the_server_is_named_as_ended(server: &Server) {
    let Some((provider, machine)) = server.start(&[]) else { return };
    let acme = server.acme(&machine, &provider).logged_in(&provider, "ada");
    let token = provider.refresh_tokens().pop().unwrap().value;
    let form = format!("client_id=acme-cli&token={token}&token_type_hint=refresh_token");
    assert_eq!(http::post(&provider.endpoint("token/revocation"), &form).status, 200);
    assert_eq!(live(&provider), [false]);
    is_over(&provider, acme);
}

/// The login has ended, which is said, and another one lives.
fn is_over(provider: &Provider, acme: Acme<'_>) {
    acme.run(&["auth", "token", "--refresh", "--json"]).exits(4).fails_with("expired", "login");
    let hint = acme.run(&["auth", "token", "--refresh"]).exits(4);
    assert!(hint.stderr.contains("hint: run `acme auth login"), "{hint}");
    acme.logged_in(provider, "ada").run(&["auth", "token", "--refresh"]).exits(0);
}

pub(crate) fn logout_ends_it_at_the_server_and_another_login_lives(server: &Server) {
    let Some((provider, machine)) = server.start(&[]) else { return };
    let acme = server.acme(&machine, &provider).logged_in(&provider, "ada");
    acme.run(&["auth", "token", "--refresh"]).exits(0);

    let logout = acme.run(&["auth", "logout", "--json"]).exits(0);
    assert!(logout.stdout.contains("\"revoked\""), "{logout}");
    assert_eq!(live(&provider), [false, false]);
    let last = provider.refresh_tokens().pop().unwrap().value;
    assert_eq!(provider.offer(&last), (400, "invalid_grant".to_owned()));
    for token in provider.access_tokens() {
        assert_eq!(provider.userinfo(&token.value), None, "the access tokens have gone with it");
    }
    assert_eq!(machine.keyring_items("acme"), "");
    let records: Vec<PathBuf> = machine.home_entries().into_iter().filter(|path| is_record(path)).collect();
    assert!(records.is_empty(), "left on disk: {records:?}");
    acme.run(&["auth", "token", "--json"]).exits(4).fails_with("notloggedin", "login");

    let acme = acme.logged_in(&provider, "bob");
    assert!(acme.run(&["whoami"]).exits(0).stdout.contains("bob@example.com"));
    acme.run(&["auth", "token", "--refresh"]).exits(0);
}

/// In the folder of the grants only lock files may stay (a lock that is unlinked is no lock).
fn is_record(path: &Path) -> bool {
    let in_grants = path.parent().and_then(|folder| folder.file_name()).is_some_and(|name| name == "grants");
    in_grants && path.extension().is_none_or(|kind| kind != "lock")
}

pub(crate) fn a_login_survives_replacing_another(server: &Server) {
    let Some((provider, machine)) = server.start(&[]) else { return };
    let acme = server.acme(&machine, &provider).logged_in(&provider, "ada").logged_in(&provider, "ada");
    assert_eq!(live(&provider), [false, true], "the login that was replaced has ended");
    let token = acme.run(&["auth", "token", "--refresh"]).exits(0).word();
    assert!(provider.userinfo(&token).is_some());
    assert_eq!(live(&provider), [false, false, true]);
}

impl Server {
    /// The server, and a desktop; `None` where the test is left out.
    fn start(&self, options: &[(&str, &str)]) -> Option<(Provider, Machine)> {
        on_desktop(&[self.need, Keyring], || Provider::of(self.product, options))
    }

    pub(crate) fn acme<'a>(&self, machine: &'a Machine, provider: &Provider) -> Acme<'a> {
        let acme = machine.acme(&provider.issuer).with("ACME_SCOPES", self.scopes);
        if self.device_endpoint_by_hand {
            return acme.with("ACME_DEVICE_AUTHORIZATION_ENDPOINT", &provider.endpoint("device/auth"));
        }
        acme
    }
}

/// Of every refresh token that the server gave, oldest first, whether it would still take it.
pub(crate) fn live(provider: &Provider) -> Vec<bool> {
    provider.refresh_tokens().iter().map(|token| token.live).collect()
}
