//! A refresh that goes wrong: the network, the server's no, a reply that would make the grant another.

use hallpass::blocking::wait;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{ErrorKind, Remedy};

use crate::support::rig::{Rig, S, assert_error, forced, token};

fn network_faults() -> Vec<Fault> {
    vec![
        Fault::CutBefore,
        Fault::Garbage,
        Fault::status(500),
        Fault::status(503),
        Fault::status(429),
        Fault::error(503, "temporarily_unavailable"),
        Fault::error(500, "invalid_grant"),
    ]
}

#[test]
fn while_the_token_is_valid_a_server_that_is_away_does_not_matter() {
    for fault in network_faults().into_iter().chain([Fault::HtmlReply, Fault::HugeBody(2 << 20)]) {
        let rig = Rig::new();
        let session = rig.log_in();
        let first = token(&session);
        // Inside the margin in which a refresh is wanted.
        rig.clock.advance(S(3595));
        rig.server.inject_always(Endpoint::Token, fault.clone());
        assert_eq!(token(&session), first, "{fault:?}");
        assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 1, "{fault:?}");
        rig.server.clear_faults();
        // A token that may be spent is sent again at its end only.
        rig.clock.advance(S(5));
        assert_ne!(token(&session), first, "{fault:?}");
        assert_eq!(rig.server.counts().reuses, 0);
    }
}

#[test]
fn after_the_end_a_server_that_is_away_is_unreachable_and_the_login_still_there() {
    for fault in network_faults() {
        let rig = Rig::new();
        let session = rig.log_in();
        rig.clock.advance(S(3600));
        rig.server.inject_always(Endpoint::Token, fault.clone());
        let error = wait(session.access_token()).unwrap_err();
        assert_error(&error, ErrorKind::Unreachable, Some("retry"), 5);
        rig.server.clear_faults();
        let fresh = token(&rig.auth().session().unwrap());
        assert!(rig.server.is_live_access_token(&fresh), "{fault:?}");
        assert_eq!(rig.server.counts().reuses, 0, "{fault:?}");
    }
}

#[test]
fn a_server_that_is_gone_is_unreachable_and_the_login_still_there() {
    let rig = Rig::new();
    let (auth, first) = (rig.auth(), token(&rig.log_in()));
    rig.clock.advance(S(3595));
    let Rig { server, clock, folder: _folder, .. } = rig;
    drop(server);
    assert_eq!(token(&auth.session().unwrap()), first, "valid for some seconds");
    clock.advance(S(5));
    let error = wait(auth.session().unwrap().access_token()).unwrap_err();
    assert_error(&error, ErrorKind::Unreachable, Some("retry"), 5);
    assert_eq!(auth.contexts().unwrap().len(), 1);
}

#[test]
fn a_refresh_that_was_asked_for_says_why_it_failed() {
    let rig = Rig::new();
    let session = rig.log_in();
    let first = token(&session);
    rig.server.inject_always(Endpoint::Token, Fault::status(503));
    assert_error(&forced(&session).unwrap_err(), ErrorKind::Unreachable, Some("retry"), 5);
    assert_eq!(token(&session), first);
}

#[test]
fn a_login_that_the_server_has_ended_is_expired_and_stays_listed() {
    let rig = Rig::new();
    let session = rig.log_in_as(&Default::default(), Some("work"));
    rig.server.revoke_everything();
    rig.clock.advance(S(3600));
    for _ in 0..2 {
        let error = wait(session.access_token()).unwrap_err();
        assert_error(&error, ErrorKind::Expired, Some("log_in"), 4);
        assert_eq!(error.remedy(), Some(&Remedy::LogIn { context: Some("work".into()) }));
        assert!(error.to_string().contains("work"), "{error}");
    }
    assert_eq!(rig.keys.count(), 1);
    let contexts = rig.auth().contexts().unwrap();
    assert!(contexts.len() == 1 && contexts[0].logged_in_at.is_some(), "{contexts:?}");
}

#[test]
fn a_refusal_inside_the_margin_serves_the_token_that_is_still_valid() {
    // Law 7: "An early refresh that fails serves the token that is still valid."
    for fault in [
        Fault::error(400, "invalid_client"),
        Fault::error(400, "invalid_grant"),
        Fault::OtherSubject("mallory".into()),
        Fault::TokenType("DPoP".into()),
    ] {
        let rig = Rig::new();
        let session = rig.log_in();
        let first = token(&session);
        rig.clock.advance(S(3595));
        rig.server.inject(Endpoint::Token, fault.clone());
        let served = wait(session.access_token()).map(|token| token.expose().to_owned());
        assert!(served.as_ref().is_ok_and(|served| *served == first), "{fault:?}: {:?}", served.err());
    }
}

#[test]
fn another_no_of_the_server_is_told_as_it_is() {
    let rig = Rig::new();
    let session = rig.log_in();
    rig.clock.advance(S(3600));
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_client"));
    let error = wait(session.access_token()).unwrap_err();
    assert_error(&error, ErrorKind::AuthorizationServer, Some("fix_config"), 1);
    assert!(!token(&session).is_empty(), "and the next refresh works");
}

#[test]
fn a_lost_reply_is_asked_for_again_where_the_server_allows_it() {
    for fault in [Fault::LoseReply, Fault::TruncatedReply] {
        let rig = Rig::with(|behaviour| behaviour.grace = S(60));
        let session = rig.log_in();
        rig.clock.advance(S(3600));
        rig.server.inject(Endpoint::Token, fault);
        let fresh = token(&session);
        assert!(rig.server.is_live_access_token(&fresh));
        assert_eq!((rig.server.requests_to(Endpoint::Token).len(), rig.server.counts().reuses), (2, 0));
        assert_ne!(forced(&session).unwrap(), fresh, "the login lives on");
        assert_eq!(rig.records().len(), 1);
    }
}

#[test]
fn a_lost_reply_without_grace_is_an_interrupted_login() {
    let rig = Rig::new();
    let session = rig.log_in_as(&Default::default(), Some("work"));
    rig.clock.advance(S(3600));
    rig.server.inject(Endpoint::Token, Fault::LoseReply);
    for _ in 0..2 {
        let error = wait(session.access_token()).unwrap_err();
        assert_error(&error, ErrorKind::Interrupted, Some("log_in"), 4);
        assert_eq!(error.remedy(), Some(&Remedy::LogIn { context: Some("work".into()) }));
    }
    rig.log_in_as(&Default::default(), Some("work"));
    assert!(rig.server.is_live_access_token(&token(&rig.auth().session().unwrap())));
}

#[test]
fn a_reply_that_is_lost_while_the_token_is_valid_costs_nothing_yet() {
    let rig = Rig::new();
    let session = rig.log_in();
    let first = token(&session);
    rig.clock.advance(S(3595));
    rig.server.inject(Endpoint::Token, Fault::LoseReply);
    assert_eq!(token(&session), first);
    assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 1, "not asked again while a valid token is left");
    assert_eq!(rig.server.live_families(), 1);
    rig.clock.advance(S(10));
    let error = wait(session.access_token()).unwrap_err();
    assert_error(&error, ErrorKind::Interrupted, Some("log_in"), 4);
}
