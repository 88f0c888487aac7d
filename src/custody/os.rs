//! The OS's secure store through the crate `keyring`: Secret Service, Keychain, Credential Manager.
//!
//! The only file that names keyring's crates. Its process-global store is never touched: we hold stores of our own.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "this is the one file that may name keyring")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use keyring::Error as KeyringError;
use keyring_core::{CredentialStore, Entry};
use zeroize::Zeroize;

use super::{Custody, CustodyError, Item, Posture, Until};
use crate::secret::Secret;
use crate::text::quoted;

/// How long a store may take to answer at all.
const TO_CONNECT: Duration = Duration::from_secs(1);

/// How long a store that answers may take for one call.
const TO_CALL: Duration = Duration::from_secs(3);

/// The store that the desktop or the operating system keeps for this user.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsStore;

impl Custody for OsStore {
    fn name(&self) -> &str {
        "os"
    }

    fn posture(&self) -> Posture {
        Posture::new(Until::Erased, "programs of this user, while it is unlocked")
    }

    fn probe(&self) -> Result<(), CustodyError> {
        under_deadline(platform::can_take_a_key)
    }

    fn store(&self, item: &Item<'_>, label: &str, key: &Secret) -> Result<(), CustodyError> {
        let (owned, label, key) = (Owned::from(item), label.to_owned(), key.copy());
        under_deadline(move |connected| {
            platform::can_take_a_key(connected)?;
            let entry = owned.entry(&platform::modifiers(&label))?;
            // Bytes and not a password: Windows stores a password as UTF-16, twice the size.
            entry.set_secret(key.expose().as_bytes()).map_err(converted)?;
            match connected.is_abandoned() {
                // Nobody waits any more, and the login was given up: a key that nobody knows of must not stay.
                true => entry.delete_credential().map_err(converted),
                false => Ok(()),
            }
        })
    }

    fn load(&self, item: &Item<'_>) -> Result<Option<Secret>, CustodyError> {
        let owned = Owned::from(item);
        under_deadline(move |connected| {
            if !platform::has_unlocked(&owned, connected)? {
                return Ok(None);
            }
            match owned.entry(&HashMap::new())?.get_secret() {
                Ok(bytes) => text(bytes).map(Some),
                Err(KeyringError::NoEntry) => Ok(None),
                Err(error) => Err(converted(error)),
            }
        })
    }

    fn erase(&self, item: &Item<'_>) -> Result<bool, CustodyError> {
        let owned = Owned::from(item);
        under_deadline(move |connected| {
            if !platform::has_unlocked(&owned, connected)? {
                return Ok(false);
            }
            match owned.entry(&HashMap::new())?.delete_credential() {
                Ok(()) => Ok(true),
                Err(KeyringError::NoEntry) => Ok(false),
                Err(error) => Err(converted(error)),
            }
        })
    }
}

/// What a call and the one who waits for it know of each other.
struct Connected(Sender<()>, Arc<AtomicBool>);

impl Connected {
    fn is_abandoned(&self) -> bool {
        self.1.load(Ordering::SeqCst)
    }
}

/// An item's names, for a thread of its own.
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
    fn entry(&self, modifiers: &HashMap<&str, &str>) -> Result<Entry, CustodyError> {
        let store: Arc<CredentialStore> = platform::store().map_err(converted)?;
        store.build(&self.service, &self.user, Some(modifiers)).map_err(converted)
    }
}

/// Runs `call` on a thread of its own and leaves it behind when it takes too long: no call into a store has a timeout, and
/// a dead D-Bus has held programs for minutes.
fn under_deadline<T: Send + 'static>(
    call: impl FnOnce(&Connected) -> Result<T, CustodyError> + Send + 'static,
) -> Result<T, CustodyError> {
    let (connected, has_connected) = channel();
    let (done, result) = channel();
    let abandoned = Arc::new(AtomicBool::new(false));
    let told = Connected(connected, abandoned.clone());
    std::thread::Builder::new()
        .name("hallpass-store".into())
        .spawn(move || {
            let outcome = call(&told);
            // Before the result: a call that ends without ever having connected ends the first wait as well.
            drop(told);
            let _ = done.send(outcome);
        })
        .map_err(|error| CustodyError::Unavailable(error.to_string()))?;
    if let Err(RecvTimeoutError::Timeout) = has_connected.recv_timeout(TO_CONNECT) {
        abandoned.store(true, Ordering::SeqCst);
        return Err(CustodyError::Silent);
    }
    result.recv_timeout(TO_CALL).unwrap_or_else(|error| {
        abandoned.store(true, Ordering::SeqCst);
        if error == RecvTimeoutError::Disconnected {
            return Err(CustodyError::Failed("the call into it broke off".into()));
        }
        // Not silence: a store that answers may only be waiting for a person.
        Err(CustodyError::Failed(format!("it took more than {} s", TO_CALL.as_secs())))
    })
}

fn text(bytes: Vec<u8>) -> Result<Secret, CustodyError> {
    String::from_utf8(bytes).map(Secret::new).map_err(|error| {
        error.into_bytes().zeroize();
        CustodyError::Failed("it holds something under our name that is not ours".into())
    })
}

/// keyring's errors can hold the secret's bytes (`BadEncoding`, `BadDataFormat`): those are wiped and their text is not used.
fn converted(error: KeyringError) -> CustodyError {
    match error {
        KeyringError::BadEncoding(mut bytes) | KeyringError::BadDataFormat(mut bytes, _) => {
            bytes.zeroize();
            CustodyError::Failed("it holds something under our name that is not ours".into())
        }
        KeyringError::NoStorageAccess(cause) | KeyringError::PlatformFailure(cause) => {
            CustodyError::Unavailable(quoted(&cause.to_string()))
        }
        KeyringError::Ambiguous(_) => CustodyError::Failed("it holds several items under our name".into()),
        other => CustodyError::Failed(quoted(&other.to_string())),
    }
}

