//! [`KernelKeyStore`]: the kernel's keyring (Linux, keyrings(7)). Its keys are in memory and in no file. They end at the next reboot, or
//! with the login session.
//!
//! The only file that names the crate linux-keyutils.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{Item, KeptUntil, KeyStore, KeyStoreError, KeyStoreName, Protection};
use crate::model::ids::{AppName, GrantId};
use crate::model::secret::Secret;

/// A key store in the kernel. A call takes microseconds, without a daemon or D-Bus, which suits servers.
#[derive(Debug, Clone, Copy)]
pub struct KernelKeyStore(Ring);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ring {
    /// The user's: every process of the same user reaches it.
    User,
    /// The login session's: it ends with the session, and no other session reaches it.
    Session,
}

/// More bytes than any sealing key takes.
pub(super) const MAX_KEY_LENGTH: usize = 512;

impl KernelKeyStore {
    /// Uses the user's keyring, which lasts until the next reboot.
    pub fn of_user() -> Self {
        Self(Ring::User)
    }

    /// Uses the login session's own keyring, which ends with the session. Many sessions have no keyring of their own; see
    /// `keyctl session`.
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
    fn name(&self) -> KeyStoreName {
        match self.0 {
            Ring::User => KeyStoreName::Kernel,
            Ring::Session => KeyStoreName::Session,
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
        let Some(mut bytes) = self.get(&name(item), MAX_KEY_LENGTH)? else { return Ok(None) };
        let key = Secret::from_bytes(std::mem::take(&mut *bytes));
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

    /// More keys than one keyring holds in practice; the kernel returns no more than it has.
    const MAX_KEYS: usize = 1 << 20;

    /// All rights for the possessor of the key; view, read, search and link for other processes of the user. Possession depends on the
    /// session of a process: a process of another session, or in a container, reaches the user's keyring without possessing it.
    const FOR_USER: u32 = 0x3f1b_0000;

    /// Rights for the possessor only: another session of the same user has none.
    const FOR_SESSION: u32 = 0x3f01_0000;

    pub(super) fn put(ring: Ring, name: &str, text: &[u8], lifetime: Option<Duration>) -> Result<(), KeyStoreError> {
        let rights = if ring == Ring::User { FOR_USER } else { FOR_SESSION };
        let target = open(ring)?;
        // Created in the process's own keyring, so that the key appears with its rights and its lifetime, or not at all.
        let scratch = KeyRing::from_special_id(KeyRingIdentifier::Process, true).map_err(refused)?;
        let key = scratch.add_key(name, text).map_err(refused)?;
        let linked = key
            .set_perms(KeyPermissions::from_u32(rights))
            .and_then(|()| lifetime.map_or(Ok(()), |lifetime| key.set_timeout(seconds(lifetime))))
            // Replaces a key of the same name in one step.
            .and_then(|()| target.link_key(key));
        let _ = scratch.unlink_key(key);
        linked.map_err(refused)
    }

    pub(super) fn get(ring: Ring, name: &str, at_most: usize) -> Result<Option<Zeroizing<Vec<u8>>>, KeyStoreError> {
        let Some(key) = if_exists(open(ring)?.search(name))? else { return Ok(None) };
        let mut bytes = Zeroizing::new(vec![0; at_most]);
        match if_exists(key.read(&mut *bytes))? {
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
        let Some(key) = if_exists(ring.search(name))? else { return Ok(false) };
        Ok(if_exists(ring.unlink_key(key))?.is_some())
    }

    pub(super) fn names(ring: Ring) -> Result<Vec<String>, KeyStoreError> {
        let links = open(ring)?.get_links(MAX_KEYS).map_err(refused)?;
        let names = links.iter().filter_map(|link| link.as_key()?.metadata().ok());
        Ok(names.map(|about| about.get_description().to_owned()).collect())
    }

    /// Creates a key as large as any in the process's own keyring: the kernel may forbid it, or the user's quota may be used up.
    pub(super) fn probe(ring: Ring) -> Result<(), KeyStoreError> {
        open(ring)?;
        let scratch = KeyRing::from_special_id(KeyRingIdentifier::Process, true).map_err(refused)?;
        let key = scratch.add_key("hallpass:probe", &[0; 200]).map_err(refused)?;
        // Another thread that probes may have unlinked it already.
        let _ = scratch.unlink_key(key);
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
        match ring == Ring::Session && is_shared(keyring)? {
            true => Err(no_session()),
            false => Ok(keyring),
        }
    }

    /// A process outside any session gets a keyring that all sessions of the user share, and that ends with none of them.
    fn is_shared(keyring: KeyRing) -> Result<bool, KeyStoreError> {
        Ok(keyring.metadata().map_err(refused)?.get_description().starts_with("_uid_ses."))
    }

    fn no_session() -> KeyStoreError {
        let why = "this login session has no keyring of its own".into();
        KeyStoreError::Refused { why, remedy: Remedy::StartSession }
    }

    fn if_exists<T>(outcome: Result<T, KeyError>) -> Result<Option<T>, KeyStoreError> {
        match outcome {
            Ok(value) => Ok(Some(value)),
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
            // Docker and Podman filter system calls with these errors.
            KeyError::PermissionDenied | KeyError::Unknown(ENOSYS) => {
                KeyStoreError::Unavailable("this system or container forbids it".into())
            }
            KeyError::AccessDenied => KeyStoreError::Unavailable("this process has no access to it".into()),
            other => KeyStoreError::Failed(format!("the kernel says: {other:?}")),
        }
    }

    /// Rounds up: a timeout of 0 would mean no timeout.
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
