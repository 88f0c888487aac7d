//! The line that counts down, and the keys that are listened for meanwhile: on a thread that ends with the login.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use super::keys::{Keys, is_in_front};
use super::{Wait, WaitReason, messages};
use crate::system::clock::{Cancel, Deadline};
use crate::system::environment::Screen;

/// How often the line is looked at, and how long a key waits.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A terminal while a login waits. Dropping it clears the line and gives the keys back.
pub(super) struct Live {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// `None` where no thread can be had: then there is no line.
    pub(super) fn start(pen: &Arc<Mutex<Pen>>, screen: Screen, page: &Url, keys: Option<Cancel>) -> Option<Self> {
        let shared = Arc::new(Shared {
            pen: pen.clone(),
            screen,
            page: page.clone(),
            end: Cancel::new(),
            wait: Mutex::default(),
        });
        let theirs = shared.clone();
        let thread = thread::Builder::new().name("hallpass-terminal".into()).spawn(move || theirs.run(keys)).ok()?;
        Some(Self { shared, thread: Some(thread) })
    }

    pub(super) fn waits(&self, wait: &Wait) {
        let (next, end) = (Deadline::after(wait.duration), Deadline::after(wait.left));
        *self.shared.wait() = Some((wait.reason, next, end));
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.shared.end.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Shared {
    pen: Arc<Mutex<Pen>>,
    screen: Screen,
    page: Url,
    end: Cancel,
    /// Why the login waits, until when it asks again, and until when at all.
    wait: Mutex<Option<(WaitReason, Deadline, Deadline)>>,
}

impl Shared {
    fn run(&self, stop: Option<Cancel>) {
        let mut keys = stop.as_ref().and_then(|_| Keys::listen());
        if keys.is_some() {
            self.say(&messages::keys(self.screen));
        }
        self.say("\n");
        let mut told = None;
        while !self.end.is_cancelled() {
            self.draw(&mut told, stop.as_ref());
            // Who stops it may stop it again, and end the process: the terminal is given back before.
            keys = keys.filter(|_| !stop.as_ref().is_some_and(Cancel::is_cancelled));
            match &mut keys {
                Some(keys) => match keys.pressed_within(POLL_INTERVAL, &self.end) {
                    Some(b'c') => self.copy(),
                    Some(b'q') => self.draw_qr(),
                    Some(key) if keys.suspends(key) => {
                        // The line is the shell's from here on.
                        let _ = self.pen().say("");
                        keys.suspend(&self.end);
                    }
                    _ => {}
                },
                None => drop(self.end.wait(POLL_INTERVAL)),
            }
        }
        if !is_in_front() {
            self.pen().forget();
        }
        let _ = self.pen().say("");
    }

    fn draw(&self, told: &mut Option<WaitReason>, stop: Option<&Cancel>) {
        let Some((reason, next, end)) = *self.wait() else { return };
        if is_in_front() {
            let status = messages::status(reason, next.left(), end.left(), self.screen.width());
            let _ = self.pen().status(&status);
            return;
        }
        // In the background the last line is the shell's, and what the person types there: nothing is written over.
        self.pen().forget();
        // It may go on only to hear that it is to end: with `stty tostop`, who writes first is stopped, for good.
        if told.replace(reason) != Some(reason) && !stop.is_some_and(|stop| stop.wait(POLL_INTERVAL)) {
            self.say(&messages::plain_status(reason, end.left()));
        }
    }

    /// OSC 52: the terminal's own clipboard, also at the other end of an SSH connection. Only when the person asks: what was there
    /// before is gone.
    fn copy(&self) {
        let _ = self.pen().send(&format!("\u{1b}]52;c;{}\u{7}", STANDARD.encode(self.page.as_str())));
        self.say(messages::COPIED);
    }

    fn draw_qr(&self) {
        #[cfg(feature = "qr")]
        match super::qr::drawn(&self.page, self.screen, false) {
            Some(code) => drop(self.pen().say(&code)),
            None => self.say(messages::no_qr(self.screen)),
        }
    }

    /// What cannot be written must not end a login that can still succeed.
    fn say(&self, text: &str) {
        let _ = self.pen().say(&self.screen.shown(text));
    }

    fn pen(&self) -> MutexGuard<'_, Pen> {
        self.pen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) -> MutexGuard<'_, Option<(WaitReason, Deadline, Deadline)>> {
        self.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes lines, and below them one that is written over.
pub(super) struct Pen {
    out: Box<dyn Write + Send>,
    status: String,
}

impl Pen {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, status: String::new() }
    }

    /// Lines that stay, in place of the one that is written over.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        let clear = if self.status.is_empty() { "" } else { CLEAR };
        self.status.clear();
        self.send(&format!("{clear}{text}"))
    }

    fn status(&mut self, text: &str) -> io::Result<()> {
        if self.status == text {
            return Ok(());
        }
        text.clone_into(&mut self.status);
        self.send(&format!("{CLEAR}{text}"))
    }

    /// What was on view may be no longer.
    fn forget(&mut self) {
        self.status.clear();
    }

    /// As it is.
    fn send(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

/// Back to the line's beginning, and clear it.
const CLEAR: &str = "\r\u{1b}[K";
