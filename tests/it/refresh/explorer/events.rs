//! All that can happen next: a caller takes a step, something goes wrong with it, or time passes.

use super::model::{At, End, Next, Reply, Rules, Server, State, Trouble};
use super::steps::{Event, answer, end, failed, step};

/// All that can happen in `state`.
pub(super) fn successors(state: &State, rules: &Rules, out: &mut Vec<(Event, State)>) {
    for (number, caller) in state.callers.iter().enumerate() {
        // The same caller twice is the same future twice.
        if state.callers[..number].contains(caller) || matches!(caller.at, At::Done(_)) {
            continue;
        }
        out.extend(step(state, number, rules));
        mishaps(state, number, out);
    }
    world(state, out);
    out.iter_mut().for_each(|(_, after)| after.callers.sort_unstable());
}

/// What can go wrong with a caller's next step.
fn mishaps(state: &State, number: usize, out: &mut Vec<(Event, State)>) {
    let (caller, left) = (state.callers[number], state.left);
    let mut push = |event, change: &dyn Fn(&mut State)| {
        let mut after = *state;
        change(&mut after);
        out.push((event, after));
    };
    if left.crashes > 0 && caller.at != At::Start {
        let kill = |state: &mut State| {
            state.left.crashes -= 1;
            end(state, number, End::Killed);
        };
        push("is killed", &kill);
        if let (At::Send(turn), None) = (caller.at, state.server.late) {
            push("is killed with its request under way", &|state| {
                kill(state);
                state.server.late = Some(turn.record.token);
            });
        }
    }
    if let At::Send(turn) = caller.at {
        let lose = |state: &mut State| {
            state.left.losses -= 1;
            state.callers[number].at = At::Answered(turn, Reply::Lost);
        };
        if left.losses > 0 {
            push("loses its request", &lose);
            push("loses its reply", &|state| {
                answer(state, turn.record.token);
                lose(state);
            });
        }
        if left.losses > 0 && state.server.late.is_none() {
            push("gives up on a slow request", &|state| {
                lose(state);
                state.server.late = Some(turn.record.token);
            });
        }
        if left.unheard > 0 {
            for (event, reply) in [("does not get through", Reply::Unheard), ("is turned away", Reply::Busy)] {
                push(event, &|state| {
                    state.left.unheard -= 1;
                    state.callers[number].at = At::Answered(turn, reply);
                });
            }
        }
    }
    if let (At::Intend(turn) | At::Intending(turn), 1..) = (caller.at, left.full) {
        push("finds the disk full", &|state| {
            state.left.full -= 1;
            if !turn.open {
                state.next = Next::Absent;
            }
            failed(state, number, Trouble::Disk);
        });
    }
    if let (At::Writing(_) | At::Rename(_), 1..) = (caller.at, left.stuck) {
        push("cannot write the record", &|state| {
            state.left.stuck -= 1;
            failed(state, number, Trouble::Disk);
        });
    }
}

/// What happens by itself.
fn world(state: &State, out: &mut Vec<(Event, State)>) {
    let (disk, latest) = (state.disk.token, state.server.latest);
    // The token on disk alone, or what has not yet come to the disk too.
    let ageing = [(disk, true), (latest, disk != latest)];
    for upto in ageing.into_iter().filter(|(_, differs)| *differs && state.left.ageings > 0).map(|(upto, _)| upto) {
        let mut after = *state;
        after.left.ageings -= 1;
        after.ages[1..=usize::from(upto)].iter_mut().for_each(|age| *age = age.older());
        out.push(("time passes", after));
    }
    if let Next::Note { trouble, open, resting: true } = state.next {
        out.push((
            "the failure is a while ago",
            State { next: Next::Note { trouble, open, resting: false }, ..*state },
        ));
    }
    if let Some(token) = state.server.late {
        let mut after = State { server: Server { late: None, ..state.server }, ..*state };
        let crosses = token < state.server.takes_from;
        after.server.crossed |= crosses && state.server.strict;
        // A server with grace has forgiven it by its time, not by its order.
        if !crosses || state.server.strict {
            answer(&mut after, token);
        }
        out.push(("a late request arrives", after));
    }
}
