//! Clocks that jump, and servers that want to be left alone.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hallpass::blocking::wait;
use hallpass::clock::{Cancel, Clock};
use hallpass::prompt::Prompt;
use hallpass::testing::{Endpoint, Fault, ManualClock};
use hallpass::{Auth, ErrorKind, LoginRequest, Remedy, Result, Session};

use crate::support::rig::{Rig, S, ScriptedPrompt, assert_error, begin, forced, on_wait, token, until};

const HOUR: Duration = Duration::from_secs(3600);

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

/// A rig whose tool has a clock of its own, which its server does not hear of.
fn apart() -> (Rig, ManualClock) {
    let rig = Rig::with(|behaviour| {
        // Time stands still there.
        behaviour.enforce_interval = false;
        behaviour.device_code_lifetime = S(60);
    });
    (rig, ManualClock::new())
}

fn log_in(rig: &Rig, clock: Arc<dyn Clock>, prompt: Arc<dyn Prompt>) -> Result<Session> {
    let mut config = rig.config();
    config.clock = clock;
    wait(Auth::new(config)?.login(LoginRequest::default(), prompt))
}

#[test]
fn a_step_of_the_wall_clock_does_not_end_a_login() {
    let (rig, clock) = apart();
    let (server, stepping) = (rig.server.clone(), clock.clone());
    let prompt = on_wait(move |count| match count {
        2 => stepping.set(stepping.now() + HOUR),
        5 => server.pending_user_codes().iter().for_each(|code| assert!(server.approve(code))),
        _ => {}
    });
    log_in(&rig, Arc::new(clock.clone()), prompt.clone()).unwrap();
    let waits = prompt.waits();
    assert_eq!(waits.iter().map(|wait| wait.left.as_secs()).collect::<Vec<_>>(), [60, 55, 50, 45, 40]);
    // By the clock as it goes now.
    let ends: Vec<_> = waits.iter().map(|wait| wait.expires_at.duration_since(waits[0].expires_at).unwrap()).collect();
    assert_eq!(ends, [S(0), S(0), HOUR, HOUR, HOUR]);
}

#[test]
fn a_step_of_the_wall_clock_does_not_stretch_a_login() {
    for back in [S(30), 2 * HOUR] {
        let (rig, clock) = apart();
        let stepping = clock.clone();
        let prompt = on_wait(move |count| stepping.set(stepping.now() - if count == 3 { back } else { S(0) }));
        let error = log_in(&rig, Arc::new(clock.clone()), prompt).unwrap_err();
        assert_error(&error, ErrorKind::CodeExpired, Some("log_in"), 1);
        assert_eq!((asked(&rig), clock.slept()), (12, vec![S(5); 12]), "{back:?}");
    }
}

#[test]
fn the_time_that_a_machine_sleeps_is_of_the_codes_life() {
    let (rig, clock) = apart();
    let sleeping = clock.clone();
    let prompt = on_wait(move |count| sleeping.advance(if count == 3 { HOUR } else { S(0) }));
    let error = log_in(&rig, Arc::new(clock), prompt).unwrap_err();
    assert_error(&error, ErrorKind::CodeExpired, Some("log_in"), 1);
    assert_eq!(asked(&rig), 3, "one last poll after it");
}

/// As a host wrote it that knows nothing of steady time.
#[derive(Debug)]
struct WallClock(ManualClock);

impl Clock for WallClock {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    fn sleep(&self, duration: Duration, cancel: &Cancel) {
        self.0.sleep(duration, cancel);
    }
}

#[test]
fn a_clock_without_steady_time_does_as_well_as_it_can() {
    let (rig, clock) = apart();
    let stepping = clock.clone();
    let prompt = on_wait(move |_| stepping.set(stepping.now() - HOUR));
    let error = log_in(&rig, Arc::new(WallClock(clock)), prompt).unwrap_err();
    assert_error(&error, ErrorKind::CodeExpired, Some("log_in"), 1);
    assert_eq!(asked(&rig), 12);
    assert!(WallClock(ManualClock::new()).steady().is_none());
}

#[test]
#[cfg(target_os = "linux")]
fn the_systems_clock_has_steady_time() {
    let begun = hallpass::clock::SystemClock.steady().unwrap();
    until("the next moment", || hallpass::clock::SystemClock.steady().unwrap() > begun);
    assert!(hallpass::clock::SystemClock.steady().unwrap() - begun < HOUR);
}

#[test]
fn a_clock_that_is_hours_off_is_said_before_the_code_is_shown_and_costs_no_login() {
    for (seconds, is_ahead, is_said) in [
        (1200, true, true),
        (1201, false, true),
        (3 * 3600, true, true),
        (400 * 86_400, false, true),
        (1199, false, false),
        (290, true, false),
    ] {
        let (rig, clock) = apart();
        rig.server.approve_all();
        clock.set(if is_ahead { rig.now() + S(seconds) } else { rig.now() - S(seconds) });
        let (own, other) = (rfc3339(clock.now()), rfc3339(rig.now()));
        let prompt = ScriptedPrompt::recording();
        log_in(&rig, Arc::new(clock), prompt.clone()).unwrap();
        let warnings = prompt.shown()[0].warnings.join("\n");
        let says = |words: &str| warnings.contains(words);
        assert_eq!(says(&own) && says(&other) && says("set this machine's clock"), is_said, "{seconds}: {warnings}");
        assert_eq!(warnings.is_empty(), !is_said);
    }
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}
