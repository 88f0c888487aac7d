//! Clocks that jump while a login waits; a clock that is hours off.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hallpass::clock::{Cancel, Clock};
use hallpass::prompt::Prompt;
use hallpass::testing::{Endpoint, Fault, ManualClock};
use hallpass::{Auth, ErrorKind, Login, Result, Session};

use crate::support::rig::{Rig, S, ScriptedPrompt, assert_error, on_wait};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_jump_ahead_ends_the_wait_unless_already_approved() {
    let rig = Rig::new();
    for (approved, jump) in [(false, 7200), (true, 600)] {
        let (clock, server) = (rig.clock.clone(), rig.server.clone());
        let prompt = on_wait(move |count| {
            if count == 2 {
                let codes = server.pending_user_codes();
                codes.iter().filter(|_| approved).for_each(|code| assert!(server.approve(code)));
                clock.advance(S(jump));
            }
        });
        let login = rig.auth().login(Login::new(prompt)).wait();
        assert_eq!(login.is_ok(), approved);
        if let Err(error) = login {
            assert_error(&error, ErrorKind::CodeExpired, Some("log_in"), 1);
            rig.assert_nothing_left("jump");
        }
    }
}

#[test]
fn after_a_jump_past_the_end_there_is_one_last_poll() {
    // The machine slept past the code's life by its own clock; the server still takes the code.
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = Some(S(4 * 3600)));
    let own = ManualClock::new();
    let mut config = rig.config();
    config.clock = Arc::new(own.clone());
    let server = rig.server.clone();
    let prompt = on_wait(move |_| {
        server.pending_user_codes().iter().for_each(|code| assert!(server.approve(code)));
        own.advance(S(7200));
    });
    Auth::new(config).unwrap().login(Login::new(prompt)).wait().unwrap();
    assert_eq!(rig.request_count(Endpoint::Token), 1);
}

#[test]
fn a_clock_set_back_again_and_again_bounds_the_wait() {
    let rig = Rig::with(|behaviour| behaviour.enforce_interval = false);
    let own = ManualClock::new();
    let start = own.now();
    let mut config = rig.config();
    config.clock = Arc::new(own.clone());
    let prompt = on_wait(move |_| own.set(start));
    let error = Auth::new(config).unwrap().login(Login::new(prompt)).wait().unwrap_err();
    assert_error(&error, ErrorKind::CodeExpired, Some("log_in"), 1);
    assert_eq!(rig.request_count(Endpoint::Token), 900 / 5);
}

#[test]
fn a_forgotten_code_has_expired_after_the_clock_was_set_back() {
    let rig = Rig::with(|behaviour| behaviour.device_code_lifetime = S(10));
    rig.server.inject(Endpoint::Token, Fault::error(400, "authorization_pending"));
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_grant"));
    let clock = rig.clock.clone();
    let back = crate::support::rig::on_wait(move |count| {
        if count == 1 {
            clock.set(hallpass::clock::Clock::now(&clock) - S(3600));
        }
    });
    let error = rig.auth().login(hallpass::Login::new(back)).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CodeExpired);
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

/// A rig whose tool has its own clock, which its server does not hear of.
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
    Auth::new(config)?.login(Login::new(prompt)).wait()
}

#[test]
fn a_step_of_the_wall_clock_does_not_stretch_a_login() {
    for back in [S(30), 2 * HOUR] {
        let (rig, clock) = apart();
        let stepping = clock.clone();
        let prompt = on_wait(move |count| stepping.set(stepping.now() - if count == 3 { back } else { S(0) }));
        let error = log_in(&rig, Arc::new(clock.clone()), prompt).unwrap_err();
        assert_error(&error, ErrorKind::CodeExpired, Some("log_in"), 1);
        assert_eq!((rig.request_count(Endpoint::Token), clock.slept()), (12, vec![S(5); 12]), "{back:?}");
    }
}

#[test]
fn the_time_that_a_machine_sleeps_counts_for_the_code() {
    let (rig, clock) = apart();
    let sleeping = clock.clone();
    let prompt = on_wait(move |count| sleeping.advance(if count == 3 { HOUR } else { S(0) }));
    let error = log_in(&rig, Arc::new(clock), prompt).unwrap_err();
    assert_error(&error, ErrorKind::CodeExpired, Some("log_in"), 1);
    assert_eq!(rig.request_count(Endpoint::Token), 3, "one last poll after it");
}

#[test]
fn a_host_clock_without_steady_time_bounds_the_wait() {
    let (rig, clock) = apart();
    let stepping = clock.clone();
    let prompt = on_wait(move |_| stepping.set(stepping.now() - HOUR));
    let error = log_in(&rig, Arc::new(WallClock(clock)), prompt).unwrap_err();
    assert_error(&error, ErrorKind::CodeExpired, Some("log_in"), 1);
    assert_eq!(rig.request_count(Endpoint::Token), 12);
    assert!(WallClock(ManualClock::new()).steady().is_none());
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
#[cfg(target_os = "linux")]
fn the_systems_clock_has_steady_time() {
    let begun = hallpass::clock::SystemClock.steady().unwrap();
    crate::support::rig::until("the next moment", || hallpass::clock::SystemClock.steady().unwrap() > begun);
    assert!(hallpass::clock::SystemClock.steady().unwrap() - begun < HOUR);
}

#[test]
fn a_wrong_clock_is_a_warning_before_the_code_is_shown() {
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
