//! [`OsKeyStore`]: the OS's secure store through the crate `keyring`.
//!
//! | file | has |
//! | --- | --- |
//! | `mod` | the key store; Keychain (macOS) and Credential Manager (Windows) |
//! | `secret_service` | Secret Service, on other Unix systems |
//! | `session_bus` | the D-Bus session bus: whether it may be used, and what is wrong with it |
//! | `deadline` | a timeout for calls that have none |
//!
//! Only these files name keyring's crates. Its process-global store is never touched: we hold stores of our own.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "this is the one folder that may name keyring")]

mod deadline;
#[cfg(all(unix, not(target_os = "macos")))]
mod secret_service;
#[cfg(all(unix, not(target_os = "macos")))]
mod session_bus;

use std::collections::HashMap;
use std::time::Duration;

use keyring::Error as KeyringError;
use keyring_core::Entry;
use zeroize::Zeroize;

use self::deadline::under_deadline;
#[cfg(all(unix, not(target_os = "macos")))]
use self::secret_service as platform;
use super::{Item, KeptUntil, KeyStore, KeyStoreError, KeyStoreName, Protection};
use crate::model::ids::{AppName, GrantId};
use crate::model::sanitize::quoted;
use crate::model::secret::Secret;

/// The store that the desktop or the operating system keeps for this user.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsKeyStore;

impl OsKeyStore {
    /// Asks the person to unlock the store, for at most `timeout`, if the store can ask.
    ///
    /// # Errors
    /// `Locked` if the person does not; the errors of [`probe`](KeyStore::probe).
    pub fn unlock(&self, timeout: Duration) -> Result<(), KeyStoreError> {
        platform::unlock(timeout)
    }
}

impl KeyStore for OsKeyStore {
    fn name(&self) -> KeyStoreName {
        KeyStoreName::Os
    }

    fn protection(&self) -> Protection {
        Protection::new(KeptUntil::Erased, "programs of this user, while it is unlocked")
    }

    fn probe(&self) -> Result<(), KeyStoreError> {
        under_deadline(platform::can_take_a_key)
    }

    fn store(&self, item: &Item<'_>, label: &str, key: &Secret) -> Result<(), KeyStoreError> {
        let (owned, label, key) = (Owned::from(item), label.to_owned(), key.copy());
        under_deadline(move |connected| {
            platform::can_take_a_key(connected)?;
            // keyring would ask a person for an item that is locked by itself, as KeePassXC has them.
            platform::has_unlocked(&owned.service, &owned.user, connected)?;
            let modifiers = platform::modifiers(&label);
            let mut stored = owned.put(&modifiers, &key);
            // gnome-keyring has been seen to want a prompt for a new item while it is unlocked, and to dismiss it by itself.
            if platform::HAS_SESSIONS && matches!(stored, Err(KeyringError::NoStorageAccess(_))) {
                stored = owned.put(&modifiers, &key);
            }
            stored.map_err(converted)?;
            match connected.is_abandoned() {
                // Nobody waits any more, and the login was given up: a key that nobody knows must not stay.
                true => owned.in_session(&modifiers, Entry::delete_credential).map_err(converted),
                false => Ok(()),
            }
        })
    }

    fn load(&self, item: &Item<'_>) -> Result<Option<Secret>, KeyStoreError> {
        let owned = Owned::from(item);
        under_deadline(move |connected| platform::load(&owned.service, &owned.user, connected)?.map(text).transpose())
    }

    fn erase(&self, item: &Item<'_>) -> Result<bool, KeyStoreError> {
        let owned = Owned::from(item);
        under_deadline(move |connected| {
            if !platform::has_unlocked(&owned.service, &owned.user, connected)? {
                return Ok(false);
            }
            match owned.in_session(&HashMap::new(), Entry::delete_credential) {
                Ok(()) => Ok(true),
                Err(KeyringError::NoEntry) => Ok(false),
                Err(error) => Err(converted(error)),
            }
        })
    }

    fn list(&self, app: &AppName) -> Result<Option<Vec<GrantId>>, KeyStoreError> {
        let app = app.to_string();
        under_deadline(move |connected| platform::list(&app, connected).map(Some))
    }
}

/// An item's names, for another thread.
struct Owned {
    service: String,
    user: String,
}

impl From<&Item<'_>> for Owned {
    fn from(item: &Item<'_>) -> Self {
        Self { service: item.app.to_string(), user: item.grant.to_string() }
    }
}

impl Owned {
    fn put(&self, modifiers: &HashMap<&str, &str>, key: &Secret) -> keyring::Result<()> {
        // Bytes and not a password: Windows stores a password as UTF-16, twice the size.
        self.in_session(modifiers, |entry| entry.set_secret(key.expose().as_bytes()))
    }

    /// Calls up to three times if sessions fail: one session in 256 has a key that begins with a zero, which KWallet and keyring's crates
    /// do not write in the same way; two such sessions in a row have been seen.
    fn in_session<T>(
        &self,
        modifiers: &HashMap<&str, &str>,
        call: impl Fn(&Entry) -> keyring::Result<T>,
    ) -> keyring::Result<T> {
        let mut retries = if platform::HAS_SESSIONS { 2 } else { 0 };
        loop {
            let entry = platform::store().and_then(|store| store.build(&self.service, &self.user, Some(modifiers)));
            match entry.and_then(|entry| call(&entry)) {
                Err(KeyringError::PlatformFailure(_)) if retries > 0 => retries -= 1,
                outcome => return outcome,
            }
        }
    }
}

