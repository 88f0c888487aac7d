//! Keys, one at a time, without Enter and without an echo. On Unix only: elsewhere there are none to press.

#[cfg(not(unix))]
pub(super) use nowhere::Keys;
#[cfg(unix)]
pub(super) use unix::Keys;

#[cfg(unix)]
mod unix {
    use std::io::{IsTerminal, Stdin, stdin};
    use std::time::Duration;

    use crate::clock::Cancel;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::read;
    use rustix::process::getpgrp;
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr};

    /// Standard input, which gives each key as it is pressed until this is dropped. Ctrl-C stays what it is.
    pub(in crate::prompt) struct Keys {
        terminal: Stdin,
        before: Termios,
    }

    impl Keys {
        /// `None` where there is no terminal, and where it is another program's at the moment.
        pub(in crate::prompt) fn listen() -> Option<Self> {
            let terminal = stdin();
            if !terminal.is_terminal() || !is_ours(&terminal) {
                return None;
            }
            let before = tcgetattr(&terminal).ok()?;
            let mut keys = before.clone();
            keys.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
            // These would leave the terminal as it is now.
            keys.special_codes[SpecialCodeIndex::VQUIT] = 0;
            keys.special_codes[SpecialCodeIndex::VSUSP] = 0;
            tcsetattr(&terminal, OptionalActions::Now, &keys).ok()?;
            Some(Self { terminal, before })
        }

        /// What is pressed within this time.
        pub(in crate::prompt) fn pressed_within(&self, time: Duration, end: &Cancel) -> Option<u8> {
            // In the background, reading would stop the process, and with it the login.
            if !is_ours(&self.terminal) {
                end.wait(time);
                return None;
            }
            let time = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
            let mut terminal = [PollFd::new(&self.terminal, PollFlags::IN)];
            let is_pressed = poll(&mut terminal, Some(&time)).is_ok_and(|ready| ready > 0);
            let mut key = [0];
            (is_pressed && read(&self.terminal, &mut key) == Ok(1)).then_some(key[0])
        }
    }

    impl Drop for Keys {
        fn drop(&mut self) {
            // A shell that has the terminal meanwhile has set it as it likes.
            if is_ours(&self.terminal) {
                let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
            }
        }
    }

    /// Whether this process is in the foreground.
    fn is_ours(terminal: &Stdin) -> bool {
        tcgetpgrp(terminal).is_ok_and(|foreground| foreground == getpgrp())
    }
}

#[cfg(not(unix))]
mod nowhere {
    use std::time::Duration;

    use crate::clock::Cancel;

    pub(in crate::prompt) enum Keys {}

    impl Keys {
        pub(in crate::prompt) fn listen() -> Option<Self> {
            None
        }

        pub(in crate::prompt) fn pressed_within(&self, _time: Duration, _end: &Cancel) -> Option<u8> {
            match *self {}
        }
    }
}
