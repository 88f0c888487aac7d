//! Callers that stop waiting in mid-refresh, on every kind of executor: the issued token reaches the disk all the same.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use async_executor::Executor;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{AccessToken, Auth, Job, TokenRequest};
use tokio::runtime::Builder;
use tokio::sync::watch;

use super::shared::{MS, ask};
use crate::support::rig::{Rig, S, begun, forced, locked, token, until};

const ROUNDS: usize = 12;

const CALLERS: usize = 6;

/// How long callers are patient goes by these. A timer on Windows is not finer than this.
const TICK: Duration = Duration::from_micros(if cfg!(windows) { 5_000 } else { 500 });

/// Most callers leave before the reply is there, some after.
const REPLY: Duration = TICK.saturating_mul(8);

#[test]
fn dropping_the_future_keeps_the_refreshed_token() {
    let (rig, session) = Rig::logged_in();
    let auth = rig.auth();
    rig.clock.advance(S(3600));
    rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(150)));
    let refresh = begun(auth.session().unwrap().access_token());
    until("the rotation", || rig.server.counts().rotations == 1);
    drop(refresh);
    assert!(!auth.shutdown(S(0)), "it is still under way");
    assert!(auth.shutdown(S(20)));
    assert!(rig.server.is_live_access_token(&token(&session)));
    assert_eq!((rig.server.counts().refreshes, rig.server.counts().reuses), (1, 0));
}

#[test]
fn dropping_the_last_auth_waits_for_the_refresh() {
    let (rig, session) = Rig::expired();
    rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(150)));
    let auth = rig.auth();
    let refresh = begun(auth.session().unwrap().access_token());
    until("the rotation", || rig.server.counts().rotations == 1);
    drop(refresh);
    drop(auth);
    assert_eq!(rig.records().len(), 1, "no intent is left: it was waited for");
    rig.server.clear_requests();
    assert!(rig.server.is_live_access_token(&token(&session)));
    assert!(rig.server.requests().is_empty(), "it was on disk when the last handle was gone");
}

#[test]
fn a_caller_dropped_while_waiting_leaves_no_thread() {
    let rig = Rig::new();
    rig.log_in();
    rig.clock.advance(S(3600));
    let auth = rig.auth();
    let session = auth.session().unwrap();
    let lock = locked(&rig, &session);
    let mut asked: Vec<_> = (0..8).map(|_| begun(session.access_token())).collect();
    let patient = begun(ask(&session, 1));
    thread::sleep(MS(50));
    assert!(!auth.shutdown(S(0)), "they wait");
    asked.clear();
    thread::sleep(MS(50));
    assert!(!auth.shutdown(S(0)), "one still waits");
    drop(patient);
    assert!(auth.shutdown(S(5)), "the lock is held, and nobody waits for it");
    // The session is none the worse for it.
    let asked = begun(session.access_token());
    drop(lock);
    assert!(rig.server.is_live_access_token(asked.wait().unwrap().expose()));
    assert_eq!(rig.request_count(Endpoint::Token), 1);
}

#[test]
fn a_caller_is_served_after_the_first_caller_was_dropped() {
    let (rig, session) = Rig::expired();
    let lock = locked(&rig, &session);
    let (first, second) = (begun(session.access_token()), begun(session.access_token()));
    thread::sleep(MS(50));
    drop(first);
    thread::sleep(MS(50));
    drop(lock);
    assert!(rig.server.is_live_access_token(second.wait().unwrap().expose()));
    assert_eq!(rig.request_count(Endpoint::Token), 1);
    assert!(forced(&session).is_ok());
}

#[test]
fn a_drop_on_a_plain_executor_loses_no_token() {
    storm(|callers| {
        let mut callers: Vec<_> = callers.into_iter().map(|(asked, timeout)| (Some(asked), timeout)).collect();
        let mut cx = Context::from_waker(Waker::noop());
        let mut waited = Duration::ZERO;
        while callers.iter().any(|(asked, _)| asked.is_some()) {
            for (asked, timeout) in &mut callers {
                let ended = asked.as_mut().is_some_and(|asked| Pin::new(asked).poll(&mut cx).is_ready());
                if ended || waited >= *timeout {
                    *asked = None;
                }
            }
            thread::sleep(TICK);
            waited += TICK;
        }
    });
}

/// Rounds of callers, of two sessions on one home, who leave after a time of their own. Afterwards the newest token is on disk.
fn storm(run: impl Fn(Vec<(Job<AccessToken>, Duration)>)) {
    let rig = Rig::new();
    rig.log_in();
    let auths: [Auth; 2] = [rig.auth(), rig.auth()];
    let sessions = [auths[0].session().unwrap(), auths[1].session().unwrap()];
    let mut dice = Dice(0x5eed);
    for round in 0..ROUNDS {
        rig.clock.advance(S(3600));
        rig.server.clear_faults();
        rig.server.inject_always(Endpoint::Token, Fault::DelayReply(REPLY));
        let callers = (0..CALLERS).map(|number| {
            let request = TokenRequest::new();
            let request = if dice.roll(3) == 0 { request.refresh() } else { request };
            (sessions[number % 2].access_token_with(request), TICK * dice.roll(24))
        });
        run(callers.collect());
        // Each second time the next callers come while the jobs of these are still under way.
        assert!(round % 2 == 0 || auths.iter().all(|auth| auth.shutdown(S(20))));
    }
    let counts = rig.server.counts();
    assert!((ROUNDS / 4..=ROUNDS * CALLERS).contains(&counts.refreshes), "{counts:?}");
    rig.server.clear_faults();
    for session in [&sessions[0], &rig.auth().session().unwrap(), &sessions[1]] {
        assert!(rig.server.is_live_access_token(&forced(session).unwrap()));
    }
    assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1));
    assert_eq!(rig.records().len(), 1, "no intent is left: {:?}", rig.records());
}

/// Xorshift, so that a failure comes again.
struct Dice(u32);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % sides
    }
}

/// Half of them by a timeout inside the task, half by ending the task.
#[test]
fn a_drop_on_tokio_loses_no_token() {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    storm(|callers| {
        let tasks: Vec<_> = callers
            .into_iter()
            .enumerate()
            .map(|(number, (asked, timeout))| {
                let is_aborted = number % 2 == 0;
                let longest = if is_aborted { S(20) } else { timeout };
                (runtime.spawn(async move { drop(tokio::time::timeout(longest, asked).await) }), is_aborted, timeout)
            })
            .collect();
        runtime.block_on(async {
            for (task, is_aborted, timeout) in tasks {
                if is_aborted {
                    tokio::time::sleep(timeout).await;
                    task.abort();
                }
                let _ = task.await;
            }
        });
    });
}

/// Each waker may find its task on another thread. Dropping a task ends it.
#[test]
fn a_drop_on_a_threaded_executor_loses_no_token() {
    storm(|callers| {
        let executor = Executor::new();
        let (done, is_done) = watch::channel(());
        thread::scope(|scope| {
            for _ in 0..3 {
                let (executor, mut is_done) = (&executor, is_done.clone());
                let ended = async move { while is_done.changed().await.is_ok() {} };
                scope.spawn(|| Builder::new_current_thread().build().unwrap().block_on(executor.run(ended)));
            }
            let mut tasks: Vec<_> =
                callers.into_iter().map(|(asked, timeout)| (timeout, executor.spawn(asked))).collect();
            tasks.sort_by_key(|(timeout, _)| *timeout);
            let mut waited = Duration::ZERO;
            for (timeout, task) in tasks {
                thread::sleep(timeout - waited);
                waited = timeout;
                drop(task);
            }
            drop(done);
        });
    });
}
