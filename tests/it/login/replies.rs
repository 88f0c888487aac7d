//! What the token endpoint and userinfo may answer at a login, and who it then was.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hallpass::ErrorKind;
use hallpass::blocking::wait;
use hallpass::testing::{Endpoint, Fault};
use serde_json::{Value, json};

use crate::support::rig::{Rig, S, assert_error, token};

fn body(status: u16, content_type: &str, body: &str) -> Fault {
    Fault::Status { status, headers: Vec::new(), content_type: content_type.into(), body: body.into() }
}

#[test]
fn an_answer_that_is_no_oauth_reply_ends_the_login() {
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
        assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 1, "{case}");
        rig.assert_nothing_left(case);
    }
}

#[test]
fn an_unknown_client_is_a_matter_of_the_configuration() {
    let rig = Rig::new();
    let error = rig.try_log_in(|config| config.client_id = "other-cli".parse().unwrap()).unwrap_err();
    assert_error(&error, ErrorKind::AuthorizationServer, Some("fix_config"), 1);
    assert!(error.to_string().contains("invalid_client"), "{error}");
    rig.assert_nothing_left("unknown client");
}

#[test]
fn an_unknown_scope_is_a_matter_of_the_configuration() {
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
    let error = wait(rig.auth().login(Default::default(), Arc::new(hallpass::prompt::Silent))).unwrap_err();
    assert_error(&error, ErrorKind::Denied, Some("log_in"), 1);

    let rig = Rig::new();
    rig.server.inject_always(Endpoint::Token, Fault::OkWithError);
    wait(rig.auth().login(Default::default(), rig.approves_at(3))).unwrap();
}

#[test]
fn a_token_of_another_type_is_refused_and_given_back() {
    let rig = Rig::new();
    rig.server.inject(Endpoint::Token, Fault::TokenType("DPoP".into()));
    let error = rig.try_log_in(|_| {}).unwrap_err();
    assert_error(&error, ErrorKind::Protocol, Some("ask_administrator"), 1);
    rig.assert_nothing_left("DPoP");
}

#[test]
fn an_id_token_of_somebody_else_is_refused_and_the_grant_given_back() {
    let rig = Rig::new();
    let good = json!({"iss": rig.server.issuer(), "aud": "acme-cli", "sub": "alice", "exp": 4_000_000_000_u64});
    let expired = rig.now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 3600;
    for (claim, value) in [
        ("iss", json!("https://other.example")),
        ("iss", json!(format!("{}/", rig.server.issuer()))),
        ("aud", json!("other-cli")),
        ("aud", json!(["other-cli", "third-cli"])),
        ("exp", json!(expired)),
        ("exp", Value::Null),
        ("sub", json!("")),
        ("sub", json!("a\u{1b}[2J")),
    ] {
        let mut claims = good.clone();
        claims[claim] = value.clone();
        rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), jwt(&claims).into()));
        let error = rig.try_log_in(|_| {}).unwrap_err();
        let remedy = if value == expired { "set_clock" } else { "ask_administrator" };
        assert_error(&error, ErrorKind::Protocol, Some(remedy), 1);
        rig.assert_nothing_left(&format!("{claim} {value}"));
    }
    for odd in ["x", "a.b", "a.b.c", "..."] {
        rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), odd.into()));
        let error = rig.try_log_in(|_| {}).unwrap_err();
        assert_error(&error, ErrorKind::Protocol, Some("ask_administrator"), 1);
        rig.assert_nothing_left(odd);
    }
    rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), jwt(&good).into()));
    rig.try_log_in(|_| {}).unwrap();
}

fn jwt(claims: &Value) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[test]
fn userinfo_of_another_subject_is_not_used() {
    let rig = Rig::new();
    rig.server.inject(Endpoint::UserInfo, Fault::OtherSubject("mallory".into()));
    rig.server.inject(Endpoint::UserInfo, Fault::ReplyField("email".into(), "mallory@example.com".into()));
    let session = rig.try_log_in(|config| config.scopes = "openid".parse().unwrap()).unwrap();
    let account = &session.context().unwrap().account;
    assert_eq!(account.subject.as_deref(), Some("alice"));
    assert_eq!((account.name.as_deref(), account.email.as_deref()), (None, None));
    assert_eq!(session.context().unwrap().name.as_str(), "alice");
}

#[test]
fn without_an_id_token_userinfo_says_who_it_is() {
    let rig = Rig::with(|behaviour| behaviour.id_token = false);
    let session = rig.log_in();
    assert_eq!(session.context().unwrap().account.subject.as_deref(), Some("alice"));
    assert_eq!(session.context().unwrap().name.as_str(), "alice@example.com");
}

#[test]
fn an_account_that_the_server_cannot_name_is_still_logged_in() {
    let rig = Rig::with(|behaviour| (behaviour.id_token, behaviour.userinfo) = (false, false));
    let (first, second) = (rig.log_in(), rig.log_in());
    assert_eq!(first.context().unwrap().account.subject, None);
    assert_eq!(first.context().unwrap().account.to_string(), "an account without a name");
    assert_eq!(first.context().unwrap().name.as_str(), "default");
    // Two of them may be two persons.
    assert_eq!(second.context().unwrap().name.as_str(), "default-2");
    assert_ne!(token(&first), token(&second));
}

#[test]
fn a_login_without_a_refresh_token_lasts_as_long_as_its_access_token() {
    let rig = Rig::with(|behaviour| behaviour.refresh_token = false);
    let session = rig.log_in();
    token(&session);
    rig.clock.advance(S(3600));
    let error = wait(session.access_token()).unwrap_err();
    assert_error(&error, ErrorKind::Expired, Some("log_in"), 4);
    assert!(rig.server.requests().is_empty());
}

#[test]
fn what_was_granted_is_kept_and_not_what_was_asked_for() {
    let rig = Rig::new();
    rig.server.inject(Endpoint::Token, Fault::NarrowerScope("openid".into()));
    let session = rig.try_log_in(|_| {}).unwrap();
    assert_eq!(session.context().unwrap().scopes.to_string(), "openid");
    rig.server.inject(Endpoint::Token, Fault::ReplyField("scope".into(), Value::Null));
    let session = rig.try_log_in(|_| {}).unwrap();
    assert_eq!(session.context().unwrap().scopes.to_string(), "openid offline_access email");
}
