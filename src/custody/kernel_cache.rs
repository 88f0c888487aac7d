//! Keeps in the kernel, for a while, copies of sealing keys and the newest generation of each record that this machine has seen. So a cached
//! token needs no D-Bus and no passphrase. Nothing depends on it: a key that is not there is read from its key store.
//!
//! A user has room for 200 keys and 20,000 bytes in the kernel, which other programs need too. So all logins of all apps share one
//! key for the numbers of their records, and there are never more than [`MAX_COPIES`] copies.

use std::time::Duration;

use zeroize::Zeroizing;

use super::kernel::LARGEST;
use super::{Item, KernelKeyStore, KeyStoreError};
use crate::custody::sealing_key::text;
use crate::model::ids::{AppName, GrantId};
use crate::model::secret::Secret;

/// The keys that the kernel holds for us, each for a while.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KernelCache {
    /// How long it keeps a key after it was taken from where it rests.
    pub(crate) lifetime: Duration,
}

/// How long a machine remembers which records it has seen, unless it is rebooted.
const MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many records it remembers: those that were written last.
const MAX_SEEN: usize = 100;

/// More than the line of any record takes, in bytes: 26 letters, a space, 20 digits and the end.
const LINE: usize = 48;

/// How many copies of keys there are at most, some 110 bytes each: another one takes the place of one of them.
const MAX_COPIES: usize = 16;

/// The one key for the numbers of all records: a line each, its grant and its number, the newest last.
const SEEN: &str = "hallpass-seen";

/// How the names of the copies begin.
const COPY: &str = "hallpass-cache:";

impl KernelCache {
    /// The key of `item`, if it is there.
    pub(crate) fn key(self, item: &Item<'_>) -> Option<Secret> {
        let mut bytes = KernelKeyStore::of_user().get(&key_of(item), LARGEST).ok().flatten()?;
        text(std::mem::take(&mut *bytes))
    }

    /// Keeps a copy of the key. A kernel that refuses is asked again the next time.
    pub(crate) fn keep(self, item: &Item<'_>, key: &Secret) {
        let (kernel, own) = (KernelKeyStore::of_user(), key_of(item));
        let copies =
            kernel.names().unwrap_or_default().into_iter().filter(|name| name.starts_with(COPY) && *name != own);
        // Which one goes does not matter: it is a copy.
        copies.skip(MAX_COPIES - 1).for_each(|name| drop(kernel.remove(&name)));
        let _ = kernel.put(&own, key.expose().as_bytes(), Some(self.lifetime));
    }

    /// The newest generation of the record that this machine has seen, as far as it remembers.
    pub(crate) fn newest(self, item: &Item<'_>) -> Option<u64> {
        // Reads one line only: to parse a hundred of them would make a cached token half as expensive again.
        let own = |line: &str| line.strip_prefix(item.grant.as_str())?.strip_prefix(' ')?.parse().ok();
        std::str::from_utf8(&remembered()).unwrap_or_default().lines().find_map(own)
    }

    /// Remembers that a record of this generation was written.
    pub(crate) fn saw(self, item: &Item<'_>, generation: u64) {
        // Another process may have written in between, over this one's line.
        for _ in 0..3 {
            change_seen(|seen| seen.push((item.grant.clone(), generation)), item);
            if self.newest(item) == Some(generation) {
                break;
            }
        }
    }

    /// Forgets the key.
    pub(crate) fn forget_key(item: &Item<'_>) {
        let _ = KernelKeyStore::of_user().remove(&key_of(item));
    }

    /// Forgets all of the login.
    pub(crate) fn forget(item: &Item<'_>) {
        Self::forget_key(item);
        if seen().iter().any(|(grant, _)| grant == item.grant) {
            change_seen(|_| {}, item);
        }
    }

    /// The keys in the kernel that logins of this state folder have left there and nobody needs: copies for logins that are gone, and
    /// what an earlier version had, a key for each record's number. `all` are the logins that there are or were, `records` those of
    /// which there is a record: keys of other state folders are none of ours.
    pub(crate) fn spare(app: &AppName, all: &[GrantId], records: &[GrantId]) -> Result<Vec<String>, KeyStoreError> {
        let copies = all.iter().filter(|grant| !records.contains(grant)).map(|grant| key_of(&Item::new(app, grant)));
        let spare: Vec<_> = copies.chain(all.iter().map(|grant| format!("{SEEN}:{app}:{grant}"))).collect();
        Ok(KernelKeyStore::of_user().names()?.into_iter().filter(|name| spare.contains(name)).collect())
    }

    /// Erases those; says how many there were.
    pub(crate) fn free(app: &AppName, all: &[GrantId], records: &[GrantId]) -> Result<usize, KeyStoreError> {
        let mut freed = 0;
        for name in Self::spare(app, all, records)? {
            freed += usize::from(KernelKeyStore::of_user().remove(&name)?);
        }
        Ok(freed)
    }
}

/// The lines, as the kernel has them. Any program of the user can write there.
fn remembered() -> Zeroizing<Vec<u8>> {
    KernelKeyStore::of_user().get(SEEN, MAX_SEEN * LINE).ok().flatten().unwrap_or_default()
}

fn seen() -> Vec<(GrantId, u64)> {
    // A line that is not ours is none.
    let line = |line: &str| {
        let (grant, generation) = line.split_once(' ')?;
        Some((grant.parse().ok()?, generation.parse().ok()?))
    };
    std::str::from_utf8(&remembered()).unwrap_or_default().lines().filter_map(line).collect()
}

/// Changes the numbers, with that of `item` taken out. Two processes at once may undo each other's change: then an older number is
/// remembered, or none, and no record is taken for older than it is.
fn change_seen(change: impl FnOnce(&mut Vec<(GrantId, u64)>), item: &Item<'_>) {
    let mut all = seen();
    all.retain(|(grant, _)| grant != item.grant);
    change(&mut all);
    let newest = all.split_off(all.len().saturating_sub(MAX_SEEN));
    let lines: String = newest.iter().map(|(grant, generation)| format!("{grant} {generation}\n")).collect();
    let _ = match newest.is_empty() {
        true => KernelKeyStore::of_user().remove(SEEN).map(drop),
        false => KernelKeyStore::of_user().put(SEEN, lines.as_bytes(), Some(MEMORY)),
    };
}

fn key_of(item: &Item<'_>) -> String {
    format!("{COPY}{}:{}", item.app, item.grant)
}
