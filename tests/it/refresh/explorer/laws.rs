//! What must hold in every state, whatever happened before it.

use super::decide::Freshness;
use super::model::{Age, At, CALLERS, Caller, End, Grounds, Left, Next, Rules, Scenario, State, Trouble, Turn, Wants};
use super::steps::{freshness, step};

pub(super) struct Law {
    pub(super) name: &'static str,
    pub(super) holds: fn(&Scenario, &State) -> bool,
}

pub(super) const LAWS: &[Law] = &[
    // Two exchanges of one token are a re-use, and a re-use ends the login.
    Law { name: "one exchange at a time", holds: |_, now| now.callers.iter().filter(|one| one.holds()).count() <= 1 },
    // What was read before the lock may be spent by now (law 1).
    Law {
        name: "the token sent is the one read under the lock",
        holds: |_, now| callers(now, |caller| begun(caller).is_none_or(|turn| turn.record == now.disk)),
    },
    // Whose token works already must not queue behind an exchange (law 2).
    Law {
        name: "who is served needs no lock",
        holds: |_, now| callers(now, |caller| !matches!(caller.at, At::Locked { needed: false })),
    },
    // A thousand waiters that spin leave the holder no processor.
    Law {
        name: "between two tries lies a pause",
        holds: |_, now| callers(now, |caller| !matches!(caller.at, At::Look { in_vain: 2, .. })),
    },
    // The token at hand is still good: nobody shall feel the early refresh of another.
    Law {
        name: "an early one does not wait",
        holds: |_, now| {
            callers(now, |caller| match caller.at {
                At::Pause { seen } => {
                    matches!(freshness(now, caller, seen), Freshness::ExpiringSoon | Freshness::Stale)
                }
                _ => true,
            })
        },
    },
    Law {
        name: "no dead token is served",
        holds: |_, now| callers(now, |caller| caller.at != At::Done(End::Served(Age::Dead))),
    },
    // Where re-use ends a login, a second try ends it now and not later (law 7).
    Law {
        name: "an open intent is not sent again while a token is left that serves",
        holds: |_, now| callers(now, |caller| begun(caller).is_none_or(|turn| !(turn.spare && turn.open))),
    },
    Law {
        name: "a lost reply is asked for at once only when no valid token is left",
        holds: |_, now| {
            callers(now, |caller| begun(caller).is_none_or(|turn| !turn.again || now.age(turn.record) == Age::Dead))
        },
    },
    // A server that is down is asked by one early caller in a while, not by each.
    Law {
        name: "an early attempt that failed rests",
        holds: |_, now| {
            callers(now, |caller| begun(caller).is_none_or(|turn| !turn.early || turn.last != Grounds::Resting))
        },
    },
    // Else each of a hundred waiters asks a server that is away, one after the other.
    Law {
        name: "who waited while an attempt failed does not repeat it, and who is sent away stays away",
        holds: |_, now| callers(now, |caller| begun(caller).is_none_or(|turn| turn.last != Grounds::JustFailed)),
    },
    // One server bans who asks again and again with a token that it has refused.
    Law {
        name: "a refused token is not sent again for a while",
        holds: |_, now| callers(now, |caller| begun(caller).is_none_or(|turn| turn.last != Grounds::Refused)),
    },
    Law { name: "a token is refreshed once, and not before its window", holds: once },
    Law { name: "while nothing goes wrong everyone is served and the login lives", holds: well },
    // A server that cannot be reached and a disk that is full cost time, and no login.
    Law {
        name: "a login ends only by a crash, a lost reply, or a disk that takes nothing back",
        holds: |scenario, now| {
            let (had, left) = (scenario.left, now.left);
            let spared = (had.crashes, had.losses, had.stuck) == (left.crashes, left.losses, left.stuck);
            now.server.alive || !spared
        },
    },
    Law { name: "a lost rotation is never silent", holds: told },
    // The model's server ends nothing by itself: what looks like it is a rotation of our own that was lost.
    Law {
        name: "a lost rotation is called interrupted",
        holds: |_, now| now.server.crossed || callers(now, |caller| caller.at != At::Done(End::Failed(Trouble::Ended))),
    },
    Law {
        name: "with grace nothing is lost",
        holds: |_, now| {
            let lost = |end| matches!(end, End::Failed(Trouble::Interrupted | Trouble::Ended));
            now.server.strict
                || now.server.alive && callers(now, |caller| !matches!(caller.at, At::Done(end) if lost(end)))
        },
    },
];

/// `true` for each of them.
fn callers(state: &State, holds: impl Fn(&Caller) -> bool) -> bool {
    state.callers.iter().all(holds)
}

/// The exchange that a caller is about to make.
fn begun(caller: &Caller) -> Option<Turn> {
    match caller.at {
        At::Intend(turn) | At::Intending(turn) | At::Send(turn) => Some(turn),
        _ => None,
    }
}

/// But for those who ask for another token, and for what is lost and asked for again.
fn once(scenario: &Scenario, now: &State) -> bool {
    let nobody_insists = scenario.wants == [Wants::Any; CALLERS];
    let replaced = &now.ages[1..usize::from(now.server.latest)];
    let never = now.is_over() && scenario.start != Age::Fresh && replaced.is_empty();
    !nobody_insists || !is_quiet(scenario, now) || !never && !replaced.contains(&Age::Fresh)
}

fn well(scenario: &Scenario, now: &State) -> bool {
    let is_served = |caller: &Caller| !matches!(caller.at, At::Done(End::Failed(_)));
    !is_quiet(scenario, now) || now.server.alive && callers(now, is_served)
}

fn is_quiet(scenario: &Scenario, now: &State) -> bool {
    scenario.left == Left { ageings: scenario.left.ageings, ..now.left }
}

/// While the lock is free and the server would refuse what is on disk, `<id>.next` says that a rotation was begun.
fn told(_: &Scenario, now: &State) -> bool {
    let works = now.server.crossed || now.is_locked() || now.server.takes(now.disk.token);
    works
        || match now.next {
            Next::Absent | Next::Note { open: false, .. } => false,
            Next::Intent | Next::Torn | Next::Note { open: true, .. } => true,
            Next::Whole(record) => now.server.takes(record.token),
        }
}

/// How a caller ends that comes when all others are gone and nothing goes wrong any more; `None` if it does not.
pub(super) fn alone(state: &State, rules: &Rules) -> Option<End> {
    let mut state = *state;
    let mut callers = state.callers.iter_mut();
    *callers.next()? = Caller::new(Wants::Any);
    callers.for_each(|caller| *caller = Caller { at: At::Done(End::Killed), ..Caller::new(Wants::Any) });
    for _ in 0..20 {
        state = step(&state, 0, rules)?.1;
        if let At::Done(end) = state.callers[0].at {
            return Some(end);
        }
    }
    None
}

/// Whether that end is the one that the state deserves.
pub(super) fn is_right(state: &State, end: End) -> bool {
    let newest = if let Next::Whole(record) = state.next { record } else { state.disk };
    let is_left = state.age(newest) != Age::Dead || state.server.takes(newest.token);
    let is_sent_away = matches!(state.next, Next::Note { trouble: Trouble::Busy, resting: true, .. });
    match end {
        End::Failed(Trouble::Busy) => is_sent_away,
        End::Served(age) => age != Age::Dead,
        End::Refreshed => true,
        End::Failed(trouble) => !is_left && (trouble == Trouble::Interrupted || state.server.crossed),
        End::Killed => false,
    }
}
