//! Prompts that act, and one that keeps what it is told.

use std::io;
use std::sync::{Arc, Mutex};

use hallpass::prompt::{Outcome, Prompt, Verification, Wait};

/// A prompt that does something at each wait, told how many there were.
pub(super) struct OnWait<F>(pub F, Mutex<usize>);

impl<F: Fn(usize) + Send + Sync> OnWait<F> {
    pub(super) fn new(then: F) -> Arc<Self> {
        Arc::new(Self(then, Mutex::new(0)))
    }
}

impl<F: Fn(usize) + Send + Sync> Prompt for OnWait<F> {
    fn show(&self, _: &Verification) -> io::Result<()> {
        Ok(())
    }

    fn waiting(&self, _: &Wait) {
        let count = {
            let mut count = self.1.lock().unwrap();
            *count += 1;
            *count
        };
        (self.0)(count);
    }
}

/// A prompt that keeps what it was told.
#[derive(Default)]
pub(super) struct Recorder {
    pub shown: Mutex<Vec<Verification>>,
    pub waits: Mutex<Vec<Wait>>,
    pub ends: Mutex<Vec<String>>,
}

impl Prompt for Recorder {
    fn show(&self, verification: &Verification) -> io::Result<()> {
        self.shown.lock().unwrap().push(verification.clone());
        Ok(())
    }

    fn waiting(&self, wait: &Wait) {
        self.waits.lock().unwrap().push(*wait);
    }

    fn done(&self, outcome: &Outcome<'_>) {
        self.ends.lock().unwrap().push(format!("{outcome:?}"));
    }
}
