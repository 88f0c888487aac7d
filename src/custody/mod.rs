//! [`KeyStore`]: where the keys rest that open the sealed records. One small item per grant.

mod kernel;
mod kernel_cache;
mod key_file;
mod key_store_name;
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
pub(crate) use key_file::SET_ASIDE;
pub use key_store_name::KeyStoreName;
pub(crate) use key_store_name::is_key_store_name;
pub use memory::MemoryKeyStore;
#[cfg(feature = "os-store")]
pub use os::OsKeyStore;
#[cfg(feature = "passphrase")]
pub use passphrase::PassphraseKeyStore;
pub use selection::Custody;
pub(crate) use selection::{Chosen, KeyStores, StoreContext};

use crate::model::error::{Error, ErrorKind, Remedy};
use crate::model::ids::{AppName, GrantId};
pub use crate::model::protection::{KeptUntil, Protection};
use crate::model::secret::Secret;

/// A place for keys. An item is ASCII of at most 200 bytes and belongs to one grant of one app.
///
/// Every method may block, but not for ever: a few seconds at most, then [`KeyStoreError::Silent`]. A place that can ask the person does so in
/// [`prepare`](Self::prepare) and `load`. One that is locked, away or slow is never an empty one.
pub trait KeyStore: Send + Sync + fmt::Debug {
    /// The place's name in output and in the index, for example `os`: 1 to 64 visible ASCII characters without slashes.
    fn name(&self) -> &str;

    /// What the place promises. By default: to keep a key until it is erased.
    fn protection(&self) -> Protection {
        Protection::default()
    }

    /// Asks whether the place could take a key now. Changes nothing.
    ///
    /// - It could: `Ok`.
    /// - It is locked: [`KeyStoreError::Locked`]. There is none: [`KeyStoreError::Unavailable`].
    fn probe(&self) -> Result<(), KeyStoreError>;

    /// Before a login: asks the person for what a new key will need, where it needs something. By default only probes.
    fn prepare(&self, _app: &AppName) -> Result<(), KeyStoreError> {
        self.probe()
    }

    /// Keeps `key`. `label` is for the person who meets the item in a key manager; it is no part of the item's identity.
    ///
    /// - No item yet: it is there afterwards, through to where it rests.
    /// - An item is there: its key is replaced.
    /// - The place is locked or away: an error, and nothing has changed.
    fn store(&self, item: &Item<'_>, label: &str, key: &Secret) -> Result<(), KeyStoreError>;

    /// Gives the key back.
    ///
    /// - An item is there: `Some`.
    /// - The place answered that there is none: `None`.
    /// - The place is locked, away or slow: an error, never `None`.
    fn load(&self, item: &Item<'_>) -> Result<Option<Secret>, KeyStoreError>;

    /// Whether `load` asks neither another program nor a person: it takes as long as reading a small file. By default not.
    fn answers_at_once(&self) -> bool {
        false
    }

    /// Whether its items are files of the state folder, and so of its logins alone. By default not: then a key is erased only where the
    /// state folder proves that it is one of its own.
    fn is_in_state_folder(&self) -> bool {
        false
    }

    /// Forgets the key.
    ///
    /// - An item was there: `true`, and it is gone.
    /// - There was none: `false`.
    /// - The place is locked or away: an error, and nothing has changed.
    fn erase(&self, item: &Item<'_>) -> Result<bool, KeyStoreError>;

    /// The grants of `app` that the place holds a key of, in any order; `None` where it cannot tell.
    ///
    /// - It is locked, if only in part, or away: an error, since what is not in the list is not there.
    fn list(&self, _app: &AppName) -> Result<Option<Vec<GrantId>>, KeyStoreError> {
        Ok(None)
    }
}

/// Which item is meant.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Item<'a> {
    /// The app; stores with a service attribute use it as that.
    pub app: &'a AppName,
    /// The grant; stores with a user attribute use it as that.
    pub grant: &'a GrantId,
}

impl<'a> Item<'a> {
    /// The item of `grant`, a login of `app`.
    pub fn new(app: &'a AppName, grant: &'a GrantId) -> Self {
        Self { app, grant }
    }
}

/// Why a place did not do what was asked. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyStoreError {
    /// The place is there but locked.
    #[error("it is locked")]
    Locked,
    /// There is no such place on this machine or in this session.
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
    /// It refused, and there is one way out.
    #[error("{why}")]
    Refused {
        /// What is wrong.
        why: String,
        /// What can be done about it.
        remedy: Remedy,
    },
}

impl KeyStoreError {
    /// With the place's name and the way out, while a place is still to be chosen.
    pub(crate) fn at_login(self, store: &str) -> Error {
        self.at(store, Remedy::ChooseKeyStore { key_stores: Vec::new() })
    }

    /// With the place's name and the way out, where a grant rests there: another place would not help.
    pub(crate) fn at_rest(self, store: &str) -> Error {
        let otherwise = match self {
            Self::Unavailable(_) if !["kernel", "session"].contains(&store) => Remedy::StartStore,
            _ => Remedy::Retry { after: None },
        };
        self.at(store, otherwise)
    }

    fn at(self, store: &str, otherwise: Remedy) -> Error {
        let remedy = match &self {
            Self::Cancelled => return Error::cancelled(),
            Self::Locked => Remedy::UnlockStore,
            Self::Refused { remedy, .. } | Self::StateFolder { remedy: Some(remedy), .. } => remedy.clone(),
            _ => otherwise,
        };
        let store = described(store);
        let error = |message: String| Error::new(ErrorKind::Custody, message).with(remedy);
        let why = self.to_string();
        match (self, why.matches(": ").count()) {
            (Self::StateFolder { because: Some(cause), .. }, _) => error(why).because(cause),
            (Self::Unavailable(why), _) => error(format!("{store} cannot be used: it is not available")).because(why),
            (_, 0) => error(format!("{store} cannot be used: {why}")),
            // It names a file itself.
            (_, 1) => error(why),
            // The words of others.
            _ => error(format!("{store} cannot be used")).because(why),
        }
    }
}

/// A place in a sentence.
pub(crate) fn described(store: &str) -> String {
    match store {
        "os" => "the OS's secure store".into(),
        "kernel" => "the kernel's keyring".into(),
        "session" => "the kernel's keyring of this login session".into(),
        "passphrase" => "the file that a passphrase opens".into(),
        "keyfile" => "the file that a key file opens".into(),
        "memory" => "this process's memory".into(),
        other => format!("custody \"{other}\""),
    }
}
