//! The reply to a refresh is lost: nobody knows whether the server has rotated.

use hallpass::contexts::Logout;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{ErrorKind, Remedy};

use crate::support::faults::json_body;
use crate::support::rig::{Rig, S, assert_error, forced, token};

#[test]
fn a_lost_reply_is_retried_if_the_server_has_grace() {
    for fault in [Fault::LoseReply, Fault::TruncatedReply] {
        let rig = Rig::with(|behaviour| behaviour.grace = S(60));
        let session = rig.log_in();
        rig.clock.advance(S(3600));
        rig.server.inject(Endpoint::Token, fault);
        let fresh = token(&session);
        assert!(rig.server.is_live_access_token(&fresh));
        assert_eq!((rig.request_count(Endpoint::Token), rig.server.counts().reuses), (2, 0));
        assert_ne!(forced(&session).unwrap(), fresh, "the login lives on");
        assert_eq!(rig.records().len(), 1);
    }
}

#[test]
fn a_lost_reply_without_grace_is_an_interrupted_refresh() {
    let rig = Rig::new();
    let session = rig.log_in_as(&Default::default(), Some("work"));
    rig.clock.advance(S(3600));
    rig.server.inject(Endpoint::Token, Fault::LoseReply);
    for _ in 0..2 {
        let error = session.access_token().wait().unwrap_err();
        assert_error(&error, ErrorKind::Interrupted, Some("log_in"), 4);
        assert_eq!(error.remedy(), Some(&Remedy::LogIn { context: Some("work".into()) }));
    }
    rig.log_in_as(&Default::default(), Some("work"));
    assert!(rig.server.is_live_access_token(&token(&rig.auth().session().unwrap())));
}

#[test]
fn a_lost_reply_costs_nothing_while_the_token_is_valid() {
    let (rig, session) = Rig::logged_in();
    let first = token(&session);
    rig.clock.advance(S(3595));
    rig.server.inject(Endpoint::Token, Fault::LoseReply);
    assert_eq!(token(&session), first);
    assert_eq!(rig.request_count(Endpoint::Token), 1, "not asked again while a valid token is left");
    assert_eq!(rig.server.live_families(), 1);
    rig.clock.advance(S(10));
    let error = session.access_token().wait().unwrap_err();
    assert_error(&error, ErrorKind::Interrupted, Some("log_in"), 4);
}

#[test]
fn a_failed_second_try_leaves_the_refresh_interrupted() {
    let (rig, session) = Rig::logged_in();
    rig.clock.advance(S(4000));
    rig.server.inject(Endpoint::Token, Fault::LoseReply);
    rig.server.inject(Endpoint::Token, Fault::error(400, "temporarily_unavailable"));
    assert!(session.access_token().wait().is_err());
    assert_eq!(rig.records().len(), 2, "the intent stays");
    assert_eq!(session.access_token().wait().unwrap_err().kind(), ErrorKind::Interrupted);
}

#[test]
fn a_gateway_error_may_hide_a_rotation() {
    for status in [503, 403] {
        let (rig, session) = Rig::expired();
        rig.server.inject(Endpoint::Token, Fault::LoseReply);
        rig.server.inject(Endpoint::Token, json_body(status, "<html>"));
        session.access_token().wait().unwrap_err();
        assert_eq!(rig.request_count(Endpoint::Token), 2, "once more, and no more (law 7)");
    }
    // A 503 in the place of a reply that is lost: what follows is no news of the login before.
    let (rig, session) = Rig::expired();
    rig.server.inject(Endpoint::Token, Fault::status(503));
    rig.server.revoke_everything();
    let error = session.access_token().wait().unwrap_err();
    assert_error(&error, ErrorKind::Interrupted, Some("log_in"), 4);
    assert!(rig.auth().logout(Logout::default()).wait().unwrap().failed.is_empty());
    assert_eq!(rig.request_count(Endpoint::Revocation), 1, "what may live is revoked");
}
