//! A clock that stands still until a test moves it: [`ManualClock`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock::{Cancel, Clock};

/// A [`Clock`] driven by hand. It starts at 2026-01-01T00:00:00Z and moves only by [`advance`](Self::advance),
/// [`set`](Self::set), or by being slept on: a sleep takes no real time and moves the clock by its length at once.
/// [`set`](Self::set) moves the wall time alone, as a person or a time server does; its steady time counts the rest.
/// Clones are the same clock, so give one to the server, one to the tool and keep one.
///
/// ```
/// use std::time::Duration;
/// use hallpass::clock::{Cancel, Clock};
/// use hallpass::testing::ManualClock;
///
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.sleep(Duration::from_secs(5), &Cancel::new());
/// assert_eq!(clock.now(), before + Duration::from_secs(5));
/// assert_eq!(clock.slept(), [Duration::from_secs(5)]);
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<ClockState>>);

#[derive(Debug)]
struct ClockState {
    now: SystemTime,
    steady: Duration,
    slept: Vec<Duration>,
}

impl ManualClock {
    /// Creates a clock that stands at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(ClockState { now: UNIX_EPOCH + START, steady: Duration::ZERO, slept: Vec::new() })))
    }

    /// Moves the clock forward by `duration`.
    pub fn advance(&self, duration: Duration) {
        self.state().pass(duration);
    }

    /// Sets the clock to `time`, which may be earlier than now: wall clocks can be set back.
    pub fn set(&self, time: SystemTime) {
        self.state().now = time;
    }

    /// Returns how long each sleep was, in order. A cancelled sleep is not in the list.
    pub fn slept(&self) -> Vec<Duration> {
        self.state().slept.clone()
    }

    fn state(&self) -> MutexGuard<'_, ClockState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.state().now
    }

    fn sleep(&self, duration: Duration, cancel: &Cancel) {
        if cancel.is_cancelled() {
            return;
        }
        let mut state = self.state();
        state.pass(duration);
        state.slept.push(duration);
        drop(state);
        // A loop of sleeps takes no real time: let the threads run that it waits for.
        std::thread::yield_now();
    }

    fn steady(&self) -> Option<Duration> {
        Some(self.state().steady)
    }
}

impl ClockState {
    fn pass(&mut self, duration: Duration) {
        self.now += duration;
        self.steady += duration;
    }
}

/// 2026-01-01T00:00:00Z, counted from the Unix epoch.
const START: Duration = Duration::from_secs(1_767_225_600);
