//! [`Tty`]: a terminal whose settings are changed for a question, and restored: at its end, and while the program is suspended.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

#[cfg(any(feature = "cli", feature = "passphrase"))]
use nix::sys::signal::{SigSet, SigmaskHow, Signal::SIGTTOU};
use rustix::process::{Signal, getpgrp, kill_current_process_group};
use rustix::termios::{OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use crate::system::clock::Cancel;

/// A terminal with settings changed by `change`, until this is dropped.
pub(crate) struct Tty<T: AsFd> {
    terminal: T,
    change: fn(&mut Termios),
    when: OptionalActions,
    /// The settings to restore.
    before: Termios,
}

impl<T: AsFd> Tty<T> {
    /// Changes the terminal's settings. `change` must be idempotent: it is applied again to settings that it has changed.
    ///
    /// # Errors
    /// `NotFound` while another program has the terminal: the kernel would stop a process that changes the settings then.
    pub(crate) fn set(terminal: T, when: OptionalActions, change: fn(&mut Termios)) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut tty = Self { terminal, change, when, before };
        if tty.reapply()? { Ok(tty) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Changes the settings again if a shell has had the terminal since, because this process was stopped. The shell's settings will be
    /// restored later. Returns false while another program has the terminal.
    pub(crate) fn reapply(&mut self) -> io::Result<bool> {
        if !is_in_front(&self.terminal) {
            return Ok(false);
        }
        let now = tcgetattr(&self.terminal)?;
        let ours = self.changed(&now);
        if !is_same(&now, &ours) {
            self.before = now;
            tcsetattr(&self.terminal, self.when, &ours)?;
        }
        Ok(true)
    }

    /// Returns whether this process is still in the foreground, and nobody has changed the settings since.
    #[cfg(feature = "passphrase")]
    pub(crate) fn is_applied(&self) -> io::Result<bool> {
        let now = tcgetattr(&self.terminal)?;
        Ok(is_in_front(&self.terminal) && is_same(&now, &self.changed(&now)))
    }

    /// Returns whether this key suspends the program: Ctrl-Z unless the person chose another.
    pub(crate) fn is_suspend_key(&self, key: u8) -> bool {
        key != 0 && key == self.before.special_codes[SpecialCodeIndex::VSUSP]
    }

    /// Restores the terminal, and stops this process and its group as the terminal does on Ctrl-Z. Returns when the process continues.
    /// Returns at once if nobody could continue it: the kernel does not stop an orphan (POSIX, "Orphaned Process Group").
    ///
    /// Uses no handler for SIGTSTP or SIGCONT, as handlers belong to the host (law 15).
    pub(crate) fn suspend(&self, cancel: &Cancel) {
        self.restore();
        if kill_current_process_group(Signal::TSTP).is_ok() {
            cancel.wait(STOP_DELAY);
        }
    }

    /// Restores the settings. If a shell has had the terminal and changed them meanwhile, its
    /// settings stay. Some shells (dash) do not change them: then a process that was stopped, and
    /// ends in the background, would leave the terminal without an echo.
    fn restore(&self) {
        let is_in_front = is_in_front(&self.terminal);
        if is_in_front {
            let _ = tcsetattr(&self.terminal, self.when, &self.before);
        }
        #[cfg(any(feature = "cli", feature = "passphrase"))]
        if !is_in_front && tcgetattr(&self.terminal).is_ok_and(|now| is_same(&now, &self.changed(&self.before))) {
            // Not `Flush`: what was typed in between belongs to the shell.
            let _ = with_sigttou_blocked(|| tcsetattr(&self.terminal, OptionalActions::Now, &self.before));
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
        self.restore();
    }
}

/// How long to wait until all threads are stopped. The signal may reach another thread first, and no thread may use the terminal before.
const STOP_DELAY: Duration = Duration::from_millis(500);

/// Returns whether this process is in the foreground of the terminal.
pub(crate) fn is_in_front(terminal: impl AsFd) -> bool {
    tcgetpgrp(terminal).is_ok_and(|foreground| foreground == getpgrp())
}

/// Runs `act`, which the kernel would stop a background process for. POSIX, `tcsetattr`: "If the calling thread is blocking SIGTTOU signals
/// or the process is ignoring SIGTTOU signals, the process shall be allowed to perform the operation, and no signal is sent."
///
/// The mask is changed for this thread and this call only: the host loses no handler (law 15).
#[cfg(any(feature = "cli", feature = "passphrase"))]
fn with_sigttou_blocked<T>(act: impl FnOnce() -> T) -> T {
    let before = SigSet::from(SIGTTOU).thread_swap_mask(SigmaskHow::SIG_BLOCK);
    let done = act();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    done
}

/// Compares the settings that our changes touch.
fn is_same(one: &Termios, other: &Termios) -> bool {
    one.local_modes == other.local_modes && control_keys(one) == control_keys(other)
}

fn control_keys(modes: &Termios) -> [u8; 3] {
    [SpecialCodeIndex::VQUIT, SpecialCodeIndex::VSUSP, SpecialCodeIndex::VEOL].map(|index| modes.special_codes[index])
}
