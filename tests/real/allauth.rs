//! The same tool against a fourth server that nobody here wrote: django-allauth. Its metadata is complete. Its device grant brings no ID
//! token, and each refresh brings one. It forgets a code at its end; it calls an unknown client an `invalid_request`; it refuses a
//! spent refresh token and ends nothing; and a revocation ends all access tokens of the login.

use crate::life::{Server, life};
use crate::needs::Need::{self, Keyring};
use crate::needs::on_desktop;
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
    a_login_waits_for_the_person_and_learns_the_name
    a_refresh_rotates_and_the_spent_token_is_dead
    a_token_for_fewer_scopes_names_them
    a_storm_at_expiry_makes_one_refresh
    a_refused_person_is_told
    an_expired_code_is_named_as_expired("invalid_grant")
    a_code_that_the_server_forgot_ends_the_login("invalid_grant")
    the_error_names_what_the_server_does_not_know("Invalid client_id")
    a_login_ended_by_the_server_is_named_as_ended
    logout_ends_it_at_the_server_and_another_login_lives
    a_login_survives_replacing_another
}

/// Userinfo refuses a token without the scope `openid`: the login has no name, and is good for all the rest.
#[test]
fn a_login_without_openid_works_without_a_name() {
    let Some((server, machine)) = on_desktop(&[Need::Allauth, Keyring], || Provider::of(&ALLAUTH, &[])) else { return };
    let acme = SERVER.acme(&machine, &server).with("ACME_SCOPES", "email");
    let login = acme.login(&server, "ada", Wish::Approve, &[]).exits(0);
    let done = login.json().pop().unwrap();
    assert!(done["account"]["subject"].is_null() && done["account"]["email"].is_null(), "{login}");
    let token = acme.run(&["auth", "token", "--refresh"]).exits(0).word();
    assert_eq!(server.userinfo(&token), None);
    let logout = acme.run(&["auth", "logout", "--json"]).exits(0);
    assert!(logout.stdout.contains("\"revoked\""), "{logout}");
}
