//! Which context is meant from now on, and by which name: the default, the rule of a folder, another org's, another name.

use std::path::PathBuf;

use crate::lifecycle::app::Wiring;
use crate::lifecycle::contexts::{Context, Entry, Index, Select};
use crate::lifecycle::refresh::{self, Wanted};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{ContextName, Org};
use crate::model::sanitize::is_plain;
use crate::state_dir::{other_owner, real_folder};

/// Makes `name` the default.
pub(crate) fn to(wiring: &Wiring, name: &ContextName) -> Result<Context> {
    change(wiring, name, |index| {
        // As the login spells it, by which it is found sooner.
        index.default = index.get(name).map(|entry| entry.name.clone());
        Ok(name)
    })
}

/// Makes `name` the one that is meant in the current folder and below it.
pub(crate) fn here_to(wiring: &Wiring, name: &ContextName) -> Result<Context> {
    let folder = current_folder(wiring)?;
    if let Some(owner) = other_owner(&folder)? {
        let message = format!("{} belongs to {owner}, and only a folder of your own can have a rule", folder.display());
        let named = Remedy::ChooseContext { contexts: vec![name.to_string()] };
        return Err(Error::new(ErrorKind::Config, message).with(named));
    }
    // It is written down as text, and shown wherever the rule is.
    if !folder.to_str().is_some_and(is_plain) {
        let message = format!("the path {} has characters that do not show, so it can have no rule", folder.display());
        let named = Remedy::ChooseContext { contexts: vec![name.to_string()] };
        return Err(Error::new(ErrorKind::Config, message).with(named));
    }
    change(wiring, name, |index| {
        let own = index.get(name).map_or_else(|| name.clone(), |entry| entry.name.clone());
        index.bind(folder, own);
        Ok(name)
    })
}

/// Takes the rule of the current folder away.
pub(crate) fn unset_here(wiring: &Wiring) -> Result<Option<ContextName>> {
    let folder = current_folder(wiring)?;
    match wiring.home()? {
        Some(home) => Index::change(&home, wiring.config.lock_timeout, |index| Ok(index.unbind(&folder))),
        None => Ok(None),
    }
}

/// The context of another org of the same account: the one there is, or a new one where one login serves all orgs and the server gives
/// a token for this one.
pub(crate) fn to_org(wiring: &Wiring, org: &Org) -> Result<ContextName> {
    let config = &wiring.config;
    let home = wiring.home()?;
    let index = Index::read(home.as_ref())?;
    let (base, _) = index.resolve(&Select::default(), config)?;
    let entry = index.in_org(base, &Select { org: Some(org.clone()), ..Select::default() }, config)?;
    // Of the same login first: another one may have other scopes.
    let there = |index: &Index| {
        let of_org = || index.contexts.iter().filter(|other| other.org.as_ref() == Some(org));
        let is_own = |other: &&Entry| other.is_of(&entry.account, &entry.client_id);
        let found = of_org().find(|other| other.grant == entry.grant).or_else(|| of_org().find(is_own));
        found.map(|there| there.name.clone())
    };
    if let Some(name) = there(&index) {
        return Ok(name);
    }
    refresh::access_token(wiring, &Context::of(&entry, &index), &Wanted::default(), &|| false)?;
    let home = wiring.create_home()?;
    let grant = wiring.unlock(wiring.files(&home, &entry.grant), &entry.custody)?;
    Index::change(&home, config.lock_timeout, |index| {
        // Ended meanwhile, or replaced by a new login.
        let base = index.get(&entry.name).filter(|base| base.grant == entry.grant).ok_or_else(|| gone(&entry.name))?;
        if let Some(name) = there(index) {
            return Ok(name);
        }
        let name = index.name_for(&base.account, &base.client_id, Some(org), None, false)?;
        index.put(Entry { name: name.clone(), org: Some(org.clone()), ..base.clone() }, false);
        index.mark(&grant, &name)?;
        Ok(name)
    })
}

/// Gives the context `old` the name `new`. Opens the login, since only its key says which names it has.
pub(crate) fn rename(wiring: &Wiring, old: &ContextName, new: &ContextName) -> Result<Context> {
    let home = wiring.home()?.ok_or_else(|| unknown(old, &Index::empty()))?;
    let index = Index::read(Some(&home))?;
    let entry = index.get(old).ok_or_else(|| unknown(old, &index))?;
    // Before the lock is taken: a person may be asked.
    let grant = wiring.unlock(wiring.files(&home, &entry.grant), &entry.custody)?;
    wiring.check_entry(&Context::of(entry, &index), &grant, &grant.read()?)?;
    change(wiring, old, |index| {
        // Ended meanwhile, or replaced by a new login.
        if index.get(old).is_none_or(|now| now.grant != entry.grant) {
            return Err(gone(old));
        }
        index.rename(old, new)?;
        index.mark(&grant, new)?;
        Ok(new)
    })
}

/// Changes the index where it knows `name`; gives the context that `change` names afterwards.
fn change<'n>(
    wiring: &Wiring,
    name: &ContextName,
    change: impl FnOnce(&mut Index) -> Result<&'n ContextName>,
) -> Result<Context> {
    let home = wiring.home()?.ok_or_else(|| unknown(name, &Index::empty()))?;
    Index::change(&home, wiring.config.lock_timeout, |index| {
        if index.get(name).is_none() {
            return Err(unknown(name, index));
        }
        let name = change(index)?;
        let entry = index.get(name).ok_or_else(|| unknown(name, index))?;
        Ok(wiring.context(&home, index, entry, index.meant_here(&wiring.config).as_ref()))
    })
}

fn unknown(name: &ContextName, index: &Index) -> Error {
    let contexts: Vec<_> = index.contexts.iter().map(|entry| entry.name.to_string()).collect();
    let remedy = match contexts.is_empty() {
        true => Remedy::LogIn { context: Some(name.to_string()) },
        false => Remedy::ChooseContext { contexts },
    };
    Error::new(ErrorKind::NotLoggedIn, format!("there is no login named {name}")).with(remedy)
}

fn gone(name: &ContextName) -> Error {
    let message = format!("the login {name} was ended or replaced meanwhile");
    Error::new(ErrorKind::NotLoggedIn, message).with(Remedy::LogIn { context: Some(name.to_string()) })
}

fn current_folder(wiring: &Wiring) -> Result<PathBuf> {
    match &wiring.config.surroundings.folder {
        Some(folder) => real_folder(folder),
        None => {
            let message = "the current folder is gone, so it can have no rule";
            Err(Error::new(ErrorKind::Config, message).with(Remedy::FixConfig { field: "folder" }))
        }
    }
}
