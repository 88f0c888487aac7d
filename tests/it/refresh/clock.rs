//! Clocks that jump before, at and after a refresh.

use std::sync::Arc;
use std::time::Duration;

use hallpass::Auth;
use hallpass::clock::Clock;
use hallpass::testing::{Endpoint, Fault, ManualClock};

use crate::support::rig::{Rig, S, begun, token, until};

#[test]
fn each_jump_of_the_clock_costs_one_refresh() {
    let (rig, session) = Rig::logged_in();
    for (round, hours) in [(1, 5), (2, -7), (3, 100), (4, -100)] {
        let jump = S(3600 * u64::try_from(i64::abs(hours)).unwrap());
        rig.clock.set(if hours > 0 { rig.now() + jump } else { rig.now() - jump });
        for _ in 0..5 {
            assert_eq!(token(&session), token(&rig.auth().session().unwrap()), "{hours} h");
        }
        assert_eq!((rig.request_count(Endpoint::Token), rig.server.counts().reuses), (round, 0), "{hours} h");
    }
}

#[test]
fn a_clock_that_jumps_during_the_exchange_loses_no_token() {
    for (jump, back, refreshes) in [(S(100), false, 1), (S(7200), false, 2), (S(30), true, 1), (S(7200), true, 2)] {
        let (rig, session) = Rig::logged_in();
        rig.clock.advance(S(4000));
        let before = rig.now();
        rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(100)));
        let refresh = begun(session.access_token());
        until("the rotation", || rig.server.counts().rotations == 1);
        rig.clock.set(if back { before - jump } else { before + jump });
        // A machine that slept meanwhile must not count that as lifetime.
        assert_eq!(refresh.wait().unwrap().expires_at(), Some(before + S(3600)));
        for _ in 0..5 {
            assert!(rig.server.is_live_access_token(&token(&session)), "{jump:?} {back}");
        }
        assert_eq!((rig.request_count(Endpoint::Token), rig.server.counts().reuses), (refreshes, 0), "{jump:?} {back}");
    }
}

#[test]
fn a_wrong_clock_at_a_refresh_loses_no_token() {
    let rig = Rig::new();
    rig.log_in();
    rig.clock.advance(S(4000));
    let ahead = ManualClock::new();
    ahead.set(rig.now() + S(7200));
    let mut config = rig.config();
    config.clock = Arc::new(ahead.clone());
    let session = Auth::new(config).unwrap().session().unwrap();
    assert!(rig.server.is_live_access_token(&token(&session)));
    ahead.set(rig.clock.now());
    assert!(rig.server.is_live_access_token(&token(&rig.auth().session().unwrap())));
    assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1));
}

#[test]
fn a_clock_set_back_makes_a_token_stale() {
    let (rig, session) = Rig::logged_in();
    let first = token(&session);
    let before = hallpass::clock::Clock::now(&rig.clock);
    rig.clock.set(before - S(30));
    assert_eq!(token(&session), first);
    rig.clock.set(before - S(3600));
    assert_ne!(token(&session), first);
    assert_eq!(rig.server.counts().refreshes, 1);
}
