//! The same tool against a fourth server that nobody here wrote: django-allauth. Its metadata is complete. Its device grant brings no ID
//! token, and each refresh brings one. It forgets a code at its end; it calls an unknown client an `invalid_request`; it refuses a
//! spent refresh token and ends nothing; and a revocation ends all access tokens of the login.

use crate::life::{Server, life};
use crate::machine::Machine;
use crate::needs::Need::{self, Keyring};
use crate::needs::left_out;
use crate::provider::{ALLAUTH, Provider, Wish};

const SERVER: Server = Server {
    product: &ALLAUTH,
    need: Need::Allauth,
    scopes: "openid email",
    pages: &["Sign In", "Confirm Device", "Device Authorized"],
    device_endpoint_by_hand: false,
    refresh_ends_access: false,
    reuse_ends_login: false,
    narrowing_stays: true,
};

life! { SERVER:
    a_login_waits_for_the_person_and_knows_who_it_was
    a_refresh_rotates_and_the_spent_token_is_worth_nothing
    a_token_of_fewer_scopes_names_them
    a_storm_at_expiry_makes_one_refresh
    who_is_refused_is_told_so
    a_code_that_ran_out_is_said_to_have("invalid_grant")
    a_code_that_the_server_forgot_ends_the_login("invalid_grant")
    what_this_server_does_not_know_is_named("Invalid client_id")
    a_login_that_the_server_has_ended_is_said_to_be_over
    logout_ends_it_at_the_server_and_another_login_lives
    a_login_that_replaces_another_lives
}

/// Userinfo refuses a token without the scope `openid`: the login has no name, and is good for all the rest.
#[test]
fn a_login_without_openid_has_no_name_and_lives() {
    if left_out(&[Need::Allauth, Keyring]) {
        return;
    }
    let (server, machine) = (Provider::of(&ALLAUTH, &[]), Machine::desktop());
    let acme = SERVER.acme(&machine, &server).with("ACME_SCOPES", "email");
    let login = acme.login(&server, "ada", Wish::Approve, &[]).exits(0);
    let done = login.json().pop().unwrap();
    assert!(done["account"]["subject"].is_null() && done["account"]["email"].is_null(), "{login}");
    let token = acme.run(&["auth", "token", "--refresh"]).exits(0).word();
    assert_eq!(server.userinfo(&token), None);
    let logout = acme.run(&["auth", "logout", "--json"]).exits(0);
    assert!(logout.stdout.contains("\"revoked\""), "{logout}");
}
