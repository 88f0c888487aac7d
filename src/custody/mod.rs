//! Key stores: they keep the keys that open the sealed records, one small item per grant.
//!
//! | file | has |
//! | --- | --- |
//! | `selection` | the choice among the key stores, at login only |
//! | `key_store_name` | parses the names of key stores |
//! | `os/` | the OS's secure store: Secret Service, Keychain, Credential Manager |
//! | `os_backoff` | leaves the OS's store alone for a minute if it did not answer, and has the person unlock it |
//! | `kernel` | the kernel's keyring (Linux) |
//! | `kernel_cache` | copies of keys in the kernel, so that a cached token needs neither D-Bus nor a passphrase |
//! | `passphrase` | files that a passphrase opens |
//! | `key_file` | files that a key file or a credential of systemd opens |
//! | `wrapped_key` | the format of both kinds of files |
//! | `memory` | this process's memory |
//! | `sealing_key` | the key itself: it seals and opens bytes |
//! | `mac_key` | keys derived from it, which show who wrote something |

mod kernel;
mod kernel_cache;
mod key_file;
mod key_store_name;
pub(crate) mod mac_key;
mod memory;
#[cfg(feature = "os-store")]
mod os;
#[cfg(feature = "os-store")]
mod os_backoff;
#[cfg(feature = "passphrase")]
mod passphrase;
pub(crate) mod sealing_key;
mod selection;
mod wrapped_key;

use std::fmt;

pub use kernel::KernelKeyStore;
pub(crate) use kernel_cache::KernelCache;
pub use key_file::FileKeyStore;
pub(crate) use key_file::UNUSED_KEY_FILE;
pub use memory::MemoryKeyStore;
#[cfg(feature = "os-store")]
pub use os::OsKeyStore;
#[cfg(feature = "passphrase")]
pub use passphrase::PassphraseKeyStore;
pub(crate) use selection::{Chosen, KeyStores, StoreContext};
pub use selection::{Custody, Lifetime};

use crate::model::error::{Error, ErrorKind, Remedy};
use crate::model::ids::{AppName, GrantId};
pub use crate::model::key_store_name::{CustomName, KeyStoreName};
pub use crate::model::protection::{KeptUntil, Protection};
use crate::model::secret::Secret;

/// Keeps keys. An item is ASCII of at most 200 bytes and belongs to one grant of one app.
///
/// Every method may block for a few seconds at most, then it returns [`KeyStoreError::Silent`]. A key store that can ask the person does
/// so in [`prepare`](Self::prepare) and `load`. A key store that is locked, unavailable or slow returns an error; it never looks empty.
pub trait KeyStore: Send + Sync + fmt::Debug {
    /// Returns the name in output and in the index: for a host's own key store, one that [`KeyStoreName::custom`] made.
    fn name(&self) -> KeyStoreName;

    /// Returns what the key store promises. The default is to keep a key until it is erased.
    fn protection(&self) -> Protection {
        Protection::default()
    }

    /// Checks whether the key store could take a key now. Changes nothing.
    ///
    /// - It could: `Ok`.
    /// - It is locked: [`KeyStoreError::Locked`]. It does not exist here: [`KeyStoreError::Unavailable`].
    fn probe(&self) -> Result<(), KeyStoreError>;

    /// Prepares for a login: asks the person for what a new key will need, such as a passphrase. The default is to probe only.
    fn prepare(&self, _app: &AppName) -> Result<(), KeyStoreError> {
        self.probe()
    }

