//! Logging out of a login that may have ended at the server.

use hallpass::Remedy;
use hallpass::contexts::Logout;
use hallpass::testing::Endpoint;
use serde_json::json;

use crate::support::faults::json_body;
use crate::support::rig::Rig;

#[test]
fn a_logout_of_an_ended_login_sends_nothing() {
    let (rig, session) = Rig::expired();
    rig.server.revoke_everything();
    session.access_token().wait().unwrap_err();
    let ended = rig.auth().logout(Logout::default()).wait().unwrap().done;
    assert_eq!(ended[0].ended.name(), "already_ended");
    assert!(rig.server.requests_to(Endpoint::Revocation).is_empty());
    rig.assert_nothing_left("logged out");
}

#[test]
fn a_revocation_of_a_dead_token_has_ended_it() {
    for (error, words) in [
        ("invalid_request", "refresh token revoked"),
        ("invalid_request", "token not found"),
        ("invalid_grant", ""),
        ("invalid_token", "The token is no longer active"),
    ] {
        let rig = Rig::new();
        rig.log_in();
        let text = json!({"error": error, "error_description": words}).to_string();
        rig.server.inject(Endpoint::Revocation, json_body(400, &text));
        let ended = rig.auth().logout(Logout::default()).wait().unwrap();
        assert_eq!(ended.done[0].ended.name(), "already_ended", "{error} {words}");
        assert!(rig.records().is_empty() && rig.auth().contexts().unwrap().is_empty());
    }
}

#[test]
fn any_other_refusal_of_a_revocation_has_ended_nothing() {
    for (status, error, words) in [
        (403, "Forbidden", "Invalid CSRF token"),
        (401, "invalid_token", "Bearer authentication is needed"),
        (400, "invalid_request", "Unknown token_type_hint"),
        (400, "unauthorized_client", "invalid client for this token"),
        (401, "login_required", ""),
        (400, "temporarily_unavailable", "token store is no longer reachable"),
        (403, "access_denied", "token revocation: unknown source address"),
    ] {
        let rig = Rig::new();
        rig.log_in();
        let text = json!({"error": error, "error_description": words}).to_string();
        rig.server.inject(Endpoint::Revocation, json_body(status, &text));
        let error = rig.auth().logout(Logout::default()).wait().unwrap_err();
        assert_eq!(error.remedy().map(Remedy::name), Some("forget_locally"), "{words}: {error}");
        assert_eq!(rig.auth().contexts().unwrap().len(), 1);
    }
    let rig = Rig::new();
    rig.log_in();
    let text = r#"{"error":"unsupported_token_type","error_description":"Invalid token type"}"#;
    rig.server.inject(Endpoint::Revocation, json_body(400, text));
    let ended = rig.auth().logout(Logout::default()).wait().unwrap();
    assert_eq!(ended.done[0].ended.name(), "not_revocable");
}
