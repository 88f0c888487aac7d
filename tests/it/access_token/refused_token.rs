//! A token that a resource has refused is replaced once for all callers, and never served again.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use hallpass::testing::{Endpoint, Fault};
use hallpass::{AfterRefusal, Auth, ErrorKind};

use super::challenge::{config, retries, served, session};
use crate::support::rig::{Rig, S, assert_error, begun, forced, locked, token};

#[test]
fn sessions_of_one_auth_share_what_was_refused() {
    let rig = Rig::new();
    rig.log_in();
    let auth = Auth::new(config(&rig)).unwrap();
    let first = auth.access_token().wait().unwrap();
    assert!(retries(&auth.session().unwrap(), &first, "https://api.example/"));
    let second = auth.access_token().wait().unwrap();
    assert_ne!(second.expose(), first.expose());
    for _ in 0..10 {
        let session = auth.session().unwrap();
        assert!(!retries(&session, &served(&session), "https://api.example/"), "once a minute");
    }
    assert_eq!(rig.request_count(Endpoint::Token), 1);
}

#[test]
fn a_replacement_that_failed_does_not_count() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    let first = served(&session);
    rig.server.inject_always(Endpoint::Token, Fault::status(503));
    assert!(retries(&session, &first, "https://api.example/"));
    assert!(session.access_token().wait().is_err());
    assert!(matches!(session.refused(&first, "https://api.example/"), AfterRefusal::Retry), "it is not fresh");
    rig.server.clear_faults();
    assert_ne!(served(&session).expose(), first.expose());
}

#[test]
fn a_clock_set_back_does_not_lengthen_the_pause() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    assert!(retries(&session, &served(&session), "https://api.example/"));
    let second = served(&session);
    rig.clock.set(rig.now() - S(30));
    assert!(retries(&session, &second, "https://api.example/"));
}

#[test]
fn forty_processes_whose_token_was_refused_make_one_refresh() {
    let rig = Rig::new();
    rig.log_in();
    rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(50)));
    let barrier = Arc::new(Barrier::new(40));
    let threads: Vec<_> = (0..40)
        .map(|_| {
            let (session, barrier) = (session(&rig), barrier.clone());
            thread::spawn(move || {
                let first = served(&session);
                barrier.wait();
                assert!(retries(&session, &first, "https://api.example/"));
                let second = token(&session);
                assert_ne!(second, first.expose());
                second
            })
        })
        .collect();
    let mut tokens: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    tokens.dedup();
    assert_eq!((tokens.len(), rig.request_count(Endpoint::Token), rig.server.counts().reuses), (1, 1, 0));
}

#[test]
fn a_failed_replacement_does_not_serve_the_refused_token() {
    for (foretold, kind) in [(None, ErrorKind::Expired), (Some(86_400), ErrorKind::Revoked)] {
        let rig = Rig::new();
        if let Some(seconds) = foretold {
            rig.server.inject(Endpoint::Token, Fault::ReplyField("refresh_expires_in".into(), seconds.into()));
        }
        rig.try_log_in(|_| {}).unwrap();
        let session = session(&rig);
        let first = served(&session);
        rig.server.revoke_everything();
        assert!(retries(&session, &first, "https://api.example/"));
        assert_error(&session.access_token().wait().unwrap_err(), kind, Some("log_in"), 4);
        // Who tries again is told to log in, and never served what was refused.
        let again = session.challenged(&first, "https://api.example/", 401, "");
        assert!(matches!(again, AfterRefusal::LogIn), "{again:?}");
        assert_error(&session.access_token().wait().unwrap_err(), kind, Some("log_in"), 4);
    }
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    let first = served(&session);
    rig.server.inject_always(Endpoint::Token, Fault::status(503));
    assert!(retries(&session, &first, "https://api.example/"));
    assert_error(&session.access_token().wait().unwrap_err(), ErrorKind::Unreachable, Some("retry"), 5);
}

#[test]
fn an_ended_login_does_not_serve_its_refused_token() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    let first = served(&session);
    rig.server.revoke_everything();
    assert!(retries(&session, &first, "https://api.example/"));
    for _ in 0..2 {
        assert_error(&session.access_token().wait().unwrap_err(), ErrorKind::Expired, Some("log_in"), 4);
    }
}

#[test]
fn parallel_requests_with_a_refused_token_all_retry() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    let first = served(&session);
    let told: Vec<_> = (0..5).map(|_| retries(&session, &first, "https://api.example/")).collect();
    assert_eq!(told, [true; 5], "their replacement is on its way");
}

#[test]
fn a_dropped_caller_does_not_bring_the_refused_token_back() {
    let rig = Rig::new();
    rig.log_in();
    let auth = Auth::new(config(&rig)).unwrap();
    let session = auth.session().unwrap();
    let first = served(&session);
    let lock = locked(&rig, &session);
    assert!(retries(&session, &first, "https://api.example/"));
    drop(begun(session.access_token()));
    assert!(auth.shutdown(S(5)));
    drop(lock);
    assert_ne!(served(&session).expose(), first.expose());
}

#[test]
fn a_clock_set_back_does_not_bring_the_refused_token_back() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    rig.clock.advance(S(100));
    assert!(forced(&session).is_ok());
    let first = served(&session);
    rig.clock.set(rig.now() - S(30));
    assert!(retries(&session, &first, "https://api.example/"));
    assert_ne!(served(&session).expose(), first.expose());
    assert_ne!(served(&session).expose(), first.expose(), "the second time");
}