    /// Stores `key`. `label` is for the person who sees the item in a key manager; it is no part of the item's identity.
    ///
    /// - No item exists yet: it exists afterwards, and is durable.
    /// - The item exists: its key is replaced.
    /// - The key store is locked or unavailable: an error, and nothing has changed.
    fn store(&self, item: &Item<'_>, label: &str, key: &Secret) -> Result<(), KeyStoreError>;

    /// Returns the key.
    ///
    /// - The item exists: `Some`.
    /// - The key store answered that it does not exist: `None`.
    /// - The key store is locked, unavailable or slow: an error, never `None`.
    fn load(&self, item: &Item<'_>) -> Result<Option<Secret>, KeyStoreError>;

    /// Returns whether `load` asks neither another program nor a person, so that it takes as long as reading a small file. The default
    /// is false.
    fn answers_at_once(&self) -> bool {
        false
    }

    /// Returns whether the items are files of the state folder, which other state folders do not share. The default is false: then a key
    /// is erased only if a file of the state folder proves that it belongs there.
    fn is_in_state_folder(&self) -> bool {
        false
    }

    /// Erases the key.
    ///
    /// - The item existed: `true`, and it is gone.
    /// - It did not: `false`.
    /// - The key store is locked or unavailable: an error, and nothing has changed.
    fn erase(&self, item: &Item<'_>) -> Result<bool, KeyStoreError>;

    /// Returns the grants of `app` whose keys the key store holds, in any order; `None` if it cannot list them.
    ///
    /// - It is locked, if only in part, or unavailable: an error, since a grant that is missing in the list has no key here.
    fn list(&self, _app: &AppName) -> Result<Option<Vec<GrantId>>, KeyStoreError> {
        Ok(None)
    }
}

/// Identifies one key in a key store.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Item<'a> {
    /// The app; stores with a service attribute use it as that.
    pub app: &'a AppName,
    /// The grant; stores with a user attribute use it as that.
    pub grant: &'a GrantId,
}

impl<'a> Item<'a> {
    /// Identifies the key of `grant`, a login of `app`.
    pub fn new(app: &'a AppName, grant: &'a GrantId) -> Self {
        Self { app, grant }
    }
}

/// Why a key store did not do what was asked. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyStoreError {
    /// The key store exists but is locked.
    #[error("it is locked")]
    Locked,
    /// The key store does not exist on this machine or in this session.
    #[error("it is not available: {0}")]
    Unavailable(String),
    /// It did not answer in time.
    #[error("it did not answer in time")]
    Silent,
    /// It refused, or what it holds is not what was stored.
    #[error("{0}")]
    Failed(String),
    /// The person who was asked wants to stop here.
    #[error("cancelled")]
    Cancelled,
    /// Its file in the state folder could not be read or written.
    #[error("{why}")]
    StateFolder {
        /// What is wrong.
        why: String,
        /// What the system says about it.
        because: Option<String>,
        /// What can be done about it.
        remedy: Option<Remedy>,
    },
    /// It refused, and one remedy helps.
    #[error("{why}")]
    Refused {
        /// What is wrong.
        why: String,
        /// What can be done about it.
        remedy: Remedy,
    },
}

impl KeyStoreError {
    /// Converts to an error of a login, which can still choose another key store.
    pub(crate) fn into_login_error(self, store: &KeyStoreName) -> Error {
        self.into_error(store, Remedy::ChooseKeyStore { key_stores: Vec::new() })
    }

    /// Converts to an error of a grant whose key is in this key store: another key store would not help.
    pub(crate) fn into_load_error(self, store: &KeyStoreName) -> Error {
        let default_remedy = match self {
            Self::Unavailable(_) if !matches!(store, KeyStoreName::Kernel | KeyStoreName::Session) => {
                Remedy::StartStore
            }
            _ => Remedy::Retry { after: None },
        };
        self.into_error(store, default_remedy)
    }

    fn into_error(self, store: &KeyStoreName, default_remedy: Remedy) -> Error {
        let remedy = match &self {
            Self::Cancelled => return Error::cancelled(),
            Self::Locked => Remedy::UnlockStore,
            Self::Refused { remedy, .. } | Self::StateFolder { remedy: Some(remedy), .. } => remedy.clone(),
            _ => default_remedy,
        };
        let (message, cause) = self.message_and_cause(&store.describe());
        let error = Error::new(ErrorKind::Custody, message).with(remedy);
        match cause {
            Some(cause) => error.caused_by(cause),
            None => error,
        }
    }

    fn message_and_cause(self, store: &str) -> (String, Option<String>) {
        let why = self.to_string();
        match self {
            Self::StateFolder { because: Some(cause), .. } => (why, Some(cause)),
            Self::Unavailable(cause) => (format!("{store} cannot be used: it is not available"), Some(cause)),
            _ => match why.matches(": ").count() {
                0 => (format!("{store} cannot be used: {why}"), None),
                // The text names a file itself.
                1 => (why, None),
                // The text comes from another program.
                _ => (format!("{store} cannot be used"), Some(why)),
            },
        }
    }
}
