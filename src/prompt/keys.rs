//! [`Keys`]: single keys, without Enter and without an echo. On Unix only.

#[cfg(unix)]
pub(super) use unix::{Keys, is_in_front};
#[cfg(not(unix))]
pub(super) use unsupported::{Keys, is_in_front};

#[cfg(unix)]
mod unix {
    use std::io::{IsTerminal, Stdin, stderr, stdin};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::read;
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetpgrp};

    use crate::system::clock::Cancel;
    use crate::system::tty::{self, Tty};

    /// Whether somebody listens. A second listener would take the first one's settings for the terminal's own.
    static LISTENING: AtomicBool = AtomicBool::new(false);

    /// Standard input that returns each key when it is pressed, until this is dropped. Ctrl-C stays a signal. Ctrl-Z is a key, as the
    /// terminal must be restored before the program is suspended.
    pub(in crate::prompt) struct Keys(Tty<Stdin>, ListenerGuard);

    impl Keys {
        /// Returns `None` if standard input is no terminal, if another program has the terminal, or if somebody listens already.
        pub(in crate::prompt) fn listen() -> Option<Self> {
            let terminal = stdin();
            if !terminal.is_terminal() || LISTENING.swap(true, Ordering::SeqCst) {
                return None;
            }
            let taken = ListenerGuard;
            Some(Self(Tty::set(terminal, OptionalActions::Now, disable_line_mode).ok()?, taken))
        }

        /// Returns the key that is pressed within this time.
        pub(in crate::prompt) fn pressed_within(&mut self, time: Duration, end: &Cancel) -> Option<u8> {
            // In the background, reading would stop the process, and with it the login.
            if !self.0.reapply().unwrap_or(false) {
                end.wait(time);
                return None;
            }
            let time = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
            let mut terminal = [PollFd::new(&self.0, PollFlags::IN)];
            let is_pressed = poll(&mut terminal, Some(&time)).is_ok_and(|ready| ready > 0);
            let mut key = [0];
            (is_pressed && read(&self.0, &mut key) == Ok(1)).then_some(key[0])
        }

        /// Returns whether this key suspends the program.
        pub(in crate::prompt) fn suspends(&self, key: u8) -> bool {
            self.0.is_suspend_key(key)
        }

        /// Restores the terminal and stops, until the person continues the program. After that, keys are returned again.
        pub(in crate::prompt) fn suspend(&self, end: &Cancel) {
            self.0.suspend(end);
        }
    }

    /// Dropped after the terminal is restored.
    struct ListenerGuard;

    impl Drop for ListenerGuard {
        fn drop(&mut self) {
            LISTENING.store(false, Ordering::SeqCst);
        }
    }

    fn disable_line_mode(modes: &mut Termios) {
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
        // These would leave the terminal as it is now.
        modes.special_codes[SpecialCodeIndex::VQUIT] = 0;
        modes.special_codes[SpecialCodeIndex::VSUSP] = 0;
    }

    /// Returns whether this process is in the foreground of standard error. If that is no terminal of its session, no other process can
    /// be in the foreground.
    pub(in crate::prompt) fn is_in_front() -> bool {
        tcgetpgrp(stderr()).is_err() || tty::is_in_front(stderr())
    }
}

#[cfg(not(unix))]
mod unsupported {
    use std::time::Duration;

    use crate::system::clock::Cancel;

    pub(in crate::prompt) fn is_in_front() -> bool {
        true
    }

    pub(in crate::prompt) enum Keys {}

    impl Keys {
        pub(in crate::prompt) fn listen() -> Option<Self> {
            None
        }

        pub(in crate::prompt) fn pressed_within(&mut self, _time: Duration, _end: &Cancel) -> Option<u8> {
            match *self {}
        }

        pub(in crate::prompt) fn suspends(&self, _key: u8) -> bool {
            match *self {}
        }

        pub(in crate::prompt) fn suspend(&self, _end: &Cancel) {
            match *self {}
        }
    }
}
