//! [`OnTerminal`]: asks the person.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a terminal is opened as a file")]

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::{AskPassphrase, Inherited, Purpose, Question, SHORTEST, is_long_enough};
use crate::clock::Cancel;
use crate::secret::Secret;
use crate::surroundings::{Screen, Surroundings};

/// A passphrase from the person at the terminal, typed without an echo.
///
/// Before that, what is on the descriptor in `<APP>_PASSPHRASE_FD`: whoever names one means it. Without a terminal, what is in
/// `<APP>_PASSPHRASE`, with a warning on standard error. What opened a login once is tried for the next one without asking again.
pub struct OnTerminal {
    surroundings: Surroundings,
    /// Gives the terminal its echo back when the person has had enough.
    #[cfg_attr(windows, expect(dead_code, reason = "rpassword asks there, and knows no Cancel"))]
    cancel: Cancel,
    last: Mutex<Option<Arc<Secret>>>,
}

impl OnTerminal {
    /// `cancel` ends a question, for example on Ctrl-C.
    pub fn new(surroundings: Surroundings, cancel: Cancel) -> Self {
        Self { surroundings, cancel, last: Mutex::default() }
    }

    fn given(&self, question: &Question) -> io::Result<Arc<Secret>> {
        if self.surroundings.passphrase_fd.is_some() {
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
        Inherited(self.surroundings.clone()).ask(question)
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
        let mut typed = Zeroizing::new(rpassword::prompt_password(Screen::stderr().shown(question))?.into_bytes());
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
    use std::fs::File;
    use std::io::Read;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios};
    use zeroize::Zeroize;

    use super::*;
    use crate::tty::Tty;

    /// How long a wish to stop may wait.
    const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

    /// A crate for this leaves the terminal without echo where Ctrl-C ends the question, or waits for Enter then. Ctrl-Z suspends the
    /// program, and the question is asked anew when it goes on.
    pub(super) fn line(question: &str, cancel: &Cancel) -> io::Result<Secret> {
        let open = File::options().read(true).write(true).open("/dev/tty");
        let mut terminal = open.map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
        let mut quiet = Tty::set(terminal.try_clone()?, OptionalActions::Flush, be_quiet)?;
        terminal.write_all(question.as_bytes())?;
        let mut typed = Zeroizing::new(Vec::with_capacity(4096));
        let mut piece = Zeroizing::new([0; 1024]);
        while !typed.ends_with(b"\n") {
            if cancel.is_cancelled() {
                let _ = terminal.write_all(b"\n");
                return Err(io::ErrorKind::Interrupted.into());
            }
            quiet.keep()?;
            match poll(&mut [PollFd::new(&terminal, PollFlags::IN)], Some(&LOOK)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            let length = terminal.read(&mut *piece)?;
            if length == 0 || typed.len() + length > typed.capacity() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            typed.extend_from_slice(&piece[..length]);
            if typed.last().is_some_and(|last| quiet.suspends(*last)) {
                typed.zeroize();
                quiet.suspend(cancel);
                // In the background nobody can be asked: it stops again, as it would if it read.
                while !quiet.keep()? && !cancel.is_cancelled() {
                    quiet.suspend(cancel);
                }
                terminal.write_all(question.as_bytes())?;
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
