//! The kernel's keyring (Linux, keyrings(7)): keys in memory that no file holds. They end at the next reboot, or with the login
//! session.
//!
//! The only file that names the crate linux-keyutils.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{Item, KeptUntil, KeyStore, KeyStoreError, Protection};
use crate::custody::sealing_key::text;
use crate::model::ids::{AppName, GrantId};
use crate::model::secret::Secret;

/// A custody in the kernel. Microseconds a call, no daemon and no D-Bus, as it suits servers.
#[derive(Debug, Clone, Copy)]
pub struct KernelKeyStore(Ring);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ring {
    /// Of the user: every process of the same user reaches it.
    User,
    /// Of the login session: it ends with that, and no other session reaches it.
    Session,
}

/// More than any sealing key takes, in bytes.
pub(super) const LARGEST: usize = 512;

impl KernelKeyStore {
    /// The user's keyring: lasts until the next reboot.
    pub fn of_user() -> Self {
        Self(Ring::User)
    }

    /// The login session's own keyring: ends with the session. Many sessions have none of their own; see `keyctl session`.
    pub fn of_session() -> Self {
        Self(Ring::Session)
    }

    pub(super) fn put(self, name: &str, text: &[u8], lifetime: Option<Duration>) -> Result<(), KeyStoreError> {
        keys::put(self.0, name, text, lifetime)
    }

    pub(super) fn get(self, name: &str, at_most: usize) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        keys::get(self.0, name, at_most)
    }

    pub(super) fn remove(self, name: &str) -> Result<bool, KeyStoreError> {
        keys::remove(self.0, name)
    }

    pub(super) fn names(self) -> Result<Vec<String>, KeyStoreError> {
        keys::names(self.0)
    }
}

impl KeyStore for KernelKeyStore {
    fn name(&self) -> &str {
        match self.0 {
            Ring::User => "kernel",
            Ring::Session => "session",
        }
    }

    fn protection(&self) -> Protection {
        match self.0 {
            Ring::User => Protection::new(KeptUntil::Reboot, "programs of this user"),
            Ring::Session => Protection::new(KeptUntil::SessionEnd, "programs of this login session"),
        }
    }

    fn probe(&self) -> Result<(), KeyStoreError> {
        keys::probe(self.0)
    }

    fn store(&self, item: &Item<'_>, _label: &str, key: &Secret) -> Result<(), KeyStoreError> {
        self.put(&name(item), key.expose().as_bytes(), None)
    }

    fn load(&self, item: &Item<'_>) -> Result<Option<Secret>, KeyStoreError> {
        let Some(mut bytes) = self.get(&name(item), LARGEST)? else { return Ok(None) };
        let key = text(std::mem::take(&mut *bytes));
        key.map(Some).ok_or_else(|| KeyStoreError::Failed("it holds something under our name that is not ours".into()))
    }

    fn answers_at_once(&self) -> bool {
        true
    }

    fn erase(&self, item: &Item<'_>) -> Result<bool, KeyStoreError> {
        self.remove(&name(item))
    }

    fn list(&self, app: &AppName) -> Result<Option<Vec<GrantId>>, KeyStoreError> {
        let start = format!("hallpass:{app}:");
        let names = keys::names(self.0)?;
        Ok(Some(names.iter().filter_map(|name| name.strip_prefix(&start)?.parse().ok()).collect()))
    }
}

fn name(item: &Item<'_>) -> String {
    format!("hallpass:{}:{}", item.app, item.grant)
}

#[cfg(target_os = "linux")]
mod keys {
    use crate::model::error::Remedy;
    use linux_keyutils::{KeyError, KeyPermissions, KeyRing, KeyRingIdentifier};

    use super::*;

    /// More keys than one keyring holds in practice; the kernel lists no more than it has.
    const MAX_KEYS: usize = 1 << 20;

    /// Everything for whoever possesses the key; for the rest of the user view, read, search and link. Possession depends on which
    /// session a process is in: a process of another session, or in a container, has the user's keyring without possessing it.
    const FOR_USER: u32 = 0x3f1b_0000;

    /// Possession only: another session of the same user has none.
    const FOR_SESSION: u32 = 0x3f01_0000;

    pub(super) fn put(ring: Ring, name: &str, text: &[u8], lifetime: Option<Duration>) -> Result<(), KeyStoreError> {
        let rights = if ring == Ring::User { FOR_USER } else { FOR_SESSION };
        let target = open(ring)?;
        // Made where nobody else looks, so that the key appears with its rights and its end, or not at all.
        let workshop = KeyRing::from_special_id(KeyRingIdentifier::Process, true).map_err(refused)?;
        let key = workshop.add_key(name, text).map_err(refused)?;
        let made = key
            .set_perms(KeyPermissions::from_u32(rights))
            .and_then(|()| lifetime.map_or(Ok(()), |lifetime| key.set_timeout(seconds(lifetime))))
            // Takes the place of a key of the same name in one step.
            .and_then(|()| target.link_key(key));
        let _ = workshop.unlink_key(key);
        made.map_err(refused)
    }

