//! [`PassphraseFromTerminal`]: asks the person.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a terminal is opened as a file")]

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::{AskPassphrase, MIN_LENGTH, PassphraseFromEnvironment, Purpose, Question, is_long_enough};
use crate::model::secret::Secret;
use crate::system::clock::Cancel;
use crate::system::environment::{Environment, Screen};

/// Asks the person at the terminal for the passphrase, without an echo.
///
/// If the environment names a descriptor, reads that instead. Without a terminal, uses the variable with a passphrase, with a warning on standard
/// error. A passphrase that was given once is tried for the next login without asking again.
pub struct PassphraseFromTerminal {
    environment: Environment,
    /// Restores the terminal's echo when the person cancels.
    #[cfg_attr(windows, expect(dead_code, reason = "rpassword asks there, and knows no Cancel"))]
    cancel: Cancel,
    last: Mutex<Option<Arc<Secret>>>,
}

impl PassphraseFromTerminal {
    /// Creates the question for this environment. `cancel` ends it, for example on Ctrl-C.
    pub fn new(environment: Environment, cancel: Cancel) -> Self {
        Self { environment, cancel, last: Mutex::default() }
    }

    fn obtain(&self, question: &Question) -> io::Result<Secret> {
        if self.environment.passphrase_fd.is_some() {
            return self.ask_environment(question);
        }
        match self.ask_terminal(question) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let passphrase = self.ask_environment(question)?;
                let variable = self.environment.passphrase_name();
                let warning = "other programs of this user can read it there";
                let warning = format!("warning: the passphrase comes from {variable}: {warning}");
                let _ = writeln!(io::stderr(), "{}", Screen::stderr().render(&warning));
                Ok(passphrase)
            }
            answer => answer,
        }
    }

    fn ask_environment(&self, question: &Question) -> io::Result<Secret> {
        PassphraseFromEnvironment(self.environment.clone()).ask(question)
    }

    fn ask_terminal(&self, Question { app, purpose }: &Question) -> io::Result<Secret> {
        match purpose {
            Purpose::Open => self.read_line(&format!("Passphrase of {app}: ")),
            Purpose::OpenAgain => self.read_line("That is not it. Once more: "),
            Purpose::Choose => {
                let rule = format!("{MIN_LENGTH} characters or more");
                let mut question = format!("Choose a passphrase for the logins of {app}, {rule}: ");
                loop {
                    let chosen = self.read_line(&question)?;
                    question = match is_long_enough(&chosen) {
                        false => format!("That is too short. Choose one of {rule}: "),
                        true if self.read_line("The same once more: ")? == chosen => return Ok(chosen),
                        true => format!("They differ. Choose one of {rule}: "),
                    };
                }
            }
        }
    }

    #[cfg(unix)]
    fn read_line(&self, question: &str) -> io::Result<Secret> {
        unix::read_line(&Screen::stderr().render(question), &self.cancel)
    }

    #[cfg(windows)]
    fn read_line(&self, question: &str) -> io::Result<Secret> {
        // ERROR_INVALID_HANDLE, without a console: nobody can be asked, as if no terminal opened.
        const NO_CONSOLE: i32 = 6;
        let typed =
            rpassword::prompt_password(Screen::stderr().render(question)).map_err(|error| match error.raw_os_error() {
                Some(NO_CONSOLE) => io::ErrorKind::NotFound.into(),
                _ => error,
            });
        let mut typed = Zeroizing::new(typed?.into_bytes());
        remove_paste_marks(&mut typed);
        let text = std::str::from_utf8(&typed).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(Secret::new(text.to_owned()))
    }
}

impl AskPassphrase for PassphraseFromTerminal {
    fn ask(&self, question: &Question) -> io::Result<Secret> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Purpose::Open, Some(known)) = (question.purpose, &*last) {
            return Ok(known.copy());
        }
        let passphrase = Arc::new(self.obtain(question)?);
        *last = Some(passphrase.clone());
        Ok(passphrase.copy())
    }
}

impl fmt::Debug for PassphraseFromTerminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassphraseFromTerminal")
    }
}

/// A terminal in bracketed-paste mode, as a shell may have left it, puts these marks around pasted text (xterm's control sequences).
const PASTE_MARKS: [&[u8]; 2] = [b"\x1b[200~", b"\x1b[201~"];

/// Removes the marks of a pasted text in place, so that no second buffer holds the passphrase.
fn remove_paste_marks(typed: &mut Zeroizing<Vec<u8>>) {
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
    use std::fs::{File, OpenOptions};
    use std::io::Read;
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::ioctl_fionbio;
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios};
    use zeroize::Zeroize;

    use super::*;
    use crate::system::tty::{Tty, is_in_front};

    /// How often `cancel` is checked.
    const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

    /// How long it takes from a signal until `cancel` is cancelled.
    const SIGNAL_DELAY: Duration = Duration::from_millis(100);

    /// Reads a line without an echo. A crate for this leaves the terminal without echo if Ctrl-C ends the question, or waits for Enter
    /// then. Whatever stops the program, Ctrl-Z or a signal, the question is asked anew when it continues: what was typed before is
    /// incomplete, and the shell may have shown it.
    pub(super) fn read_line(question: &str, cancel: &Cancel) -> io::Result<Secret> {
        let mut terminal = open_terminal(OpenOptions::new().write(true))?;
        // Nonblocking: the kernel stops a blocked `read` in the background, and resumes it in the foreground with the shell's echo.
        let mut keys = open_terminal(OpenOptions::new().read(true))?;
        ioctl_fionbio(&keys, true)?;
        let mut quiet = Tty::set(keys.try_clone()?, OptionalActions::Flush, hide_typing)?;
        let mut typed = Zeroizing::new(Vec::with_capacity(4096));
        let mut piece = Zeroizing::new([0; 1024]);
        let mut is_asked = false;
        while !typed.ends_with(b"\n") {
            if cancel.is_cancelled() {
                // In the background the line belongs to the shell, and with `stty tostop` a process that writes there is stopped.
                if is_in_front(&terminal) {
                    let _ = terminal.write_all(b"\n");
                }
                return Err(io::ErrorKind::Interrupted.into());
            }
            if !is_asked || !quiet.is_applied()? {
                typed.zeroize();
                is_asked = quiet.reapply()?;
                if !is_asked {
                    // In the background nobody can be asked, so the process stops again, as it would if it read. But it first waits for
                    // `cancel`: a shell that ends a job continues it for that.
                    if !cancel.wait(SIGNAL_DELAY) && !is_in_front(&terminal) {
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
            // The shell may have had the terminal since the last check. What was typed then belongs to the shell, or was shown.
            is_asked = quiet.is_applied()?;
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
            if typed.last().is_some_and(|last| quiet.is_suspend_key(*last)) {
                quiet.suspend(cancel);
                is_asked = false;
            }
        }
        typed.pop();
        remove_paste_marks(&mut typed);
        let text = std::str::from_utf8(&typed).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(Secret::new(text.to_owned()))
    }

    fn open_terminal(options: &OpenOptions) -> io::Result<File> {
        options.open("/dev/tty").map_err(|_| io::ErrorKind::NotFound.into())
    }

    /// Shows nothing of what is typed but the line break.
    fn hide_typing(modes: &mut Termios) {
        modes.local_modes.remove(LocalModes::ECHO);
        modes.local_modes.insert(LocalModes::ECHONL);
        // Suspend and quit keys would leave the terminal without its echo: quit does nothing, and suspend ends a line, so that it is read.
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
            remove_paste_marks(&mut bytes);
            assert_eq!(*bytes, passphrase.as_bytes(), "{typed:?}");
        }
    }
}
