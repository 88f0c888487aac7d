//! A person at a terminal of their own (`script`, a pseudo terminal).

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::acme::{Acme, example};
use crate::process::STEP_TIMEOUT;

/// A person at a terminal, where a shell runs.
pub(crate) struct Typist {
    shell: Child,
    shown: Arc<Mutex<Vec<u8>>>,
    /// How much of it has been answered.
    answered: usize,
}

impl Typist {
    /// `$ACME` is the program in the script.
    pub(crate) fn start(acme: &Acme<'_>, script: &str) -> Self {
        let program = example("acme");
        let acme = acme.clone().with("ACME", program.to_str().unwrap()).with("SHELL", "/bin/sh");
        let mut command =
            acme.command_of(Path::new("script"), &["--quiet", "--flush", "--command", script, "/dev/null"]);
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut screen, shown) = (shell.stdout.take().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let into = shown.clone();
        thread::spawn(move || {
            let mut piece = [0; 1024];
            while let Ok(length @ 1..) = screen.read(&mut piece) {
                into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..length]);
            }
        });
        Self { shell, shown, answered: 0 }
    }

    pub(crate) fn types(&mut self, question: &str, line: &str) {
        self.presses(question, &format!("{line}\n"));
    }

    /// Waits for the question, which comes when nothing is shown any more.
    pub(crate) fn presses(&mut self, question: &str, keys: &str) {
        self.waits_for(question);
        self.shell.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// All that was shown until the shell ended, of which this is a part.
    pub(crate) fn ends(mut self, with: &str) -> String {
        self.waits_for(with);
        drop(self.shell.stdin.take());
        self.shell.wait().unwrap();
        self.text()
    }

    pub(crate) fn waits_for(&mut self, words: &str) {
        let deadline = Instant::now() + STEP_TIMEOUT;
        loop {
            let text = self.text();
            if let Some(at) = text[self.answered..].find(words) {
                self.answered += at + words.len();
                return;
            }
            assert!(Instant::now() < deadline, "no {words:?} in {text:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
