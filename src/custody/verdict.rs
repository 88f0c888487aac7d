//! A store that did not answer is not asked again at once: the verdict is remembered for a minute, for every process.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Custody, CustodyError, Item};
use crate::clock::Clock;
use crate::home::Home;
use crate::secret::Secret;

/// How long a store that did not answer is left alone.
const REST: Duration = Duration::from_secs(60);

/// A custody with a memory for its own silence.
#[derive(Debug)]
pub(super) struct Remembering {
    pub(super) custody: Arc<dyn Custody>,
    /// Where the verdict rests. Only in a home that is there: a login that fails leaves nothing behind.
    pub(super) home: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
}

impl Remembering {
    fn ask<T>(&self, call: impl FnOnce(&dyn Custody) -> Result<T, CustodyError>) -> Result<T, CustodyError> {
        // A home that is refused is reported by whoever needs it.
        let home = Home::open(&self.home).ok().flatten();
        let mark = format!("{}.silent", self.custody.name());
        let since = home.as_ref().and_then(|home| home.root.read(&mark).ok().flatten());
        if since.as_deref().is_some_and(|bytes| self.is_recent(bytes)) {
            return Err(CustodyError::Silent);
        }
        let answer = call(&*self.custody);
        // A verdict that cannot be written or removed costs the next process a second, and nothing else.
        let _ = match (&answer, &home) {
            (Err(CustodyError::Silent), Some(home)) => home.root.write(&mark, self.now().to_string().as_bytes()),
            (_, Some(home)) if since.is_some() => home.root.remove(&mark).map(drop),
            _ => Ok(()),
        };
        answer
    }

    fn is_recent(&self, mark: &[u8]) -> bool {
        let since = std::str::from_utf8(mark).ok().and_then(|text| text.parse::<u64>().ok());
        since.is_some_and(|since| (since..since.saturating_add(REST.as_secs())).contains(&self.now()))
    }

    fn now(&self) -> u64 {
        self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}

impl Custody for Remembering {
    fn name(&self) -> &str {
        self.custody.name()
    }

    fn probe(&self) -> Result<(), CustodyError> {
        self.ask(|custody| custody.probe())
    }

    fn store(&self, item: &Item<'_>, label: &str, key: &Secret) -> Result<(), CustodyError> {
        self.ask(|custody| custody.store(item, label, key))
    }

    fn load(&self, item: &Item<'_>) -> Result<Option<Secret>, CustodyError> {
        self.ask(|custody| custody.load(item))
    }

    fn erase(&self, item: &Item<'_>) -> Result<bool, CustodyError> {
        self.ask(|custody| custody.erase(item))
    }
}
