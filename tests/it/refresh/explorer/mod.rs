//! Every way that some callers, one server and one disk can take together, tried out: lock × intent × generation. The functions
//! on trial are those of `src/lifecycle/refresh/decide.rs` itself; what surrounds them there is modelled here.
//!
//! | file | has |
//! | --- | --- |
//! | `model` | a state: callers, server, record on disk |
//! | `steps` | a caller's next step while nothing goes wrong |
//! | `events` | everything else that can happen: crashes, lost replies, time |
//! | `laws` | what must hold in every state |
//! | `bites` | each law taken out: the explorer notices |

use std::collections::{HashMap, HashSet};

use self::decide::{decide, unlocked_step};
use self::events::successors;
use self::laws::{LAWS, alone, is_right};
use self::model::{Age, Left, Next, Record, Rules, Scenario, Server, State, Wants};
use self::steps::Event;

mod bites;
#[allow(dead_code, reason = "nobody here asks for a longer validity")]
#[path = "../../../../src/lifecycle/refresh/decide.rs"]
mod decide;
mod events;
mod laws;
mod model;
mod steps;

const RULES: Rules = Rules { unlocked_step, decide, finishes: true };

/// The newer one is the only copy of a token that works (law 5).
const NO_RETURN: &str = "the generation on disk never falls";

const NO_LIVELOCK: &str = "from every state a caller alone comes to an end, and to the right one";

/// A law that was broken, and how.
#[derive(Debug)]
struct Breach {
    law: &'static str,
    /// Read by a person, when the test has failed.
    trace: String,
}

#[test]
fn every_interleaving_keeps_the_laws() {
    let mut states = 0;
    for scenario in scenarios() {
        match explore(&scenario, &RULES) {
            Ok(count) => states += count,
            Err(breach) => panic!("{}\n{scenario:?}{}", breach.law, breach.trace),
        }
    }
    println!("explored {states} states");
    // So that it cannot become a test of nothing.
    assert!(states > 10_000, "{states}");
}

/// Three callers, at a strict server and at one with grace, beginning at each age of the token; with as much going wrong as can be
/// walked through within seconds.
fn scenarios() -> Vec<Scenario> {
    let alike = [Wants::Any; 3];
    let mixed = [Wants::Any, Wants::New, Wants::Another];
    let walks = [
        (alike, Left { ageings: 3, ..Left::default() }),
        (mixed, Left { ageings: 3, ..Left::default() }),
        (alike, Left { crashes: 2, losses: 2, ageings: 2, ..Left::default() }),
        (alike, Left { crashes: 1, unheard: 2, full: 1, stuck: 1, ageings: 2, ..Left::default() }),
        (mixed, Left { crashes: 1, losses: 1, ageings: 1, ..Left::default() }),
        (mixed, Left { losses: 1, unheard: 1, stuck: 1, ..Left::default() }),
    ];
    let mut scenarios = Vec::new();
    for (strict, start) in [true, false].into_iter().flat_map(|strict| Age::ALL.map(|start| (strict, start))) {
        scenarios.extend(walks.map(|(wants, left)| Scenario { strict, start, wants, left }));
    }
    scenarios
}

/// Breadth first, so that what is found wrong is told by the shortest way there.
fn explore(scenario: &Scenario, rules: &Rules) -> Result<usize, Breach> {
    let first = State::of(scenario);
    let (mut seen, mut walk) = (HashSet::from([first]), vec![(first, 0, "begins")]);
    let (mut ends, mut next, mut at) = (HashMap::new(), Vec::new(), 0);
    check(scenario, rules, &first, &mut ends).map_err(|law| breach(law, &walk, 0))?;
    while let Some((state, ..)) = walk.get(at).copied() {
        successors(&state, rules, &mut next);
        for (event, after) in next.drain(..) {
            let grows = state.disk == after.disk || state.disk.generation < after.disk.generation;
            if !grows || seen.insert(after) {
                walk.push((after, at, event));
                let lawful = if grows { check(scenario, rules, &after, &mut ends) } else { Err(NO_RETURN) };
                lawful.map_err(|law| breach(law, &walk, walk.len() - 1))?;
            }
        }
        at += 1;
    }
    Ok(walk.len())
}

type Ends = HashMap<(Record, Next, Server, [Age; 2]), bool>;

/// The name of the first law that is broken.
fn check(scenario: &Scenario, rules: &Rules, state: &State, ends: &mut Ends) -> Result<(), &'static str> {
    if let Some(law) = LAWS.iter().find(|law| !(law.holds)(scenario, state)) {
        return Err(law.name);
    }
    let newest = if let Next::Whole(record) = state.next { record } else { state.disk };
    // All that a newcomer can meet; many states are the same to it.
    let met = (state.disk, state.next, state.server, [state.age(state.disk), state.age(newest)]);
    let ends_well = || alone(state, rules).is_some_and(|end| is_right(state, end));
    if *ends.entry(met).or_insert_with(ends_well) { Ok(()) } else { Err(NO_LIVELOCK) }
}

fn breach(law: &'static str, walk: &[(State, usize, Event)], at: usize) -> Breach {
    let mut trace = Vec::new();
    let mut at = at;
    loop {
        let (state, from, event) = &walk[at];
        trace.push(format!("\n  {event}: {:?} {:?} {:?} {:?}", state.disk, state.next, state.server, state.callers));
        if at == 0 {
            break;
        }
        at = *from;
    }
    Breach { law, trace: trace.into_iter().rev().collect() }
}
