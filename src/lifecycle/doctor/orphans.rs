//! [`Orphans`]: records, names and keys that do not belong together, after a crash in a login or a move, or after somebody deleted
//! something.

use std::sync::Arc;

use crate::custody::{KeyStore, KeyStoreError, KeyStoreName, KeyStores};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Entry, Index};
use crate::model::error::Result;
use crate::model::ids::GrantId;
use crate::state_dir::StateDir;

/// Where the index, the state folder and the key stores disagree.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    /// Records that no context names, with the key store that holds their key, if one could be found.
    pub(crate) unnamed_records: Vec<(GrantId, Option<Arc<dyn KeyStore>>)>,
    /// Contexts without a record.
    pub(crate) empty_entries: Vec<Entry>,
    /// Keys that nothing needs, of an unfinished login or of a move that left a copy. Files of this state folder prove that they were made
    /// here.
    pub(crate) unneeded_keys: Vec<(GrantId, Arc<dyn KeyStore>)>,
    /// How many keys a key store holds that may belong to other state folders.
    pub(crate) unproven_keys: Vec<(KeyStoreName, usize)>,
    /// Key stores that could not be asked.
    pub(crate) unreachable_stores: Vec<(KeyStoreName, KeyStoreError)>,
}

impl Orphans {
    /// Finds the orphans. `key_stores` must ask no person.
    pub(crate) fn find(app: &App, key_stores: &KeyStores, state_dir: &StateDir, index: &Index) -> Result<Self> {
        let search = Search { app, state_dir, index, records: records(state_dir)? };
        let mut orphans = Self {
            unnamed_records: search.unnamed_records(),
            empty_entries: search.empty_entries(),
            ..Self::default()
        };
        for key_store in key_stores.all() {
            match search.grants_in(&*key_store) {
                Ok(grants) => orphans.add_keys(&search, &key_store, grants),
                Err(error) => orphans.unreachable_stores.push((key_store.name(), error)),
            }
        }
        Ok(orphans)
    }

    fn add_keys(&mut self, search: &Search<'_>, key_store: &Arc<dyn KeyStore>, grants: Vec<GrantId>) {
        let mut unproven = 0;
        for grant in grants {
            match search.classify(&grant, &**key_store) {
                HeldKey::Needed => {}
                HeldKey::OfUnnamedRecord => self.found_key_of(&grant, key_store),
                HeldKey::Unneeded => self.unneeded_keys.push((grant, key_store.clone())),
                HeldKey::Unproven => unproven += 1,
            }
        }
        if unproven > 0 {
            self.unproven_keys.push((key_store.name(), unproven));
        }
    }

    fn found_key_of(&mut self, grant: &GrantId, key_store: &Arc<dyn KeyStore>) {
        for (_, found) in self.unnamed_records.iter_mut().filter(|(unnamed, _)| unnamed == grant) {
            found.get_or_insert_with(|| key_store.clone());
        }
    }
}

/// Returns the grants that have a record.
pub(super) fn records(state_dir: &StateDir) -> Result<Vec<GrantId>> {
    Ok(state_dir.grants.names()?.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Returns the grants that this folder has or had: a lock is never removed.
pub(super) fn all_grants(state_dir: &StateDir) -> Result<Vec<GrantId>> {
    Ok(state_dir.grants.names()?.iter().filter_map(|name| name.strip_suffix(".lock")?.parse().ok()).collect())
}

struct Search<'a> {
    app: &'a App,
    state_dir: &'a StateDir,
    index: &'a Index,
    records: Vec<GrantId>,
}

/// A key in a key store, by what this state folder knows of it.
enum HeldKey {
    /// It opens a record that has a name, and the index says that it is in this key store.
    Needed,
    /// It is the key of a record that no context names.
    OfUnnamedRecord,
    /// It was made here, and nothing needs it.
    Unneeded,
    /// Nothing proves that it was made here.
    Unproven,
}

impl Search<'_> {
    fn unnamed_records(&self) -> Vec<(GrantId, Option<Arc<dyn KeyStore>>)> {
        let unnamed = self.records.iter().filter(|grant| self.index.of_grant(grant).is_none());
        unnamed.map(|grant| (grant.clone(), None)).collect()
    }

    fn empty_entries(&self) -> Vec<Entry> {
        self.index.contexts.iter().filter(|entry| !self.records.contains(&entry.grant)).cloned().collect()
    }

    /// Returns the grants that `key_store` holds a key of; if it cannot list them, the records whose key it holds.
    fn grants_in(&self, key_store: &dyn KeyStore) -> Result<Vec<GrantId>, KeyStoreError> {
        if let Some(listed) = key_store.list(&self.app.config.app)? {
            return Ok(listed);
        }
        let has_key = |grant: &&GrantId| {
            let item = self.app.files(self.state_dir, grant).item();
            matches!(key_store.load(&item), Ok(Some(_)))
        };
        Ok(self.records.iter().filter(has_key).cloned().collect())
    }

    fn classify(&self, grant: &GrantId, key_store: &dyn KeyStore) -> HeldKey {
        match self.index.of_grant(grant) {
            Some(entry) if entry.key_store == key_store.name() && self.records.contains(grant) => HeldKey::Needed,
            None if self.records.contains(grant) => HeldKey::OfUnnamedRecord,
            _ if self.was_made_here(grant, key_store) => HeldKey::Unneeded,
            _ => HeldKey::Unproven,
        }
    }

    fn was_made_here(&self, grant: &GrantId, key_store: &dyn KeyStore) -> bool {
        let marked = self.index.of_grant(grant).map(Entry::marked);
        let files = self.app.files(self.state_dir, grant);
        let files = marked.as_ref().map_or(files, |marked| files.called(marked));
        files.was_made_here(key_store).unwrap_or_default()
    }
}
