//! The same tool against a second server that nobody here wrote, in another language and with other habits: django-oauth-toolkit.
//! It names no device authorization endpoint, which is given by hand; what it does name stands in two documents, half in each;
//! its device grant brings no ID token; it knows no `offline_access`; and it says nothing when a code has run out. That these work
//! is tested by that.

use std::collections::BTreeSet;
use std::time::SystemTime;

use crate::acme::Acme;
use crate::life::{Server, life};
use crate::machine::{Machine, eventually};
use crate::needs::Need::{Django, Keyring, Openssl};
use crate::needs::{left_out, on_desktop, ready};
use crate::provider::{DJANGO, Provider, Wish, counts};
use crate::tls;

const SERVER: Server = Server {
    product: &DJANGO,
    need: Django,
    scopes: "openid email",
    pages: &[
        "Log in",
        "Enter code displayed on device",
        "Acme requests access to the following scopes:",
        "Device Authorized",
    ],
    device_endpoint_by_hand: true,
    refresh_ends_access: true,
    reuse_ends_login: true,
    narrowing_stays: true,
};

life! { SERVER:
    a_login_waits_for_the_person_and_learns_the_name
    a_refresh_rotates_and_the_spent_token_is_dead
    a_token_for_fewer_scopes_names_them
    a_storm_at_expiry_makes_one_refresh
    a_refused_person_is_told
    a_login_ended_by_the_server_is_named_as_ended
    logout_ends_it_at_the_server_and_another_login_lives
    a_login_survives_replacing_another
}

/// The subject is all that it tells of a person unless it is taught more.
#[test]
fn a_person_without_a_name_is_known_by_the_subject() {
    let Some((server, machine)) = on_desktop(&[Django, Keyring], || Provider::django(&[("DJANGO_CLAIMS", "0")])) else {
        return;
    };
    let acme = acme_of(&machine, &server);
    let login = acme.login(&server, "bob", Wish::Approve, &[]).exits(0);
    assert_eq!(login.json().pop().unwrap()["account"]["subject"], "2", "{login}");
    acme.run(&["whoami"]).exits(0);
}

#[test]
fn a_refresh_token_that_is_not_rotated_is_kept() {
    let Some((server, machine)) = on_desktop(&[Django, Keyring], || Provider::django(&[("DJANGO_ROTATE", "0")])) else {
        return;
    };
    let acme = acme_of(&machine, &server).logged_in(&server, "ada");
    let tokens: BTreeSet<String> = (0..3).map(|_| acme.run(&["auth", "token", "--refresh"]).exits(0).word()).collect();
    assert_eq!((tokens.len(), server.refresh_tokens().len()), (3, 1));
    assert_eq!(server.refreshes(), counts(&[("ok", 3)]));
}

/// Killed while the server, which has rotated, holds its reply back. Within the server's grace the old token brings the same reply once
/// more; without one nothing can be done, which is told from a login that somebody has ended.
#[test]
fn a_lost_reply_is_retried_within_the_servers_grace() {
    if left_out(&[Django, Keyring]) {
        return;
    }
    for grace in ["60", "0"] {
        let options = [("DJANGO_GRACE", grace), ("OIDC_TOKEN_DELAY_MS", "1500")];
        let (server, machine) = (Provider::django(&options), Machine::desktop());
        let acme = acme_of(&machine, &server).logged_in(&server, "ada");
        let mut running = acme.start(&["auth", "token", "--refresh"]);
        eventually("the rotation", || server.refreshes().contains_key("ok"));
        running.child.kill().unwrap();
        assert_eq!(running.finish().code, None, "killed");
        assert_eq!(server.refresh_tokens().iter().map(|token| token.live).collect::<Vec<_>>(), [false, true]);

        let again = acme.run(&["auth", "token", "--refresh", "--json"]);
        if grace == "0" {
            again.exits(4).fails_with("interrupted", "login");
            continue;
        }
        let token = again.exits(0).json()[0]["access_token"].as_str().unwrap().to_owned();
        assert!(server.userinfo(&token).is_some());
        assert_eq!(server.refreshes(), counts(&[("ok", 2)]));
        assert_eq!(server.refresh_tokens().len(), 2, "the reply that was lost, not another rotation");
        acme.run(&["auth", "token", "--refresh"]).exits(0);
    }
}

