//! Every arm of `decide.rs` turned into a wrong one: the explorer finds each, and names the law that it breaks.

use super::decide::Freshness::{Advisory, Ending, Fresh, Stale};
use super::decide::{Last, Step, UnlockedStep};
use super::{NO_LIVELOCK, RULES, Rules, explore, scenarios};

/// The rules with this arm before all others.
macro_rules! wrong {
    ($rule:ident, $pattern:pat => $instead:expr) => {
        Rules {
            $rule: |token, other| match (token, other) {
                $pattern => $instead,
                _ => (RULES.$rule)(token, other),
            },
            ..RULES
        }
    };
}

const LOCK: &str = "who is served needs no lock";
const PAUSE: &str = "between two tries lies a pause";
const EARLY: &str = "an early one does not wait";
const ONCE: &str = "a token is refreshed once, and not before its window";
const DEAD: &str = "no dead token is served";
const OPEN: &str = "an open intent is not sent again while a token is left that serves";
const BACKOFF: &str = "an early attempt that failed rests";
const SHARED: &str = "who waited while an attempt failed does not repeat it, and who is sent away stays away";
const REFUSED: &str = "a refused token is not sent again for a while";

/// The wrong rules, and the law that is found broken.
const WRONG: &[(Rules, &str)] = &[
    (wrong!(approach, (Fresh, _) => UnlockedStep::TryLock), LOCK),
    (wrong!(approach, (Fresh, _) => UnlockedStep::Wait), NO_LIVELOCK),
    (wrong!(approach, (Advisory, true) => UnlockedStep::TryLock), PAUSE),
    (wrong!(approach, (Advisory, true) => UnlockedStep::Wait), EARLY),
    (wrong!(approach, (Advisory, false) => UnlockedStep::Serve), ONCE),
    (wrong!(approach, (Ending, true) => UnlockedStep::TryLock), PAUSE),
    (wrong!(approach, (Stale, true) => UnlockedStep::TryLock), PAUSE),
    (wrong!(approach, (Stale, true) => UnlockedStep::Serve), DEAD),
    (wrong!(approach, (Stale, false) => UnlockedStep::Wait), NO_LIVELOCK),
    (wrong!(decide, (Fresh, _) => Step::Exchange), ONCE),
    (wrong!(decide, (Advisory, Last::Settled) => Step::Serve), ONCE),
    (wrong!(decide, (Advisory, Last::Resting) => Step::Exchange), BACKOFF),
    (wrong!(decide, (Advisory, Last::Open) => Step::Exchange), OPEN),
    (wrong!(decide, (Advisory, Last::JustFailed) => Step::Exchange), SHARED),
    (wrong!(decide, (Ending, Last::Open) => Step::Exchange), OPEN),
    (wrong!(decide, (Ending, Last::JustFailed) => Step::Exchange), SHARED),
    (wrong!(decide, (Stale, Last::Settled) => Step::Serve), NO_LIVELOCK),
    (wrong!(decide, (Stale, Last::Resting) => Step::Serve), NO_LIVELOCK),
    (wrong!(decide, (Stale, Last::Open) => Step::Serve), NO_LIVELOCK),
    (wrong!(decide, (Stale, Last::JustFailed) => Step::Exchange), SHARED),
    (wrong!(decide, (Stale, Last::JustFailed) => Step::Serve), DEAD),
    (wrong!(decide, (Advisory, Last::Refused) => Step::Exchange), REFUSED),
    (wrong!(decide, (Ending, Last::Refused) => Step::Exchange), REFUSED),
    (wrong!(decide, (Stale, Last::Refused) => Step::Exchange), REFUSED),
    (wrong!(decide, (Stale, Last::Refused) => Step::Serve), NO_LIVELOCK),
    // Not a rule, and as easily forgotten.
    (Rules { finishes: false, ..RULES }, NO_LIVELOCK),
];

#[test]
fn a_wrong_rule_breaks_a_law() {
    for (number, (rules, law)) in WRONG.iter().enumerate() {
        let broken = scenarios().iter().find_map(|scenario| explore(scenario, rules).err());
        assert_eq!(broken.map(|breach| breach.law), Some(*law), "wrong rule {number}");
    }
}
