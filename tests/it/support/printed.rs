//! Everything that was printed, to be searched for what must not be there.

use std::fmt::Debug;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use hallpass::Error;
use hallpass::Terminal;
use hallpass::prompt::{JsonLines, Outcome, Prompt, Verification, Wait};

/// Everything that was printed.
#[derive(Default, Clone)]
pub(crate) struct Printed(pub Arc<Mutex<Vec<u8>>>);

impl Printed {
    pub(crate) fn debug(&self, value: &dyn Debug) {
        writeln!(self.0.lock().unwrap(), "{value:?}\n{value:#?}").unwrap();
    }

    pub(crate) fn error(&self, error: &Error) {
        self.debug(error);
        writeln!(self.0.lock().unwrap(), "{error}").unwrap();
        let mut cause = std::error::Error::source(error);
        while let Some(why) = cause {
            writeln!(self.0.lock().unwrap(), "{why} {why:?}").unwrap();
            cause = why.source();
        }
        error.remedy().iter().for_each(|remedy| writeln!(self.0.lock().unwrap(), "{remedy} {remedy:?}").unwrap());
    }

    pub(crate) fn files(&self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => self.files(&entry),
                false => self.0.lock().unwrap().extend(fs::read(&entry).unwrap()),
            }
        }
    }

    pub(crate) fn assert_free_of<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) {
        let printed = self.0.lock().unwrap();
        for secret in secrets {
            assert!(secret.len() > 6, "too short to be looked for: {secret:?}");
            let found = printed.windows(secret.len()).position(|window| window == secret.as_bytes());
            if let Some(at) = found {
                let around = &printed[at.saturating_sub(120)..(at + 40).min(printed.len())];
                panic!("a secret was printed: …{}…", String::from_utf8_lossy(around));
            }
        }
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The two ready prompts, into `Printed`, and what they are told.
pub(crate) struct Loud(Printed, Terminal, JsonLines);

impl Loud {
    pub(crate) fn new(printed: &Printed) -> Arc<Self> {
        let out = || Box::new(printed.clone());
        Arc::new(Self(printed.clone(), Terminal::to(out()).without_browser(), JsonLines::to(out())))
    }
}

impl Prompt for Loud {
    fn show(&self, verification: &Verification) -> std::io::Result<()> {
        self.0.debug(verification);
        self.0.debug(&(&self.1, &self.2));
        self.1.show(verification).and_then(|()| self.2.show(verification))
    }

    fn waiting(&self, wait: &Wait) {
        self.0.debug(wait);
        self.1.waiting(wait);
    }

    fn done(&self, outcome: &Outcome<'_>) {
        self.0.debug(outcome);
        self.1.done(outcome);
        self.2.done(outcome);
    }
}
