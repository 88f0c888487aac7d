//! The grant that an adoption makes: it has the old token sealed before that is exchanged, so that a crash loses nothing.

use std::sync::Arc;

use super::tokens::OldTokens;
use crate::custody::{KeyStore, KeyStoreName};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Context, Entry, Index};
use crate::lifecycle::login::{Attempt, label};
use crate::model::account::Account;
use crate::model::error::{Remedy, Result};
use crate::model::ids::{ContextName, GrantId};
use crate::model::secret::Secret;
use crate::oauth::jwt_access_token::JwtLifetime;
use crate::oauth::normalize::TEN_YEARS;
use crate::records::grant_files::GrantFiles;
use crate::records::open_grant::OpenGrant;
use crate::records::record::{Record, RefreshToken, StoredToken};
use crate::state_dir::StateDir;
use crate::system::failpoint::reached;

/// A grant that was made of an old token, by this adoption or by an earlier one.
pub(super) struct Adopted {
    pub(super) grant: GrantId,
    pub(super) key_store: KeyStoreName,
}

impl Adopted {
    /// Finds the login that was made of this token before: its process was killed, or could not write the marker. `key_store` is the one
    /// that a new key would go to.
    pub(super) fn find(
        app: &App,
        state_dir: &StateDir,
        key_store: &dyn KeyStore,
        token: &Secret,
    ) -> Result<Option<Self>> {
        let index = Index::read(Some(state_dir))?;
        for grant in state_dir.grants.names()?.iter().filter_map(|name| name.parse().ok()) {
            let files = app.files(state_dir, &grant);
            let key_store = match index.of_grant(&grant) {
                Some(entry) if entry.is_own(&app.config) => {
                    let opened = app.key_stores.of(&entry.key_store).and_then(|own| files.unlock(&*own));
                    was_adopted_with(opened, token)?.then(|| entry.key_store.clone())
                }
                Some(_) => None,
                None => key_store_of_unnamed(app, files, key_store, token)?,
            };
            if let Some(key_store) = key_store {
                return Ok(Some(Self { grant, key_store }));
            }
        }
        Ok(None)
    }

    /// Makes a grant of the old tokens. It has no name yet, as nobody knows whose it is.
    pub(super) fn create(
        attempt: &Attempt<'_>,
        state_dir: &StateDir,
        tokens: &OldTokens,
        token: &Secret,
    ) -> Result<Self> {
        let (app, key_store) = (attempt.app, &*attempt.chosen.key_store);
        let record = record(attempt, tokens);
        let grant = GrantId::random()?;
        let label = label(&app.config.app, &record.account);
        app.files(state_dir, &grant).create(key_store, &label, record, Some(token))?;
        reached("adoption sealed");
        Ok(Self { grant, key_store: key_store.name() })
    }

    pub(super) fn open<'a>(&'a self, app: &'a App, state_dir: &'a StateDir) -> Result<OpenGrant<'a>> {
        app.unlock(app.files(state_dir, &self.grant), &self.key_store)
    }

    /// Returns the context by which the login is refreshed while it has no name.
    pub(super) fn context(&self, attempt: &Attempt<'_>, state_dir: &StateDir, name: ContextName) -> Result<Context> {
        let opened = self.open(attempt.app, state_dir)?;
        let mark = opened.mark(&name, attempt.org.as_ref())?;
        let entry = self.entry(name, attempt, &opened.read()?);
        Ok(Context::of(&Entry { mark, ..entry }, &Index::empty()))
    }

    pub(super) fn entry(&self, name: ContextName, attempt: &Attempt<'_>, record: &Record) -> Entry {
        Entry::of_record(name, &self.grant, attempt.org.clone(), record, self.key_store.clone())
    }

    /// Erases the grant: its token was not sent, or is dead.
    pub(super) fn erase(&self, app: &App, state_dir: &StateDir) -> Result<()> {
        let files = app.files(state_dir, &self.grant);
        let lock = files.lock(app.config.lock_timeout)?;
        files.erase(&lock, Some(&*app.quiet_key_stores().any(&self.key_store)?))
    }
}

/// Returns the key store of a login that has no name, if it was adopted with this token: the one that a new key would go to, or one that
/// asks nobody.
fn key_store_of_unnamed(
    app: &App,
    files: GrantFiles<'_>,
    first: &dyn KeyStore,
    token: &Secret,
) -> Result<Option<KeyStoreName>> {
    if was_adopted_with(files.unlock_from_key_store(first), token)? {
        return Ok(Some(first.name()));
    }
    let others = app.quiet_key_stores();
    let opens = |other: &&Arc<dyn KeyStore>| {
        was_adopted_with(files.unlock_from_key_store(&***other), token).unwrap_or_default()
    };
    Ok(others.all().iter().find(opens).map(|other| other.name()))
}

/// Returns whether this login was adopted with this token. A key store that is locked or away is an error: if the token was adopted before, it
/// is spent, and some servers end a login whose spent token is sent.
fn was_adopted_with(opened: Result<OpenGrant<'_>>, token: &Secret) -> Result<bool> {
    match opened.and_then(|grant| Ok(grant.was_adopted_with(&grant.read()?, token))) {
        // It is damaged, or its key is gone: no adoption can go on with it.
        Err(error)
            if matches!(error.remedy(), Some(Remedy::LogIn { .. } | Remedy::Repair | Remedy::Upgrade) | None) =>
        {
            Ok(false)
        }
        found => found,
    }
}

fn record(attempt: &Attempt<'_>, tokens: &OldTokens) -> Record {
    let now = attempt.app.config.clock.now();
    let scopes = tokens.scopes.clone().unwrap_or_default();
    // With a refresh token beside it, the old access token would be served after a refresh that failed.
    let access_token = tokens.access_token.as_ref().filter(|_| tokens.refresh_token.is_none());
    let stored = access_token.map(|token| StoredToken {
        org: attempt.org.clone(),
        resource: attempt.app.config.resource.clone(),
        asked: None,
        scopes: scopes.clone(),
        expires_at: tokens
            .expires_at
            .or_else(|| JwtLifetime::read(token, None).map(|own| own.exp))
            .filter(|at| at.duration_since(now).unwrap_or_default() <= TEN_YEARS),
        access_token: Arc::new(token.copy()),
        received_at: now,
    });
    Record {
        generation: 1,
        born: now,
        rotated: now,
        destination: attempt.destination.clone(),
        account: Account::new(attempt.destination.issuer.clone(), None, None, None),
        token_type: "bearer".into(),
        refresh_token: tokens.refresh_token.as_ref().map(|token| RefreshToken::Plain(token.copy())),
        refresh_expires_at: None,
        scopes,
        machine: None,
        user: None,
        claims: None,
        adopted: None,
        tokens: stored.into_iter().collect(),
    }
}
