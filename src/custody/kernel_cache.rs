//! [`KernelCache`]: copies of sealing keys in the kernel, and the newest generation of each record that this machine has seen. So a cached
//! token needs no D-Bus and no passphrase. Nothing depends on it: if a key is not in the cache, it is read from its key store.
//!
//! The kernel gives a user room for 200 keys and 20,000 bytes, which other programs need too. So all logins of all apps share one
//! kernel key for the generations of their records, and there are never more than [`MAX_COPIES`] copies.

use std::time::Duration;

use zeroize::Zeroizing;

use super::kernel::MAX_KEY_LENGTH;
use super::{Item, KernelKeyStore, KeyStoreError};
use crate::model::ids::{AppName, GrantId};
use crate::model::secret::Secret;

/// A cache of keys in the kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KernelCache {
    /// How long a key stays after it was read from its key store.
    pub(crate) lifetime: Duration,
}

/// How long a machine remembers which records it has seen, unless it is rebooted.
const GENERATIONS_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many records it remembers, the last written ones.
const MAX_GENERATIONS: usize = 100;

/// More bytes than the line of any record takes: 26 letters, a space, 20 digits and the line break.
const MAX_LINE: usize = 48;

/// The maximum number of key copies, some 110 bytes each: another copy replaces one of them.
const MAX_COPIES: usize = 16;

/// The one kernel key for the generations of all records. Each line has a grant and its generation, the newest is last.
const GENERATIONS: &str = "hallpass-seen";

/// The prefix of the names of key copies.
const COPY_PREFIX: &str = "hallpass-cache:";

impl KernelCache {
    /// Returns the key of `item`, if the kernel has a copy.
    pub(crate) fn key(self, item: &Item<'_>) -> Option<Secret> {
        let mut bytes = KernelKeyStore::of_user().get(&key_of(item), MAX_KEY_LENGTH).ok().flatten()?;
        Secret::from_bytes(std::mem::take(&mut *bytes))
    }

    /// Keeps a copy of the key. If the kernel refuses, the next call tries again.
    pub(crate) fn keep(self, item: &Item<'_>, key: &Secret) {
        let (kernel, own) = (KernelKeyStore::of_user(), key_of(item));
        let names = kernel.names().unwrap_or_default().into_iter();
        let others = names.filter(|name| name.starts_with(COPY_PREFIX) && *name != own);
        // Any copy may go: its key store still has the key.
        others.skip(MAX_COPIES - 1).for_each(|name| drop(kernel.remove(&name)));
        let _ = kernel.put(&own, key.expose().as_bytes(), Some(self.lifetime));
    }

    /// Returns the newest generation of the record that this machine has seen, as far as it remembers.
    pub(crate) fn newest(self, item: &Item<'_>) -> Option<u64> {
        newest_in(std::str::from_utf8(&read_generations()).unwrap_or_default(), item.grant)
    }

    /// Remembers that a record of this generation was written.
    pub(crate) fn remember(self, item: &Item<'_>, generation: u64) {
        // Another process may write at the same time, over our line.
        for _ in 0..3 {
            replace_generation(item, Some(generation));
            if self.newest(item) == Some(generation) {
                break;
            }
        }
    }

    /// Erases the copy of the key.
    pub(crate) fn forget_key(item: &Item<'_>) {
        let _ = KernelKeyStore::of_user().remove(&key_of(item));
    }

    /// Erases everything about the login.
    pub(crate) fn forget(item: &Item<'_>) {
        Self::forget_key(item);
        if generations().iter().any(|(grant, _)| grant == item.grant) {
            replace_generation(item, None);
        }
    }

    /// Returns the kernel keys of this state folder's logins that nobody needs: copies for logins that are gone, and one key for each
    /// record's generation, which an earlier version kept. `all` are the logins that exist or existed, `records` those that have a
    /// record. Kernel keys of other state folders are not touched.
    pub(crate) fn unneeded(app: &AppName, all: &[GrantId], records: &[GrantId]) -> Result<Vec<String>, KeyStoreError> {
        let copies = all.iter().filter(|grant| !records.contains(grant)).map(|grant| key_of(&Item::new(app, grant)));
        let unneeded: Vec<_> = copies.chain(all.iter().map(|grant| format!("{GENERATIONS}:{app}:{grant}"))).collect();
        Ok(KernelKeyStore::of_user().names()?.into_iter().filter(|name| unneeded.contains(name)).collect())
    }

    /// Erases [the keys that nobody needs](Self::unneeded), and returns how many there were.
    pub(crate) fn erase_unneeded(app: &AppName, all: &[GrantId], records: &[GrantId]) -> Result<usize, KeyStoreError> {
        let mut erased = 0;
        for name in Self::unneeded(app, all, records)? {
            erased += usize::from(KernelKeyStore::of_user().remove(&name)?);
        }
        Ok(erased)
    }
}

/// Returns the generation of `grant`. Parses one line only: parsing a hundred would make a cached token half as expensive again. A line
/// that does not parse is not ours, and hides no other.
fn newest_in(lines: &str, grant: &GrantId) -> Option<u64> {
    lines.lines().find_map(|line| line.strip_prefix(grant.as_str())?.strip_prefix(' ')?.parse().ok())
}

/// Returns the lines, as the kernel has them. Any program of the user can write there.
fn read_generations() -> Zeroizing<Vec<u8>> {
    KernelKeyStore::of_user().get(GENERATIONS, MAX_GENERATIONS * MAX_LINE).ok().flatten().unwrap_or_default()
}

fn generations() -> Vec<(GrantId, u64)> {
    std::str::from_utf8(&read_generations()).unwrap_or_default().lines().filter_map(parse_line).collect()
}

/// Returns `None` for a line that is not ours.
fn parse_line(line: &str) -> Option<(GrantId, u64)> {
    let (grant, generation) = line.split_once(' ')?;
    Some((grant.parse().ok()?, generation.parse().ok()?))
}

/// Two processes at once may undo each other's change. Then an older generation is remembered, or none; no record seems older than it is.
fn replace_generation(item: &Item<'_>, generation: Option<u64>) {
    let mut all = generations();
    all.retain(|(grant, _)| grant != item.grant);
    all.extend(generation.map(|generation| (item.grant.clone(), generation)));
    let newest = all.split_off(all.len().saturating_sub(MAX_GENERATIONS));
    let lines: String = newest.iter().map(|(grant, generation)| format!("{grant} {generation}\n")).collect();
    let _ = match newest.is_empty() {
        true => KernelKeyStore::of_user().remove(GENERATIONS).map(drop),
        false => KernelKeyStore::of_user().put(GENERATIONS, lines.as_bytes(), Some(GENERATIONS_LIFETIME)),
    };
}

fn key_of(item: &Item<'_>) -> String {
    format!("{COPY_PREFIX}{}:{}", item.app, item.grant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_another_program_hides_no_generation() {
        let grant: GrantId = GrantId::random().unwrap();
        for junk in [format!("{grant} junk"), format!("{grant}"), format!("{grant} "), format!("{grant}x 9")] {
            assert_eq!(newest_in(&format!("{junk}\n{grant} 7"), &grant), Some(7), "{junk:?}");
        }
        assert_eq!(newest_in(&format!("{grant} junk"), &grant), None);
    }
}
