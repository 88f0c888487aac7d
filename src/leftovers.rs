//! What index, state folder and stores know of each other's logins, where they do not agree: after a crash in the middle of a login or
//! a move, or when somebody has deleted something.

use std::sync::Arc;

use crate::context::{Entry, Index};
use crate::custody::{Custody, CustodyError, Places};
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::grant::Found;
use crate::home::Home;
use crate::id::{ContextName, GrantId};
use crate::wiring::Wiring;

/// What does not agree.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    /// Records that no context names, and where their key is, as far as could be found out.
    pub(crate) unnamed: Vec<(GrantId, Option<Arc<dyn Custody>>)>,
    /// Contexts without a record.
    pub(crate) empty: Vec<Entry>,
    /// Keys that open nothing: of logins of this state folder that are gone, or copies that a move has left.
    pub(crate) keys: Vec<(GrantId, Arc<dyn Custody>)>,
    /// How many keys of other state folders a place holds.
    pub(crate) foreign: Vec<(String, usize)>,
    /// Places that could not be asked.
    pub(crate) unasked: Vec<(String, CustodyError)>,
}

impl Leftovers {
    /// `places` ask nobody.
    pub(crate) fn find(wiring: &Wiring, places: &Places, home: &Home, index: &Index) -> Result<Self> {
        let mut found = Self::default();
        let names = home.grants.names()?;
        let records: Vec<GrantId> = names.iter().filter_map(|name| name.parse().ok()).collect();
        let is_of = |grant: &GrantId| index.contexts.iter().find(|entry| entry.grant == *grant);
        found.unnamed =
            records.iter().filter(|grant| is_of(grant).is_none()).map(|grant| (grant.clone(), None)).collect();
        let has_no_record = |entry: &&Entry| !records.contains(&entry.grant);
        found.empty = index.contexts.iter().filter(has_no_record).cloned().collect();
        for place in places.all() {
            let held = match place.list(&wiring.config.app) {
                Ok(held) => held.unwrap_or_default(),
                Err(error) => {
                    found.unasked.push((place.name().to_owned(), error));
                    continue;
                }
            };
            let mut of_others = 0;
            for grant in held {
                if let Some(unnamed) = found.unnamed.iter_mut().find(|(unnamed, _)| *unnamed == grant) {
                    unnamed.1.get_or_insert_with(|| place.clone());
                } else if is_of(&grant).is_some_and(|entry| entry.custody == place.name() && records.contains(&grant)) {
                    // As it should be.
                } else if names.contains(&format!("{grant}.lock")) {
                    // A lock file is never removed: the login was made here.
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

/// Mends what can be mended, and says what was done.
pub(crate) fn repair(wiring: &Wiring) -> Result<Vec<String>> {
    let mut done = Vec::new();
    let Some(home) = wiring.home()? else { return Ok(done) };
    if let Err(error) = Index::read(Some(&home)) {
        if !matches!(error.remedy(), Some(Remedy::SetAside { .. })) {
            return Err(error);
        }
        Index::set_aside(&home, wiring.config.lock_timeout)?;
        done.push(format!("set the damaged index aside as {}", home.root.path_of(Index::DAMAGED).display()));
    }
    let places = wiring.quiet_places();
    let found = Leftovers::find(wiring, &places, &home, &Index::read(Some(&home))?)?;
    for (grant, custody) in found.unnamed {
        match custody.map(|custody| named_again(wiring, &home, &grant, &*custody)) {
            Some(Ok(name)) => done.push(format!("named the login {name} again")),
            Some(Err(error)) => done.push(format!("left the record {grant} alone: {error}")),
            None => done.push(format!("left the record {grant} alone: its key could not be found")),
        }
    }
    for entry in found.empty {
        taken_out(wiring, &home, &places, &entry)?;
        done.push(format!("forgot {}, whose record is gone", entry.name));
    }
    for (grant, custody) in found.keys {
        let files = wiring.files(&home, &grant);
        let _lock = files.lock(wiring.config.lock_timeout)?;
        // A login or a move that was under way may have come to its end meanwhile.
        let now = Index::read(Some(&home))?;
        let is_used = match now.contexts.iter().find(|entry| entry.grant == grant) {
            Some(entry) => entry.custody == custody.name(),
            None => files.is_there(),
        };
        if is_used {
            continue;
        }
        custody.erase(&files.item()).map_err(|error| error.at_rest(custody.name()))?;
        done.push(format!("erased a key in {} that opened nothing", custody.name()));
    }
    Ok(done)
}

/// A record that opens says all that the index has to know.
fn named_again(wiring: &Wiring, home: &Home, grant: &GrantId, custody: &dyn Custody) -> Result<ContextName> {
    let files = wiring.files(home, grant);
    let lock = files.lock(wiring.config.lock_timeout)?;
    let Found { record, .. } = files.unlock(custody)?.recover(&lock)?;
    Index::change(home, wiring.config.lock_timeout, |index| {
        if let Some(entry) = index.contexts.iter().find(|entry| entry.grant == *grant) {
            // A login that was under way has come to its end.
            return Ok(entry.name.clone());
        }
        let client_id = record.destination.client_id.clone();
        let known = |entry: &&Entry| entry.account.is(&record.account) && entry.client_id == client_id;
        if let Some(entry) = index.contexts.iter().find(known) {
            let message = format!("the same account is logged in as {} already", entry.name);
            return Err(Error::new(ErrorKind::Custody, message));
        }
        let name = index.name_for(&record.account, &client_id, None, false)?;
        index.put(
            Entry {
                name: name.clone(),
                grant: grant.clone(),
                org: record.tokens.first().and_then(|token| token.org.clone()),
                account: record.account.clone(),
                client_id,
                scopes: record.scopes.clone(),
                custody: custody.name().to_owned(),
            },
            false,
        );
        Ok(name)
    })
}

fn taken_out(wiring: &Wiring, home: &Home, places: &Places, entry: &Entry) -> Result<()> {
    let files = wiring.files(home, &entry.grant);
    let lock = files.lock(wiring.config.lock_timeout)?;
    if files.is_there() {
        return Ok(());
    }
    // A place that cannot be reached keeps a key that opens nothing.
    let erased = places.of(&entry.custody).and_then(|custody| files.erase(&lock, Some(&*custody)));
    erased.or_else(|_| files.erase(&lock, None))?;
    Index::change(home, wiring.config.lock_timeout, |index| {
        index.remove(&entry.name);
        Ok(())
    })
}