    pub(super) fn get(ring: Ring, name: &str, at_most: usize) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        let Some(key) = found(open(ring)?.search(name))? else { return Ok(None) };
        let mut bytes = Zeroizing::new(vec![0; at_most]);
        match found(key.read(&mut *bytes))? {
            Some(length) if length > at_most => {
                Err(KeyStoreError::Failed("it holds something under our name that is not ours".into()))
            }
            length => Ok(length.map(|length| {
                bytes.truncate(length);
                bytes
            })),
        }
    }

    pub(super) fn remove(ring: Ring, name: &str) -> Result<bool, KeyStoreError> {
        let ring = open(ring)?;
        let Some(key) = found(ring.search(name))? else { return Ok(false) };
        Ok(found(ring.unlink_key(key))?.is_some())
    }

    pub(super) fn names(ring: Ring) -> Result<Vec<String>, KeyStoreError> {
        let links = open(ring)?.get_links(MAX_KEYS).map_err(refused)?;
        let names = links.iter().filter_map(|link| link.as_key()?.metadata().ok());
        Ok(names.map(|about| about.get_description().to_owned()).collect())
    }

    /// Makes a key as large as any, where nobody looks: the kernel may forbid it, or the user's quota may be used up.
    pub(super) fn probe(ring: Ring) -> Result<(), KeyStoreError> {
        open(ring)?;
        let workshop = KeyRing::from_special_id(KeyRingIdentifier::Process, true).map_err(refused)?;
        let key = workshop.add_key("hallpass:probe", &[0; 200]).map_err(refused)?;
        // Another thread that probes may have been quicker.
        let _ = workshop.unlink_key(key);
        Ok(())
    }

    fn open(ring: Ring) -> Result<KeyRing, KeyStoreError> {
        let id = match ring {
            Ring::User => KeyRingIdentifier::User,
            Ring::Session => KeyRingIdentifier::Session,
        };
        let keyring = match KeyRing::from_special_id(id, false) {
            Err(KeyError::KeyRevoked | KeyError::KeyExpired) if ring == Ring::Session => return Err(no_session()),
            keyring => keyring.map_err(refused)?,
        };
        // A process in no session gets one that all sessions of the user share, and that ends with none of them.
        let is_shared = || Ok(keyring.metadata().map_err(refused)?.get_description().starts_with("_uid_ses."));
        match ring == Ring::Session && is_shared()? {
            true => Err(no_session()),
            false => Ok(keyring),
        }
    }

    fn no_session() -> KeyStoreError {
        let why = "this login session has no keyring of its own".into();
        KeyStoreError::Refused { why, remedy: Remedy::StartSession }
    }

    fn found<T>(outcome: Result<T, KeyError>) -> Result<Option<T>, KeyStoreError> {
        match outcome {
            Ok(there) => Ok(Some(there)),
            Err(KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked) => Ok(None),
            Err(error) => Err(refused(error)),
        }
    }

    fn refused(error: KeyError) -> KeyStoreError {
        const ENOSYS: i32 = 38;
        match error {
            KeyError::QuotaExceeded => {
                KeyStoreError::Failed("this user's quota of kernel keys is used up (/proc/key-users shows it)".into())
            }
            // How Docker's and Podman's filters of system calls say no.
            KeyError::PermissionDenied | KeyError::Unknown(ENOSYS) => {
                KeyStoreError::Unavailable("this system or container forbids it".into())
            }
            KeyError::AccessDenied => KeyStoreError::Unavailable("this process has no access to it".into()),
            other => KeyStoreError::Failed(format!("the kernel says: {other:?}")),
        }
    }

    /// Rounded up: a timeout of 0 would be none.
    fn seconds(lifetime: Duration) -> usize {
        usize::try_from(lifetime.as_secs()).unwrap_or(usize::MAX).clamp(1, u32::MAX as usize)
    }
}

#[cfg(not(target_os = "linux"))]
mod keys {
    use super::*;

    pub(super) fn put(_: Ring, _: &str, _: &[u8], _: Option<Duration>) -> Result<(), KeyStoreError> {
        Err(none())
    }

    pub(super) fn get(_: Ring, _: &str, _: usize) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        Err(none())
    }

    pub(super) fn remove(_: Ring, _: &str) -> Result<bool, KeyStoreError> {
        Err(none())
    }

    pub(super) fn names(_: Ring) -> Result<Vec<String>, KeyStoreError> {
        Err(none())
    }

    pub(super) fn probe(_: Ring) -> Result<(), KeyStoreError> {
        Err(none())
    }

    fn none() -> KeyStoreError {
        KeyStoreError::Unavailable("only Linux has one".into())
    }
}
