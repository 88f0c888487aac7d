//! Ctrl-C, SIGTERM and the end of the terminal, as one request to stop.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

#[cfg(unix)]
use nix::sys::signal::{SigSet, Signal::SIGTTOU};

use super::output;
use crate::clock::{Cancel, Clock, SystemClock};

/// The signal that a shell's exit code names for Ctrl-C, on Windows too.
const SIGINT: u8 = 2;

/// How long a command may take after a signal before it says what it waits for.
const NOTICE_DELAY: Duration = Duration::from_millis(300);

const FINISHING: &str =
    "finishing what was begun, a few seconds; a second signal stops at once, and may cost the login";

/// Signals that are closer together count as one.
const SAME_KEYPRESS: Duration = Duration::from_secs(1);

/// The request to stop, and the signal that made it.
#[derive(Clone, Default)]
pub(super) struct Stop {
    pub(super) cancel: Cancel,
    signal: Arc<AtomicU8>,
    first: Arc<OnceLock<SystemTime>>,
}

impl Stop {
    /// Listens from the start.
    pub(super) fn on_signals() -> Self {
        let stop = Self::default();
        stop.listen();
        stop
    }

    /// From now on a signal requests to stop: the command finishes what it began, and a second signal ends the process at once. A host that
    /// handles Ctrl-C itself keeps its handler.
    pub(super) fn listen(&self) -> &Cancel {
        let on_ctrl_c = self.clone();
        // Two crates: `ctrlc` works on Windows too and leaves a host's handler alone, but does not
        // distinguish signals; `signal-hook` does.
        let _ = ctrlc::try_set_handler(move || on_ctrl_c.request(SIGINT));
        #[cfg(unix)]
        self.on_termination();
        &self.cancel
    }

    /// Returns the exit code if a signal has requested to stop, as shells have it: 128 and the signal.
    pub(super) fn exit_code(&self) -> Option<u8> {
        self.cancel.is_cancelled().then(|| self.code())
    }

    #[cfg(unix)]
    fn on_termination(&self) {
        use std::io::{IsTerminal, stderr};

        use signal_hook::consts::{SIGHUP, SIGTERM};
        use signal_hook::iterator::Signals;

        // Without a terminal nobody can close it, and under `nohup` SIGHUP stays ignored.
        let signals: &[i32] = if stderr().is_terminal() { &[SIGTERM, SIGHUP] } else { &[SIGTERM] };
        let (stop, Ok(mut signals)) = (self.clone(), Signals::new(signals)) else { return };
        // Ends with the process.
        let _ = std::thread::Builder::new().name("hallpass-signals".into()).spawn(move || {
            signals.forever().for_each(|signal| stop.request(signal.unsigned_abs() as u8));
        });
    }

    fn request(&self, signal: u8) {
        let (now, first) = (SystemClock.now(), self.first.get().copied());
        if let Some(first) = first {
            // One Ctrl-C can come twice: from the terminal, and from a program around this one that passes it on.
            return match now.duration_since(first) {
                Ok(since) if since < SAME_KEYPRESS => {}
                _ => output::exit_at_once(self.code()),
            };
        }
        let _ = self.first.set(now);
        self.signal.store(signal, Ordering::Relaxed);
        self.cancel.cancel();
        // Most commands have ended by then.
        SystemClock.sleep(NOTICE_DELAY, &Cancel::new());
        self.print_last(|| output::say(FINISHING));
    }

    /// Prints something that may come after a signal. `kill` continues a job that was stopped (Ctrl-Z), but in the background: under
    /// `stty tostop` a background job that prints is stopped again, for good. The thread must print nothing else afterwards.
    pub(super) fn print_last<T>(&self, print: impl FnOnce() -> T) -> T {
        #[cfg(unix)]
        if self.cancel.is_cancelled() {
            let _ = SigSet::from(SIGTTOU).thread_block();
        }
        print()
    }

    fn code(&self) -> u8 {
        128 + self.signal.load(Ordering::Relaxed)
    }
}
