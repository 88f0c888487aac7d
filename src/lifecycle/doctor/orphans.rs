//! What index, state folder and stores know of each other's logins, where they do not agree: after a crash in the middle of a login or
//! a move, or when somebody has deleted something.

use std::sync::Arc;

use crate::custody::{KeyStore, KeyStoreError, KeyStores};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Entry, Index};
use crate::model::error::Result;
use crate::model::ids::GrantId;
use crate::state_dir::StateDir;

/// What does not agree.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    /// Records that no context names, and where their key is, as far as could be found out.
    pub(crate) unnamed: Vec<(GrantId, Option<Arc<dyn KeyStore>>)>,
    /// Contexts without a record.
    pub(crate) empty: Vec<Entry>,
    /// Keys that are not needed, and that this folder's own sealed files prove to be of here: of a login that was never finished, or
    /// copies that a move has left.
    pub(crate) keys: Vec<(GrantId, Arc<dyn KeyStore>)>,
    /// How many keys a place holds that are of other state folders, or cannot be told from those.
    pub(crate) foreign: Vec<(String, usize)>,
    /// Places that could not be asked.
    pub(crate) unasked: Vec<(String, KeyStoreError)>,
}

impl Orphans {
    /// `key_stores` ask nobody.
    pub(crate) fn find(app: &App, key_stores: &KeyStores, state_dir: &StateDir, index: &Index) -> Result<Self> {
        let mut found = Self::default();
        let records = records(state_dir)?;
        found.unnamed =
            records.iter().filter(|grant| index.of_grant(grant).is_none()).map(|grant| (grant.clone(), None)).collect();
        let has_no_record = |entry: &&Entry| !records.contains(&entry.grant);
        found.empty = index.contexts.iter().filter(has_no_record).cloned().collect();
        for store in key_stores.all() {
            let held = match store.list(&app.config.app) {
                Ok(Some(held)) => held,
                // It cannot tell: what is looked for is asked for.
                Ok(None) => {
                    let holds =
                        |grant: &GrantId| matches!(store.load(&app.files(state_dir, grant).item()), Ok(Some(_)));
                    records.iter().filter(|grant| holds(grant)).cloned().collect()
                }
                Err(error) => {
                    found.unasked.push((store.name().to_owned(), error));
                    continue;
                }
            };
            let mut of_others = 0;
            for grant in held {
                let marked = index.of_grant(&grant).map(Entry::marked);
                let files = app.files(state_dir, &grant);
                let files = marked.as_ref().map_or(files, |marked| files.called(marked));
                if let Some(unnamed) = found.unnamed.iter_mut().find(|(unnamed, _)| *unnamed == grant) {
                    unnamed.1.get_or_insert_with(|| store.clone());
                } else if index
                    .of_grant(&grant)
                    .is_some_and(|entry| entry.key_store == store.name() && records.contains(&grant))
                {
                    // As it should be.
                } else if files.was_made_here(&*store).unwrap_or_default() {
                    found.keys.push((grant, store.clone()));
                } else {
                    of_others += 1;
                }
            }
            if of_others > 0 {
                found.foreign.push((store.name().to_owned(), of_others));
            }
        }
        Ok(found)
    }
}

/// The grants of which there is a record.
pub(crate) fn records(state_dir: &StateDir) -> Result<Vec<GrantId>> {
    Ok(state_dir.grants.names()?.iter().filter_map(|name| name.parse().ok()).collect())
}

/// The grants that this folder has or had: a lock is never removed.
pub(crate) fn all_grants(state_dir: &StateDir) -> Result<Vec<GrantId>> {
    Ok(state_dir.grants.names()?.iter().filter_map(|name| name.strip_suffix(".lock")?.parse().ok()).collect())
}
