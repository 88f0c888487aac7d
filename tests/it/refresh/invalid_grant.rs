//! `invalid_grant` is a question, not an answer (law 6), and who waited for the answer shares it.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use hallpass::blocking::wait;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{Auth, Error, ErrorKind};

use crate::support::rig::{Rig, S, assert_error, begin, forced, token, until};

#[test]
fn an_end_that_was_foretold_is_told_from_one_that_was_made() {
    for field in ["refresh_token_expires_in", "refresh_expires_in"] {
        let after = |seconds| {
            let rig = Rig::new();
            rig.server.inject(Endpoint::Token, Fault::ReplyField(field.into(), 7200.into()));
            let session = rig.try_log_in(|_| {}).unwrap();
            rig.server.revoke_everything();
            rig.clock.advance(S(seconds));
            wait(session.access_token()).unwrap_err()
        };
        let (revoked, expired) = (after(4000), after(8000));
        assert_error(&revoked, ErrorKind::Revoked, Some("log_in"), 4);
        assert!(revoked.to_string().contains("was revoked, or a token of it was used twice"), "{revoked}");
        assert_error(&expired, ErrorKind::Expired, Some("log_in"), 4);
        assert!(expired.to_string().contains("not used for too long or is too old"), "{expired}");
    }
}

#[test]
fn where_nobody_foretold_an_end_both_are_possible() {
    for field in [None, Some(0)] {
        let rig = Rig::new();
        if let Some(never) = field {
            rig.server.inject(Endpoint::Token, Fault::ReplyField("refresh_expires_in".into(), never.into()));
        }
        let session = rig.try_log_in(|_| {}).unwrap();
        rig.server.revoke_everything();
        rig.clock.advance(S(4000));
        let error = wait(session.access_token()).unwrap_err();
        assert_error(&error, ErrorKind::Expired, Some("log_in"), 4);
        assert!(error.to_string().contains("it expired or was revoked"), "{error}");
    }
}

#[test]
fn an_idle_time_begins_anew_with_every_use() {
    let rig = Rig::new();
    let idle = || {
        rig.server.inject(Endpoint::Token, Fault::ReplyField("refresh_expires_in".into(), 7200.into()));
    };
    idle();
    let session = rig.try_log_in(|_| {}).unwrap();
    rig.clock.advance(S(7000));
    idle();
    token(&session);
    rig.server.revoke_everything();
    rig.clock.advance(S(7000));
    assert_eq!(wait(session.access_token()).unwrap_err().kind(), ErrorKind::Revoked);
}

#[test]
fn a_newer_generation_that_appears_meanwhile_is_adopted() {
    let rig = Rig::new();
    let session = rig.log_in();
    let path = rig.home().join("grants").join(session.context().unwrap().grant.as_str());
    let put = |bytes: &[u8]| {
        let new = path.with_extension("put");
        std::fs::write(&new, bytes).unwrap();
        std::fs::rename(&new, &path).unwrap();
    };
    let old = std::fs::read(&path).unwrap();
    rig.clock.advance(S(1800));
    let newer = forced(&session).unwrap();
    let new = std::fs::read(&path).unwrap();
    // On a disk whose locks do not hold: the old record is there, its token is spent, and the new one comes too late.
    put(&old);
    std::fs::write(path.with_extension("lock"), "").unwrap();
    rig.clock.advance(S(1800));
    rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(200)));
    let auth = rig.auth();
    let late = begin(auth.session().unwrap().access_token());
    until("the refusal", || rig.server.counts().reuses == 1);
    put(&new);
    assert_eq!(wait(late).unwrap().expose(), newer);
    assert_eq!(std::fs::read(&path).unwrap(), new, "it is not overwritten");
    assert_eq!(token(&rig.auth().session().unwrap()), newer);
}

#[test]
fn a_failure_is_shared_with_those_who_waited_for_it() {
    for hangs in [true, false] {
        let rig = Rig::new();
        rig.log_in();
        rig.clock.advance(S(4000));
        if hangs {
            rig.server.inject_always(Endpoint::Token, Fault::Hang);
        } else {
            rig.server.revoke_everything();
            rig.server.inject_always(Endpoint::Token, Fault::DelayReply(Duration::from_millis(300)));
        }
        let errors = storm(&rig, 24, if hangs { Duration::from_millis(300) } else { S(10) });
        let kind = if hangs { ErrorKind::Unreachable } else { ErrorKind::Expired };
        assert!(errors.iter().all(|error| error.kind() == kind), "{errors:?}");
        assert!(errors.iter().all(|error| error.to_string() == errors[0].to_string()), "{errors:?}");
        // A lost reply is asked for twice by the one who asks.
        let asked = rig.server.requests_to(Endpoint::Token).len();
        assert!(asked <= 4, "{asked} requests of 24 processes");
    }
}

/// All at once, each a process of its own.
fn storm(rig: &Rig, callers: usize, timeout: Duration) -> Vec<Error> {
    let barrier = Arc::new(Barrier::new(callers));
    let threads: Vec<_> = (0..callers)
        .map(|_| {
            let mut config = rig.config();
            config.request_timeout = timeout;
            let (session, barrier) = (Auth::new(config).unwrap().session().unwrap(), barrier.clone());
            thread::spawn(move || {
                barrier.wait();
                wait(session.access_token()).unwrap_err()
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}
