//! The same tool against a fifth server: Authlib, a library to build servers with. It has no OpenID Connect here, so that userinfo alone
//! says who somebody is; its metadata is RFC 8414's; an unknown code is an `invalid_request`; and a refresh ends the access token
//! that was there before, as the library's documentation shows it.

use crate::life::{Server, life};
use crate::machine::Machine;
use crate::needs::Need::{self, Keyring};
use crate::needs::left_out;
use crate::provider::{AUTHLIB, Provider, counts};

const SERVER: Server = Server {
    product: &AUTHLIB,
    need: Need::Authlib,
    scopes: "profile email",
    pages: &["Log in", "Confirm Device", "Device Authorized"],
    device_endpoint_by_hand: false,
    refresh_ends_access: true,
    reuse_ends_login: false,
    narrowing_stays: true,
};

life! { SERVER:
    a_login_waits_for_the_person_and_learns_the_name
    a_refresh_rotates_and_the_spent_token_is_dead
    a_token_for_fewer_scopes_names_them
    a_storm_at_expiry_makes_one_refresh
    a_refused_person_is_told
    an_expired_code_is_named_as_expired("expired_token")
    a_code_that_the_server_forgot_ends_the_login("invalid_request")
    the_error_names_what_the_server_does_not_know("The client does not exist")
    a_login_ended_by_the_server_is_named_as_ended
    logout_ends_it_at_the_server_and_another_login_lives
    a_login_survives_replacing_another
}

/// A builder may keep the codes in a cache, which forgets them at their end.
#[test]
fn a_code_forgotten_at_its_end_is_named_as_expired() {
    if left_out(&[Need::Authlib, Keyring]) {
        return;
    }
    let options = [("OIDC_DEVICE_TTL", "2"), ("OIDC_INTERVAL", "5")];
    let (server, machine) = (Provider::of(&AUTHLIB, &options), Machine::desktop());
    let mut running = SERVER.acme(&machine, &server).start(&["auth", "login", "--json"]);
    running.line().unwrap();
    server.end_codes();
    running.finish().exits(1).fails_with("codeexpired", "login");
    assert_eq!(server.polls(), counts(&[("invalid_request", 1)]), "the last poll, at the end");
}
