//! [`Clock`]: time that a test can drive; [`Cancel`], which ends a wait early; and [`parse_duration`].

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

pub use crate::model::duration::{parse_duration, rfc3339};

/// How hallpass reads the time and waits. One trait, so that the two cannot disagree.
///
/// - `now` is wall time (UTC). Wall time and not a monotonic clock, because expiries are compared across processes
///   and across a suspended laptop.
/// - `sleep` returns after `duration` of that same time has passed, or at once when `cancel` is cancelled, whichever
///   comes first. It may return a little late, never early.
/// - `steady` is the time since a moment that does not change while the process lives. It counts the time that the machine
///   sleeps, and does not step when somebody sets the wall clock. By default it returns `None`; then the wall time counts.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Returns the wall time.
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

/// Measures the time since its start, by the steady clock if there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch {
    wall: SystemTime,
    steady: Option<Duration>,
}

impl Stopwatch {
    pub(crate) fn start(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), steady: clock.steady() }
    }

    /// Returns the time since the start; zero if the wall clock was set back beyond the start.
    pub(crate) fn elapsed(&self, clock: &dyn Clock) -> Duration {
        match (self.steady, clock.steady()) {
            (Some(start), Some(now)) => now.saturating_sub(start),
            _ => clock.now().duration_since(self.wall).unwrap_or_default(),
        }
    }
}

/// A request to stop, shared by its sender and whoever waits. Clones are the same request.
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
    followers: Vec<Weak<Shared>>,
}

impl Cancel {
    /// Creates a request that nobody has made yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the request: every current wait ends now, every later one at once.
    pub fn cancel(&self) {
        let mut state = self.state();
        state.cancelled = true;
        let (wakers, followers) = (std::mem::take(&mut state.wakers), std::mem::take(&mut state.followers));
        drop(state);
        self.0.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
        followers.iter().filter_map(Weak::upgrade).for_each(|follower| Self(follower).cancel());
    }

    /// Returns a request of its own that is made as well when this one is made, but not the other way round.
    pub(crate) fn follower(&self) -> Self {
        let follower = Self::new();
        let mut state = self.state();
        follower.state().cancelled = state.cancelled;
        state.followers.retain(|other| other.strong_count() > 0);
        state.followers.push(Arc::downgrade(&follower.0));
        follower
    }

    /// Returns whether the request was made.
    pub fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }

    /// Waits for `duration` of real time or for the request. Returns whether the request was made.
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

/// A deadline in real time: for the operating system (a lock, a store), not for what a server promised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

#[allow(clippy::disallowed_methods, reason = "this is the one file that may read the clock")]
impl Deadline {
    pub(crate) fn after(duration: Duration) -> Self {
        // A deadline that `Instant` cannot represent never passes.
        Self(Instant::now().checked_add(duration))
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.0.is_some_and(|end| end <= Instant::now())
    }

    /// Returns the time until the deadline; `Duration::MAX` if it never passes.
    pub(crate) fn left(&self) -> Duration {
        self.0.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()))
    }
}

/// Waits between two checks of something that another process changes.
#[allow(clippy::disallowed_methods, reason = "this is the one file that may wait")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
