//! How long tokens and logins live, and who says so.

use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hallpass::blocking::wait;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{Auth, ErrorKind, Result, Secret, Session, TokenRequest};
use serde_json::json;

use crate::support::rig::{Rig, S, assert_error, forced, token};

fn valid_for(session: &Session, seconds: u64) -> Result<String> {
    let mut request = TokenRequest::default();
    request.min_validity = Some(S(seconds));
    wait(session.access_token_with(request)).map(|token| token.expose().to_owned())
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn jwt(claims: &serde_json::Value) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[test]
fn a_jwt_whose_end_nobody_else_tells_ends_as_it_says() {
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = None);
    type Claims = fn(u64) -> serde_json::Value;
    let cases: [(Claims, Option<u64>); 10] = [
        (|now| json!({"exp": now + 300}), Some(300)),
        (|now| json!({"exp": format!("{}.5", now + 300), "iat": now - 600}), Some(300)),
        (|now| json!({"exp": now}), None),
        (|now| json!({"exp": now - 1}), None),
        (|_| json!({"exp": -1}), None),
        (|now| json!({"exp": now + 400_000_000}), None),
        (|_| json!({"exp": 1e18}), None),
        (|now| json!({"exp": null, "iat": now}), None),
        (|now| json!({"iat": now}), None),
        (|_| json!("exp"), None),
    ];
    for (claims, lives) in cases {
        // The login waits once.
        let claims = claims(since_1970(rig.now() + S(5)));
        rig.server.inject(Endpoint::Token, Fault::ReplyField("access_token".into(), jwt(&claims).into()));
        let token = wait(rig.try_log_in(|_| {}).unwrap().access_token()).unwrap();
        assert_eq!(token.expires_at(), lives.map(|lives| rig.now() + S(lives)), "{claims}");
    }
    for opaque in ["a.b", "e30.e30", "a.b.c", "e30..c2ln.x.y"] {
        rig.server.inject(Endpoint::Token, Fault::ReplyField("access_token".into(), opaque.into()));
        let token = wait(rig.try_log_in(|_| {}).unwrap().access_token()).unwrap();
        assert_eq!(token.expires_at(), None, "{opaque}");
    }
}

#[test]
fn a_dead_jwt_is_replaced_and_not_printed_for_ever() {
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = None);
    let dead = jwt(&json!({"exp": since_1970(rig.now()) + 305}));
    rig.server.inject(Endpoint::Token, Fault::ReplyField("access_token".into(), dead.clone().into()));
    let session = rig.try_log_in(|_| {}).unwrap();
    rig.clock.advance(S(200));
    assert_eq!((token(&session), rig.server.counts().refreshes), (dead.clone(), 0));
    rig.clock.advance(S(100));
    assert_ne!(token(&session), dead);
    assert_eq!(rig.server.counts().refreshes, 1);
}

#[test]
fn a_jwt_that_is_dead_when_it_comes_is_not_handed_out() {
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = None);
    let dead = jwt(&json!({"exp": since_1970(rig.now()) - 1}));
    rig.server.inject(Endpoint::Token, Fault::ReplyField("access_token".into(), dead.clone().into()));
    let session = rig.try_log_in(|_| {}).unwrap();
    assert_ne!(token(&session), dead);
    assert_eq!(rig.server.counts().refreshes, 1);
}

#[test]
fn a_lifetime_of_nothing_is_no_refresh_at_every_call() {
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = Some(S(0)));
    let session = rig.log_in();
    let first = token(&session);
    for _ in 0..3 {
        rig.clock.advance(S(3600));
        assert_eq!((token(&session), token(&rig.auth().session().unwrap())), (first.clone(), first.clone()));
    }
    assert_eq!(rig.server.counts().refreshes, 0);
    assert_eq!(session.context().unwrap().expires_at, None);
}

#[test]
fn a_token_without_an_end_is_promised_to_nobody() {
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = None);
    let session = rig.log_in();
    let first = token(&session);
    for session in [&session, &rig.auth().session().unwrap()] {
        let error = valid_for(session, 1).unwrap_err();
        assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
        assert!(error.to_string().contains("does not say when its access tokens end"), "{error}");
        let mut request = TokenRequest::default();
        request.min_validity = Some(S(1));
        assert!(session.cached_token(request).is_none());
        assert_eq!(valid_for(session, 0).unwrap(), first);
    }
    assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 0, "another one would not say more");
    // What comes by force is kept, and not promised either.
    let mut request = TokenRequest::default();
    (request.min_validity, request.refresh) = (Some(S(1)), true);
    assert!(wait(session.access_token_with(request)).is_err());
    assert_ne!(token(&session), first);
    assert!(forced(&session).is_ok());
}

#[test]
fn a_token_from_the_environment_is_promised_as_long_as_it_says() {
    let rig = Rig::new();
    let session = |token: &str| {
        let mut config = rig.config();
        config.environment.token = Some(Arc::new(Secret::new(token.into())));
        Auth::new(config).unwrap().session().unwrap()
    };
    let end = rig.now() + S(600);
    let known = jwt(&json!({"exp": since_1970(end)}));
    let given = session(&known);
    assert_eq!((valid_for(&given, 599).unwrap(), valid_for(&session("opaque"), 0).unwrap()), (known, "opaque".into()));
    for (session, part) in [(given, rfc3339(end)), (session("opaque"), "ACME_TOKEN does not say".into())] {
        let error = valid_for(&session, 600).unwrap_err();
        assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
        assert!(error.to_string().contains(&part), "{error}");
        assert!(wait(session.access_token()).is_ok(), "used as it is");
    }
}

#[test]
fn a_context_says_whether_it_renews_and_when_its_login_ends() {
    for (renews, told, ends_in) in
        [(true, None, None), (true, Some(7200), Some(7200)), (true, Some(0), None), (false, None, Some(3600))]
    {
        let rig = Rig::with(|behaviour| behaviour.refresh_token = renews);
        if let Some(seconds) = told {
            let field = Fault::ReplyField("refresh_expires_in".into(), seconds.into());
            rig.server.inject(Endpoint::Token, field);
        }
        let begun = rig.now() + S(5);
        let made = rig.log_in().context().unwrap().clone();
        let read = rig.auth().session().unwrap().context().unwrap().clone();
        for context in [made, read] {
            assert_eq!(context.renews, Some(renews));
            assert_eq!(context.session_ends_at, ends_in.map(|seconds: u64| begun + S(seconds)), "{told:?}");
        }
    }
}
