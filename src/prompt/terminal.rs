//! [`Terminal`]: the prompt for a person.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::countdown::{Countdown, LineWriter};
use super::{Outcome, Prompt, Verification, Wait, WaitReason, messages};
use crate::model::error::Error;
use crate::system::clock::Cancel;
use crate::system::environment::Screen;

/// Writes lines for a person to standard error or any other writer, and opens a browser if the person would see it.
///
/// On a terminal the last line counts down. On a terminal that cannot overwrite a line, for a person who wants
/// [plain lines](Self::plain), and on any other writer, a line is written only when something has changed.
pub struct Terminal {
    writer: Arc<Mutex<LineWriter>>,
    screen: Screen,
    opens_browser: bool,
    #[cfg(feature = "qr")]
    draws_qr: bool,
    keys: Option<Cancel>,
    current: Mutex<Option<CurrentLogin>>,
}

/// The login that waits.
struct CurrentLogin {
    screen: Screen,
    /// `None` if nothing counts down: then a line is written for each new reason.
    countdown: Option<Countdown>,
    last_reason: Option<WaitReason>,
}

impl Terminal {
    /// Writes to standard error, so that standard output is only data.
    pub fn stderr() -> Self {
        Self::on(Screen::stderr(), Box::new(io::stderr()))
    }

    /// Writes plain lines to `out`.
    pub fn to(out: Box<dyn Write + Send>) -> Self {
        Self::on(Screen::elsewhere(), out)
    }

    /// Opens no browser, and only shows the page's address.
    pub fn without_browser(mut self) -> Self {
        self.opens_browser = false;
        self
    }

    /// Overwrites no line and writes nothing in bold: for screen readers and logs.
    pub fn plain(mut self) -> Self {
        self.screen = self.screen.plain();
        self
    }

    /// Draws a QR code of the page if the window is wide enough. Without this it is drawn only if the last line counts down, the person has
    /// no browser, and the window has room for the code and the lines around it.
    #[cfg(feature = "qr")]
    pub fn with_qr(mut self) -> Self {
        self.draws_qr = true;
        self
    }

    /// Listens on standard input for a key that copies the address (OSC 52) and, with the feature `qr`, for a key that draws it. Only on
    /// Unix, while the last line counts down.
    ///
    /// The terminal then does not echo what is typed, and Ctrl-\\ does nothing. It is restored when the person approves, the login ends,
    /// Ctrl-Z suspends the program, or `stop` is cancelled. So the host must cancel `stop`, and the login, when a signal would end the
    /// process. The `auth login` command does that.
    pub fn with_keys(mut self, stop: Cancel) -> Self {
        self.keys = Some(stop);
        self
    }

    fn on(screen: Screen, out: Box<dyn Write + Send>) -> Self {
        Self {
            writer: Arc::new(Mutex::new(LineWriter::new(out))),
            screen,
            opens_browser: cfg!(feature = "browser"),
            #[cfg(feature = "qr")]
            draws_qr: false,
            keys: None,
            current: Mutex::default(),
        }
    }

    /// Returns whether a browser opened; `None` if none was tried. A failure is only noted: the person has the address.
    fn open_browser(&self, verification: &Verification) -> Option<bool> {
        #[cfg(feature = "browser")]
        if self.opens_browser && verification.browser {
            return Some(crate::system::browser::open_page(verification.page()).is_ok());
        }
        let _ = (self.opens_browser, verification);
        None
    }

    fn start_countdown(&self, screen: Screen, verification: &Verification) -> Option<Countdown> {
        match screen.is_live {
            true => Countdown::start(&self.writer, screen, verification.page(), self.keys.clone()),
            false => None,
        }
    }

    fn writer(&self) -> MutexGuard<'_, LineWriter> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> MutexGuard<'_, Option<CurrentLogin>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Prompt for Terminal {
    fn show(&self, verification: &Verification) -> io::Result<()> {
        let screen = if verification.plain { self.screen.plain() } else { self.screen };
        let mut writer = self.writer();
        writer.say(&messages::request(verification, screen))?;
        writer.say(&screen.render(messages::browser(self.open_browser(verification), verification)))?;
        #[cfg(feature = "qr")]
        if self.draws_qr || (verification.headless && screen.is_live) {
            match super::qr::render(verification.page(), screen, !self.draws_qr) {
                Some(code) => writer.say(&code)?,
                None if self.draws_qr => writer.say(&screen.render(messages::no_qr(screen)))?,
                None => {}
            }
        }
        drop(writer);
        // An earlier countdown restores the terminal first.
        let before = self.current().take();
        drop(before);
        let countdown = self.start_countdown(screen, verification);
        *self.current() = Some(CurrentLogin { screen, countdown, last_reason: None });
        Ok(())
    }

    fn waiting(&self, wait: &Wait) {
        let mut current = self.current();
        let Some(CurrentLogin { countdown, last_reason, .. }) = &mut *current else { return };
        if let Some(countdown) = countdown {
            countdown.set_wait(wait);
        } else if last_reason.replace(wait.reason) != Some(wait.reason) {
            // A line that cannot be written must not end a login that can still succeed.
            let _ = self.writer().say(&self.screen.render(&messages::plain_status(wait.reason, wait.left)));
        }
    }

    fn approved(&self) {
        // From here on the person types for the shell again.
        let countdown = self.current().as_mut().and_then(|current| current.countdown.take());
        drop(countdown);
    }

    fn login_has_ended(&self, why: &Error) {
        let _ = self.writer().say(&self.screen.render(&format!("note: {why}\n\n")));
    }

    fn done(&self, outcome: &Outcome<'_>) {
        // Taking the login restores the terminal first.
        let screen = self.current().take().map_or(self.screen, |current| current.screen);
        if let Some(end) = messages::end(outcome, screen) {
            let _ = self.writer().say(&end);
        }
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").field("opens_browser", &self.opens_browser).finish_non_exhaustive()
    }
}
