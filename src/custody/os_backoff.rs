//! How the OS's store is approached: one that did not answer is not asked again at once, for every process, and one that is locked
//! asks the person, where one is there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Custody, CustodyError, Item, OsStore, Posture};
use crate::model::ids::{AppName, GrantId};
use crate::model::secret::Secret;
use crate::state_dir::Home;
use crate::system::clock::Clock;
use crate::system::environment::session_bus;

/// How long a store that did not answer is left alone.
const REST: Duration = Duration::from_secs(60);

/// How long a person has to unlock it.
const TO_UNLOCK: Duration = Duration::from_secs(60);

/// The OS's store, with a memory for its silence.
#[derive(Debug)]
pub(super) struct Remembering {
    pub(super) custody: OsStore,
    /// Where the verdict rests. Only in a home that is there: a login that fails leaves nothing behind.
    pub(super) home: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    /// Whether a person would see that they are asked to unlock it.
    pub(super) person: bool,
}

impl Remembering {
    /// Calls the custody, unless it was silent a moment ago. One that is locked asks the person, and is called once more.
    fn ask<T>(&self, call: impl Fn(&OsStore) -> Result<T, CustodyError>) -> Result<T, CustodyError> {
        if self.was_silent() {
            return Err(CustodyError::Silent);
        }
        match (self.ask_anyway(&call), self.person) {
            (Err(CustodyError::Locked), true) => {
                self.custody.unlock(TO_UNLOCK)?;
                self.ask_anyway(call)
            }
            (answer, _) => answer,
        }
    }

    /// Calls the custody, and remembers or forgets its silence.
    fn ask_anyway<T>(&self, call: impl FnOnce(&OsStore) -> Result<T, CustodyError>) -> Result<T, CustodyError> {
        let answer = call(&self.custody);
        if let Some(home) = self.home() {
            // A verdict that cannot be written or removed costs the next process a second, and nothing else.
            let _ = match &answer {
                Err(CustodyError::Silent) => {
                    home.root.write(&self.mark(), format!("{} {}", self.now(), session_bus()).as_bytes())
                }
                // Looked at first: a token that is at hand makes no write.
                _ => home.root.read(&self.mark()).and_then(|mark| match mark {
                    Some(_) => home.root.remove(&self.mark()).map(drop),
                    None => Ok(()),
                }),
            };
        }
        answer
    }

    fn was_silent(&self) -> bool {
        let mark = self.home().and_then(|home| home.root.read(&self.mark()).ok().flatten());
        mark.is_some_and(|bytes| self.is_recent(&bytes))
    }

    /// A home that is refused is reported by whoever needs it.
    fn home(&self) -> Option<Home> {
        Home::open(&self.home).ok().flatten()
    }

    fn mark(&self) -> String {
        format!("{}.silent", self.custody.name())
    }

    /// Only for the same session: a dead bus of one shell says nothing of another's.
    fn is_recent(&self, mark: &[u8]) -> bool {
        let mark = String::from_utf8_lossy(mark);
        let Some((since, session)) = mark.split_once(' ') else { return false };
        let recent = |since: u64| (since..since.saturating_add(REST.as_secs())).contains(&self.now());
        session == session_bus() && since.parse().is_ok_and(recent)
    }

    fn now(&self) -> u64 {
        self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}

impl Custody for Remembering {
    fn name(&self) -> &str {
        self.custody.name()
    }

    fn posture(&self) -> Posture {
        self.custody.posture()
    }

    fn probe(&self) -> Result<(), CustodyError> {
        // A login asks in any case: the person may just have mended the store.
        self.ask_anyway(|custody| custody.probe())
    }

    fn prepare(&self, _app: &AppName) -> Result<(), CustodyError> {
        match (self.probe(), self.person) {
            (Err(CustodyError::Locked), true) => self.custody.unlock(TO_UNLOCK),
            (done, _) => done,
        }
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

    fn list(&self, app: &AppName) -> Result<Option<Vec<GrantId>>, CustodyError> {
        self.ask(|custody| custody.list(app))
    }
}
