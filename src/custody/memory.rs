//! [`MemoryKeyStore`]: keys in this process's memory, for tests and for a login that ends with the process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Item, KeptUntil, KeyStore, KeyStoreError, KeyStoreName, Protection};
use crate::model::ids::{AppName, GrantId};
use crate::model::secret::Secret;

/// A key store that forgets everything when it is dropped.
#[derive(Default)]
pub struct MemoryKeyStore(Mutex<HashMap<String, Secret>>);

impl MemoryKeyStore {
    /// Creates an empty key store.
    pub fn new() -> Self {
        Self::default()
    }

    fn items(&self) -> MutexGuard<'_, HashMap<String, Secret>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeyStore for MemoryKeyStore {
    fn name(&self) -> KeyStoreName {
        KeyStoreName::Memory
    }

    fn protection(&self) -> Protection {
        Protection::new(KeptUntil::ProcessEnd, "this process")
    }

    fn probe(&self) -> Result<(), KeyStoreError> {
        Ok(())
    }

    fn store(&self, item: &Item<'_>, _label: &str, key: &Secret) -> Result<(), KeyStoreError> {
        self.items().insert(name(item), key.copy());
        Ok(())
    }

    fn load(&self, item: &Item<'_>) -> Result<Option<Secret>, KeyStoreError> {
        Ok(self.items().get(&name(item)).map(Secret::copy))
    }

    fn answers_at_once(&self) -> bool {
        true
    }

    fn erase(&self, item: &Item<'_>) -> Result<bool, KeyStoreError> {
        Ok(self.items().remove(&name(item)).is_some())
    }

    fn list(&self, app: &AppName) -> Result<Option<Vec<GrantId>>, KeyStoreError> {
        let prefix = format!("{app}/");
        Ok(Some(self.items().keys().filter_map(|name| name.strip_prefix(&prefix)?.parse().ok()).collect()))
    }
}

impl fmt::Debug for MemoryKeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} items)", self.items().len())
    }
}

fn name(item: &Item<'_>) -> String {
    format!("{}/{}", item.app, item.grant)
}
