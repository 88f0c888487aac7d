//! What a second look at refused tokens, odd replies and waiting callers found.

use std::time::{Duration, Instant};

use base64::Engine as _;
use hallpass::blocking::wait;
use hallpass::prompt::Silent;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{AccessToken, AfterRefusal, Auth, LoginRequest, Session, TokenRequest};
use std::sync::Arc;
use url::Url;

use crate::support::rig::{Rig, S, begin, forced, locked, token, until};

const INVALID: &str = r#"Bearer error="invalid_token""#;

fn api() -> Url {
    "https://api.example/".parse().unwrap()
}

fn auth(rig: &Rig) -> Auth {
    let mut config = rig.config();
    config.resources = vec![api()];
    Auth::new(config).unwrap()
}

fn session(rig: &Rig) -> Session {
    auth(rig).session().unwrap()
}

fn served(session: &Session) -> AccessToken {
    wait(session.access_token()).unwrap()
}

fn retries(session: &Session, token: &AccessToken, header: &str) -> bool {
    matches!(session.challenged(token, &api(), 401, header), AfterRefusal::Retry)
}

#[test]
fn parallel_requests_whose_token_was_refused_are_all_retried() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    let first = served(&session);
    let told: Vec<_> = (0..5).map(|_| retries(&session, &first, INVALID)).collect();
    assert_eq!(told, [true; 5], "their replacement is on its way");
}

#[test]
fn a_caller_who_leaves_does_not_bring_the_refused_token_back() {
    let rig = Rig::new();
    rig.log_in();
    let auth = auth(&rig);
    let session = auth.session().unwrap();
    let first = served(&session);
    let lock = locked(&rig, &session);
    assert!(retries(&session, &first, INVALID));
    drop(begin(session.access_token()));
    assert!(auth.settle(S(5)));
    drop(lock);
    assert_ne!(served(&session).expose(), first.expose());
}

#[test]
fn a_clock_set_back_a_little_does_not_bring_the_refused_token_back() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    rig.clock.advance(S(100));
    assert!(forced(&session).is_ok());
    let first = served(&session);
    rig.clock.set(rig.now() - S(30));
    assert!(retries(&session, &first, INVALID));
    assert_ne!(served(&session).expose(), first.expose());
    assert_ne!(served(&session).expose(), first.expose(), "the second time");
}

#[test]
fn who_wants_a_longer_validity_does_not_spend_a_token_twice_while_a_valid_one_is_left() {
    let rig = Rig::new();
    let session = rig.log_in();
    let first = token(&session);
    rig.clock.advance(S(3000));
    let mut request = TokenRequest::default();
    request.min_validity = Some(S(1200));
    rig.server.inject(Endpoint::Token, Fault::LoseReply);
    assert!(wait(session.access_token_with(request.clone())).is_err());
    assert!(wait(session.access_token_with(request)).is_err());
    assert_eq!((rig.server.counts().reuses, rig.server.is_live_access_token(&first)), (0, true));
}

#[test]
fn an_early_refresh_keeps_no_other_caller_of_the_session_waiting() {
    let rig = Rig::new();
    let session = rig.log_in();
    let first = token(&session);
    rig.clock.advance(S(3450));
    rig.server.inject(Endpoint::Token, Fault::DelayReply(S(2)));
    let early = begin(session.access_token());
    until("the rotation", || rig.server.counts().rotations == 1);
    let begun = Instant::now();
    let second = token(&session);
    assert!(begun.elapsed() < Duration::from_millis(1000), "waited {:?}", begun.elapsed());
    assert_eq!(second, first);
    assert!(wait(early).is_ok());
}

#[test]
fn an_org_that_is_a_number_ends_no_login() {
    let rig = Rig::new();
    let issuer = rig.server.issuer();
    let claims = format!(
        r#"{{"iss":"{issuer}","aud":"{}","exp":99999999999,"sub":"s","email":"e@x.example","org_id":42}}"#,
        rig.config().client_id
    );
    let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims);
    rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), format!("e30.{encoded}.c2ln").into()));
    let login = rig.try_log_in(|_| {});
    assert!(login.is_ok(), "{:?}", login.unwrap_err());
}

#[test]
fn a_step_up_asks_for_no_more_than_the_login_had() {
    let rig = Rig::new();
    rig.server.approve_all();
    let auth = auth(&rig);
    let mut request = LoginRequest::default();
    request.scopes = Some("openid".parse().unwrap());
    let session = wait(auth.login(request, Arc::new(Silent))).unwrap();
    rig.server.clear_requests();
    let header = r#"Bearer error="insufficient_user_authentication", max_age="0""#;
    let AfterRefusal::StepUp(request) = session.challenged(&served(&session), &api(), 401, header) else { panic!() };
    wait(auth.login(request, Arc::new(Silent))).unwrap();
    let sent = &rig.server.requests_to(Endpoint::DeviceAuthorization)[0];
    assert_eq!(sent.parameter("scope"), Some("openid"));
}

#[test]
fn challenges_as_servers_write_them() {
    for header in [
        r#"Bearer scope="" error="invalid_token" error_description="the token has expired""#,
        "Bearer error=\"invalid_token\", error_description=\"ung\u{fc}ltig\"",
        r#"Bearer error=invalid_token, error_description=The token expired"#,
        r#"Bearer error="invalid_token",error_description="a \"b\" c""#,
        r#"Bearer realm=https://api.example/x, error="invalid_token""#,
        r#"Negotiate, Bearer error="invalid_token""#,
        r#"Negotiate YII=, Bearer error="invalid_token""#,
    ] {
        let rig = Rig::new();
        rig.log_in();
        let session = session(&rig);
        assert!(retries(&session, &served(&session), header), "{header}");
    }
}

#[test]
fn a_description_that_quotes_the_refresh_token_is_neither_told_nor_written_down() {
    let rig = Rig::new();
    let session = rig.log_in();
    rig.clock.advance(S(3600));
    rig.server.inject(Endpoint::Token, Fault::CutBefore);
    rig.server.inject(Endpoint::Token, Fault::CutBefore);
    assert!(wait(session.access_token()).is_err());
    let sent = rig.server.requests_to(Endpoint::Token)[0].parameter("refresh_token").unwrap().to_owned();
    let body = format!(r#"{{"error":"invalid_grant","error_description":"Invalid refresh token: {sent}"}}"#);
    let fault = Fault::Status { status: 400, headers: vec![], content_type: "application/json".into(), body };
    rig.server.inject(Endpoint::Token, fault);
    let error = wait(session.access_token()).unwrap_err();
    let on_disk =
        rig.records().iter().any(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(&sent));
    assert!(!on_disk, "in clear on disk");
    assert!(!format!("{error:?}").contains(&sent));
}

#[test]
fn an_odd_scope_does_not_throw_a_rotated_token_away() {
    for (field, value) in [("scope", serde_json::json!(["openid"])), ("id_token", serde_json::json!({}))] {
        let rig = Rig::new();
        let session = rig.log_in();
        rig.clock.advance(S(3600));
        rig.server.inject(Endpoint::Token, Fault::ReplyField(field.into(), value));
        assert!(rig.server.is_live_access_token(&token(&session)), "{field}");
        assert!(forced(&session).is_ok(), "{field}");
    }
}
