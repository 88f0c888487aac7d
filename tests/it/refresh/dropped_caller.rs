//! Callers who leave in the middle, on every kind of executor: what the server has issued comes to the disk all the same.

use std::pin::Pin;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use async_executor::Executor;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{AccessToken, Auth, Result, TokenRequest};
use tokio::runtime::Builder;
use tokio::sync::watch;

use crate::support::rig::{Rig, S, forced};

const ROUNDS: usize = 12;

const CALLERS: usize = 6;

/// How long callers are patient goes by these. A timer on Windows is not finer than this.
const TICK: Duration = Duration::from_micros(if cfg!(windows) { 5_000 } else { 500 });

/// Most callers leave before the reply is there, some after.
const REPLY: Duration = TICK.saturating_mul(8);

type Asked = Pin<Box<dyn Future<Output = Result<AccessToken>> + Send>>;

#[test]
fn dropped_on_a_plain_executor() {
    storm(|callers| {
        let mut callers: Vec<_> = callers.into_iter().map(|(asked, timeout)| (Some(asked), timeout)).collect();
        let mut cx = Context::from_waker(Waker::noop());
        let mut waited = Duration::ZERO;
        while callers.iter().any(|(asked, _)| asked.is_some()) {
            for (asked, timeout) in &mut callers {
                let ended = asked.as_mut().is_some_and(|asked| asked.as_mut().poll(&mut cx).is_ready());
                if ended || waited >= *timeout {
                    *asked = None;
                }
            }
            thread::sleep(TICK);
            waited += TICK;
        }
    });
}

/// Half of them by a timeout inside the task, half by ending the task.
#[test]
fn dropped_on_tokio() {
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
fn dropped_on_an_executor_with_many_threads() {
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

/// Rounds of callers, of two sessions on one home, who leave after a time of their own. Afterwards the newest token is on disk.
fn storm(run: impl Fn(Vec<(Asked, Duration)>)) {
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
            let mut request = TokenRequest::default();
            request.refresh = dice.roll(3) == 0;
            let asked: Asked = Box::pin(sessions[number % 2].access_token_with(request));
            (asked, TICK * dice.roll(24))
        });
        run(callers.collect());
        // Each second time the next callers come while the trips of these are still under way.
        assert!(round % 2 == 0 || auths.iter().all(|auth| auth.settle(S(20))));
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