#[test]
fn a_code_that_expired_at_the_server_is_named_as_expired() {
    let Some((server, machine)) = on_desktop(&[Django, Keyring], || Provider::django(&[])) else { return };
    let mut running = acme_of(&machine, &server).start(&["auth", "login", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&running.line().unwrap()).unwrap();
    server.end_codes();
    // Only now does the server look at the time.
    let pages = server.person(shown["verification_uri_complete"].as_str().unwrap(), "ada", Wish::Approve);
    assert_eq!(pages.last().unwrap(), "Expired user code");
    running.finish().exits(1).fails_with("codeexpired", "login");
    assert_eq!(server.polls()["expired_token"], 1);
}

/// Where nobody opens the page this server says "pending" for ever; a login ends when the code's time is over all the same.
#[test]
fn a_code_that_nobody_entered_expires() {
    let Some((server, machine)) = on_desktop(&[Django, Keyring], || Provider::django(&[("OIDC_INTERVAL", "600")]))
    else {
        return;
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    // On this clock nobody waits.
    let acme = acme_of(&machine, &server).with("ACME_CLOCK", &now.as_secs().to_string());
    acme.run(&["auth", "login", "--json"]).exits(1).fails_with("codeexpired", "login");
    assert_eq!(server.polls(), counts(&[("authorization_pending", 3)]), "half an hour, every ten minutes");
}

/// Where the urls are included under a prefix and nowhere else, RFC 8414 has its document behind the path of the issuer.
#[test]
fn metadata_behind_the_issuers_path_is_found() {
    let Some((server, machine)) = on_desktop(&[Django, Keyring], || Provider::django(&[("DJANGO_METADATA", "oidc")]))
    else {
        return;
    };
    let acme = acme_of(&machine, &server).logged_in(&server, "ada");
    let logout = acme.run(&["auth", "logout", "--json"]).exits(0);
    assert!(logout.stdout.contains("\"revoked\""), "{logout}");
    assert!(!server.refresh_tokens()[0].live);
}

#[test]
fn the_error_names_what_the_server_lacks() {
    let Some((server, machine)) = on_desktop(&[Django, Keyring], || Provider::django(&[])) else { return };
    let without = machine.acme(&server.issuer).run(&["auth", "login", "--json"]).exits(1);
    without.fails_with("protocol", "");
    assert!(without.stdout.contains("names no device_authorization_endpoint"), "{without}");

    // It looks at the scopes only when the person has approved.
    let offline = acme_of(&machine, &server).with("ACME_SCOPES", "openid offline_access");
    let login = offline.login(&server, "ada", Wish::Approve, &[]).exits(1);
    login.fails_with("authorizationserver", "fixconfig");
    assert!(login.stdout.contains("invalid_scope"), "{login}");

    let nobody = acme_of(&machine, &server).with("ACME_CLIENT_ID", "nobody").run(&["auth", "login", "--json"]).exits(1);
    nobody.fails_with("authorizationserver", "");
    assert!(nobody.stdout.contains("Invalid client_id"), "{nobody}");
    assert_eq!(machine.keyring_items("acme"), "");
}

#[test]
fn a_confidential_client_logs_in_refreshes_and_logs_out() {
    if left_out(&[Django, Keyring]) {
        return;
    }
    let secret = "correct-horse+battery%staple";
    let (server, machine) = (Provider::django(&[("OIDC_CLIENT_SECRET", secret)]), Machine::desktop());
    let acme = acme_of(&machine, &server).with("ACME_CLIENT_SECRET", secret).logged_in(&server, "ada");
    acme.run(&["auth", "token", "--refresh"]).exits(0);
    acme.run(&["auth", "logout"]).exits(0);
    assert!(server.refresh_tokens().iter().all(|token| !token.live));
}

#[test]
fn a_login_works_over_tls_of_a_private_ca() {
    let Some(machine) = ready(&[Django, Keyring, Openssl], Machine::desktop) else { return };
    let tls = tls::make(machine.scratch());
    let server = Provider::django_tls(&tls, &[]);
    assert!(server.issuer.starts_with("https://"));
    let acme = acme_of(&machine, &server)
        .with("ACME_ALLOW_LOOPBACK_HTTP", "0")
        .with("ACME_CA_FILE", tls.ca.to_str().unwrap())
        .logged_in(&server, "ada");
    acme.run(&["auth", "token", "--refresh"]).exits(0);
    assert!(acme.run(&["whoami"]).exits(0).stdout.contains("ada@example.com"));
    acme.run(&["auth", "logout"]).exits(0);
    assert!(server.refresh_tokens().iter().all(|token| !token.live));
}

/// `acme` for this server: what its metadata does not tell is given by hand, and it asks for scopes that this server has.
fn acme_of<'a>(machine: &'a Machine, server: &Provider) -> Acme<'a> {
    SERVER.acme(machine, server)
}
