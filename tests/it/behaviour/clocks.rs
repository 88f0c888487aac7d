//! Clocks that jump, and servers that want to be left alone.

use std::time::Duration;

use hallpass::blocking::wait;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{ErrorKind, Remedy};

use super::rig::{Rig, S, assert_error, begin, forced, token, until};

fn asked(rig: &Rig) -> usize {
    rig.server.requests_to(Endpoint::Token).len()
}

#[test]
fn a_clock_that_jumps_costs_one_refresh_each_time() {
    let rig = Rig::new();
    let session = rig.log_in();
    for (round, hours) in [(1, 5), (2, -7), (3, 100), (4, -100)] {
        let jump = S(3600 * u64::try_from(i64::abs(hours)).unwrap());
        rig.clock.set(if hours > 0 { rig.now() + jump } else { rig.now() - jump });
        for _ in 0..5 {
            assert_eq!(token(&session), token(&rig.auth().session().unwrap()), "{hours} h");
        }
        assert_eq!((asked(&rig), rig.server.counts().reuses), (round, 0), "{hours} h");
    }
}

#[test]
fn a_clock_that_jumps_during_the_exchange_costs_no_token() {
    for (jump, back, refreshes) in [(S(100), false, 1), (S(7200), false, 2), (S(30), true, 1), (S(7200), true, 2)] {
        let rig = Rig::new();
        let session = rig.log_in();
        rig.clock.advance(S(4000));
        let before = rig.now();
        rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(100)));
        let refresh = begin(session.access_token());
        until("the rotation", || rig.server.counts().rotations == 1);
        rig.clock.set(if back { before - jump } else { before + jump });
        // A machine that slept meanwhile must not count that as lifetime.
        assert_eq!(wait(refresh).unwrap().expires_at(), Some(before + S(3600)));
        for _ in 0..5 {
            assert!(rig.server.is_live_access_token(&token(&session)), "{jump:?} {back}");
        }
        assert_eq!((asked(&rig), rig.server.counts().reuses), (refreshes, 0), "{jump:?} {back}");
    }
}

#[test]
fn a_server_that_wants_to_be_left_alone_is_left_alone_for_a_minute_at_most() {
    for (status, after, heeded) in [(503, 20, 20), (429, 20, 20), (503, 3600, 60), (429, 3600, 60)] {
        let rig = Rig::new();
        let session = rig.log_in();
        rig.clock.advance(S(4000));
        let mut fault = Fault::status(status);
        if let Fault::Status { headers, .. } = &mut fault {
            headers.push(("Retry-After".into(), after.to_string()));
        }
        rig.server.inject(Endpoint::Token, fault);
        let refused = |expected| {
            for session in [session.clone(), rig.auth().session().unwrap()] {
                for error in [wait(session.access_token()).unwrap_err(), forced(&session).unwrap_err()] {
                    assert_error(&error, ErrorKind::Unreachable, Some("retry"), 5);
                    let Some(Remedy::Retry { after: Some(after) }) = error.remedy() else { panic!("{error:?}") };
                    assert!(after == &S(expected) || asked(&rig) == 1 && after <= &S(3600), "{after:?}");
                }
            }
        };
        refused(heeded);
        rig.clock.advance(S(heeded - 1));
        refused(1);
        assert_eq!(asked(&rig), 1, "{status} {after}");
        rig.clock.advance(S(1));
        assert!(rig.server.is_live_access_token(&token(&session)), "{status} {after}");
        assert_eq!((asked(&rig), rig.server.counts().reuses), (2, 0));
    }
}

#[test]
fn a_server_that_wants_to_be_left_alone_is_left_alone_to_the_end() {
    let rig = Rig::new();
    let session = rig.log_in();
    rig.clock.advance(S(4000) + Duration::from_millis(900));
    let mut fault = Fault::status(429);
    if let Fault::Status { headers, .. } = &mut fault {
        headers.push(("Retry-After".into(), "20".into()));
    }
    rig.server.inject(Endpoint::Token, fault);
    assert!(wait(session.access_token()).is_err());
    rig.clock.advance(Duration::from_millis(19_500));
    assert!(wait(session.access_token()).is_err());
    assert_eq!(asked(&rig), 1);
}
