//! How long tokens and logins live, and which part of a reply decides it.

use std::time::SystemTime;

use hallpass::ErrorKind;
use hallpass::testing::{Endpoint, Fault};
use serde_json::json;

use crate::support::faults::unsigned_jwt;
use crate::support::rig::{Rig, S, assert_error, forced, token};

pub(super) fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn a_jwt_without_expires_in_ends_at_its_exp() {
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
        rig.server.inject(Endpoint::Token, Fault::ReplyField("access_token".into(), unsigned_jwt(&claims).into()));
        let token = rig.try_log_in(|_| {}).unwrap().access_token().wait().unwrap();
        assert_eq!(token.expires_at(), lives.map(|lives| rig.now() + S(lives)), "{claims}");
    }
    for opaque in ["a.b", "e30.e30", "a.b.c", "e30..c2ln.x.y"] {
        rig.server.inject(Endpoint::Token, Fault::ReplyField("access_token".into(), opaque.into()));
        let token = rig.try_log_in(|_| {}).unwrap().access_token().wait().unwrap();
        assert_eq!(token.expires_at(), None, "{opaque}");
    }
}

#[test]
fn an_expired_jwt_is_refreshed() {
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = None);
    let dead = unsigned_jwt(&json!({"exp": since_1970(rig.now()) + 305}));
    rig.server.inject(Endpoint::Token, Fault::ReplyField("access_token".into(), dead.clone().into()));
    let session = rig.try_log_in(|_| {}).unwrap();
    rig.clock.advance(S(200));
    assert_eq!((token(&session), rig.server.counts().refreshes), (dead.clone(), 0));
    rig.clock.advance(S(100));
    assert_ne!(token(&session), dead);
    assert_eq!(rig.server.counts().refreshes, 1);
}

#[test]
fn a_jwt_that_arrives_expired_is_not_served() {
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = None);
    let dead = unsigned_jwt(&json!({"exp": since_1970(rig.now()) - 1}));
    rig.server.inject(Endpoint::Token, Fault::ReplyField("access_token".into(), dead.clone().into()));
    let session = rig.try_log_in(|_| {}).unwrap();
    assert_ne!(token(&session), dead);
    assert_eq!(rig.server.counts().refreshes, 1);
}

#[test]
fn a_lifetime_of_zero_does_not_refresh_at_every_call() {
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

#[test]
fn tokens_of_any_lifetime_are_served() {
    for lifetime in [Some(S(0)), Some(S(1)), Some(S(20)), None] {
        let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = lifetime);
        let session = rig.log_in();
        assert!(!token(&session).is_empty(), "{lifetime:?}");
        assert!(!forced(&session).unwrap().is_empty(), "{lifetime:?}");
    }
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = None);
    let session = rig.log_in();
    let first = token(&session);
    rig.clock.advance(S(400 * 86_400));
    assert_eq!(token(&session), first);
    assert_ne!(forced(&session).unwrap(), first);
}

#[test]
fn an_absurd_expires_in_is_unknown() {
    let rig = Rig::new();
    for absurd in [serde_json::json!(1e300), serde_json::json!(-1), serde_json::json!("soon"), serde_json::json!([])] {
        rig.server.inject(Endpoint::Token, Fault::ReplyField("expires_in".into(), absurd.clone()));
        let session = rig.try_log_in(|_| {}).unwrap();
        assert_eq!(session.access_token().wait().unwrap().expires_at(), None, "{absurd}");
    }
}

#[test]
fn without_a_refresh_token_a_token_is_served_to_its_end() {
    let rig = Rig::with(|behaviour| behaviour.refresh_token = false);
    let session = rig.log_in();
    let own = token(&session);
    rig.clock.advance(S(3592));
    assert_eq!(token(&rig.auth().session().unwrap()), own, "8 s left");
    rig.clock.advance(S(8));
    assert_eq!(session.access_token().wait().unwrap_err().kind(), ErrorKind::Expired);
}

#[test]
fn without_a_refresh_token_a_login_ends_with_its_token() {
    let rig = Rig::with(|behaviour| behaviour.refresh_token = false);
    let session = rig.log_in();
    token(&session);
    rig.clock.advance(S(3600));
    let error = session.access_token().wait().unwrap_err();
    assert_error(&error, ErrorKind::Expired, Some("log_in"), 4);
    assert!(rig.server.requests().is_empty());
}
