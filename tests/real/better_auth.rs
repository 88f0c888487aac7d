//! The same tool against a third server that nobody here wrote: Better Auth with its OAuth provider. Its issuer has a path; its
//! metadata does not list `none`, which it takes all the same; its ID token is signed with EdDSA and names no e-mail address; and
//! it is strict with refresh tokens: at the token endpoint and at the revocation endpoint alike, one that is spent or revoked
//! ends all tokens that this person has through this client, those of a later login too.

use crate::http;
use crate::life::{Server, life, live};
use crate::machine::{Machine, eventually};
use crate::needs::Need::{BetterAuth, Keyring};
use crate::needs::{on_desktop, ready};
use crate::process::Run;
use crate::provider::{BETTER_AUTH, Provider};

const SERVER: Server = Server {
    product: &BETTER_AUTH,
    need: BetterAuth,
    scopes: "openid offline_access email",
    pages: &["pending"],
    device_endpoint_by_hand: false,
    refresh_ends_access: false,
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

/// Killed while the server, which has rotated, holds its reply back: what is stored is spent. Whoever sends it to the revocation
/// endpoint, in order to tidy up after the login that is replaced, ends the new one.
#[test]
fn a_login_after_a_killed_refresh_works() {
    let Some((server, machine)) = ready(&[BetterAuth, Keyring], || {
        (Provider::better_auth(&[("OIDC_TOKEN_DELAY_MS", "1000")]), Machine::desktop())
    }) else {
        return;
    };
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

/// The server answers 400 to a token that it does not know or has revoked, where RFC 7009 has 200: it is over all the same.
#[test]
fn logout_forgets_a_login_that_the_server_has_ended() {
    let Some((server, machine)) = on_desktop(&[BetterAuth, Keyring], || Provider::better_auth(&[])) else { return };
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
