//! [`reached`]: where a test kills or stops this process, after each step that a crash could follow.
//!
//! Only debug builds with the feature `testing` have them; a release build has neither the code nor the names.

/// Marks that `step` is done. `HALLPASS_FAILPOINT=KILL:committed:2` kills the process by SIGKILL when the step is done for the second time;
/// `STOP:…` stops it until it is continued.
#[inline(always)]
pub(crate) fn reached(step: &'static str) {
    #[cfg(all(debug_assertions, feature = "testing", unix))]
    armed::reached(step);
    #[cfg(not(all(debug_assertions, feature = "testing", unix)))]
    let _ = step;
}

#[cfg(all(debug_assertions, feature = "testing", unix))]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    use crate::system::clock::pause;

    struct Failpoint {
        signal: Signal,
        step: String,
        /// How many times the step still has to be reached. The signal is sent at the last one.
        left: AtomicU32,
    }

    pub(super) fn reached(step: &str) {
        static SET: OnceLock<Option<Failpoint>> = OnceLock::new();
        if let Some(set) = SET.get_or_init(|| parse(&crate::system::environment::failpoint()?))
            && set.step == step
            && set.left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            let _ = kill_process(getpid(), set.signal);
            // A stop reaches this thread a moment later, and the thread must not continue before.
            pause(Duration::from_millis(100));
        }
    }

    fn parse(text: &str) -> Option<Failpoint> {
        let mut parts = text.split(':');
        let signal = match parts.next()? {
            "KILL" => Signal::KILL,
            "STOP" => Signal::STOP,
            _ => return None,
        };
        let (step, nth) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
        Some(Failpoint { signal, step, left: AtomicU32::new(nth) })
    }
}
