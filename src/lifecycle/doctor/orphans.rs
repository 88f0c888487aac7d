//! What index, state folder and stores know of each other's logins, where they do not agree: after a crash in the middle of a login or
//! a move, or when somebody has deleted something.

use std::sync::Arc;

use crate::custody::{Custody, CustodyError, KeyCache, Places};
use crate::lifecycle::app::Wiring;
use crate::lifecycle::contexts::{Entry, Index};
use crate::model::error::{Remedy, Result};
use crate::model::ids::GrantId;
use crate::records::open_grant::Found;
use crate::state_dir::Home;

/// What does not agree.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    /// Records that no context names, and where their key is, as far as could be found out.
    pub(crate) unnamed: Vec<(GrantId, Option<Arc<dyn Custody>>)>,
    /// Contexts without a record.
    pub(crate) empty: Vec<Entry>,
    /// Keys that are not needed, and that this folder's own sealed files prove to be of here: of a login that was never finished, or
    /// copies that a move has left.
    pub(crate) keys: Vec<(GrantId, Arc<dyn Custody>)>,
    /// How many keys a place holds that are of other state folders, or cannot be told from those.
    pub(crate) foreign: Vec<(String, usize)>,
    /// Places that could not be asked.
    pub(crate) unasked: Vec<(String, CustodyError)>,
}

impl Leftovers {
    /// `places` ask nobody.
    pub(crate) fn find(wiring: &Wiring, places: &Places, home: &Home, index: &Index) -> Result<Self> {
        let mut found = Self::default();
        let records = records(home)?;
        found.unnamed =
            records.iter().filter(|grant| index.of_grant(grant).is_none()).map(|grant| (grant.clone(), None)).collect();
        let has_no_record = |entry: &&Entry| !records.contains(&entry.grant);
        found.empty = index.contexts.iter().filter(has_no_record).cloned().collect();
        for place in places.all() {
            let held = match place.list(&wiring.config.app) {
                Ok(Some(held)) => held,
                // It cannot tell: what is looked for is asked for.
                Ok(None) => {
                    let holds = |grant: &GrantId| matches!(place.load(&wiring.files(home, grant).item()), Ok(Some(_)));
                    records.iter().filter(|grant| holds(grant)).cloned().collect()
                }
                Err(error) => {
                    found.unasked.push((place.name().to_owned(), error));
                    continue;
                }
            };
            let mut of_others = 0;
            for grant in held {
                let marked = index.of_grant(&grant).map(Entry::marked);
                let files = wiring.files(home, &grant);
                let files = marked.as_ref().map_or(files, |marked| files.called(marked));
                if let Some(unnamed) = found.unnamed.iter_mut().find(|(unnamed, _)| *unnamed == grant) {
                    unnamed.1.get_or_insert_with(|| place.clone());
                } else if index
                    .of_grant(&grant)
                    .is_some_and(|entry| entry.custody == place.name() && records.contains(&grant))
                {
                    // As it should be.
                } else if files.was_made_here(&*place).unwrap_or_default() {
                    found.keys.push((grant, place.clone()));
                } else {
                    of_others += 1;
                }
            }
            if of_others > 0 {
                found.foreign.push((place.name().to_owned(), of_others));
            }
        }
        Ok(found)
    }
}

/// The grants of which there is a record.
pub(crate) fn records(home: &Home) -> Result<Vec<GrantId>> {
    Ok(home.grants.names()?.iter().filter_map(|name| name.parse().ok()).collect())
}

/// The grants that this folder has or had: a lock is never removed.
pub(crate) fn all_grants(home: &Home) -> Result<Vec<GrantId>> {
    Ok(home.grants.names()?.iter().filter_map(|name| name.strip_suffix(".lock")?.parse().ok()).collect())
}

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
pub(crate) fn repair(wiring: &Wiring) -> Result<Repaired> {
    let Repaired { mut done, mut left } = Repaired::default();
    let tightened = wiring.tighten_home()?;
    done.extend(tightened.iter().map(|path| format!("closed {} to other users", path.display())));
    let Some(home) = wiring.home()? else { return Ok(Repaired { done, left }) };
    // A kernel that is not to be asked holds nothing for us.
    if let Ok(freed @ 1..) = KeyCache::free(&wiring.config.app, &all_grants(&home)?, &records(&home)?) {
        done.push(format!("freed {freed} of this user's keys in the kernel"));
    }
    let places = wiring.quiet_places();
    if let Err(error) = Index::read(Some(&home)) {
        if !matches!(error.remedy(), Some(Remedy::SetAside { .. })) {
            return Err(error);
        }
        // Only if nothing is lost by it: names that are damaged can be read by a person, names that are gone cannot.
        for (grant, custody) in Leftovers::find(wiring, &places, &home, &Index::empty())?.unnamed {
            let custody = custody.ok_or_else(|| error.clone())?;
            wiring.unlock(wiring.files(&home, &grant), custody.name())?.read()?;
        }
        Index::set_aside(&home, wiring.config.lock_timeout)?;
        done.push(format!("set the damaged index aside as {}", home.root.path_of(Index::DAMAGED).display()));
    }
    let before = Index::read(Some(&home))?;
    for (grant, custody) in Leftovers::find(wiring, &places, &home, &before)?.keys {
        match settled(wiring, &home, &places, &grant, &*custody) {
            Ok(what) => done.extend(what),
            Err(error) => left.push(format!("a key in {}: {}", custody.name(), error.in_full())),
        }
    }
    let mut is_named_anew = false;
    // Where their keys are is known now.
    for entry in Index::read(Some(&home))?.contexts {
        if let Some(why) = freed(wiring, &home, &places, &entry)? {
            is_named_anew = true;
            done.push(format!("took the name {} away: {why}", entry.name));
        }
    }
    let found = Leftovers::find(wiring, &places, &home, &Index::read(Some(&home))?)?;
    for (grant, custody) in found.unnamed {
        match custody.map(|custody| named_again(wiring, &home, &grant, custody.name(), &before)) {
            Some(Ok(named)) => {
                is_named_anew = true;
                done.push(format!("named the login {named}"));
            }
            Some(Err(error)) => left.push(format!("the record {grant}: {}", error.in_full())),
            None => left.push(format!("the record {grant}: its key could not be found")),
        }
    }
    for entry in found.empty {
        if taken_out(wiring, &home, &places, &entry)? {
            done.push(format!("forgot {}, whose record is gone", entry.name));
        }
    }
    if is_named_anew {
        // Who is put back first is not the default for that.
        left.extend(Index::change(&home, wiring.config.lock_timeout, |index| Ok(index.choose_as(&before)))?);
    }
    Ok(Repaired { done, left })
}

