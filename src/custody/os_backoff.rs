//! How the OS's store is approached: one that did not answer is not asked again at once, for every process, and one that is locked
//! asks the person, where one is there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Item, KeyStore, KeyStoreError, OsKeyStore, Protection};
use crate::model::ids::{AppName, GrantId};
use crate::model::secret::Secret;
use crate::state_dir::StateDir;
use crate::system::clock::Clock;
use crate::system::environment::session_bus;

/// How long a store that did not answer is left alone.
const BACKOFF: Duration = Duration::from_secs(60);

/// How long a person has to unlock it.
const UNLOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// The OS's store, with a memory for its silence.
#[derive(Debug)]
pub(super) struct OsBackoff {
    pub(super) key_store: OsKeyStore,
    /// Where the verdict rests. Only in a home that is there: a login that fails leaves nothing behind.
    pub(super) state_dir: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    /// Whether a person would see that they are asked to unlock it.
    pub(super) person: bool,
}

impl OsBackoff {
    /// Calls the custody, unless it was silent a moment ago. One that is locked asks the person, and is called once more.
    fn ask<T>(&self, call: impl Fn(&OsKeyStore) -> Result<T, KeyStoreError>) -> Result<T, KeyStoreError> {
        if self.was_silent() {
            return Err(KeyStoreError::Silent);
        }
        match (self.ask_anyway(&call), self.person) {
            (Err(KeyStoreError::Locked), true) => {
                self.key_store.unlock(UNLOCK_TIMEOUT)?;
                self.ask_anyway(call)
            }
            (answer, _) => answer,
        }
    }

    /// Calls the custody, and remembers or forgets its silence.
    fn ask_anyway<T>(&self, call: impl FnOnce(&OsKeyStore) -> Result<T, KeyStoreError>) -> Result<T, KeyStoreError> {
        let answer = call(&self.key_store);
        if let Some(state_dir) = self.state_dir() {
            // A verdict that cannot be written or removed costs the next process a second, and nothing else.
            let _ = match &answer {
                Err(KeyStoreError::Silent) => {
                    state_dir.root.write(&self.mark(), format!("{} {}", self.now(), session_bus()).as_bytes())
                }
                // Looked at first: a token that is at hand makes no write.
                _ => state_dir.root.read(&self.mark()).and_then(|mark| match mark {
                    Some(_) => state_dir.root.remove(&self.mark()).map(drop),
                    None => Ok(()),
                }),
            };
        }
        answer
    }

    fn was_silent(&self) -> bool {
        let mark = self.state_dir().and_then(|state_dir| state_dir.root.read(&self.mark()).ok().flatten());
        mark.is_some_and(|bytes| self.is_recent(&bytes))
    }

    /// A home that is refused is reported by whoever needs it.
    fn state_dir(&self) -> Option<StateDir> {
        StateDir::open(&self.state_dir).ok().flatten()
    }

    fn mark(&self) -> String {
        format!("{}.silent", self.key_store.name())
    }

    /// Only for the same session: a dead bus of one shell says nothing of another's.
    fn is_recent(&self, mark: &[u8]) -> bool {
        let mark = String::from_utf8_lossy(mark);
        let Some((since, session)) = mark.split_once(' ') else { return false };
        let recent = |since: u64| (since..since.saturating_add(BACKOFF.as_secs())).contains(&self.now());
        session == session_bus() && since.parse().is_ok_and(recent)
    }

    fn now(&self) -> u64 {
        self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}

impl KeyStore for OsBackoff {
    fn name(&self) -> &str {
        self.key_store.name()
    }

    fn protection(&self) -> Protection {
        self.key_store.protection()
    }

    fn probe(&self) -> Result<(), KeyStoreError> {
        // A login asks in any case: the person may just have mended the store.
        self.ask_anyway(|key_store| key_store.probe())
    }

    fn prepare(&self, _app: &AppName) -> Result<(), KeyStoreError> {
        match (self.probe(), self.person) {
            (Err(KeyStoreError::Locked), true) => self.key_store.unlock(UNLOCK_TIMEOUT),
            (done, _) => done,
        }
    }

    fn store(&self, item: &Item<'_>, label: &str, key: &Secret) -> Result<(), KeyStoreError> {
        self.ask(|key_store| key_store.store(item, label, key))
    }

    fn load(&self, item: &Item<'_>) -> Result<Option<Secret>, KeyStoreError> {
        self.ask(|key_store| key_store.load(item))
    }

    fn erase(&self, item: &Item<'_>) -> Result<bool, KeyStoreError> {
        self.ask(|key_store| key_store.erase(item))
    }

    fn list(&self, app: &AppName) -> Result<Option<Vec<GrantId>>, KeyStoreError> {
        self.ask(|key_store| key_store.list(app))
    }
}
