//! The grant that an adoption makes: it has the old token sealed before that is exchanged, so that a crash loses nothing.

use std::sync::Arc;

use serde_json::Map;

use super::note::Note;
use super::tokens::OldTokens;
use crate::custody::{KeyStore, KeyStoreName};
use crate::governance::permit::Permit;
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Context, Entry, Index};
use crate::lifecycle::login::{Attempt, label};
use crate::model::account::Account;
use crate::model::error::{Remedy, Result};
use crate::model::event::EventCode;
use crate::model::ids::{ContextName, GrantId};
use crate::model::provenance::Provenance;
use crate::model::secret::Secret;
use crate::oauth::jwt_access_token::JwtLifetime;
use crate::oauth::normalize::TEN_YEARS;
use crate::records::open_grant::OpenGrant;
use crate::records::record::{Record, RefreshToken, StoredToken};
use crate::state_dir::StateDir;
use crate::system::failpoint::reached;

/// A grant that is made of an old token.
pub(super) struct Adopted {
    pub(super) grant: GrantId,
    pub(super) key_store: KeyStoreName,
}

impl Adopted {
    /// Returns the grant of an earlier adoption of this token that did not come to its end. A key store that is locked or away is an error:
    /// the token may be spent, and some servers end a login whose spent token is sent.
    pub(super) fn of_note(
        app: &App,
        permit: &Permit<'_>,
        state_dir: &StateDir,
        note: Option<Note>,
        token: &Secret,
    ) -> Result<Option<Self>> {
        let Some(Note { grant, key_store, .. }) = note else { return Ok(None) };
        let adopted = Self { grant, key_store };
        if !app.files(state_dir, &adopted.grant).is_there() {
            return Ok(None);
        }
        let opened = adopted.open(app, state_dir).and_then(|opened| {
            let record = opened.read()?;
            Ok((opened.was_adopted_with(&record, token), is_to_be_exchanged(&record)))
        });
        match opened {
            Ok((true, _)) => Ok(Some(adopted)),
            // The other program has refreshed its token since, so that the sealed one is spent.
            Ok((false, true)) if Index::read(Some(state_dir))?.of_grant(&adopted.grant).is_none() => {
                adopted.erase(app, permit, state_dir)?;
                Ok(None)
            }
            Ok((false, _)) => Ok(None),
            // It is damaged, or its key is gone: no adoption can go on with it.
            Err(error) if matches!(error.remedy(), Some(Remedy::LogIn { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Names a grant that does not exist yet.
    pub(super) fn new(key_store: &dyn KeyStore) -> Result<Self> {
        Ok(Self { grant: GrantId::random()?, key_store: key_store.name() })
    }

    /// Makes the grant of the old tokens. It has no name yet, as nobody knows whose it is.
    pub(super) fn create(
        &self,
        attempt: &Attempt<'_>,
        state_dir: &StateDir,
        tokens: &OldTokens,
        token: &Secret,
    ) -> Result<()> {
        let record = record(attempt, tokens);
        attempt.permit.look();
        let label = label(&attempt.app.config.app, &record.account);
        let files = attempt.app.files(state_dir, &self.grant);
        files.create(attempt.permit, &*attempt.chosen.key_store, &label, record, Some(token))?;
        reached("adoption sealed");
        Ok(())
    }

    pub(super) fn open<'a>(&'a self, app: &'a App, state_dir: &'a StateDir) -> Result<OpenGrant<'a>> {
        app.unlock(app.files(state_dir, &self.grant), &self.key_store)
    }

    /// Returns the context by which the login is refreshed while it has no name.
    pub(super) fn context(&self, attempt: &Attempt<'_>, state_dir: &StateDir, name: ContextName) -> Result<Context> {
        let opened = self.open(attempt.app, state_dir)?;
        let mark = opened.mark(&name, attempt.org.as_ref(), attempt.environment.as_ref())?;
        let entry = self.entry(name, attempt, &opened.read()?);
        Ok(Context::of(&Entry { mark, ..entry }, &Index::empty()))
    }

    pub(super) fn entry(&self, name: ContextName, attempt: &Attempt<'_>, record: &Record) -> Entry {
        Entry::of_record(name, &self.grant, attempt.org.clone(), record, self.key_store.clone())
    }

    /// Erases the grant: its token was not sent, or is dead.
    pub(super) fn erase(&self, app: &App, permit: &Permit<'_>, state_dir: &StateDir) -> Result<()> {
        let files = app.files(state_dir, &self.grant);
        let lock = files.lock(app.config.lock_timeout)?;
        files.erase(&lock, permit, Some(&*app.quiet_key_stores().any(&self.key_store)?))
    }
}

/// Returns whether the record still has the old token. An old login without a refresh token stays as it is.
pub(super) fn is_to_be_exchanged(record: &Record) -> bool {
    record.generation == 1 && record.refresh_token.is_some()
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
        actor: None,
        unknown: Map::new(),
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
        ends_at: None,
        provenance: Provenance {
            environment: attempt.environment.clone(),
            initiator: Some(attempt.app.governance.actor().clone()),
            ..Provenance::default()
        },
        cause: EventCode::GrantCreated,
        trail: None,
        policy: Map::new(),
        jkt: None,
        scopes,
        machine: None,
        user: None,
        claims: None,
        adopted: None,
        tokens: stored.into_iter().collect(),
        unknown: Map::new(),
    }
}
