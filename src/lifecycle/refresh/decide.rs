//! What comes next on the way to a token: pure functions. `tests/it/refresh/explorer` tries them on everything that can happen to
//! several processes, so this file names no other file.

use Freshness::{ExpiringSoon, Fresh, RefreshSoon, Stale, TooShort};
use RetryState::{CoolingDown, JustFailed, Open, Refused, Settled};

/// How good the token on disk is for a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Is served.
    Fresh,
    /// Is served, and is so near to its end that one caller may already fetch the next one.
    RefreshSoon,
    /// Is valid, but so near to its end that it is served only if no better token is available.
    ExpiringSoon,
    /// Is valid, but not for as long as the caller asked.
    TooShort,
    /// Is not served.
    Stale,
}

/// The next step of a caller that does not hold the grant's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnlockedStep {
    /// Serve the token on disk.
    Serve,
    /// Try the lock, without waiting.
    TryLock,
    /// Wait a moment, then look again.
    Wait,
}

/// The next step of the caller that holds the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Serve the token on disk.
    Serve,
    /// Exchange the refresh token.
    Exchange,
    /// Return why no other token is available: the last exchange has just failed, or is still open.
    Fail,
}

/// The outcome of the last exchange of the refresh token that is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RetryState {
    /// No exchange was begun, or its outcome is known and old.
    Settled,
    /// It failed a short while ago, and the server has not rotated.
    CoolingDown,
    /// The server may have rotated: the process died, or the reply was lost.
    Open,
    /// It failed while this caller waited for the lock, or the server's `Retry-After` is not over yet.
    JustFailed,
    /// The server refused the refresh token a short while ago, and this caller does not insist.
    Refused,
}

/// Returns the next step without the lock. `taken`: another process has just been found to hold it.
pub(super) fn unlocked_step(token: Freshness, taken: bool) -> UnlockedStep {
    match (token, taken) {
        // A waiter leaves without the lock as soon as a newer generation serves it (law 2).
        (Fresh, _) => UnlockedStep::Serve,
        // One caller is enough for an early refresh: the others go on with the token that is still valid.
        (RefreshSoon, true) => UnlockedStep::Serve,
        (ExpiringSoon | TooShort | Stale, true) => UnlockedStep::Wait,
        (RefreshSoon | ExpiringSoon | TooShort | Stale, false) => UnlockedStep::TryLock,
    }
}

/// Decides under the lock, on what was read under it (law 1).
pub(super) fn decide(token: Freshness, last: RetryState) -> Step {
    match (token, last) {
        (Fresh, _) => Step::Serve,
        (RefreshSoon, Settled) => Step::Exchange,
        // A refresh token that may be spent is not sent again while a valid access token is left: if the server ends a login
        // at re-use, that would end it now and not later (law 7).
        (RefreshSoon | ExpiringSoon, Open | JustFailed | Refused) => Step::Serve,
        (RefreshSoon, CoolingDown) => Step::Serve,
        (TooShort, Open | JustFailed | Refused) => Step::Fail,
        (ExpiringSoon | TooShort, Settled | CoolingDown) => Step::Exchange,
        (Stale, Settled | CoolingDown | Open) => Step::Exchange,
        // A refused token is not sent again by every later call (law 6): one server bans a client after five refusals.
        (Stale, JustFailed | Refused) => Step::Fail,
    }
}
