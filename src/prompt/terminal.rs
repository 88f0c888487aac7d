//! [`Terminal`]: a login for a person.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::countdown::{Live, Pen};
use super::{Outcome, Prompt, Verification, Wait, WaitReason, messages};
use crate::model::error::Error;
use crate::system::clock::Cancel;
use crate::system::environment::Screen;

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
    on_view: Mutex<Option<OnView>>,
}

/// The login that waits.
struct OnView {
    screen: Screen,
    /// The line that counts down; without one, there is a line for each new reason.
    live: Option<Live>,
    told: Option<WaitReason>,
}

impl Terminal {
    /// Writes to standard error, so that standard output stays data.
    pub fn stderr() -> Self {
        Self::on(Screen::stderr(), Box::new(io::stderr()))
    }

    /// Writes plain lines to `out`.
    pub fn to(out: Box<dyn Write + Send>) -> Self {
        Self::on(Screen::elsewhere(), out)
    }

    /// Shows the page's address only.
    pub fn without_browser(mut self) -> Self {
        self.opens_browser = false;
        self
    }

    /// Writes no line over, and none in bold: for screen readers, and for logs.
    pub fn plain(mut self) -> Self {
        self.screen = self.screen.plain();
        self
    }

    /// Draws a QR code of the page, if the window is wide enough. Without this it is drawn where the last line counts down, the person
    /// has no browser, and the window holds it with all that is around it.
    #[cfg(feature = "qr")]
    pub fn with_qr(mut self) -> Self {
        self.draws_qr = true;
        self
    }

    /// Where the last line counts down, and on Unix, listens on standard input for a key that copies the address (OSC 52) and, with the
    /// feature `qr`, for one that draws it.
    ///
    /// Meanwhile the terminal shows nothing of what is typed, and Ctrl-\\ does nothing. It is given back as the person approves, the login
    /// ends, Ctrl-Z suspends the program, or `stop` is cancelled: so the host has to cancel it, and the login, where a signal would end
    /// the process. The `auth login` command does.
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
            on_view: Mutex::default(),
        }
    }

    /// A browser that does not open is a note, never a failure: the person has the address.
    fn open_browser(&self, verification: &Verification) -> Option<bool> {
        #[cfg(feature = "browser")]
        if self.opens_browser && verification.browser {
            return Some(crate::system::browser::open_page(&verification.app, verification.page()).is_ok());
        }
        let _ = (self.opens_browser, verification);
        None
    }

    fn on_view(&self) -> MutexGuard<'_, Option<OnView>> {
        self.on_view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Prompt for Terminal {
    fn show(&self, verification: &Verification) -> io::Result<()> {
        let screen = if verification.plain { self.screen.plain() } else { self.screen };
        let mut pen = pen(&self.pen);
        pen.say(&messages::request(verification, screen))?;
        pen.say(&screen.shown(messages::browser(self.open_browser(verification), verification)))?;
        #[cfg(feature = "qr")]
        if self.draws_qr || (verification.headless && screen.is_live) {
            match super::qr::drawn(verification.page(), screen, !self.draws_qr) {
                Some(code) => pen.say(&code)?,
                None if self.draws_qr => pen.say(&screen.shown(messages::no_qr(screen)))?,
                None => {}
            }
        }
        drop(pen);
        // The one before gives the terminal back first.
        let before = self.on_view().take();
        drop(before);
        let live = || Live::start(&self.pen, screen, verification.page(), self.keys.clone());
        *self.on_view() = Some(OnView { screen, live: screen.is_live.then(live).flatten(), told: None });
        Ok(())
    }

    fn waiting(&self, wait: &Wait) {
        let mut on_view = self.on_view();
        let Some(OnView { live, told, .. }) = &mut *on_view else { return };
        if let Some(live) = live {
            live.waits(wait);
        } else if told.replace(wait.reason) != Some(wait.reason) {
            // A line that cannot be written must not end a login that can still succeed.
            let _ = pen(&self.pen).say(&self.screen.shown(&messages::plain_status(wait.reason, wait.left)));
        }
    }

    fn approved(&self) {
        // What the person types from here on is for the shell again.
        let live = self.on_view().as_mut().and_then(|on_view| on_view.live.take());
        drop(live);
    }

    fn login_has_ended(&self, why: &Error) {
        let _ = pen(&self.pen).say(&self.screen.shown(&format!("note: {why}\n\n")));
    }

    fn done(&self, outcome: &Outcome<'_>) {
        // The terminal is given back first.
        let screen = self.on_view().take().map_or(self.screen, |OnView { screen, .. }| screen);
        if let Some(end) = messages::end(outcome, screen) {
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
