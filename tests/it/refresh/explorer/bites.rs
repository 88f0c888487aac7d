//! Every arm of `decide.rs` turned into a wrong one: the explorer finds each, and names the law that it breaks.

use super::decide::Freshness::{ExpiringSoon, Fresh, RefreshSoon, Stale};
use super::decide::{RetryState, Step, UnlockedStep};
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
const COOLDOWN: &str = "an early attempt that failed rests";
const SHARED: &str = "who waited while an attempt failed does not repeat it, and who is sent away stays away";
const REFUSED: &str = "a refused token is not sent again for a while";

/// The wrong rules, and the law that is found broken.
const WRONG: &[(Rules, &str)] = &[
    (wrong!(unlocked_step, (Fresh, _) => UnlockedStep::TryLock), LOCK),
    (wrong!(unlocked_step, (Fresh, _) => UnlockedStep::Wait), NO_LIVELOCK),
    (wrong!(unlocked_step, (RefreshSoon, true) => UnlockedStep::TryLock), PAUSE),
    (wrong!(unlocked_step, (RefreshSoon, true) => UnlockedStep::Wait), EARLY),
    (wrong!(unlocked_step, (RefreshSoon, false) => UnlockedStep::Serve), ONCE),
    (wrong!(unlocked_step, (ExpiringSoon, true) => UnlockedStep::TryLock), PAUSE),
    (wrong!(unlocked_step, (Stale, true) => UnlockedStep::TryLock), PAUSE),
    (wrong!(unlocked_step, (Stale, true) => UnlockedStep::Serve), DEAD),
    (wrong!(unlocked_step, (Stale, false) => UnlockedStep::Wait), NO_LIVELOCK),
    (wrong!(decide, (Fresh, _) => Step::Exchange), ONCE),
    (wrong!(decide, (RefreshSoon, RetryState::Settled) => Step::Serve), ONCE),
    (wrong!(decide, (RefreshSoon, RetryState::CoolingDown) => Step::Exchange), COOLDOWN),
    (wrong!(decide, (RefreshSoon, RetryState::Open) => Step::Exchange), OPEN),
    (wrong!(decide, (RefreshSoon, RetryState::JustFailed) => Step::Exchange), SHARED),
    (wrong!(decide, (ExpiringSoon, RetryState::Open) => Step::Exchange), OPEN),
    (wrong!(decide, (ExpiringSoon, RetryState::JustFailed) => Step::Exchange), SHARED),
    (wrong!(decide, (Stale, RetryState::Settled) => Step::Serve), NO_LIVELOCK),
    (wrong!(decide, (Stale, RetryState::CoolingDown) => Step::Serve), NO_LIVELOCK),
    (wrong!(decide, (Stale, RetryState::Open) => Step::Serve), NO_LIVELOCK),
    (wrong!(decide, (Stale, RetryState::JustFailed) => Step::Exchange), SHARED),
    (wrong!(decide, (Stale, RetryState::JustFailed) => Step::Serve), DEAD),
    (wrong!(decide, (RefreshSoon, RetryState::Refused) => Step::Exchange), REFUSED),
    (wrong!(decide, (ExpiringSoon, RetryState::Refused) => Step::Exchange), REFUSED),
    (wrong!(decide, (Stale, RetryState::Refused) => Step::Exchange), REFUSED),
    (wrong!(decide, (Stale, RetryState::Refused) => Step::Serve), NO_LIVELOCK),
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
