//! What there is in the small world that the explorer walks through: one grant on disk, one server, a few callers.

use super::decide::{Freshness, RetryState, Step, UnlockedStep};

pub(super) const CALLERS: usize = 3;

/// More than any walk has issued.
const TOKENS: usize = 10;

/// The functions on trial, so that a test can put wrong ones in their place.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) unlocked_step: fn(Freshness, bool) -> UnlockedStep,
    pub(super) decide: fn(Freshness, RetryState) -> Step,
    /// Whether a record that was written down whole is put in its place.
    pub(super) finishes: bool,
}

/// Where a walk begins, and how much may go wrong in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    pub(super) strict: bool,
    pub(super) start: Age,
    pub(super) wants: [Wants; CALLERS],
    pub(super) left: Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) disk: Record,
    pub(super) next: Next,
    /// Of each token, by its number.
    pub(super) ages: [Age; TOKENS],
    pub(super) server: Server,
    /// In an order of their own: which is which makes no difference.
    pub(super) callers: [Caller; CALLERS],
    pub(super) left: Left,
}

/// How many of these may still happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Left {
    pub(super) crashes: u8,
    /// Replies, before or after the server has acted; or a reply that is given up and a request that arrives late.
    pub(super) losses: u8,
    /// Requests that the server has certainly not had, or has turned away unseen.
    pub(super) unheard: u8,
    /// Intents that the disk does not take.
    pub(super) full: u8,
    /// Records that the disk does not take, however often it is asked.
    pub(super) stuck: u8,
    pub(super) ageings: u8,
}

/// Tokens have numbers in the order of their issue; the access and the refresh token of one reply share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) generation: u8,
    pub(super) token: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Age {
    Fresh,
    /// In the window in which one caller fetches the next.
    RefreshSoon,
    /// Too near to its end to be served, and accepted by resources all the same.
    ExpiringSoon,
    Dead,
}

/// `<id>.next`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Next {
    Absent,
    Intent,
    Note { trouble: Trouble, open: bool, resting: bool },
    Torn,
    Whole(Record),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Server {
    /// A strict one takes each token once. The other takes a spent one until a successor of it is used.
    pub(super) strict: bool,
    pub(super) alive: bool,
    pub(super) latest: u8,
    /// What is older is spent.
    pub(super) takes_from: u8,
    /// The token of a request whose sender no longer waits, and which may still arrive.
    pub(super) late: Option<u8>,
    /// Such a request came after its twin had been answered. No client can know.
    pub(super) crossed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Caller {
    pub(super) wants: Wants,
    pub(super) at: At,
    /// The token that it came with.
    pub(super) cached: u8,
    /// Another was found to hold the lock.
    pub(super) waits: bool,
    /// An attempt failed since.
    pub(super) failed_meanwhile: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Wants {
    /// A token that is valid.
    Any,
    /// One that is asked for now (`TokenRequest::refresh`).
    New,
    /// Any but the first, which a resource has refused.
    Another,
}

/// A caller's place in `src/lifecycle/refresh/job.rs` and, from `Intend` on, `exchange.rs`. Each says what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum At {
    Start,
    /// `in_vain`: how often the lock was taken since the last pause.
    Look {
        seen: Record,
        in_vain: u8,
    },
    Pause {
        seen: Record,
    },
    /// `needed`: what it knew did not serve.
    Locked {
        needed: bool,
    },
    Intend(Turn),
    Intending(Turn),
    Send(Turn),
    Answered(Turn, Reply),
    Noting(Trouble, bool),
    Writing(Record),
    Rename(Record),
    Done(End),
}

/// An exchange that was decided on: of what, and on what grounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Turn {
    pub(super) record: Record,
    pub(super) early: bool,
    /// A token is left that would be served.
    pub(super) spare: bool,
    pub(super) last: Grounds,
    pub(super) open: bool,
    /// The second try.
    pub(super) again: bool,
}

/// [`RetryState`], with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Grounds {
    Settled,
    Resting,
    Open,
    JustFailed,
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Reply {
    Token(u8),
    Refused,
    Lost,
    Unheard,
    /// With a wish to be left alone for a while.
    Busy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Trouble {
    Unreachable,
    Busy,
    Interrupted,
    /// "Expired", or "revoked".
    Ended,
    Disk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum End {
    /// With a token of this age.
    Served(Age),
    Refreshed,
    Failed(Trouble),
    Killed,
}

impl State {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let mut ages = [Age::Fresh; TOKENS];
        ages[..=1].copy_from_slice(&[Age::Dead, scenario.start]);
        let first = Record { generation: 1, token: 1 };
        let server =
            Server { strict: scenario.strict, alive: true, latest: 1, takes_from: 1, late: None, crossed: false };
        let callers = scenario.wants.map(Caller::new);
        Self { disk: first, next: Next::Absent, ages, server, callers, left: scenario.left }
    }

    pub(super) fn age(&self, record: Record) -> Age {
        self.ages[usize::from(record.token)]
    }

    pub(super) fn is_locked(&self) -> bool {
        self.callers.iter().any(Caller::holds)
    }

    pub(super) fn is_over(&self) -> bool {
        self.callers.iter().all(|caller| matches!(caller.at, At::Done(_)))
    }
}

impl Age {
    pub(super) const ALL: [Self; 4] = [Self::Fresh, Self::RefreshSoon, Self::ExpiringSoon, Self::Dead];

    pub(super) fn older(self) -> Self {
        match self {
            Self::Fresh => Self::RefreshSoon,
            Self::RefreshSoon => Self::ExpiringSoon,
            Self::ExpiringSoon | Self::Dead => Self::Dead,
        }
    }
}

impl Server {
    pub(super) fn takes(&self, token: u8) -> bool {
        self.alive && token >= self.takes_from
    }
}

impl Caller {
    pub(super) fn new(wants: Wants) -> Self {
        Self { wants, at: At::Start, cached: 0, waits: false, failed_meanwhile: false }
    }

    pub(super) fn holds(&self) -> bool {
        !matches!(self.at, At::Start | At::Look { .. } | At::Pause { .. } | At::Done(_))
    }
}
