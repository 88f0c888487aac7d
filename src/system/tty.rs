//! [`Tty`]: a terminal that is set for a question of ours, and given back: at its end, and while the person has suspended the program.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

#[cfg(any(feature = "cli", feature = "passphrase"))]
use nix::sys::signal::{SigSet, SigmaskHow, Signal::SIGTTOU};
use rustix::process::{Signal, getpgrp, kill_current_process_group};
use rustix::termios::{OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use crate::system::clock::Cancel;

/// A terminal set by `change`, until this is dropped.
pub(crate) struct Tty<T: AsFd> {
    terminal: T,
    change: fn(&mut Termios),
    when: OptionalActions,
    /// As it was, and will be again.
    before: Termios,
}

impl<T: AsFd> Tty<T> {
    /// Sets the terminal. `change` must be idempotent: it is applied again to a terminal that it has set.
    ///
    /// # Errors
    /// `NotFound` while the terminal is another program's: a process that sets it then is stopped, and so is whoever waits for it.
    pub(crate) fn set(terminal: T, when: OptionalActions, change: fn(&mut Termios)) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut tty = Self { terminal, change, when, before };
        if tty.keep()? { Ok(tty) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Sets the terminal again if a shell has had it since, because this process was stopped. The shell gets back what it has set.
    /// Returns false while the terminal is another program's.
    pub(crate) fn keep(&mut self) -> io::Result<bool> {
        if !is_in_front(&self.terminal) {
            return Ok(false);
        }
        let now = tcgetattr(&self.terminal)?;
        let ours = self.changed(&now);
        if !is_alike(&now, &ours) {
            self.before = now;
            tcsetattr(&self.terminal, self.when, &ours)?;
        }
        Ok(true)
    }

    /// Whether it is in front still, and nobody has set the terminal since.
    #[cfg(feature = "passphrase")]
    pub(crate) fn is_kept(&self) -> io::Result<bool> {
        let now = tcgetattr(&self.terminal)?;
        Ok(is_in_front(&self.terminal) && is_alike(&now, &self.changed(&now)))
    }

    /// Whether the person wants to suspend the program by this key, Ctrl-Z unless they chose another.
    pub(crate) fn suspends(&self, key: u8) -> bool {
        key != 0 && key == self.before.special_codes[SpecialCodeIndex::VSUSP]
    }

    /// Gives the terminal back, and stops this process and its group as the terminal does on Ctrl-Z. Returns when it goes on: at once
    /// where nobody could make it go on, as the kernel stops no orphan (POSIX, "Orphaned Process Group").
    ///
    /// A handler for SIGTSTP or SIGCONT would be the process's, and so the host's: there is none (law 15).
    pub(crate) fn suspend(&self, cancel: &Cancel) {
        self.give_back();
        if kill_current_process_group(Signal::TSTP).is_ok() {
            cancel.wait(UNTIL_ALL_STAND);
        }
    }

    /// A shell that has the terminal meanwhile has set it as it likes. Not all do (dash): where it is as this has set it, a process that
    /// was stopped by whatever, and ends in the background, would leave it without an echo.
    fn give_back(&self) {
        let is_in_front = is_in_front(&self.terminal);
        if is_in_front {
            let _ = tcsetattr(&self.terminal, self.when, &self.before);
        }
        #[cfg(any(feature = "cli", feature = "passphrase"))]
        if !is_in_front && tcgetattr(&self.terminal).is_ok_and(|now| is_alike(&now, &self.changed(&self.before))) {
            // What was typed there meanwhile is the shell's: it stays.
            let _ = unstopped(|| tcsetattr(&self.terminal, OptionalActions::Now, &self.before));
        }
    }

    fn changed(&self, modes: &Termios) -> Termios {
        let mut changed = modes.clone();
        (self.change)(&mut changed);
        changed
    }
}

impl<T: AsFd> AsFd for Tty<T> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.terminal.as_fd()
    }
}

impl<T: AsFd> Drop for Tty<T> {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// The signal may reach another thread first. None may touch the terminal again before all of them stand.
const UNTIL_ALL_STAND: Duration = Duration::from_millis(500);

/// Whether this process is in the foreground of the terminal.
pub(crate) fn is_in_front(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).is_ok_and(|foreground| foreground == getpgrp())
}

/// Does what the kernel stops a process in the background for. POSIX, `tcsetattr`: "If the calling thread is blocking SIGTTOU signals
/// or the process is ignoring SIGTTOU signals, the process shall be allowed to perform the operation, and no signal is sent."
///
/// The mask is this thread's, and for this moment: the host loses no handler (law 15).
#[cfg(any(feature = "cli", feature = "passphrase"))]
fn unstopped<T>(act: impl FnOnce() -> T) -> T {
    let before = SigSet::from(SIGTTOU).thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let done = act();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    done
}

/// In what a change of ours touches.
fn is_alike(one: &Termios, other: &Termios) -> bool {
    one.local_modes == other.local_modes && keys(one) == keys(other)
}

fn keys(modes: &Termios) -> [u8; 3] {
    [SpecialCodeIndex::VQUIT, SpecialCodeIndex::VSUSP, SpecialCodeIndex::VEOL].map(|index| modes.special_codes[index])
}
