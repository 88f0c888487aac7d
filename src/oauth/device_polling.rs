//! When to ask for the token of a device code again (RFC 8628 §3.5): [`Poll`], a pure state machine.

use std::time::Duration;

/// Decides when to poll, by the result of the last poll and the age of the code.
///
/// Two polls are never closer than the interval in force; longer waits are clamped to the end of the code's life, so that the last poll is
/// at that end.
#[derive(Debug, Clone)]
pub(crate) struct Poll {
    interval: Duration,
    /// The code's life, and the longest interval that is believed: a server cannot make a login wait for ever.
    life: Duration,
    /// The time spent waiting: if only a wall clock says how old the code is, setting it back extends nothing.
    waited: Duration,
    failures: u32,
}

/// The result of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PollResult {
    /// `authorization_pending`.
    Pending,
    /// `slow_down`, with the interval that is now in force, if the server sent one.
    SlowDown(Option<Duration>),
    /// No answer, or an overloaded server's; with its `Retry-After`, if it sent one.
    NoAnswer(Option<Duration>),
}

impl Poll {
    /// Begins with the device authorization response. An interval beyond the code's life is cut to it.
    pub(crate) fn new(interval: Duration, expires_in: Duration) -> Self {
        Self { interval: interval.min(expires_in), life: expires_in, waited: Duration::ZERO, failures: 0 }
    }

    /// Returns how long to wait before the next poll, or `None` once the code's life is over and the last poll is made. `last` is
    /// `None` before the first poll: RFC 8628 §3.5, "the client MUST wait at least the number of seconds specified by the
    /// "interval" parameter" holds "Before each new request", and nobody has approved at once.
    ///
    /// `age`: the time since the device authorization response.
    pub(crate) fn next(&mut self, age: Duration, last: Option<PollResult>) -> Option<Duration> {
        let mut wait = self.interval;
        match last {
            None => {}
            Some(PollResult::Pending) => self.failures = 0,
            Some(PollResult::SlowDown(interval)) => {
                self.failures = 0;
                self.interval = (self.interval + SLOW_DOWN).max(interval.unwrap_or_default().min(self.life));
                wait = self.interval;
            }
            Some(PollResult::NoAnswer(retry_after)) => {
                // RFC 8628 §3.5: "On encountering a connection timeout, clients MUST unilaterally reduce their polling
                // frequency before retrying. The use of an exponential backoff algorithm to achieve this, such as
                // doubling the polling interval on each such connection timeout, is RECOMMENDED."
                self.failures = (self.failures + 1).min(16);
                let doubled = self.interval.saturating_mul(1 << self.failures);
                wait = doubled.min(MAX_BACK_OFF.max(self.interval)).max(retry_after.unwrap_or_default());
            }
        }
        let left = self.left(age);
        if last.is_some() && left.is_zero() {
            return None;
        }
        let wait = wait.min(left.max(self.interval));
        self.waited += wait;
        Some(wait)
    }

    /// Returns what is left of the code's life at this `age`.
    pub(crate) fn left(&self, age: Duration) -> Duration {
        self.life.saturating_sub(age.max(self.waited))
    }
}

/// RFC 8628 §3.5: "the interval MUST be increased by 5 seconds for this and all subsequent requests".
const SLOW_DOWN: Duration = Duration::from_secs(5);

/// The longest back-off while the server does not answer, unless its interval is longer.
const MAX_BACK_OFF: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn poll(interval: u64, life: u64) -> (Poll, Duration) {
        (Poll::new(S(interval), S(life)), Duration::ZERO)
    }

    #[test]
    fn waits_before_the_first_poll_and_slows_down_for_good() {
        let (mut poll, t) = poll(5, 900);
        assert_eq!(poll.next(t, None), Some(S(5)));
        assert_eq!(poll.next(t + S(5), Some(PollResult::Pending)), Some(S(5)));
        assert_eq!(poll.next(t + S(10), Some(PollResult::SlowDown(None))), Some(S(10)));
        assert_eq!(poll.next(t + S(20), Some(PollResult::Pending)), Some(S(10)));
        assert_eq!(poll.next(t + S(30), Some(PollResult::SlowDown(Some(S(60))))), Some(S(60)));
        assert_eq!(poll.next(t + S(90), Some(PollResult::SlowDown(Some(S(1))))), Some(S(65)));
        assert_eq!(self::poll(10_000, 60).0.next(t, None), Some(S(60)), "cut to the code's life");
    }

    #[test]
    fn backs_off_while_nothing_answers_and_recovers() {
        let (mut poll, t) = poll(5, 900);
        let mut waits = vec![poll.next(t, None).unwrap()];
        waits.extend((0..5).map(|_| poll.next(t, Some(PollResult::NoAnswer(None))).unwrap()));
        assert_eq!(waits, [5, 10, 20, 40, 60, 60].map(S));
        assert_eq!(poll.next(t, Some(PollResult::NoAnswer(Some(S(120))))), Some(S(120)));
        assert_eq!(poll.next(t, Some(PollResult::Pending)), Some(S(5)));
    }

    #[test]
    fn polls_once_more_at_the_end_and_then_no_more() {
        let (mut poll, t) = poll(5, 12);
        assert_eq!(poll.next(t, None), Some(S(5)));
        assert_eq!(poll.next(t + S(5), Some(PollResult::NoAnswer(None))), Some(S(7)));
        assert_eq!(poll.next(t + S(12), Some(PollResult::Pending)), None);
    }

    #[test]
    fn a_clock_set_back_does_not_extend_the_wait() {
        let (mut poll, t) = poll(5, 60);
        let mut last = None;
        let polls = std::iter::from_fn(|| {
            let wait = poll.next(t, last);
            last = Some(PollResult::Pending);
            wait
        });
        assert_eq!(polls.count(), 12);
    }

    proptest! {
        #[test]
        fn never_closer_than_the_interval_and_always_ends(
            interval in 1_u64..40,
            life in 1_u64..2000,
            results in prop::collection::vec((0_u8..4, 0_u64..500), 0..400),
            jumps in prop::collection::vec(-300_i64..300, 400),
        ) {
            let mut age = Duration::ZERO;
            let mut poll = Poll::new(S(interval), S(life));
            let mut waited = Duration::ZERO;
            let mut last = None;
            for (step, (kind, seconds)) in results.into_iter().enumerate() {
                let in_force = poll.interval;
                let Some(wait) = poll.next(age, last) else { return Ok(()) };
                prop_assert!(wait >= in_force);
                prop_assert!(poll.interval >= in_force);
                waited += wait;
                prop_assert!(waited <= S(life) + poll.interval, "{:?} of {}", waited, life);
                let jump = S(jumps[step].unsigned_abs());
                age = if jumps[step] < 0 { (age + wait).saturating_sub(jump) } else { age + wait + jump / 50 };
                last = Some(match kind {
                    0 => PollResult::Pending,
                    1 => PollResult::SlowDown((seconds > 250).then(|| S(seconds))),
                    2 => PollResult::NoAnswer(None),
                    _ => PollResult::NoAnswer(Some(S(seconds))),
                });
            }
        }
    }
}
