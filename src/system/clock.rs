//! Time, as a value that a test can drive: [`Clock`], [`Cancel`] which ends a wait early, and [`parse_duration`].

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

pub use crate::model::duration::parse_duration;

/// Where hallpass reads the time and where it waits. One trait, so that the two cannot disagree.
///
/// - `now` is wall time (UTC). Wall time and not a monotonic clock, because expiries are compared across processes
///   and across a suspended laptop.
/// - `sleep` returns after `duration` of that same time has passed, or at once when `cancel` is cancelled, whichever
///   comes first. It may return a little late, never early.
/// - `steady` is the time since a moment that does not change while the process lives. It counts the time that the machine
///   sleeps, and does not step when somebody sets the wall clock. By default it returns `None`; then the wall time counts.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall time now.
    fn now(&self) -> SystemTime;
    /// Waits for `duration`, or until `cancel`.
    fn sleep(&self, duration: Duration, cancel: &Cancel);
    /// Returns the time that has passed since a fixed moment, if this clock can say it.
    fn steady(&self) -> Option<Duration> {
        None
    }
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one file that may read the clock")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, duration: Duration, cancel: &Cancel) {
        cancel.wait(duration);
    }

    /// clock_gettime(2): "CLOCK_BOOTTIME … A nonsettable system-wide clock that is identical to CLOCK_MONOTONIC, except that it
    /// also includes any time that the system is suspended."
    #[cfg(target_os = "linux")]
    #[allow(clippy::disallowed_methods, reason = "this is the one file that may read the clock")]
    fn steady(&self) -> Option<Duration> {
        rustix::time::clock_gettime(rustix::time::ClockId::Boottime).try_into().ok()
    }
}

/// Measures the time since it was started, by the steady clock where there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch {
    wall: SystemTime,
    steady: Option<Duration>,
}

impl Stopwatch {
    pub(crate) fn start(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), steady: clock.steady() }
    }

    /// The time since the start; zero where a wall clock was set back beyond it.
    pub(crate) fn elapsed(&self, clock: &dyn Clock) -> Duration {
        match (self.steady, clock.steady()) {
            (Some(begun), Some(now)) => now.saturating_sub(begun),
            _ => clock.now().duration_since(self.wall).unwrap_or_default(),
        }
    }
}

/// A request to stop, shared by the one who asks and the one who waits. Clones are the same request.
///
/// ```
/// let cancel = hallpass::clock::Cancel::new();
/// let for_ctrl_c = cancel.clone();
/// for_ctrl_c.cancel();
/// assert!(cancel.is_cancelled());
/// ```
#[derive(Clone, Default)]
pub struct Cancel(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    wakers: Vec<Waker>,
}

impl Cancel {
    /// A request that nobody has made yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the request: every wait under way ends now, every later one at once.
    pub fn cancel(&self) {
        let mut state = self.state();
        state.cancelled = true;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.0.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether the request was made.
    pub fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }

    /// Waits for `duration` of real time or for the request; says whether the request was made.
    pub(crate) fn wait(&self, duration: Duration) -> bool {
        let state = self.state();
        let (state, _) = self
            .0
            .changed
            .wait_timeout_while(state, duration, |state| !state.cancelled)
            .unwrap_or_else(PoisonError::into_inner);
        state.cancelled
    }

    /// Resolves when the request is made.
    pub(crate) async fn cancelled(&self) {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.cancelled {
                return Poll::Ready(());
            }
            if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.wakers.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}

/// A deadline in real time, for what the operating system does (a lock, a store) rather than what a server promised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

#[allow(clippy::disallowed_methods, reason = "this is the one file that may read the clock")]
impl Deadline {
    pub(crate) fn after(duration: Duration) -> Self {
        // Beyond the end of time is never.
        Self(Instant::now().checked_add(duration))
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.0.is_some_and(|end| end <= Instant::now())
    }

    /// How long it is still; for ever is as long as can be.
    pub(crate) fn left(&self) -> Duration {
        self.0.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()))
    }
}

/// A moment's rest between two looks at something that another process changes.
#[allow(clippy::disallowed_methods, reason = "this is the one file that may wait")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
