//! The window before a token's end: one caller fetches the next token, nobody waits for it, and its failure costs nothing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hallpass::testing::{Endpoint, Fault};
use hallpass::{Auth, ErrorKind, Session};

use crate::support::rig::{Rig, S, assert_error, begun, locked, token, until};

/// Of a token of an hour: the last five minutes, and their first half in which the early refresh begins.
const WINDOW: (u64, u64) = (3300, 3450);

/// Another process.
fn other(rig: &Rig) -> Session {
    rig.auth().session().unwrap()
}

#[test]
fn all_processes_begin_the_early_refresh_at_the_same_time() {
    let (rig, session) = Rig::logged_in();
    let mut moments = BTreeSet::new();
    for round in 1..=8 {
        let first = token(&session);
        rig.clock.advance(S(WINDOW.0 - 1));
        assert_eq!((token(&session), token(&other(&rig))), (first.clone(), first.clone()), "round {round}");
        let mut at = WINDOW.0 - 1;
        while token(&session) == first {
            assert_eq!(token(&other(&rig)), first, "two processes throw no dice");
            rig.clock.advance(S(1));
            at += 1;
        }
        assert!((WINDOW.0..=WINDOW.1).contains(&at), "{at}");
        assert_eq!(rig.request_count(Endpoint::Token), round);
        moments.insert(at);
    }
    assert!(moments.len() > 3, "{moments:?}");
}

#[test]
fn one_caller_refreshes_early_and_the_others_go_on() {
    let (rig, session) = Rig::logged_in();
    let first = token(&session);
    rig.clock.advance(S(WINDOW.1));
    rig.server.inject(Endpoint::Token, Fault::DelayReply(S(1)));
    let early = begun(session.access_token());
    until("the rotation", || rig.server.counts().rotations == 1);
    for _ in 0..5 {
        assert_eq!(token(&other(&rig)), first);
    }
    let next = early.wait().unwrap().expose().to_owned();
    assert_ne!(next, first);
    assert_eq!((token(&session), token(&other(&rig))), (next.clone(), next));
    assert_eq!((rig.request_count(Endpoint::Token), rig.server.counts().reuses), (1, 0));
}

#[test]
fn a_held_lock_delays_only_callers_without_a_valid_token() {
    let (rig, session) = Rig::logged_in();
    let first = token(&session);
    let lock = locked(&rig, &session);
    let mut config = rig.config();
    config.lock_timeout = Duration::from_millis(50);
    let impatient = Auth::new(config).unwrap().session().unwrap();
    for at in [WINDOW.1, 3589] {
        rig.clock.set(session.access_token().wait().unwrap().expires_at().unwrap() - S(3600 - at));
        assert_eq!((token(&session), token(&impatient)), (first.clone(), first.clone()), "{at}");
    }
    rig.clock.advance(S(11));
    assert_error(&impatient.access_token().wait().unwrap_err(), ErrorKind::Custody, Some("other_process"), 6);
    let late = begun(session.access_token());
    drop(lock);
    assert_ne!(late.wait().unwrap().expose(), first);
    assert_eq!(rig.request_count(Endpoint::Token), 1);
}

#[test]
fn a_failed_early_refresh_serves_the_token_and_pauses() {
    for (lifetime, rest) in [(3600, 30), (600, 15)] {
        for fault in [Fault::status(429), Fault::error(400, "temporarily_unavailable")] {
            let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = Some(S(lifetime)));
            let session = rig.log_in();
            let first = token(&session);
            rig.clock.advance(S(lifetime - lifetime.min(3000) / 20));
            rig.server.inject(Endpoint::Token, fault.clone());
            let everybody = || {
                for _ in 0..5 {
                    assert_eq!((token(&session), token(&other(&rig))), (first.clone(), first.clone()), "{fault:?}");
                }
            };
            everybody();
            rig.clock.advance(S(rest - 1));
            everybody();
            assert_eq!(rig.request_count(Endpoint::Token), 1, "{fault:?} {lifetime}");
            rig.clock.advance(S(1));
            assert_ne!(token(&other(&rig)), first, "{fault:?} {lifetime}");
            assert_eq!((rig.request_count(Endpoint::Token), rig.server.counts().reuses), (2, 0));
        }
    }
}

