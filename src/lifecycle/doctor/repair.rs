//! Repairs what the checks call repairable. Another process may log in or move a key meanwhile, so each step decides under the lock of
//! its grant, on what it reads there.

use crate::custody::{KernelCache, KeyStore, KeyStoreName, KeyStores};
use crate::governance::permit::Action;
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Entry, Index};
use crate::lifecycle::doctor::orphans::{Orphans, all_grants, records};
use crate::model::error::{Error, Remedy, Result};
use crate::model::event::EventCode;
use crate::model::ids::{ContextName, GrantId, Org};
use crate::records::open_grant::RecoveredGrant;
use crate::records::record::Record;
use crate::state_dir::StateDir;

/// The results of a repair.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Repaired {
    /// What was repaired, a line each.
    pub done: Vec<String>,
    /// What could not be repaired, and why, a line each.
    pub left: Vec<String>,
}

/// Repairs what can be repaired.
pub(crate) fn repair(app: &App) -> Result<Repaired> {
    let mut repaired = Repaired::default();
    let tightened = app.tighten_state_dir()?;
    repaired.done.extend(tightened.iter().map(|path| format!("closed {} to other users", path.display())));
    let Some(state_dir) = app.state_dir()? else { return Ok(repaired) };
    let mut repair = Repair { app, state_dir: &state_dir, key_stores: app.quiet_key_stores(), repaired };
    repair.free_kernel_keys()?;
    repair.set_aside_a_damaged_index()?;
    let before = repair.index()?;
    repair.remove_stray_keys(&before)?;
    // Now the index says where each key is.
    let mut has_new_names = repair.remove_unproven_names()?;
    let Orphans { unnamed_records, empty_entries, .. } = repair.orphans(&repair.index()?)?;
    for (grant, key_store) in unnamed_records {
        has_new_names |= repair.name_record(&grant, key_store.as_deref(), &before);
    }
    for entry in empty_entries {
        repair.drop_empty_entry(&entry)?;
    }
    if has_new_names {
        // Otherwise the first record that got a name would be the default.
        repair.restore_selection(&before)?;
    }
    Ok(repair.repaired)
}

struct Repair<'a> {
    app: &'a App,
    state_dir: &'a StateDir,
    /// They ask no person.
    key_stores: KeyStores,
    repaired: Repaired,
}

