//! Changes the selected context: the default, the rule of a folder, the context of another org; and renames one.

use std::fmt::Display;
use std::path::PathBuf;

use crate::governance::permit::Action;
use crate::lifecycle::access_token::Wanted;
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Context, Entry, Index, LoginOf, Selector};
use crate::lifecycle::refresh;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::event::EventCode;
use crate::model::ids::{ContextName, Org};
use crate::model::sanitize::is_plain;
use crate::model::setting::Setting;
use crate::state_dir::{canonical_folder, other_owner};

/// Makes `name` the default.
pub(crate) fn to(app: &App, name: &ContextName) -> Result<Context> {
    change(app, name, |index| {
        own(app, index, name)?;
        index.set_default(name, &app.config);
        Ok(name)
    })
}

/// Selects `name` in the current folder and below it.
pub(crate) fn pin_folder(app: &App, name: &ContextName) -> Result<Context> {
    let folder = current_folder(app)?;
    if let Some(owner) = other_owner(&folder)? {
        let why = format!("{} belongs to {owner}, and only a folder of your own can have a rule", folder.display());
        return Err(cannot_pin(why, name));
    }
    // It is written as text, and shown wherever the rule is (law 12).
    if !folder.to_str().is_some_and(is_plain) {
        let why = format!("the path {} has characters that do not show, so it can have no rule", folder.display());
        return Err(cannot_pin(why, name));
    }
    change(app, name, |index| {
        let own = own(app, index, name)?.name.clone();
        index.pin(folder, own);
        Ok(name)
    })
}

/// Removes the rule of the current folder, and returns the context that it named.
pub(crate) fn unpin_folder(app: &App) -> Result<Option<ContextName>> {
    let folder = current_folder(app)?;
    match app.state_dir()? {
        Some(state_dir) => Index::change(&state_dir, app.config.lock_timeout, |index| Ok(index.unpin(&folder))),
        None => Ok(None),
    }
}

/// Returns the context of another org of the same account: an existing one, or a new one if one login serves all orgs and the server
/// gives a token for this one.
pub(crate) fn context_for_org(app: &App, org: &Org) -> Result<ContextName> {
    let config = &app.config;
    let state_dir = app.state_dir()?;
    let index = Index::read(state_dir.as_ref())?;
    let (base, _) = index.resolve(&Selector::default(), config)?;
    let entry = index.in_org(base, &Selector { org: Some(org.clone()), ..Selector::default() }, config)?;
    if let Some(name) = existing_context(&index, &entry, org) {
        return Ok(name);
    }
    let context = Context::of(&entry, &index);
    refresh::access_token(app, &context, &Wanted::default(), &|| false)?;
    let state_dir = app.create_state_dir()?;
    let grant = app.unlock(app.files(&state_dir, &entry.grant), &entry.key_store)?;
    let subject = app.subject_of(&state_dir, &Entry { org: Some(org.clone()), ..entry.clone() });
    let permit = app.permit(Action::Switch, subject.clone())?;
    let made = Index::change(&state_dir, config.lock_timeout, |index| {
        // Ended meanwhile, or replaced by a new login.
        let base = index.get(&entry.name).filter(|base| base.grant == entry.grant).ok_or_else(|| gone(&entry.name))?;
        if let Some(name) = existing_context(index, &entry, org) {
            return Ok(name);
        }
        let login = LoginOf {
            account: &base.account,
            client: &base.client_id,
            org: Some(org),
            environment: base.environment.as_ref(),
        };
        let name = index.name_for(&login, None, false)?;
        index.put(Entry { name: name.clone(), org: Some(org.clone()), ..base.clone() }, false);
        index.mark(&grant, &name)?;
        permit.note_of(EventCode::OrgSwitched, subject.clone(), Some(grant.trail_key()), |event| {
            event.of.context = Some(name.clone());
        });
        Ok(name)
    });
    permit.end(&made);
    made
}