#[test]
fn a_lost_early_reply_is_retried_only_when_the_token_ends() {
    for grace in [S(86_400), S(0)] {
        // The last is a reply that cannot be used: the server has rotated all the same.
        for fault in [Fault::LoseReply, Fault::TruncatedReply, Fault::ReplyField("access_token".into(), "a b".into())] {
            let rig = Rig::with(|behaviour| behaviour.grace = grace);
            let session = rig.log_in();
            let first = token(&session);
            rig.clock.advance(S(WINDOW.1));
            rig.server.inject(Endpoint::Token, fault.clone());
            for _ in 0..10 {
                assert_eq!((token(&session), token(&other(&rig))), (first.clone(), first.clone()), "{fault:?}");
                rig.clock.advance(S(13));
            }
            assert_eq!((rig.request_count(Endpoint::Token), rig.server.live_families()), (1, 1), "{fault:?}");
            rig.clock.advance(S(20));
            let served = session.access_token().wait();
            assert_eq!(rig.request_count(Endpoint::Token), 2, "{fault:?}");
            match grace.is_zero() {
                false => assert!(rig.server.is_live_access_token(served.unwrap().expose())),
                true => assert_error(&served.unwrap_err(), ErrorKind::Interrupted, Some("log_in"), 4),
            }
        }
    }
}

#[test]
fn an_open_intent_is_not_retried_while_the_token_is_valid() {
    let (rig, session) = Rig::logged_in();
    let first = token(&session);
    rig.clock.advance(S(WINDOW.1));
    rig.server.inject(Endpoint::Token, Fault::LoseReply);
    assert_eq!(token(&session), first);
    rig.clock.advance(S(3595 - WINDOW.1));
    assert_eq!((token(&session), token(&other(&rig))), (first.clone(), first.clone()));
    assert_eq!((rig.request_count(Endpoint::Token), rig.server.counts().reuses), (1, 0));
    assert!(rig.server.is_live_access_token(&first));
}

#[test]
fn tokens_shorter_than_the_window_do_not_loop() {
    for lifetime in [1, 5, 20, 60] {
        let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = Some(S(lifetime)));
        let session = rig.log_in();
        let both = || (token(&session), token(&other(&rig)));
        (0..20).for_each(|_| drop(both()));
        assert_eq!(rig.request_count(Endpoint::Token), 0, "a lifetime of {lifetime} s, and no time passes");
        for _ in 0..60 {
            rig.clock.advance(S(1));
            let (one, other) = both();
            assert_eq!(one, other);
        }
        // One in nine tenths of a lifetime, as the clock ticks whole seconds.
        let most = 60 / (lifetime * 9 / 10).max(1) + 1;
        let refreshes = rig.server.counts().refreshes;
        assert!((60 / lifetime as usize - 1..=most as usize).contains(&refreshes), "{lifetime} s: {refreshes}");
        assert_eq!((rig.request_count(Endpoint::Token), rig.server.counts().reuses), (refreshes, 0));
    }
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = Some(S(0)));
    let session = rig.log_in();
    (0..30).for_each(|_| assert!(!token(&session).is_empty()));
    assert_eq!(rig.request_count(Endpoint::Token), 0, "a lifetime of 0 is unknown");
}

#[test]
fn an_early_refresh_keeps_no_other_caller_waiting() {
    let (rig, session) = Rig::logged_in();
    let first = token(&session);
    rig.clock.advance(S(3450));
    rig.server.inject(Endpoint::Token, Fault::DelayReply(S(2)));
    let early = begun(session.access_token());
    until("the rotation", || rig.server.counts().rotations == 1);
    let begun = Instant::now();
    let second = token(&session);
    assert!(begun.elapsed() < Duration::from_millis(1000), "waited {:?}", begun.elapsed());
    assert_eq!(second, first);
    assert!(early.wait().is_ok());
}

#[test]
fn an_early_refusal_serves_the_valid_token_and_pauses() {
    let (rig, session) = Rig::logged_in();
    let own = token(&session);
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_grant"));
    rig.clock.advance(S(3595));
    for _ in 0..3 {
        assert_eq!(token(&rig.auth().session().unwrap()), own);
    }
    assert_eq!(rig.request_count(Endpoint::Token), 1);
}

#[test]
fn any_early_refusal_serves_the_token_that_is_still_valid() {
    // Law 7: "An early refresh that fails serves the token that is still valid."
    for fault in [
        Fault::error(400, "invalid_client"),
        Fault::error(400, "invalid_grant"),
        Fault::OtherSubject("mallory".into()),
        Fault::TokenType("DPoP".into()),
    ] {
        let (rig, session) = Rig::logged_in();
        let first = token(&session);
        rig.clock.advance(S(3595));
        rig.server.inject(Endpoint::Token, fault.clone());
        let served = session.access_token().wait().map(|token| token.expose().to_owned());
        assert!(served.as_ref().is_ok_and(|served| *served == first), "{fault:?}: {:?}", served.err());
    }
}
