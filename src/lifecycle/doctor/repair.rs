//! Repairs what the index, the state folder and the key stores disagree about.

use crate::custody::{KernelCache, KeyStore, KeyStores};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Entry, Index};
use crate::lifecycle::doctor::orphans::{Orphans, all_grants, records};
use crate::model::error::{Remedy, Result};
use crate::model::ids::GrantId;
use crate::records::open_grant::Found;
use crate::state_dir::StateDir;

/// What a repair has done, and what it had to leave.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Repaired {
    /// What was repaired, a line each.
    pub done: Vec<String>,
    /// What could not be, and why, a line each.
    pub left: Vec<String>,
}

/// Repairs what can be.
pub(crate) fn repair(app: &App) -> Result<Repaired> {
    let Repaired { mut done, mut left } = Repaired::default();
    let tightened = app.tighten_state_dir()?;
    done.extend(tightened.iter().map(|path| format!("closed {} to other users", path.display())));
    let Some(state_dir) = app.state_dir()? else { return Ok(Repaired { done, left }) };
    // A kernel that is not to be asked holds nothing for us.
    if let Ok(freed @ 1..) = KernelCache::free(&app.config.app, &all_grants(&state_dir)?, &records(&state_dir)?) {
        done.push(format!("freed {freed} of this user's keys in the kernel"));
    }
    let key_stores = app.quiet_key_stores();
    if let Err(error) = Index::read(Some(&state_dir)) {
        if !matches!(error.remedy(), Some(Remedy::SetAside { .. })) {
            return Err(error);
        }
        // Only if nothing is lost by it: names that are damaged can be read by a person, names that are gone cannot.
        for (grant, key_store) in Orphans::find(app, &key_stores, &state_dir, &Index::empty())?.unnamed {
            let key_store = key_store.ok_or_else(|| error.clone())?;
            app.unlock(app.files(&state_dir, &grant), key_store.name())?.read()?;
        }
        Index::set_aside(&state_dir, app.config.lock_timeout)?;
        done.push(format!("set the damaged index aside as {}", state_dir.root.path_of(Index::DAMAGED).display()));
    }
    let before = Index::read(Some(&state_dir))?;
    for (grant, key_store) in Orphans::find(app, &key_stores, &state_dir, &before)?.keys {
        match remove_stray_key(app, &state_dir, &key_stores, &grant, &*key_store) {
            Ok(what) => done.extend(what),
            Err(error) => left.push(format!("a key in {}: {}", key_store.name(), error.full_text())),
        }
    }
    let mut is_named_anew = false;
    // Where their keys are is known now.
    for entry in Index::read(Some(&state_dir))?.contexts {
        if let Some(why) = freed(app, &state_dir, &key_stores, &entry)? {
            is_named_anew = true;
            done.push(format!("took the name {} away: {why}", entry.name));
        }
    }
    let found = Orphans::find(app, &key_stores, &state_dir, &Index::read(Some(&state_dir))?)?;
    for (grant, key_store) in found.unnamed {
        match key_store.map(|key_store| reindex(app, &state_dir, &grant, key_store.name(), &before)) {
            Some(Ok(named)) => {
                is_named_anew = true;
                done.push(format!("named the login {named}"));
            }
            Some(Err(error)) => left.push(format!("the record {grant}: {}", error.full_text())),
            None => left.push(format!("the record {grant}: its key could not be found")),
        }
    }
    for entry in found.empty {
        if drop_empty_entry(app, &state_dir, &key_stores, &entry)? {
            done.push(format!("forgot {}, whose record is gone", entry.name));
        }
    }
    if is_named_anew {
        // Who is put back first is not the default for that.
        left.extend(Index::change(&state_dir, app.config.lock_timeout, |index| Ok(index.choose_as(&before)))?);
    }
    Ok(Repaired { done, left })
}

/// Takes a name from a record that is not the one it names (law 16), and says why; the record is named anew. What does not open now is
/// left as it is.
fn freed(app: &App, state_dir: &StateDir, key_stores: &KeyStores, entry: &Entry) -> Result<Option<String>> {
    let files = app.files(state_dir, &entry.grant);
    let opened = key_stores.of(&entry.key_store).and_then(|key_store| files.unlock(&*key_store));
    let Ok((record, grant)) = opened.and_then(|grant| Ok((grant.read()?, grant))) else { return Ok(None) };
    let Err(wrong) = app.check_record(entry, &grant, &record) else { return Ok(None) };
    Index::change(state_dir, app.config.lock_timeout, |index| {
        if index.get(&entry.name).is_some_and(|now| now.grant == entry.grant && now.mark == entry.mark) {
            index.remove(&entry.name);
        }
        Ok(Some(wrong.to_string()))
    })
}

