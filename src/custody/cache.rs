//! What the kernel remembers of a login for a while, so that a token at hand needs no D-Bus and no passphrase: the sealing key, and
//! how new a record this machine has seen. Nothing depends on it: what is not there is asked for where it rests.

use std::time::Duration;

use super::{Item, Kernel};
use crate::seal::text;
use crate::secret::Secret;

/// The keys that the kernel holds for us, each for a while.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyCache {
    /// How long it keeps a key after it was taken from where it rests.
    pub(crate) lifetime: Duration,
}

/// How long a machine remembers which record it has seen, unless it is rebooted: the kernel has room for some hundred such things.
const MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);

impl KeyCache {
    /// The key of `item`, if it is there.
    pub(crate) fn key(self, item: &Item<'_>) -> Option<Secret> {
        let mut bytes = Kernel::of_user().get(&key_of(item)).ok().flatten()?;
        text(std::mem::take(&mut *bytes))
    }

    /// Keeps a copy of the key. A kernel that refuses is asked again the next time.
    pub(crate) fn keep(self, item: &Item<'_>, key: &Secret) {
        let _ = Kernel::of_user().put(&key_of(item), key.expose().as_bytes(), Some(self.lifetime));
    }

    /// The newest generation of the record that this machine has seen, as far as it remembers.
    pub(crate) fn newest(self, item: &Item<'_>) -> Option<u64> {
        let bytes = Kernel::of_user().get(&generation_of(item)).ok().flatten()?;
        std::str::from_utf8(&bytes).ok()?.parse().ok()
    }

    /// Remembers that a record of this generation was written.
    pub(crate) fn saw(self, item: &Item<'_>, generation: u64) {
        let _ = Kernel::of_user().put(&generation_of(item), generation.to_string().as_bytes(), Some(MEMORY));
    }

    /// Forgets the key.
    pub(crate) fn forget_key(item: &Item<'_>) {
        let _ = Kernel::of_user().remove(&key_of(item));
    }

    /// Forgets all of the login.
    pub(crate) fn forget(item: &Item<'_>) {
        Self::forget_key(item);
        let _ = Kernel::of_user().remove(&generation_of(item));
    }
}

fn key_of(item: &Item<'_>) -> String {
    format!("hallpass-cache:{}:{}", item.app, item.grant)
}

fn generation_of(item: &Item<'_>) -> String {
    format!("hallpass-seen:{}:{}", item.app, item.grant)
}