/// Gives the context `old` the name `new`, and opens its login for that: only its key proves the new name.
pub(crate) fn rename(app: &App, old: &ContextName, new: &ContextName) -> Result<Context> {
    let state_dir = app.state_dir()?.ok_or_else(|| unknown(app, old, &Index::empty()))?;
    let index = Index::read(Some(&state_dir))?;
    let entry = index.get(old).ok_or_else(|| unknown(app, old, &index))?;
    // Before the lock is taken: a person may be asked.
    let grant = app.unlock(app.files(&state_dir, &entry.grant), &entry.key_store)?;
    app.check_entry(&Context::of(entry, &index), &grant, &grant.read()?)?;
    change(app, old, |index| {
        // Ended meanwhile, or replaced by a new login.
        if index.get(old).is_none_or(|now| now.grant != entry.grant) {
            return Err(gone(old));
        }
        index.rename(old, new)?;
        index.mark(&grant, new)?;
        Ok(new)
    })
}

/// Returns the context for `org` of the account of `entry`. A context of the same login is preferred: another login may have other scopes.
fn existing_context(index: &Index, entry: &Entry, org: &Org) -> Option<ContextName> {
    let of_org = || index.contexts.iter().filter(|other| other.org.as_ref() == Some(org));
    let same_login = of_org().find(|other| other.grant == entry.grant);
    let found = same_login.or_else(|| of_org().find(|other| other.is_of(&entry.account, &entry.client_id)));
    found.map(|found| found.name.clone())
}

/// Changes the index, which must have `name`. Returns the context that `change` names, as it is afterwards.
fn change<'n>(
    app: &App,
    name: &ContextName,
    change: impl FnOnce(&mut Index) -> Result<&'n ContextName>,
) -> Result<Context> {
    let state_dir = app.state_dir()?.ok_or_else(|| unknown(app, name, &Index::empty()))?;
    Index::change(&state_dir, app.config.lock_timeout, |index| {
        if index.get(name).is_none() {
            return Err(unknown(app, name, index));
        }
        let name = change(index)?;
        let entry = index.get(name).ok_or_else(|| unknown(app, name, index))?;
        Ok(app.context(&state_dir, index, entry, index.selected_here(&app.config).as_ref()))
    })
}

/// Returns the entry of this name, if this configuration can use it: nothing is selected that would only be an error (law 16).
fn own<'i>(app: &App, index: &'i Index, name: &ContextName) -> Result<&'i Entry> {
    let (config, entry) = (&app.config, index.get(name).ok_or_else(|| unknown(app, name, index))?);
    if entry.is_own(config) {
        return Ok(entry);
    }
    let (setting, own, configured): (_, &dyn Display, &dyn Display) = match entry.client_id == config.client_id {
        true => (Setting::Issuer, &entry.account.issuer, &config.issuer),
        false => (Setting::ClientId, &entry.client_id, &config.client_id),
    };
    let message =
        format!("cannot select the login {name}: it is for {setting} {own}, and the configuration says {configured}");
    Err(Error::config(setting, message))
}

fn unknown(app: &App, name: &ContextName, index: &Index) -> Error {
    let contexts = index.own_names(&app.config);
    let remedy = match contexts.is_empty() {
        true => Remedy::LogIn { context: Some(name.to_string()) },
        false => Remedy::ChooseContext { contexts },
    };
    let kind = index.kind_of_no_context(&app.config);
    Error::new(kind, format!("there is no login named {name}")).with(remedy)
}

fn cannot_pin(why: String, name: &ContextName) -> Error {
    Error::new(ErrorKind::Config, why).with(Remedy::ChooseContext { contexts: vec![name.to_string()] })
}

fn gone(name: &ContextName) -> Error {
    let message = format!("the login {name} was ended or replaced meanwhile");
    Error::new(ErrorKind::NotLoggedIn, message).with(Remedy::LogIn { context: Some(name.to_string()) })
}

fn current_folder(app: &App) -> Result<PathBuf> {
    match &app.config.environment.folder {
        Some(folder) => canonical_folder(folder),
        None => {
            let message = "the current folder is gone, so it can have no rule";
            Err(Error::new(ErrorKind::Config, message).with(Remedy::FixConfig { setting: Setting::Folder }))
        }
    }
}
