//! A refresh that fails because the server is away or refuses.

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
fn an_absent_server_does_not_matter_while_the_token_is_valid() {
    for fault in network_faults().into_iter().chain([Fault::HtmlReply, Fault::HugeBody(2 << 20)]) {
        let (rig, session) = Rig::logged_in();
        let first = token(&session);
        // Inside the margin in which a refresh is wanted.
        rig.clock.advance(S(3595));
        rig.server.inject_always(Endpoint::Token, fault.clone());
        assert_eq!(token(&session), first, "{fault:?}");
        assert_eq!(rig.request_count(Endpoint::Token), 1, "{fault:?}");
        rig.server.clear_faults();
        // A token that may be spent is sent again at its end only.
        rig.clock.advance(S(5));
        assert_ne!(token(&session), first, "{fault:?}");
        assert_eq!(rig.server.counts().reuses, 0);
    }
}

#[test]
fn an_absent_server_is_unreachable_and_ends_no_login() {
    for fault in network_faults() {
        let (rig, session) = Rig::expired();
        rig.server.inject_always(Endpoint::Token, fault.clone());
        let error = session.access_token().wait().unwrap_err();
        assert_error(&error, ErrorKind::Unreachable, Some("retry"), 5);
        rig.server.clear_faults();
        let fresh = token(&rig.auth().session().unwrap());
        assert!(rig.server.is_live_access_token(&fresh), "{fault:?}");
        assert_eq!(rig.server.counts().reuses, 0, "{fault:?}");
    }
}

#[test]
fn a_refused_connection_ends_no_login() {
    let rig = Rig::new();
    let (auth, first) = (rig.auth(), token(&rig.log_in()));
    rig.clock.advance(S(3595));
    let Rig { server, clock, folder: _folder, .. } = rig;
    drop(server);
    assert_eq!(token(&auth.session().unwrap()), first, "valid for some seconds");
    clock.advance(S(5));
    let error = auth.session().unwrap().access_token().wait().unwrap_err();
    assert_error(&error, ErrorKind::Unreachable, Some("retry"), 5);
    assert_eq!(auth.contexts().unwrap().len(), 1);
}

#[test]
fn a_forced_refresh_says_why_it_failed() {
    let (rig, session) = Rig::logged_in();
    let first = token(&session);
    rig.server.inject_always(Endpoint::Token, Fault::status(503));
    assert_error(&forced(&session).unwrap_err(), ErrorKind::Unreachable, Some("retry"), 5);
    assert_eq!(token(&session), first);
}

#[test]
fn a_login_ended_by_the_server_is_expired_and_listed() {
    let rig = Rig::new();
    let session = rig.log_in_as(&Default::default(), Some("work"));
    rig.server.revoke_everything();
    rig.clock.advance(S(3600));
    for _ in 0..2 {
        let error = session.access_token().wait().unwrap_err();
        assert_error(&error, ErrorKind::Expired, Some("log_in"), 4);
        assert_eq!(error.remedy(), Some(&Remedy::LogIn { context: Some("work".into()) }));
        assert!(error.to_string().contains("work"), "{error}");
    }
    assert_eq!(rig.keys.count(), 1);
    let contexts = rig.auth().contexts().unwrap();
    assert!(contexts.len() == 1 && contexts[0].logged_in_at.is_some(), "{contexts:?}");
}

#[test]
fn a_refusal_of_the_client_does_not_end_the_login() {
    let (rig, session) = Rig::expired();
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_client"));
    let error = session.access_token().wait().unwrap_err();
    assert_error(&error, ErrorKind::AuthorizationServer, Some("fix_config"), 1);
    assert!(!token(&session).is_empty(), "and the next refresh works");
}
