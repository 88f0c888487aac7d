//! [`OnTerminal`]: asks the person.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a terminal is opened as a file")]

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::{AskPassphrase, Inherited, Purpose, Question, SHORTEST, is_long_enough};
use crate::model::secret::Secret;
use crate::system::clock::Cancel;
use crate::system::environment::{Environment, Screen};

/// A passphrase from the person at the terminal, typed without an echo.
///
/// Before that, what is on the descriptor in `<APP>_PASSPHRASE_FD`: whoever names one means it. Without a terminal, what is in
/// `<APP>_PASSPHRASE`, with a warning on standard error. What opened a login once is tried for the next one without asking again.
pub struct OnTerminal {
    environment: Environment,
    /// Gives the terminal its echo back when the person has had enough.
    #[cfg_attr(windows, expect(dead_code, reason = "rpassword asks there, and knows no Cancel"))]
    cancel: Cancel,
    last: Mutex<Option<Arc<Secret>>>,
}

impl OnTerminal {
    /// `cancel` ends a question, for example on Ctrl-C.
    pub fn new(environment: Environment, cancel: Cancel) -> Self {
        Self { environment, cancel, last: Mutex::default() }
    }

    fn given(&self, question: &Question) -> io::Result<Arc<Secret>> {
        if self.environment.passphrase_fd.is_some() {
            return self.handed_over(question).map(Arc::new);
        }
        match self.typed(question) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let given = self.handed_over(question)?;
                let variable = question.app.variable("PASSPHRASE");
                let warning = "other programs of this user can read it there";
                let warning = format!("warning: the passphrase comes from {variable}: {warning}");
                let _ = writeln!(io::stderr(), "{}", Screen::stderr().shown(&warning));
                Ok(Arc::new(given))
            }
            typed => typed.map(Arc::new),
        }
    }

    fn handed_over(&self, question: &Question) -> io::Result<Secret> {
        Inherited(self.environment.clone()).ask(question)
    }

    fn typed(&self, Question { app, purpose }: &Question) -> io::Result<Secret> {
        match purpose {
            Purpose::Open => self.line(&format!("Passphrase of {app}: ")),
            Purpose::OpenAgain => self.line("That is not it. Once more: "),
            Purpose::Choose => {
                let rule = format!("{SHORTEST} characters or more");
                let mut question = format!("Choose a passphrase for the logins of {app}, {rule}: ");
                loop {
                    let chosen = self.line(&question)?;
                    question = match is_long_enough(&chosen) {
                        false => format!("That is too short. Choose one of {rule}: "),
                        true if self.line("The same once more: ")? == chosen => return Ok(chosen),
                        true => format!("They differ. Choose one of {rule}: "),
                    };
                }
            }
        }
    }

    #[cfg(unix)]
    fn line(&self, question: &str) -> io::Result<Secret> {
        unix::line(&Screen::stderr().shown(question), &self.cancel)
    }

    #[cfg(windows)]
    fn line(&self, question: &str) -> io::Result<Secret> {
        // ERROR_INVALID_HANDLE, where there is no console: nobody can be asked, as where no terminal opens.
        const NO_CONSOLE: i32 = 6;
        let typed =
            rpassword::prompt_password(Screen::stderr().shown(question)).map_err(|error| match error.raw_os_error() {
                Some(NO_CONSOLE) => io::ErrorKind::NotFound.into(),
                _ => error,
            });
        let mut typed = Zeroizing::new(typed?.into_bytes());
        without_paste_marks(&mut typed);
        let text = std::str::from_utf8(&typed).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(Secret::new(text.to_owned()))
    }
}

impl AskPassphrase for OnTerminal {
    fn ask(&self, question: &Question) -> io::Result<Secret> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Purpose::Open, Some(known)) = (question.purpose, &*last) {
            return Ok(known.copy());
        }
        let given = self.given(question)?;
        *last = Some(given.clone());
        Ok(given.copy())
    }
}

impl fmt::Debug for OnTerminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnTerminal")
    }
}

/// A terminal in bracketed-paste mode, as a shell may have left it, puts these around what is pasted (xterm's control sequences).
const PASTE_MARKS: [&[u8]; 2] = [b"\x1b[200~", b"\x1b[201~"];

