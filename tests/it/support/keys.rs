//! A key store that does as it is told.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hallpass::Result;
use hallpass::custody::{Item, KeyStore, KeyStoreError, KeyStoreName};
use hallpass::secret::Secret;

/// A key store that does as a test says.
#[derive(Default)]
pub(crate) struct Keys {
    items: Mutex<HashMap<String, String>>,
    mood: Mutex<Mood>,
    loads: AtomicUsize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) enum Mood {
    #[default]
    Well,
    Locked,
    Unavailable,
    Silent,
    /// Takes no key, though it said that it would.
    Full,
}

impl Keys {
    pub(crate) fn count(&self) -> usize {
        self.items.lock().unwrap().len()
    }

    /// How often a key was read.
    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Takes all keys out.
    pub(crate) fn lose(&self) -> HashMap<String, String> {
        std::mem::take(&mut *self.items.lock().unwrap())
    }

    pub(crate) fn put_back(&self, items: HashMap<String, String>) {
        *self.items.lock().unwrap() = items;
    }

    fn well(&self) -> Result<(), KeyStoreError> {
        match *self.mood.lock().unwrap() {
            Mood::Well | Mood::Full => Ok(()),
            Mood::Locked => Err(KeyStoreError::Locked),
            Mood::Unavailable => Err(KeyStoreError::Unavailable("no session".into())),
            Mood::Silent => Err(KeyStoreError::Silent),
        }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl KeyStore for Keys {
    fn name(&self) -> KeyStoreName {
        KeyStoreName::custom("keys").unwrap()
    }

    fn probe(&self) -> Result<(), KeyStoreError> {
        self.well()
    }

    fn store(&self, item: &Item<'_>, _label: &str, key: &Secret) -> Result<(), KeyStoreError> {
        self.well()?;
        if *self.mood.lock().unwrap() == Mood::Full {
            return Err(KeyStoreError::Failed("it takes no more items".into()));
        }
        self.items.lock().unwrap().insert(item.grant.to_string(), key.expose().to_owned());
        Ok(())
    }

    fn load(&self, item: &Item<'_>) -> Result<Option<Secret>, KeyStoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.well()?;
        Ok(self.items.lock().unwrap().get(item.grant.as_str()).cloned().map(Secret::new))
    }

    fn erase(&self, item: &Item<'_>) -> Result<bool, KeyStoreError> {
        self.well()?;
        Ok(self.items.lock().unwrap().remove(item.grant.as_str()).is_some())
    }
}
