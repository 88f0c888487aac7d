//! A login's life at the certified server. (Refreshed by 128 at once: tests/processes/storm.rs.)

use crate::life::{Server, life};
use crate::needs::Need;
use crate::provider::OIDC_PROVIDER;

const SERVER: Server = Server {
    product: &OIDC_PROVIDER,
    need: Need::Provider,
    scopes: "openid offline_access email",
    pages: &["Submitting Callback", "Confirm code", "Log in", "Consent", "Connected"],
    device_endpoint_by_hand: false,
    refresh_ends_access: false,
    reuse_ends_login: true,
    narrowing_stays: false,
};

life! { SERVER:
    a_login_waits_for_the_person_and_learns_the_name
    a_refresh_rotates_and_the_spent_token_is_dead
    a_token_for_fewer_scopes_names_them
    a_login_ended_by_the_server_is_named_as_ended
    logout_ends_it_at_the_server_and_another_login_lives
    a_login_survives_replacing_another
}
