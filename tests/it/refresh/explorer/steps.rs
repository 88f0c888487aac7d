//! A caller's next step while nothing goes wrong, told again from `src/lifecycle/refresh/job.rs` and `exchange.rs`.

use super::decide::{Freshness, RetryState, Step, UnlockedStep};
use super::model::{Age, At, Caller, End, Grounds, Next, Record, Reply, Rules, State, Trouble, Turn, Wants};

/// What has happened, for a trace.
pub(super) type Event = &'static str;

/// One caller's next step, if nothing goes wrong.
pub(super) fn step(state: &State, number: usize, rules: &Rules) -> Option<(Event, State)> {
    let (caller, mut after) = (state.callers[number], *state);
    let mut go = |at| after.callers[number].at = at;
    let event = match caller.at {
        At::Start => {
            let cached = if caller.wants == Wants::Another { 1 } else { state.disk.token };
            go(At::Look { seen: state.disk, in_vain: 0 });
            after.callers[number].cached = cached;
            "reads the record"
        }
        At::Look { seen, in_vain } => {
            let freshness = freshness(state, &caller, seen);
            match (rules.unlocked_step)(freshness, in_vain > 0) {
                UnlockedStep::Serve => end(&mut after, number, End::Served(state.age(seen))),
                UnlockedStep::Wait => go(At::Pause { seen }),
                UnlockedStep::TryLock if !state.is_locked() => go(At::Locked { needed: freshness != Freshness::Fresh }),
                UnlockedStep::TryLock => {
                    go(At::Look { seen, in_vain: 2.min(in_vain + 1) });
                    after.callers[number].waits = true;
                }
            }
            "looks"
        }
        At::Pause { seen } => {
            go(At::Look { seen: Record::max(seen, state.disk), in_vain: 0 });
            "has paused"
        }
        At::Locked { .. } => {
            decided(&mut after, number, rules);
            "decides"
        }
        At::Intend(turn) => {
            after.next = Next::Torn;
            go(At::Intending(turn));
            "begins to write the intent"
        }
        At::Intending(turn) => {
            after.next = Next::Intent;
            go(At::Send(turn));
            "has written the intent"
        }
        At::Send(turn) => {
            let reply = answer(&mut after, turn.record.token);
            after.callers[number].at = At::Answered(turn, reply);
            "is answered"
        }
        At::Answered(turn, reply) => {
            answered(&mut after, number, turn, reply);
            "has read the answer"
        }
        At::Noting(trouble, open) => {
            after.next = Next::Note { trouble, open, resting: true };
            after.callers.iter_mut().for_each(|other| other.failed_meanwhile |= other.waits);
            failed(&mut after, number, trouble);
            "has noted the failure"
        }
        At::Writing(record) => {
            after.next = Next::Whole(record);
            go(At::Rename(record));
            "has written the record"
        }
        At::Rename(record) => {
            (after.disk, after.next) = (record, Next::Absent);
            end(&mut after, number, End::Refreshed);
            "has renamed the record"
        }
        At::Done(_) => return None,
    };
    Some((event, after))
}

/// How good a record is for a caller; as `RefreshJob::freshness`.
pub(super) fn freshness(state: &State, caller: &Caller, record: Record) -> Freshness {
    match state.age(record) {
        age if record.token != caller.cached && age != Age::Dead => Freshness::Fresh,
        _ if caller.wants != Wants::Any => Freshness::Stale,
        Age::Fresh => Freshness::Fresh,
        Age::RefreshSoon => Freshness::RefreshSoon,
        Age::ExpiringSoon => Freshness::ExpiringSoon,
        Age::Dead => Freshness::Stale,
    }
}

/// `OpenGrant::recover`, then `RefreshJob::serving_record_under_lock`.
fn decided(state: &mut State, number: usize, rules: &Rules) {
    let caller = &mut state.callers[number];
    if let (Next::Whole(record), true) = (state.next, rules.finishes) {
        (state.disk, state.next) = (record, Next::Absent);
        if caller.wants == Wants::New {
            caller.cached = record.token;
        }
    }
    let (caller, record) = (*caller, state.disk);
    let (last, grounds, told) = match state.next {
        Next::Note { trouble: trouble @ (Trouble::Ended | Trouble::Interrupted), resting: true, .. }
            if caller.wants != Wants::New =>
        {
            (RetryState::Refused, Grounds::Refused, Some(trouble))
        }
        Next::Note { trouble, resting, .. } if caller.failed_meanwhile || resting && trouble == Trouble::Busy => {
            (RetryState::JustFailed, Grounds::JustFailed, Some(trouble))
        }
        Next::Intent | Next::Torn | Next::Note { open: true, .. } => (RetryState::Open, Grounds::Open, None),
        Next::Note { resting: true, .. } => (RetryState::CoolingDown, Grounds::Resting, None),
        Next::Absent | Next::Note { .. } | Next::Whole(_) => (RetryState::Settled, Grounds::Settled, None),
    };
    let freshness = freshness(state, &caller, record);
    match ((rules.decide)(freshness, last), told) {
        (Step::Serve, _) => end(state, number, End::Served(state.age(record))),
        (Step::Fail, Some(trouble)) => failed(state, number, trouble),
        _ => {
            let (early, spare) = (freshness == Freshness::RefreshSoon, freshness != Freshness::Stale);
            let open = last == RetryState::Open;
            state.callers[number].at = At::Intend(Turn { record, early, spare, last: grounds, open, again: false });
        }
    }
}

/// The server's part.
pub(super) fn answer(state: &mut State, token: u8) -> Reply {
    let server = &mut state.server;
    if !server.takes(token) {
        // RFC 9700 §4.14.2: the family of a token that is used twice ends.
        server.alive &= !server.strict;
        return Reply::Refused;
    }
    server.latest += 1;
    server.takes_from = if server.strict { server.latest } else { token };
    Reply::Token(server.latest)
}

/// `Exchange::rotate`, after a request.
fn answered(state: &mut State, number: usize, turn: Turn, reply: Reply) {
    let lost = turn.again || reply == Reply::Lost;
    let open = turn.open || lost;
    let (next, at) = match reply {
        Reply::Token(token) => (Next::Torn, At::Writing(Record { generation: turn.record.generation + 1, token })),
        Reply::Lost if !turn.again && state.age(turn.record) == Age::Dead => {
            (state.next, At::Send(Turn { again: true, ..turn }))
        }
        Reply::Refused if open => (Next::Torn, At::Noting(Trouble::Interrupted, open)),
        Reply::Refused => (Next::Torn, At::Noting(Trouble::Ended, open)),
        Reply::Busy => (Next::Torn, At::Noting(Trouble::Busy, open)),
        Reply::Lost | Reply::Unheard => (Next::Torn, At::Noting(Trouble::Unreachable, open)),
    };
    state.next = next;
    state.callers[number].at = at;
}

/// `RefreshJob::run`: what is still valid is served whatever went wrong, to whom it is enough.
pub(super) fn failed(state: &mut State, number: usize, trouble: Trouble) {
    let caller = state.callers[number];
    let found = state.ages[usize::from(caller.cached)];
    let serves = caller.wants == Wants::Any && found != Age::Dead;
    end(state, number, if serves { End::Served(found) } else { End::Failed(trouble) });
}

/// What a caller that is done has known makes no difference any more.
pub(super) fn end(state: &mut State, number: usize, end: End) {
    let wants = state.callers[number].wants;
    state.callers[number] = Caller { at: At::Done(end), ..Caller::new(wants) };
}