fn text(bytes: Vec<u8>) -> Result<Secret, KeyStoreError> {
    Secret::from_bytes(bytes)
        .ok_or_else(|| KeyStoreError::Failed("it holds something under our name that is not ours".into()))
}

/// keyring's errors can contain the secret's bytes (`BadEncoding`, `BadDataFormat`): they are wiped, and their text is not used.
fn converted(error: KeyringError) -> KeyStoreError {
    match error {
        KeyringError::BadEncoding(mut bytes) | KeyringError::BadDataFormat(mut bytes, _) => {
            bytes.zeroize();
            KeyStoreError::Failed("it holds something under our name that is not ours".into())
        }
        KeyringError::NoStorageAccess(cause) | KeyringError::PlatformFailure(cause) => {
            KeyStoreError::Unavailable(quoted(&cause.to_string()))
        }
        KeyringError::Ambiguous(_) => KeyStoreError::Failed("it holds several items under our name".into()),
        other => KeyStoreError::Failed(quoted(&other.to_string())),
    }
}

/// Keychain and Credential Manager need no connection, and are unlocked with the person's own session.
#[cfg(not(all(unix, not(target_os = "macos"))))]
mod always_there {
    use super::deadline::{CallContext, Progress};
    use super::*;

    pub(super) const HAS_SESSIONS: bool = false;

    pub(super) fn can_take_a_key(connected: &CallContext) -> Result<(), KeyStoreError> {
        connected.report(Progress::Answers);
        Ok(())
    }

    pub(super) fn has_unlocked(_service: &str, _user: &str, connected: &CallContext) -> Result<bool, KeyStoreError> {
        connected.report(Progress::Answers);
        Ok(true)
    }

    pub(super) fn load(service: &str, user: &str, connected: &CallContext) -> Result<Option<Vec<u8>>, KeyStoreError> {
        connected.report(Progress::Answers);
        let owned = Owned { service: service.to_owned(), user: user.to_owned() };
        match owned.in_session(&HashMap::new(), Entry::get_secret) {
            Err(KeyringError::NoEntry) => Ok(None),
            read => read.map(Some).map_err(converted),
        }
    }

    /// Other programs' items may have the app's name too: only items that can be grants of ours count.
    pub(super) fn list(app: &str, connected: &CallContext) -> Result<Vec<GrantId>, KeyStoreError> {
        connected.report(Progress::Answers);
        let found = platform::store().and_then(|store| store.search(&platform::all_of(app))).map_err(converted)?;
        let of_app = found.iter().filter_map(Entry::get_specifiers).filter(|(service, _)| service == app);
        Ok(of_app.filter_map(|(_, user)| user.parse().ok()).collect())
    }

    /// The system asks by itself, if it asks at all.
    pub(super) fn unlock(_timeout: Duration) -> Result<(), KeyStoreError> {
        Err(KeyStoreError::Locked)
    }
}

/// The login keychain.
#[cfg(target_os = "macos")]
mod platform {
    use std::sync::Arc;

    use keyring_core::CredentialStore;

    pub(super) use super::always_there::*;
    use super::*;

    pub(super) fn store() -> keyring::Result<Arc<CredentialStore>> {
        Ok(apple_native_keyring_store::keychain::Store::new()?)
    }

    /// The keychain crate takes no label: an item is shown under its service, the app's name. Items are not synchronised: iCloud
    /// synchronises the data protection keychain, and this is the login keychain.
    pub(super) fn modifiers(_label: &str) -> HashMap<&str, &str> {
        HashMap::new()
    }

    pub(super) fn all_of(app: &str) -> HashMap<&str, &str> {
        HashMap::from([("service", app)])
    }
}

/// Credential Manager.
#[cfg(windows)]
mod platform {
    use std::sync::Arc;

    use keyring_core::CredentialStore;

    pub(super) use super::always_there::*;
    use super::*;

    /// The default target name `user.service` is ambiguous; this one is not, as the service contains no `@`.
    pub(super) fn store() -> keyring::Result<Arc<CredentialStore>> {
        let names = HashMap::from([("prefix", "hallpass:"), ("divider", "@"), ("service_no_divider", "true")]);
        Ok(windows_native_keyring_store::Store::new_with_configuration(&names)?)
    }

    /// For a new item. `Local`: the default, `Enterprise`, would roam with the profile to other machines.
    pub(super) fn modifiers(_label: &str) -> HashMap<&str, &str> {
        HashMap::from([("persistence", "Local")])
    }

    /// Credential Manager searches by patterns only, so all items are searched.
    pub(super) fn all_of(_app: &str) -> HashMap<&str, &str> {
        HashMap::new()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn entry(service: &str, user: &str) -> keyring::Result<Entry> {
            store()?.build(service, user, Some(&modifiers("")))
        }

        #[test]
        fn ambiguous_names_are_different_credentials() {
            let (one, two) = (entry("b.c", "a").unwrap(), entry("c", "a.b").unwrap());
            one.set_secret(b"one").unwrap();
            two.set_secret(b"two").unwrap();
            assert_eq!((one.get_secret().unwrap(), two.get_secret().unwrap()), (b"one".to_vec(), b"two".to_vec()));
            one.delete_credential().unwrap();
            two.delete_credential().unwrap();
            assert!(entry("c", "a@b").is_ok() && entry("b@c", "a").is_err());
        }

        #[test]
        fn a_credential_stays_on_this_machine() {
            let entry = entry("hallpass-test", "local").unwrap();
            entry.set_secret(b"x").unwrap();
            let kept = entry.get_attributes().unwrap();
            entry.delete_credential().unwrap();
            assert_eq!((kept["persistence"].as_str(), kept["username"].as_str()), ("Local", "local"));
        }
    }
}