/// Secret Service, over D-Bus (freedesktop.org's Secret Service API, draft 0.2).
#[cfg(all(unix, not(target_os = "macos")))]
mod platform {
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use zbus::blocking::Connection;
    use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Type};

    use super::*;

    pub(super) fn store() -> keyring::Result<Arc<CredentialStore>> {
        Ok(zbus_secret_service_keyring_store::Store::new()?)
    }

    /// For a new item. The store refuses an empty label.
    pub(super) fn modifiers(label: &str) -> HashMap<&str, &str> {
        HashMap::from([("label", if label.is_empty() { "hallpass" } else { label })])
    }

    /// A new item goes to the default collection, so that one must be there and unlocked.
    pub(super) fn can_take_a_key(connected: &Connected) -> Result<(), CustodyError> {
        let service = Service::connect(connected)?;
        let collection: OwnedObjectPath = service.call("ReadAlias", &"default")?;
        if collection.as_str() == "/" {
            return Err(CustodyError::Unavailable("it has no default collection yet".into()));
        }
        match service.is_locked(collection.as_str())? {
            true => Err(CustodyError::Locked),
            false => Ok(()),
        }
    }

    /// keyring unlocks what it finds, which can raise a prompt where nobody is: so the lock is asked first.
    pub(super) fn has_unlocked(item: &Owned, connected: &Connected) -> Result<bool, CustodyError> {
        let attributes = HashMap::from([("service", item.service.as_str()), ("username", item.user.as_str())]);
        let (unlocked, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            Service::connect(connected)?.call("SearchItems", &attributes)?;
        match (locked.is_empty(), unlocked.is_empty()) {
            (false, _) => Err(CustodyError::Locked),
            (true, false) => Ok(true),
            // Locked is not empty (law 10): KeePassXC finds nothing while its database is locked.
            (true, true) => can_take_a_key(connected).map(|()| false),
        }
    }

    /// The service, asked for what needs no session: gnome-keyring has been seen to abort where very many were opened.
    struct Service<'a> {
        bus: Connection,
        connected: &'a Connected,
    }

    impl<'a> Service<'a> {
        fn connect(connected: &'a Connected) -> Result<Self, CustodyError> {
            if !crate::surroundings::session_bus_is_local() {
                return Err(CustodyError::Unavailable("DBUS_SESSION_BUS_ADDRESS is no socket of this machine".into()));
            }
            Ok(Self { bus: Connection::session().map_err(unavailable)?, connected })
        }

        fn call<T>(&self, method: &str, arguments: &(impl Serialize + DynamicType)) -> Result<T, CustodyError>
        where
            T: DeserializeOwned + Type,
        {
            self.send("/org/freedesktop/secrets", "org.freedesktop.Secret.Service", method, arguments)
        }

        fn is_locked(&self, collection: &str) -> Result<bool, CustodyError> {
            let property = ("org.freedesktop.Secret.Collection", "Locked");
            let value: OwnedValue = self.send(collection, "org.freedesktop.DBus.Properties", "Get", &property)?;
            bool::try_from(value).map_err(|error| unavailable(error.into()))
        }

        fn send<T>(
            &self,
            path: &str,
            interface: &str,
            method: &str,
            arguments: &(impl Serialize + DynamicType),
        ) -> Result<T, CustodyError>
        where
            T: DeserializeOwned + Type,
        {
            let reply = self.bus.call_method(Some("org.freedesktop.secrets"), path, Some(interface), method, arguments);
            let reply = reply.map_err(unavailable)?;
            // A bus may answer whose service does not.
            let _ = self.connected.0.send(());
            reply.body().deserialize().map_err(unavailable)
        }
    }

    fn unavailable(error: zbus::Error) -> CustodyError {
        CustodyError::Unavailable(quoted(&error.to_string()))
    }
}

/// Keychain and Credential Manager need no connection, and are unlocked with the person's own session.
#[cfg(not(all(unix, not(target_os = "macos"))))]
mod always_there {
    use super::*;

    pub(super) fn can_take_a_key(connected: &Connected) -> Result<(), CustodyError> {
        let _ = connected.0.send(());
        Ok(())
    }

    pub(super) fn has_unlocked(_item: &Owned, connected: &Connected) -> Result<bool, CustodyError> {
        let _ = connected.0.send(());
        Ok(true)
    }
}

/// The login keychain.
#[cfg(target_os = "macos")]
mod platform {
    pub(super) use super::always_there::*;
    use super::*;

    pub(super) fn store() -> keyring::Result<Arc<CredentialStore>> {
        Ok(apple_native_keyring_store::keychain::Store::new()?)
    }

    /// The keychain crate takes no label; its items are named by service and account.
    pub(super) fn modifiers(_label: &str) -> HashMap<&str, &str> {
        HashMap::new()
    }
}

/// Credential Manager.
#[cfg(windows)]
mod platform {
    pub(super) use super::always_there::*;
    use super::*;

    /// The default target name `user.service` can be read two ways; this one cannot: no part holds an `@`.
    pub(super) fn store() -> keyring::Result<Arc<CredentialStore>> {
        let names = HashMap::from([("prefix", "hallpass:"), ("divider", "@")]);
        Ok(windows_native_keyring_store::Store::new_with_configuration(&names)?)
    }

    /// For a new item. `Local`: the default, `Enterprise`, would roam with the profile to other machines.
    pub(super) fn modifiers(_label: &str) -> HashMap<&str, &str> {
        HashMap::from([("persistence", "Local")])
    }
}