/// Takes the marks of a pasted text out, in place: no second buffer holds the passphrase.
fn without_paste_marks(typed: &mut Zeroizing<Vec<u8>>) {
    let mut at = 0;
    while at < typed.len() {
        match PASTE_MARKS.iter().find(|mark| typed[at..].starts_with(mark)) {
            Some(mark) => drop(typed.drain(at..at + mark.len())),
            None => at += 1,
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::fs::OpenOptions;
    use std::io::Read;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::ioctl_fionbio;
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios};
    use zeroize::Zeroize;

    use super::*;
    use crate::system::tty::{Tty, is_in_front};

    /// How long a wish to stop may wait.
    const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

    /// How long a signal takes to be a wish to stop.
    const HEARD: Duration = Duration::from_millis(100);

    /// A crate for this leaves the terminal without echo where Ctrl-C ends the question, or waits for Enter then. Whatever stops the
    /// program, Ctrl-Z or another, the question is asked anew when it goes on: what was typed before is not what was meant, and the
    /// shell may have shown it.
    pub(super) fn line(question: &str, cancel: &Cancel) -> io::Result<Secret> {
        let open = |options: &mut OpenOptions| options.open("/dev/tty").map_err(|_| io::ErrorKind::NotFound);
        let mut terminal = open(OpenOptions::new().write(true))?;
        // It does not wait: a `read` that the kernel stops in the background goes on by itself in front, with the shell's echo.
        let mut keys = open(OpenOptions::new().read(true))?;
        ioctl_fionbio(&keys, true)?;
        let mut quiet = Tty::set(keys.try_clone()?, OptionalActions::Flush, be_quiet)?;
        let mut typed = Zeroizing::new(Vec::with_capacity(4096));
        let mut piece = Zeroizing::new([0; 1024]);
        let mut is_asked = false;
        while !typed.ends_with(b"\n") {
            if cancel.is_cancelled() {
                // In the background the line is the shell's, and with `stty tostop` whoever writes there is stopped.
                if is_in_front(&terminal) {
                    let _ = terminal.write_all(b"\n");
                }
                return Err(io::ErrorKind::Interrupted.into());
            }
            if !is_asked || !quiet.is_kept()? {
                typed.zeroize();
                is_asked = quiet.keep()?;
                if !is_asked {
                    // In the background nobody can be asked: it stops again, as it would if it read, but not before it has heard
                    // what it was made to go on for: shells make a job that they end go on.
                    if !cancel.wait(HEARD) && !is_in_front(&terminal) {
                        quiet.suspend(cancel);
                    }
                    continue;
                }
                terminal.write_all(question.as_bytes())?;
            }
            match poll(&mut [PollFd::new(&keys, PollFlags::IN)], Some(&POLL_INTERVAL)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            let length = keys.read(&mut *piece);
            // The shell may have had the terminal between two looks, and what was typed then is the shell's, or was shown.
            is_asked = quiet.is_kept()?;
            let length = match length {
                _ if !is_asked => continue,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                    continue;
                }
                length => length?,
            };
            if length == 0 || typed.len() + length > typed.capacity() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            typed.extend_from_slice(&piece[..length]);
            if typed.last().is_some_and(|last| quiet.suspends(*last)) {
                quiet.suspend(cancel);
                is_asked = false;
            }
        }
        typed.pop();
        without_paste_marks(&mut typed);
        let text = std::str::from_utf8(&typed).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(Secret::new(text.to_owned()))
    }

    /// Nothing of what is typed is shown but the line's end.
    fn be_quiet(modes: &mut Termios) {
        modes.local_modes.remove(LocalModes::ECHO);
        modes.local_modes.insert(LocalModes::ECHONL);
        // These would leave the terminal without its echo: the first does nothing, and the second ends a line, so that it can be read.
        let suspend = std::mem::take(&mut modes.special_codes[SpecialCodeIndex::VSUSP]);
        if suspend != 0 {
            modes.special_codes[SpecialCodeIndex::VEOL] = suspend;
        }
        modes.special_codes[SpecialCodeIndex::VQUIT] = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_passphrase_is_without_its_marks() {
        for (typed, passphrase) in [
            ("\x1b[200~correct horse\x1b[201~", "correct horse"),
            // The end of a paste with a line break in it comes after the line.
            ("\x1b[200~correct horse", "correct horse"),
            ("correct \x1b[200~ho\x1b[201~rse", "correct horse"),
            ("\x1b[200~\x1b[201~", ""),
            ("correct [200~ horse", "correct [200~ horse"),
            ("\x1b[20", "\x1b[20"),
        ] {
            let mut bytes = Zeroizing::new(typed.as_bytes().to_vec());
            without_paste_marks(&mut bytes);
            assert_eq!(*bytes, passphrase.as_bytes(), "{typed:?}");
        }
    }
}