/// A record that opens says all that the index has to know, but for the names that the person gave. Those are found where `before`, the
/// index as it was, has them with a mark of this grant's key, at whatever login. Returns what is said of it.
fn reindex(app: &App, state_dir: &StateDir, grant: &GrantId, key_store: &str, before: &Index) -> Result<String> {
    let files = app.files(state_dir, grant);
    // Before the lock is taken: a person may be asked.
    let opened = app.unlock(files, key_store)?;
    let lock = files.lock(app.config.lock_timeout)?;
    let Found { record, .. } = opened.recover(&lock)?;
    Index::change(state_dir, app.config.lock_timeout, |index| {
        if let Some(entry) = index.of_grant(grant) {
            // A login that was under way has come to its end.
            return Ok(format!("{} again", entry.name));
        }
        let own = before.marked_by(&opened).into_iter().filter(|entry| index.get(&entry.name).is_none());
        let mut names: Vec<_> = own.map(|entry| (entry.name, entry.org)).collect();
        if names.is_empty() {
            let org = record.tokens.first().and_then(|token| token.org.clone());
            names.push((index.free_name(&record.account, org.as_ref()), org));
        }
        let client = &record.destination.client_id;
        let is_twin =
            |entry: &&Entry| entry.is_of(&record.account, client) && names.iter().any(|(_, org)| *org == entry.org);
        let twin = index.contexts.iter().find(is_twin).map(|twin| twin.name.clone());
        for (name, org) in &names {
            index.put(
                Entry {
                    name: name.clone(),
                    grant: grant.clone(),
                    org: org.clone(),
                    account: record.account.clone(),
                    client_id: record.destination.client_id.clone(),
                    scopes: record.scopes.clone(),
                    key_store: key_store.to_owned(),
                    mark: String::new(),
                    asked: None,
                },
                false,
            );
            index.mark(&opened, name)?;
        }
        let named = names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        Ok(match twin {
            // A person who logged in again while the name was lost has two, and one of them may be ended.
            Some(twin) => format!("{named} again: {} is logged in as {twin} too", record.account),
            None => format!("{named} again"),
        })
    })
}

/// Takes a name out whose record is gone; says whether it is.
fn drop_empty_entry(app: &App, state_dir: &StateDir, key_stores: &KeyStores, entry: &Entry) -> Result<bool> {
    let marked = entry.marked();
    let files = app.files(state_dir, &entry.grant).called(&marked);
    let lock = files.lock(app.config.lock_timeout)?;
    if files.is_there() {
        return Ok(false);
    }
    // A place that cannot be reached keeps a key that opens nothing.
    let erased = key_stores.any(&entry.key_store).and_then(|key_store| files.erase(&lock, Some(&*key_store)));
    erased.or_else(|_| files.erase(&lock, None))?;
    Index::change(state_dir, app.config.lock_timeout, |index| {
        index.forget(&entry.grant);
        Ok(true)
    })
}

/// Erases a key where it is not needed; where it is the only one that opens the record, the index learns where it is. Looks at everything
/// again under the lock: a login or a move that was under way may have come to its end meanwhile.
fn remove_stray_key(
    app: &App,
    state_dir: &StateDir,
    key_stores: &KeyStores,
    grant: &GrantId,
    key_store: &dyn KeyStore,
) -> Result<Option<String>> {
    let files = app.files(state_dir, grant);
    let lock = files.lock(app.config.lock_timeout)?;
    let index = Index::read(Some(state_dir))?;
    let opens = |store: &dyn KeyStore| files.unlock_anew(store).and_then(|grant| grant.read());
    match index.of_grant(grant) {
        Some(entry) if entry.key_store == key_store.name() => return Ok(None),
        Some(entry) => {
            let own = key_stores.of(&entry.key_store)?;
            if let Err(error) = opens(&*own) {
                // Locked is not empty: only where the key is gone is another one its heir.
                let is_gone = matches!(
                    error.remedy(),
                    Some(Remedy::LogIn { .. } | Remedy::SetAside { .. } | Remedy::StartSession)
                );
                if !is_gone || opens(key_store).is_err() {
                    return Err(error);
                }
                Index::change(state_dir, app.config.lock_timeout, |index| {
                    index.move_to(grant, key_store.name());
                    Ok(())
                })?;
                return Ok(Some(format!("found the key of {} in {}", entry.name, key_store.name())));
            }
        }
        // A record that no name is of is not ours to end.
        None if files.is_there() => return Ok(None),
        // A login that was never finished: what it wrote goes too.
        None => {
            files.erase(&lock, Some(key_store))?;
            return Ok(Some(format!("erased a key in {} that opened nothing", key_store.name())));
        }
    }
    let erased = files.erase_key(key_store).map_err(|error| error.at_rest(key_store.name()))?;
    Ok(erased.then(|| format!("erased a key in {} that opened nothing", key_store.name())))
}
