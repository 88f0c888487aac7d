//! What the token endpoint may answer at a login.

use hallpass::ErrorKind;
use hallpass::testing::{Endpoint, Fault};
use serde_json::Value;

use crate::support::faults::body;
use crate::support::rig::{Rig, assert_error};

#[test]
fn a_reply_that_is_not_oauth_ends_the_login() {
    for (case, fault) in [
        ("empty 200", body(200, "text/plain", "")),
        ("empty 400", body(400, "text/plain", "")),
        ("half of JSON", body(200, "application/json", "{\"access_token\":\"x")),
        ("a list", body(200, "application/json", "[]")),
        ("empty token", body(200, "application/json", "{\"access_token\":\"\",\"token_type\":\"bearer\"}")),
        ("token of two lines", body(200, "application/json", "{\"access_token\":\"a\\nb\",\"token_type\":\"bearer\"}")),
        ("10 MB", Fault::HugeBody(10 << 20)),
        ("redirect", Fault::Redirect("http://127.0.0.1:9/".into())),
    ] {
        let rig = Rig::new();
        rig.server.inject(Endpoint::Token, fault);
        let error = rig.try_log_in(|_| {}).unwrap_err();
        assert_error(&error, ErrorKind::Protocol, Some("ask_administrator"), 1);
        assert_eq!(rig.request_count(Endpoint::Token), 1, "{case}");
        rig.assert_nothing_left(case);
    }
}

#[test]
fn an_unknown_client_is_an_error_of_the_configuration() {
    let rig = Rig::new();
    let error = rig.try_log_in(|config| config.client_id = "other-cli".parse().unwrap()).unwrap_err();
    assert_error(&error, ErrorKind::AuthorizationServer, Some("fix_config"), 1);
    assert!(error.to_string().contains("invalid_client"), "{error}");
    rig.assert_nothing_left("unknown client");
}

#[test]
fn an_unknown_scope_is_an_error_of_the_configuration() {
    let rig = Rig::new();
    let error = rig.try_log_in(|config| config.scopes = "admin".parse().unwrap()).unwrap_err();
    assert_error(&error, ErrorKind::AuthorizationServer, Some("fix_config"), 1);
    rig.assert_nothing_left("unknown scope");
}

#[test]
fn a_refusal_with_status_200_is_a_refusal() {
    let rig = Rig::new();
    rig.server.deny_all();
    rig.server.inject_always(Endpoint::Token, Fault::OkWithError);
    let error = rig.auth().login(hallpass::Login::new(hallpass::prompt::Silent)).wait().unwrap_err();
    assert_error(&error, ErrorKind::Denied, Some("log_in"), 1);

    let rig = Rig::new();
    rig.server.inject_always(Endpoint::Token, Fault::OkWithError);
    rig.auth().login(hallpass::Login::new(rig.approves_at(3))).wait().unwrap();
}

#[test]
fn a_token_of_another_type_is_refused_and_revoked() {
    let rig = Rig::new();
    rig.server.inject(Endpoint::Token, Fault::TokenType("DPoP".into()));
    let error = rig.try_log_in(|_| {}).unwrap_err();
    assert_error(&error, ErrorKind::Protocol, Some("ask_administrator"), 1);
    rig.assert_nothing_left("DPoP");
}

#[test]
fn the_granted_scopes_are_kept_not_the_requested_ones() {
    let rig = Rig::new();
    rig.server.inject(Endpoint::Token, Fault::NarrowerScope("openid".into()));
    let session = rig.try_log_in(|_| {}).unwrap();
    assert_eq!(session.context().unwrap().scopes.to_string(), "openid");
    rig.server.inject(Endpoint::Token, Fault::ReplyField("scope".into(), Value::Null));
    let session = rig.try_log_in(|_| {}).unwrap();
    assert_eq!(session.context().unwrap().scopes.to_string(), "openid offline_access email");
}