impl Repair<'_> {
    fn free_kernel_keys(&mut self) -> Result<()> {
        let (all, records) = (all_grants(self.state_dir)?, records(self.state_dir)?);
        // A kernel that cannot be asked holds nothing for us.
        if let Ok(freed @ 1..) = KernelCache::erase_unneeded(&self.app.config.app, &all, &records) {
            self.done(format!("freed {freed} of this user's keys in the kernel"));
        }
        Ok(())
    }

    fn set_aside_a_damaged_index(&mut self) -> Result<()> {
        let Err(error) = self.index() else { return Ok(()) };
        if !matches!(error.remedy(), Some(Remedy::SetAside { .. })) {
            return Err(error);
        }
        self.check_that_records_open(&error)?;
        Index::set_aside(self.state_dir, self.app.config.lock_timeout)?;
        self.done(format!("set the damaged index aside as {}", self.state_dir.root.path_of(Index::DAMAGED).display()));
        Ok(())
    }

    /// Makes sure that each record can get a name again: a person can still read the names in a damaged index.
    fn check_that_records_open(&self, damaged: &Error) -> Result<()> {
        for (grant, key_store) in self.orphans(&Index::empty())?.unnamed_records {
            let key_store = key_store.ok_or_else(|| damaged.clone())?;
            self.app.unlock(self.app.files(self.state_dir, &grant), &key_store.name())?.read()?;
        }
        Ok(())
    }

    fn remove_stray_keys(&mut self, index: &Index) -> Result<()> {
        for (grant, key_store) in self.orphans(index)?.unneeded_keys {
            match self.remove_stray_key(&grant, &*key_store) {
                Ok(done) => self.repaired.done.extend(done),
                Err(error) => self.left(format!("a key in {}: {}", key_store.name(), error.full_text())),
            }
        }
        Ok(())
    }

    /// Erases a key that nothing needs. If it is the only key that opens the record, the index learns where it is instead. Returns what was
    /// done.
    fn remove_stray_key(&self, grant: &GrantId, key_store: &dyn KeyStore) -> Result<Option<String>> {
        let files = self.app.files(self.state_dir, grant);
        let lock = files.lock(self.app.config.lock_timeout)?;
        let name = key_store.name();
        let erased = match self.index()?.of_grant(grant) {
            Some(entry) if entry.key_store == name => return Ok(None),
            Some(entry) => {
                if self.move_to_the_key_that_opens(entry, key_store)? {
                    return Ok(Some(format!("found the key of {} in {name}", entry.name)));
                }
                files.erase_key(key_store).map_err(|error| error.into_load_error(&name))?
            }
            // A repair does not end a login that has lost its name.
            None if files.is_there() => return Ok(None),
            // The login was never finished: its files go too.
            None => {
                let mut subject = self.app.subject();
                subject.grant = Some(grant.clone());
                let permit = self.app.permit(Action::Repair, subject)?;
                files.erase(&lock, &permit, Some(key_store))?;
                drop(lock);
                permit.note(EventCode::LoggedOut, |event| event.say("it was never finished"));
                permit.end(&Ok(()));
                true
            }
        };
        Ok(erased.then(|| format!("erased a key in {name} that opened nothing")))
    }

    /// Records in the index that the key of `entry` is in `found`, if no other key opens the
    /// record. Returns whether it did.
    fn move_to_the_key_that_opens(&self, entry: &Entry, found: &dyn KeyStore) -> Result<bool> {
        let indexed = self.key_stores.of(&entry.key_store)?;
        let Err(error) = self.open(entry, &*indexed) else { return Ok(false) };
        // Locked is not empty: only if the key is gone may another one take its place.
        let is_gone =
            matches!(error.remedy(), Some(Remedy::LogIn { .. } | Remedy::SetAside { .. } | Remedy::StartSession));
        if !is_gone || self.open(entry, found).is_err() {
            return Err(error);
        }
        self.change(|index| {
            index.set_key_store(&entry.grant, &found.name());
            Ok(true)
        })
    }

    fn open(&self, entry: &Entry, key_store: &dyn KeyStore) -> Result<Record> {
        self.app.files(self.state_dir, &entry.grant).unlock_from_key_store(key_store)?.read()
    }

    fn remove_unproven_names(&mut self) -> Result<bool> {
        let mut has_removed = false;
        for entry in self.index()?.contexts {
            if let Some(why) = self.remove_unproven_name(&entry)? {
                has_removed = true;
                self.done(format!("took the name {} away: {why}", entry.name));
            }
        }
        Ok(has_removed)
    }

    /// Takes a name from a record that does not prove it (law 16), and returns why. The record gets another name. A record that cannot be
    /// opened now keeps its name.
    fn remove_unproven_name(&self, entry: &Entry) -> Result<Option<String>> {
        let files = self.app.files(self.state_dir, &entry.grant);
        let opened = self.key_stores.of(&entry.key_store).and_then(|key_store| files.unlock(&*key_store));
        let Ok((record, grant)) = opened.and_then(|grant| Ok((grant.read()?, grant))) else { return Ok(None) };
        let Err(wrong) = self.app.check_record(entry, &grant, &record) else { return Ok(None) };
        self.change(|index| {
            if index.get(&entry.name).is_some_and(|now| now.grant == entry.grant && now.mark == entry.mark) {
                index.remove(&entry.name);
            }
            Ok(Some(wrong.to_string()))
        })
    }

    /// Gives a record its names again; returns whether it has one now.
    fn name_record(&mut self, grant: &GrantId, key_store: Option<&dyn KeyStore>, before: &Index) -> bool {
        let Some(key_store) = key_store else {
            self.left(format!("the record {grant}: its key could not be found"));
            return false;
        };
        match self.reindex(grant, &key_store.name(), before) {
            Ok(named) => {
                self.done(format!("named the login {named}"));
                true
            }
            Err(error) => {
                self.left(format!("the record {grant}: {}", error.full_text()));
                false
            }
        }
    }

    /// Puts a record into the index. The record says everything except the names that the person
    /// gave. Those are in `before`, the index before the repair, in any entry with a mark of this
    /// grant's key. Returns a description of the login.
    fn reindex(&self, grant: &GrantId, key_store: &KeyStoreName, before: &Index) -> Result<String> {
        let files = self.app.files(self.state_dir, grant);
        // Before the lock is taken: a person may be asked.
        let opened = self.app.unlock(files, key_store)?;
        let lock = files.lock(self.app.config.lock_timeout)?;
        let RecoveredGrant { record, .. } = opened.recover(&lock)?;
        self.change(|index| {
            if let Some(entry) = index.of_grant(grant) {
                // Its login was under way, and is finished now.
                return Ok(format!("{} again", entry.name));
            }
            let marked = before.marked_by(&opened).into_iter().filter(|entry| index.get(&entry.name).is_none());
            let mut names: Vec<_> = marked.map(|entry| (entry.name, entry.org)).collect();
            if names.is_empty() {
                let org = record.tokens.first().and_then(|token| token.org.clone());
                let environment = record.provenance.environment.as_ref();
                names.push((index.derive_name(&record.account, org.as_ref(), environment), org));
            }
            let twin = other_login(index, &record, &names);
            for (name, org) in &names {
                index.put(Entry::of_record(name.clone(), grant, org.clone(), &record, key_store.clone()), false);
                index.mark(&opened, name)?;
            }
            let named = names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            Ok(match twin {
                // A person who logged in again while the name was lost has two logins, and may end one.
                Some(twin) => format!("{named} again: {} is logged in as {twin} too", record.account),
                None => format!("{named} again"),
            })
        })
    }

    /// Removes the names of a record that is gone.
    fn drop_empty_entry(&mut self, entry: &Entry) -> Result<()> {
        let marked = entry.marked();
        let files = self.app.files(self.state_dir, &entry.grant).called(&marked);
        let lock = files.lock(self.app.config.lock_timeout)?;
        if files.is_there() {
            return Ok(());
        }
        // A key store that cannot be reached keeps a key that opens nothing.
        let permit = self.app.permit(Action::Repair, self.app.subject_of(self.state_dir, entry))?;
        let key_store = self.key_stores.any(&entry.key_store);
        let erased = key_store.and_then(|key_store| files.erase(&lock, &permit, Some(&*key_store)));
        erased.or_else(|_| files.erase(&lock, &permit, None))?;
        drop(lock);
        permit.note(EventCode::LoggedOut, |event| event.say("its record is gone"));
        permit.end(&Ok(()));
        self.change(|index| {
            index.forget(&entry.grant);
            Ok(())
        })?;
        self.done(format!("forgot {}, whose record is gone", entry.name));
        Ok(())
    }

    fn restore_selection(&mut self, before: &Index) -> Result<()> {
        let lost = self.change(|index| Ok(index.restore_selection(before)))?;
        self.repaired.left.extend(lost);
        Ok(())
    }

    fn index(&self) -> Result<Index> {
        Index::read(Some(self.state_dir))
    }

    fn orphans(&self, index: &Index) -> Result<Orphans> {
        Orphans::find(self.app, &self.key_stores, self.state_dir, index)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Index) -> Result<T>) -> Result<T> {
        Index::change(self.state_dir, self.app.config.lock_timeout, change)
    }

    fn done(&mut self, line: String) {
        self.repaired.done.push(line);
    }

    fn left(&mut self, line: String) {
        self.repaired.left.push(line);
    }
}

/// Returns another login of the record's account for one of the orgs.
fn other_login(index: &Index, record: &Record, names: &[(ContextName, Option<Org>)]) -> Option<ContextName> {
    let mut own = index.contexts.iter().filter(|entry| entry.is_of(&record.account, &record.destination.client_id));
    own.find(|entry| names.iter().any(|(_, org)| *org == entry.org)).map(|entry| entry.name.clone())
}
