//! [`Countdown`]: the line that counts down, and the keys that are listened for at the same time, on a thread that ends with the login.

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

/// How often the line is drawn, and how long a key press may wait.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The last line of a terminal while a login waits. Dropping it clears the line and restores the keys.
pub(super) struct Countdown {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Countdown {
    /// Returns `None` if no thread can be started: then nothing counts down. `stop` turns the keys on, and off when it is cancelled.
    pub(super) fn start(
        writer: &Arc<Mutex<LineWriter>>,
        screen: Screen,
        page: &Url,
        stop: Option<Cancel>,
    ) -> Option<Self> {
        let shared = Arc::new(Shared {
            writer: writer.clone(),
            screen,
            page: page.clone(),
            end: Cancel::new(),
            wait: Mutex::default(),
        });
        let for_thread = shared.clone();
        let thread =
            thread::Builder::new().name("hallpass-terminal".into()).spawn(move || for_thread.run(stop)).ok()?;
        Some(Self { shared, thread: Some(thread) })
    }

    pub(super) fn set_wait(&self, wait: &Wait) {
        let (next_poll, expiry) = (Deadline::after(wait.duration), Deadline::after(wait.left));
        *self.shared.wait() = Some(CurrentWait { reason: wait.reason, next_poll, expiry });
    }
}

impl Drop for Countdown {
    fn drop(&mut self) {
        self.shared.end.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Shared {
    writer: Arc<Mutex<LineWriter>>,
    screen: Screen,
    page: Url,
    end: Cancel,
    wait: Mutex<Option<CurrentWait>>,
}

/// Why the login waits, until the next poll and at most until the code expires.
#[derive(Clone, Copy)]
struct CurrentWait {
    reason: WaitReason,
    next_poll: Deadline,
    expiry: Deadline,
}

impl Shared {
    fn run(&self, stop: Option<Cancel>) {
        let mut keys = stop.as_ref().and_then(|_| Keys::listen());
        if keys.is_some() {
            self.say(&messages::keys(self.screen));
        }
        self.say("\n");
        let mut last_reason = None;
        while !self.end.is_cancelled() {
            self.draw(&mut last_reason, stop.as_ref());
            // A second request to stop may end the process, so the terminal is restored at the first.
            keys = keys.filter(|_| !stop.as_ref().is_some_and(Cancel::is_cancelled));
            match &mut keys {
                Some(keys) => match keys.pressed_within(POLL_INTERVAL, &self.end) {
                    Some(b'c') => self.copy(),
                    Some(b'q') => self.draw_qr(),
                    Some(key) if keys.suspends(key) => {
                        // From here on the line belongs to the shell.
                        let _ = self.writer().say("");
                        keys.suspend(&self.end);
                    }
                    _ => {}
                },
                None => drop(self.end.wait(POLL_INTERVAL)),
            }
        }
        if !is_in_front() {
            self.writer().forget_status();
        }
        let _ = self.writer().say("");
    }

    fn draw(&self, last_reason: &mut Option<WaitReason>, stop: Option<&Cancel>) {
        let Some(CurrentWait { reason, next_poll, expiry }) = *self.wait() else { return };
        if is_in_front() {
            let status = messages::status(reason, next_poll.left(), expiry.left(), self.screen.width());
            let _ = self.writer().set_status(&status);
            return;
        }
        // In the background the last line belongs to the shell, and to what the person types there: nothing is overwritten.
        self.writer().forget_status();
        // A process may be continued only to be ended. With `stty tostop`, it would be stopped for good if it wrote first.
        if last_reason.replace(reason) != Some(reason) && !stop.is_some_and(|stop| stop.wait(POLL_INTERVAL)) {
            self.say(&messages::plain_status(reason, expiry.left()));
        }
    }

    /// Copies by OSC 52: to the terminal's own clipboard, also at the other end of an SSH connection. Only when the person asks, as it
    /// replaces the clipboard's content.
    fn copy(&self) {
        let _ = self.writer().send(&format!("\u{1b}]52;c;{}\u{7}", STANDARD.encode(self.page.as_str())));
        self.say(messages::COPIED);
    }

    fn draw_qr(&self) {
        #[cfg(feature = "qr")]
        match super::qr::render(&self.page, self.screen, false) {
            Some(code) => drop(self.writer().say(&code)),
            None => self.say(messages::no_qr(self.screen)),
        }
    }

    /// Ignores errors: they must not end a login that can still succeed.
    fn say(&self, text: &str) {
        let _ = self.writer().say(&self.screen.render(text));
    }

    fn writer(&self) -> MutexGuard<'_, LineWriter> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) -> MutexGuard<'_, Option<CurrentWait>> {
        self.wait.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes lines that stay, and below them a status line that is overwritten.
pub(super) struct LineWriter {
    out: Box<dyn Write + Send>,
    status: String,
}

impl LineWriter {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, status: String::new() }
    }

    /// Writes lines that stay, in place of the status line.
    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        let clear = if self.status.is_empty() { "" } else { CLEAR };
        self.status.clear();
        self.send(&format!("{clear}{text}"))
    }

    fn set_status(&mut self, text: &str) -> io::Result<()> {
        if self.status == text {
            return Ok(());
        }
        text.clone_into(&mut self.status);
        self.send(&format!("{CLEAR}{text}"))
    }

    /// Forgets the status line without clearing it: it may be gone from the screen.
    fn forget_status(&mut self) {
        self.status.clear();
    }

    /// Writes the text as it is.
    fn send(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

/// Moves to the beginning of the line, and clears it.
const CLEAR: &str = "\r\u{1b}[K";
