//! [`OsBackoff`]: the OS's store, left alone for a minute after it did not answer, in every process. If it is locked, the person is asked
//! to unlock it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Item, KeyStore, KeyStoreError, KeyStoreName, OsKeyStore, Protection};
use crate::model::error::Result;
use crate::model::ids::{AppName, GrantId};
use crate::model::secret::Secret;
use crate::state_dir::StateDir;
use crate::system::clock::Clock;
use crate::system::environment::session_bus;

/// How long a store that did not answer is not asked again.
const BACKOFF: Duration = Duration::from_secs(60);

/// How long a person has to unlock the store.
const UNLOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// The OS's store, and a file that remembers when it did not answer.
#[derive(Debug)]
pub(super) struct OsBackoff {
    pub(super) key_store: OsKeyStore,
    /// Holds the file, if the state folder exists: a login that fails creates nothing.
    pub(super) state_dir: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    /// Whether a person would see the question to unlock the store.
    pub(super) person: bool,
}

impl OsBackoff {
    /// Calls the store, unless it did not answer within the last minute. If it is locked, asks the person to unlock it and calls it once
    /// more.
    fn ask<T>(&self, call: impl Fn(&OsKeyStore) -> Result<T, KeyStoreError>) -> Result<T, KeyStoreError> {
        if self.was_silent() {
            return Err(KeyStoreError::Silent);
        }
        match (self.call_and_remember(&call), self.person) {
            (Err(KeyStoreError::Locked), true) => {
                self.key_store.unlock(UNLOCK_TIMEOUT)?;
                self.call_and_remember(call)
            }
            (answer, _) => answer,
        }
    }

    /// Calls the store, and remembers or forgets that it did not answer.
    fn call_and_remember<T>(
        &self,
        call: impl FnOnce(&OsKeyStore) -> Result<T, KeyStoreError>,
    ) -> Result<T, KeyStoreError> {
        let answer = call(&self.key_store);
        if let Some(state_dir) = self.state_dir() {
            // A failure costs the next process a second, and nothing else.
            let _ = match &answer {
                Err(KeyStoreError::Silent) => self.remember_silence(&state_dir),
                _ => self.forget_silence(&state_dir),
            };
        }
        answer
    }

    fn remember_silence(&self, state_dir: &StateDir) -> Result<()> {
        state_dir.root.write(&self.silence_file(), format!("{} {}", self.now(), session_bus()).as_bytes())
    }

    fn forget_silence(&self, state_dir: &StateDir) -> Result<()> {
        // Read first: serving a cached token must not write.
        match state_dir.root.read(&self.silence_file())? {
            Some(_) => state_dir.root.remove(&self.silence_file()).map(drop),
            None => Ok(()),
        }
    }

    fn was_silent(&self) -> bool {
        let silence = self.state_dir().and_then(|state_dir| state_dir.root.read(&self.silence_file()).ok().flatten());
        silence.is_some_and(|silence| self.is_recent(&silence))
    }

    /// Opens the state folder, if it exists. Ignores a refusal: the code that needs the folder
    /// reports it.
    fn state_dir(&self) -> Option<StateDir> {
        StateDir::open(&self.state_dir).ok().flatten()
    }

    fn silence_file(&self) -> String {
        format!("{}.silent", self.key_store.name())
    }

    /// Returns false for another session: a dead bus of one shell says nothing about the bus of another shell.
    fn is_recent(&self, silence: &[u8]) -> bool {
        let silence = String::from_utf8_lossy(silence);
        let Some((since, session)) = silence.split_once(' ') else { return false };
        let Ok(since) = since.parse::<u64>() else { return false };
        let backoff = since..since.saturating_add(BACKOFF.as_secs());
        session == session_bus() && backoff.contains(&self.now())
    }

    fn now(&self) -> u64 {
        self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}

impl KeyStore for OsBackoff {
    fn name(&self) -> KeyStoreName {
        self.key_store.name()
    }

    fn protection(&self) -> Protection {
        self.key_store.protection()
    }

    fn probe(&self) -> Result<(), KeyStoreError> {
        // A login always asks: the person may have repaired the store just now.
        self.call_and_remember(|key_store| key_store.probe())
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
