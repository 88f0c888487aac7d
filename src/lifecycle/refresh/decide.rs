//! What comes next on the way to a token: pure functions of what is known. `tests/it/explorer.rs` tries them on everything that
//! can happen to several processes, and so this file names no other.

/// How good the token on disk is for a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// To be served.
    Fresh,
    /// To be served, and near enough to its end that one caller may fetch the next already.
    Advisory,
    /// Valid, and so near to its end that it is served only where there is nothing better.
    Ending,
    /// Valid, and not for as long as the caller asked.
    Short,
    /// Not to be served.
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
    /// Tell why there is no other token: the exchange of a moment ago failed, or one is open.
    Tell,
}

/// What became of the last exchange of the refresh token that is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// There was none, or it is settled.
    Settled,
    /// It failed a short while ago, and the server has not rotated.
    Resting,
    /// The server may have rotated: the process died, or the reply was lost.
    Open,
    /// It failed while this caller waited for the lock, or the server asked to be left alone for longer than this.
    JustFailed,
    /// The server refused the refresh token a short while ago, and this caller does not insist.
    Refused,
}

/// `token`: how good the token on disk is. `taken`: another process has just been found to hold the lock.
pub(super) fn approach(token: Freshness, taken: bool) -> UnlockedStep {
    match (token, taken) {
        // A waiter leaves without the lock as soon as a newer generation serves it (law 2).
        (Freshness::Fresh, _) => UnlockedStep::Serve,
        // One is enough for an early refresh: the others go on with what is still valid.
        (Freshness::Advisory, true) => UnlockedStep::Serve,
        (Freshness::Ending | Freshness::Short | Freshness::Stale, true) => UnlockedStep::Wait,
        (Freshness::Advisory | Freshness::Ending | Freshness::Short | Freshness::Stale, false) => UnlockedStep::TryLock,
    }
}

/// Decides under the lock, on what was read under it (law 1).
pub(super) fn decide(token: Freshness, last: Last) -> Step {
    match (token, last) {
        (Freshness::Fresh, _) => Step::Serve,
        (Freshness::Advisory, Last::Settled) => Step::Exchange,
        // A token that may be spent is not sent again while a valid one is left: where re-use ends a login, that would end it
        // now and not later (law 7).
        (Freshness::Advisory | Freshness::Ending, Last::Open | Last::JustFailed | Last::Refused) => Step::Serve,
        (Freshness::Advisory, Last::Resting) => Step::Serve,
        (Freshness::Short, Last::Open | Last::JustFailed | Last::Refused) => Step::Tell,
        (Freshness::Ending | Freshness::Short, Last::Settled | Last::Resting) => Step::Exchange,
        (Freshness::Stale, Last::Settled | Last::Resting | Last::Open) => Step::Exchange,
        // What was refused is not sent again by every later call (law 6): one server bans a client after five refusals.
        (Freshness::Stale, Last::JustFailed | Last::Refused) => Step::Tell,
    }
}
