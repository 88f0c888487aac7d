//! Keys, one at a time, without Enter and without an echo. On Unix only: elsewhere there are none to press.

#[cfg(not(unix))]
pub(super) use nowhere::{Keys, is_in_front};
#[cfg(unix)]
pub(super) use unix::{Keys, is_in_front};

#[cfg(unix)]
mod unix {
    use std::io::{self, IsTerminal, Stdin, stderr, stdin};
    use std::os::fd::AsFd;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::read;
    use rustix::process::getpgrp;
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr};

    use crate::clock::Cancel;
    use crate::suspend::suspend;

    /// Whether somebody listens: of two, the second would take for the terminal's own settings what the first has made of them.
    static TAKEN: AtomicBool = AtomicBool::new(false);

    /// Standard input, which gives each key as it is pressed until this is dropped. Ctrl-C stays what it is; Ctrl-Z is a key, as the
    /// terminal is to be given back before it does what it does.
    pub(in crate::prompt) struct Keys {
        terminal: Stdin,
        before: Termios,
    }

    impl Keys {
        /// `None` where there is no terminal, where it is another program's at the moment, and where somebody listens already.
        pub(in crate::prompt) fn listen() -> Option<Self> {
            let terminal = stdin();
            if !terminal.is_terminal() || !is_ours(&terminal) {
                return None;
            }
            if TAKEN.swap(true, Ordering::SeqCst) {
                return None;
            }
            let Ok(before) = tcgetattr(&terminal) else {
                TAKEN.store(false, Ordering::SeqCst);
                return None;
            };
            let mut listening = Self { terminal, before };
            listening.set().ok()?;
            Some(listening)
        }

        /// What is pressed within this time.
        pub(in crate::prompt) fn pressed_within(&mut self, time: Duration, end: &Cancel) -> Option<u8> {
            // In the background, reading would stop the process, and with it the login.
            if !is_ours(&self.terminal) || self.set().is_err() {
                end.wait(time);
                return None;
            }
            let time = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
            let mut terminal = [PollFd::new(&self.terminal, PollFlags::IN)];
            let is_pressed = poll(&mut terminal, Some(&time)).is_ok_and(|ready| ready > 0);
            let mut key = [0];
            (is_pressed && read(&self.terminal, &mut key) == Ok(1)).then_some(key[0])
        }

        /// Whether the person wants to suspend the program by this key, Ctrl-Z unless they chose another.
        pub(in crate::prompt) fn suspends(&self, key: u8) -> bool {
            key != 0 && key == self.before.special_codes[SpecialCodeIndex::VSUSP]
        }

        /// Gives the terminal back and stops, until the person makes it go on. What is pressed then is a key again.
        pub(in crate::prompt) fn suspend(&self, end: &Cancel) {
            if tcsetattr(&self.terminal, OptionalActions::Now, &self.before).is_ok() {
                suspend(end);
            }
        }

        /// Sets the terminal so that it gives keys, at the start and after this process was stopped: a shell has had the terminal
        /// meanwhile, and has set it as it likes. So it gets it back.
        fn set(&mut self) -> io::Result<()> {
            let now = tcgetattr(&self.terminal)?;
            let mut keys = now.clone();
            keys.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
            // These would leave the terminal as it is then.
            keys.special_codes[SpecialCodeIndex::VQUIT] = 0;
            keys.special_codes[SpecialCodeIndex::VSUSP] = 0;
            let codes = |modes: &Termios| {
                [SpecialCodeIndex::VQUIT, SpecialCodeIndex::VSUSP].map(|index| modes.special_codes[index])
            };
            if now.local_modes != keys.local_modes || codes(&now) != codes(&keys) {
                self.before = now;
                tcsetattr(&self.terminal, OptionalActions::Now, &keys)?;
            }
            Ok(())
        }
    }

    impl Drop for Keys {
        fn drop(&mut self) {
            // A shell that has the terminal meanwhile has set it as it likes.
            if is_ours(&self.terminal) {
                let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
            }
            TAKEN.store(false, Ordering::SeqCst);
        }
    }

    /// Whether what is written to standard error comes where the person looks at this process. What is no terminal of its session,
    /// has no other process in front.
    pub(in crate::prompt) fn is_in_front() -> bool {
        tcgetpgrp(stderr()).is_err() || is_ours(stderr())
    }

    /// Whether this process is in the foreground.
    fn is_ours(terminal: impl AsFd) -> bool {
        tcgetpgrp(terminal).is_ok_and(|foreground| foreground == getpgrp())
    }
}

#[cfg(not(unix))]
mod nowhere {
    use std::time::Duration;

    use crate::clock::Cancel;

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
