//! `TokenRequest::min_validity`: a caller that needs a token for some time to come.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hallpass::secret::Secret;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{Auth, ErrorKind, Result, Session, TokenRequest};
use serde_json::json;

use super::lifetimes::since_1970;
use crate::support::faults::unsigned_jwt;
use crate::support::rig::{Rig, S, assert_error, forced, token};

fn valid_for(session: &Session, seconds: u64) -> Result<String> {
    let request = TokenRequest::new().min_validity(S(seconds));
    session.access_token_with(request).wait().map(|token| token.expose().to_owned())
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

#[test]
fn min_validity_refreshes_a_token_that_ends_sooner() {
    let (rig, session) = Rig::logged_in();
    let first = token(&session);
    rig.clock.advance(S(600));
    let with = |seconds| {
        let request = TokenRequest::new().min_validity(S(seconds));
        session.access_token_with(request).wait().unwrap().expose().to_owned()
    };
    assert_eq!(with(2900), first);
    assert_eq!(rig.server.counts().refreshes, 0);
    assert_ne!(with(3100), first);
    assert_eq!(rig.server.counts().refreshes, 1);
    // More than any token has: each call may ask once, and what comes is served.
    with(7200);
    assert_eq!(rig.server.counts().refreshes, 2);
}

#[test]
fn more_validity_than_any_token_has_asks_once_a_call() {
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = Some(S(20)));
    let session = rig.log_in();
    let request = TokenRequest::new().min_validity(S(60));
    (0..10).for_each(|_| assert!(session.access_token_with(request.clone()).wait().is_ok()));
    assert!(rig.request_count(Endpoint::Token) <= 10);
    assert!(forced(&session).is_ok());
}

#[test]
fn a_lost_reply_is_not_retried_while_a_valid_token_is_left() {
    let (rig, session) = Rig::logged_in();
    let first = token(&session);
    rig.clock.advance(S(3000));
    let request = TokenRequest::new().min_validity(S(1200));
    rig.server.inject(Endpoint::Token, Fault::LoseReply);
    assert!(session.access_token_with(request.clone()).wait().is_err());
    assert!(session.access_token_with(request).wait().is_err());
    assert_eq!((rig.server.counts().reuses, rig.server.is_live_access_token(&first)), (0, true));
}

#[test]
fn the_longest_durations_do_not_panic() {
    let (rig, session) = Rig::logged_in();
    let request = TokenRequest::new().min_validity(Duration::MAX);
    // It is refreshed, as no token that is there meets it, and the fresh one is served.
    assert!(session.access_token_with(request).wait().is_ok());
    let mut config = rig.config();
    config.lock_timeout = Duration::MAX;
    assert!(Auth::new(config).unwrap().session().unwrap().access_token().wait().is_ok());
}

#[test]
fn a_token_without_an_end_meets_no_min_validity() {
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = None);
    let session = rig.log_in();
    let first = token(&session);
    for session in [&session, &rig.auth().session().unwrap()] {
        let error = valid_for(session, 1).unwrap_err();
        assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
        assert!(error.to_string().contains("does not say when its access tokens end"), "{error}");
        assert!(session.cached_token(TokenRequest::new().min_validity(S(1))).is_none());
        assert_eq!(valid_for(session, 0).unwrap(), first);
    }
    assert_eq!(rig.request_count(Endpoint::Token), 0, "another one would not say more");
    // What comes by force is kept, and not promised either.
    assert!(session.access_token_with(TokenRequest::new().min_validity(S(1)).refresh()).wait().is_err());
    assert_ne!(token(&session), first);
    assert!(forced(&session).is_ok());
}

#[test]
fn an_environment_jwt_is_valid_until_its_exp() {
    let rig = Rig::new();
    let session = |token: &str| {
        let mut config = rig.config();
        config.environment.token = Some(Arc::new(Secret::new(token.into())));
        Auth::new(config).unwrap().session().unwrap()
    };
    let end = rig.now() + S(600);
    let known = unsigned_jwt(&json!({"exp": since_1970(end)}));
    let given = session(&known);
    assert_eq!((valid_for(&given, 599).unwrap(), valid_for(&session("opaque"), 0).unwrap()), (known, "opaque".into()));
    for (session, part) in [(given, rfc3339(end)), (session("opaque"), "ACME_TOKEN does not say".into())] {
        let error = valid_for(&session, 600).unwrap_err();
        assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
        assert!(error.to_string().contains(&part), "{error}");
        assert!(session.access_token().wait().is_ok(), "used as it is");
    }
}
