//! [`Terminal`]: a login for a person.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::live::{Live, Pen};
use super::{Outcome, Prompt, Verification, Wait, WaitReason, words};
use crate::clock::Cancel;
use crate::surroundings::Screen;

/// Lines for a person, on standard error or any other writer; opens a browser where one would be seen.
///
/// On a terminal the last line counts down and is written over; on a terminal that cannot do that, for a person who wants
/// [plain lines](Self::plain), and on anything else, there is a line only when there is something new to say.
pub struct Terminal {
    pen: Arc<Mutex<Pen>>,
    screen: Screen,
    opens_browser: bool,
    #[cfg(feature = "qr")]
    draws_qr: bool,
    keys: Option<Cancel>,
    told: Mutex<Option<WaitReason>>,
    live: Mutex<Option<Live>>,
}

impl Terminal {
    /// Writes to standard error, so that standard output stays data.
    pub fn stderr() -> Self {
        Self::on(Screen::of_stderr(), Box::new(io::stderr()))
    }

    /// Writes plain lines to `out`.
    pub fn to(out: Box<dyn Write + Send>) -> Self {
        Self::on(Screen::NONE, out)
    }

    /// Shows the page's address only.
    pub fn without_browser(mut self) -> Self {
        self.opens_browser = false;
        self
    }

    /// Writes no line over, and none in bold: for screen readers, and for logs.
    pub fn plain(mut self) -> Self {
        self.screen = Screen::NONE;
        self
    }

    /// Draws a QR code of the page even where the person has a browser. Without this it is drawn where there is none, and the window is
    /// large enough.
    #[cfg(feature = "qr")]
    pub fn with_qr(mut self) -> Self {
        self.draws_qr = true;
        self
    }

    /// Listens on standard input, if it is a terminal (Unix), for a key that copies the address (OSC 52) and one that draws the QR code.
    ///
    /// Meanwhile the terminal shows nothing of what is typed, and Ctrl-Z and Ctrl-\\ do nothing. It is given back as the login ends, and as
    /// soon as `stop` is cancelled, so the host has to cancel it, and the login, where a signal would end the process. The `auth
    /// login` command does.
    pub fn with_keys(mut self, stop: Cancel) -> Self {
        self.keys = Some(stop);
        self
    }

    fn on(screen: Screen, out: Box<dyn Write + Send>) -> Self {
        Self {
            pen: Arc::new(Mutex::new(Pen::new(out))),
            screen,
            opens_browser: cfg!(feature = "browser"),
            #[cfg(feature = "qr")]
            draws_qr: false,
            keys: None,
            told: Mutex::default(),
            live: Mutex::default(),
        }
    }

    /// A browser that does not open is a note, never a failure: the person has the address.
    fn open_browser(&self, verification: &Verification) -> Option<bool> {
        #[cfg(feature = "browser")]
        if self.opens_browser && verification.browser {
            return Some(crate::browser::open_page(&verification.app, verification.page()).is_ok());
        }
        let _ = (self.opens_browser, verification);
        None
    }

    fn live(&self) -> MutexGuard<'_, Option<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Prompt for Terminal {
    fn show(&self, verification: &Verification) -> io::Result<()> {
        let screen = if verification.plain { Screen::NONE } else { self.screen };
        let mut pen = pen(&self.pen);
        pen.say(&words::request(verification, screen))?;
        pen.say(words::browser(self.open_browser(verification), verification))?;
        #[cfg(feature = "qr")]
        if self.draws_qr || (verification.headless && screen.is_live) {
            match super::qr::drawn(verification.page(), screen) {
                Some(code) => pen.say(&code)?,
                None if self.draws_qr => pen.say(words::TOO_SMALL)?,
                None => {}
            }
        }
        drop(pen);
        if screen.is_live {
            // The one before gives the terminal back first.
            drop(self.live().take());
            *self.live() = Live::start(&self.pen, screen, verification.page(), self.keys.as_ref());
        }
        Ok(())
    }

    fn waiting(&self, wait: &Wait) {
        if let Some(live) = &*self.live() {
            return live.waits(wait);
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.replace(wait.reason) != Some(wait.reason) {
            // A line that cannot be written must not end a login that can still succeed.
            let _ = pen(&self.pen).say(&words::plain_status(wait.reason, wait.left));
        }
    }

    fn done(&self, outcome: &Outcome<'_>) {
        // The terminal is given back first.
        drop(self.live().take());
        if let Some(end) = words::end(outcome, self.screen) {
            let _ = pen(&self.pen).say(&end);
        }
    }
}

fn pen(pen: &Mutex<Pen>) -> MutexGuard<'_, Pen> {
    pen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").field("opens_browser", &self.opens_browser).finish_non_exhaustive()
    }
}