/// Takes a name from a record that is not the one it names (law 16), and says why; the record is named anew. What does not open now is
/// left as it is.
fn freed(wiring: &Wiring, home: &Home, places: &Places, entry: &Entry) -> Result<Option<String>> {
    let files = wiring.files(home, &entry.grant);
    let opened = places.of(&entry.custody).and_then(|custody| files.unlock(&*custody));
    let Ok((record, grant)) = opened.and_then(|grant| Ok((grant.read()?, grant))) else { return Ok(None) };
    let Err(wrong) = wiring.check_record(entry, &grant, &record) else { return Ok(None) };
    Index::change(home, wiring.config.lock_timeout, |index| {
        if index.get(&entry.name).is_some_and(|now| now.grant == entry.grant && now.mark == entry.mark) {
            index.remove(&entry.name);
        }
        Ok(Some(wrong.to_string()))
    })
}

/// A record that opens says all that the index has to know, but for the names that the person gave. Those are found where `before`, the
/// index as it was, has them with a mark of this grant's key, at whatever login. Returns what is said of it.
fn named_again(wiring: &Wiring, home: &Home, grant: &GrantId, custody: &str, before: &Index) -> Result<String> {
    let files = wiring.files(home, grant);
    // Before the lock is taken: a person may be asked.
    let opened = wiring.unlock(files, custody)?;
    let lock = files.lock(wiring.config.lock_timeout)?;
    let Found { record, .. } = opened.recover(&lock)?;
    Index::change(home, wiring.config.lock_timeout, |index| {
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
                    custody: custody.to_owned(),
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
fn taken_out(wiring: &Wiring, home: &Home, places: &Places, entry: &Entry) -> Result<bool> {
    let marked = entry.marked();
    let files = wiring.files(home, &entry.grant).called(&marked);
    let lock = files.lock(wiring.config.lock_timeout)?;
    if files.is_there() {
        return Ok(false);
    }
    // A place that cannot be reached keeps a key that opens nothing.
    let erased = places.any(&entry.custody).and_then(|custody| files.erase(&lock, Some(&*custody)));
    erased.or_else(|_| files.erase(&lock, None))?;
    Index::change(home, wiring.config.lock_timeout, |index| {
        index.forget(&entry.grant);
        Ok(true)
    })
}

/// Erases a key where it is not needed; where it is the only one that opens the record, the index learns where it is. Looks at everything
/// again under the lock: a login or a move that was under way may have come to its end meanwhile.
fn settled(
    wiring: &Wiring,
    home: &Home,
    places: &Places,
    grant: &GrantId,
    custody: &dyn Custody,
) -> Result<Option<String>> {
    let files = wiring.files(home, grant);
    let lock = files.lock(wiring.config.lock_timeout)?;
    let index = Index::read(Some(home))?;
    let opens = |place: &dyn Custody| files.unlock_anew(place).and_then(|grant| grant.read());
    match index.of_grant(grant) {
        Some(entry) if entry.custody == custody.name() => return Ok(None),
        Some(entry) => {
            let own = places.of(&entry.custody)?;
            if let Err(error) = opens(&*own) {
                // Locked is not empty: only where the key is gone is another one its heir.
                let is_gone = matches!(
                    error.remedy(),
                    Some(Remedy::LogIn { .. } | Remedy::SetAside { .. } | Remedy::StartSession)
                );
                if !is_gone || opens(custody).is_err() {
                    return Err(error);
                }
                Index::change(home, wiring.config.lock_timeout, |index| {
                    index.move_to(grant, custody.name());
                    Ok(())
                })?;
                return Ok(Some(format!("found the key of {} in {}", entry.name, custody.name())));
            }
        }
        // A record that no name is of is not ours to end.
        None if files.is_there() => return Ok(None),
        // A login that was never finished: what it wrote goes too.
        None => {
            files.erase(&lock, Some(custody))?;
            return Ok(Some(format!("erased a key in {} that opened nothing", custody.name())));
        }
    }
    let erased = files.erase_key(custody).map_err(|error| error.at_rest(custody.name()))?;
    Ok(erased.then(|| format!("erased a key in {} that opened nothing", custody.name())))
}
