//! Ctrl-C, SIGTERM and the end of the terminal, as one request to stop.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

#[cfg(unix)]
use nix::sys::signal::{SigSet, Signal::SIGTTOU};

use super::output;
use crate::clock::{Cancel, Clock, SystemClock};

/// The number that the shell knows Ctrl-C by, on Windows too.
const SIGINT: u8 = 2;

/// How long something may take after a signal before the person is told what it waits for.
const SILENCE: Duration = Duration::from_millis(300);

/// Signals that come closer together are one.
const ONE_KEYPRESS: Duration = Duration::from_secs(1);

/// The request to stop, and the signal that made it.
#[derive(Clone, Default)]
pub(super) struct Stop {
    pub(super) cancel: Cancel,
    signal: Arc<AtomicU8>,
    first: Arc<OnceLock<SystemTime>>,
}

impl Stop {
    /// One that listens from the start.
    pub(super) fn on_signals() -> Self {
        let stop = Self::default();
        stop.listen();
        stop
    }

    /// From here on signals ask to stop: what was begun is finished, and a second one ends the process at once. A host that handles
    /// Ctrl-C itself keeps its handler.
    pub(super) fn listen(&self) -> &Cancel {
        let on_ctrl_c = self.clone();
        // One crate for Ctrl-C, which exists on Windows too and leaves a host's own handler alone, and one for the signals that it
        // does not tell apart.
        let _ = ctrlc::try_set_handler(move || on_ctrl_c.ask(SIGINT));
        #[cfg(unix)]
        self.on_termination();
        &self.cancel
    }

    /// The exit code of a command that was asked to stop, as shells have it: 128 and the signal.
    pub(super) fn exit_code(&self) -> Option<ExitCode> {
        self.cancel.is_cancelled().then(|| self.code().into())
    }

    #[cfg(unix)]
    fn on_termination(&self) {
        use std::io::{IsTerminal, stderr};

        use signal_hook::consts::{SIGHUP, SIGTERM};
        use signal_hook::iterator::Signals;

        // Without a terminal nobody can close it: `nohup` means the command to go on.
        let signals: &[i32] = if stderr().is_terminal() { &[SIGTERM, SIGHUP] } else { &[SIGTERM] };
        let (stop, Ok(mut signals)) = (self.clone(), Signals::new(signals)) else { return };
        // Ends with the process.
        let _ = std::thread::Builder::new().name("hallpass-signals".into()).spawn(move || {
            signals.forever().for_each(|signal| stop.ask(signal.unsigned_abs() as u8));
        });
    }

    fn ask(&self, signal: u8) {
        let (now, first) = (SystemClock.now(), self.first.get().copied());
        if let Some(first) = first {
            // One Ctrl-C can come twice: from the terminal, and from a program around this one that passes it on.
            return match now.duration_since(first) {
                Ok(since) if since < ONE_KEYPRESS => {}
                _ => output::exit_at_once(self.code()),
            };
        }
        let _ = self.first.set(now);
        self.signal.store(signal, Ordering::Relaxed);
        self.cancel.cancel();
        // Most commands are gone by then.
        SystemClock.sleep(SILENCE, &Cancel::new());
        self.last_words(|| {
            output::say(
                "finishing what was begun, a few seconds; a second signal stops at once, and may cost the login",
            );
        });
    }

    /// What is said after a signal. `kill` makes a job go on that was stopped (Ctrl-Z), but in the background: with `stty tostop` what it
    /// says there would stop it again, for good. The thread has nothing more to say after that.
    pub(super) fn last_words<T>(&self, say: impl FnOnce() -> T) -> T {
        #[cfg(unix)]
        if self.cancel.is_cancelled() {
            let _ = SigSet::from(SIGTTOU).thread_block();
        }
        say()
    }

    fn code(&self) -> u8 {
        128 + self.signal.load(Ordering::Relaxed)
    }
}
