//! Saves a login: first the key, then the record, then the index, which assigns the login to its
//! context.

use std::sync::Arc;

use serde_json::Map;

use crate::lifecycle::app::permits::{describe, generation};
use crate::lifecycle::contexts::{Context, Entry, Index, LoginOf};
use crate::lifecycle::login::Login;
use crate::lifecycle::login::identity::Identity;
use crate::lifecycle::login::{Approved, Attempt, LoggedIn, label};
use crate::model::account::Account;
use crate::model::error::Result;
use crate::model::event::EventCode;
use crate::model::ids::{ContextName, GrantId, Org};
use crate::model::provenance::Provenance;
use crate::model::sanitize::quoted;
use crate::oauth::claims::Claims;
use crate::oauth::id_token;
use crate::records::grant_files::GrantFiles;
use crate::records::open_grant::OpenGrant;
use crate::records::record::{Record, RefreshToken, StoredToken};
use crate::state_dir::StateDir;

impl Attempt<'_> {
    /// Keeps the login, and ends the login that it replaces.
    pub(super) fn commit(
        &self,
        state_dir: &StateDir,
        wanted: Option<&ContextName>,
        identity: Identity,
        org: Option<Org>,
        approved: &Approved,
    ) -> Result<LoggedIn> {
        let (config, reply) = (&self.app.config, &approved.reply);
        let key_store = &*self.chosen.key_store;
        let Identity { account, approver, .. } = identity;
        let mut record = self.record(&account, org.as_ref(), approver, approved);
        // Before anything is written, so that a refusal leaves nothing; again under the lock, where it counts.
        let before = Index::read(Some(state_dir))?;
        let name = self.name_for_entry(&before, &account, org.as_ref(), wanted)?;
        if record.provenance.owner.is_none() {
            // A login under the same name keeps its owner.
            record.provenance.owner =
                before.get(&name).and_then(|old| self.app.subject_of(state_dir, old).provenance.owner);
        }
        let old = before.get(&name).and_then(|old| {
            let key_store = self.app.quiet_key_stores().of(&old.key_store).ok()?;
            self.app.files(state_dir, &old.grant).unlock(&*key_store).ok()
        });
        // A new login is a new grant (law 5).
        let entry = Entry::of_record(name, &GrantId::random()?, org, &record, key_store.name());
        let files = self.app.files(state_dir, &entry.grant);
        let grant = files.create(self.permit, key_store, &label(&config.app, &entry.account), record, None)?;
        // Now: once it has a name, a login beside this one may take its place and erase it.
        let made = grant.read();
        let indexed = self.index(state_dir, entry.clone(), wanted, wanted.is_some(), &grant, old.as_ref());
        let kept = indexed.and_then(|(context, replaced)| {
            let left_alive =
                replaced.map(|old| self.end_replaced(state_dir, &old, &entry, &reply.access_token)).transpose()?;
            if let Ok(made) = &made {
                self.note_login(&context, &grant, made);
            }
            Ok(LoggedIn {
                context,
                protection: key_store.protection(),
                renews: reply.refresh_token.is_some(),
                left_alive: left_alive.flatten(),
            })
        });
        if kept.is_err() {
            self.undo(state_dir, files, &entry.grant);
        }
        kept
    }

    /// Notes that the login was made, and says from now on what the permit is about.
    fn note_login(&self, context: &Context, grant: &OpenGrant<'_>, record: &Record) {
        let token = record.tokens.first();
        self.permit.concerns(context.subject(&record.provenance), Some(grant.trail_key()));
        self.permit.note(EventCode::LoginSucceeded, |event| {
            describe(event, token, grant);
            event.details.scopes_asked = Some(self.scopes.clone()).filter(|scopes| !scopes.is_empty());
        });
        self.permit.note_generation(EventCode::GrantCreated, generation(grant, record), |event| {
            describe(event, token, grant);
        });
    }

    /// Returns whose login it is and how it came to be.
    fn provenance(&self, approver: Option<String>) -> Provenance {
        let Login { owner, ticket, reason, .. } = self.request;
        Provenance {
            environment: self.environment.clone(),
            owner: owner.clone(),
            ticket: ticket.clone(),
            reason: reason.clone(),
            initiator: Some(self.app.governance.actor().clone()),
            approver: approver.as_deref().map(quoted),
            ..Provenance::default()
        }
    }

    fn record(
        &self,
        account: &Account,
        org: Option<&Org>,
        approver: Option<String>,
        Approved { reply, asked_at }: &Approved,
    ) -> Record {
        let (config, asked_at) = (&self.app.config, *asked_at);
        let scopes = reply.scopes.as_ref().unwrap_or(self.scopes);
        Record {
            generation: 1,
            born: asked_at,
            rotated: asked_at,
            destination: self.destination.clone(),
            account: account.clone(),
            token_type: reply.token_type.clone(),
            // Of this reply or none: a new login inherits no refresh token (law 8).
            refresh_token: reply.refresh_token.as_ref().map(|token| RefreshToken::Plain(token.copy())),
            refresh_expires_at: reply.refresh_expires_in.map(|lifetime| asked_at + lifetime),
            ends_at: reply.ends_in.map(|lifetime| asked_at + lifetime),
            provenance: self.provenance(approver),
            cause: EventCode::GrantCreated,
            // Set when the record is written.
            trail: None,
            policy: Map::new(),
            jkt: None,
            scopes: scopes.clone(),
            // Set with the key, when that is made.
            machine: None,
            user: reply.user.as_ref().and_then(Claims::sub),
            claims: id_token::unverified_claims(reply.id_token.as_ref()).stored_claims(),
            adopted: None,
            tokens: vec![StoredToken {
                // An exchange makes tokens for orgs from one that is for none.
                org: org.filter(|org| config.orgs.selection.exchange_parameter(Some(org)).is_none()).cloned(),
                resource: config.resource.clone(),
                asked: None,
                scopes: scopes.clone(),
                access_token: Arc::new(reply.access_token.copy()),
                received_at: asked_at,
                expires_at: reply.expires_at(asked_at),
                actor: None,
                unknown: Map::new(),
            }],
            unknown: Map::new(),
        }
    }

    pub(in crate::lifecycle) fn name_for_entry(
        &self,
        index: &Index,
        account: &Account,
        org: Option<&Org>,
        wanted: Option<&ContextName>,
    ) -> Result<ContextName> {
        let login =
            LoginOf { account, client: &self.app.config.client_id, org, environment: self.environment.as_ref() };
        index.name_for(&login, wanted, self.request.replace)
    }

    /// Puts the login into the index. Returns its context, and the login that it replaces. `keeps_default`: it does not become the default if
    /// there is one. `old`:
    /// the grant of that login, if its key could be read without a person.
    pub(in crate::lifecycle) fn index(
        &self,
        state_dir: &StateDir,
        mut entry: Entry,
        wanted: Option<&ContextName>,
        keeps_default: bool,
        grant: &OpenGrant<'_>,
        old: Option<&OpenGrant<'_>>,
    ) -> Result<(Context, Option<Entry>)> {
        Index::change(state_dir, self.app.config.lock_timeout, |index| {
            // A repair may have named a grant that is being adopted.
            index.forget(&entry.grant);
            entry.name = self.name_for_entry(index, &entry.account, entry.org.as_ref(), wanted)?;
            // The replaced login may serve other orgs, under other names. Only its key proves which
            // names are genuine.
            let sibling_contexts = old.map(|old| index.marked_by(old)).unwrap_or_default();
            let replaced = index.put_login(entry.clone(), keeps_default, &self.app.config);
            let names = sibling_contexts.iter().map(|context| &context.name).chain([&entry.name]);
            names.into_iter().try_for_each(|name| index.mark(grant, name))?;
            let files = self.app.files(state_dir, &entry.grant);
            let entry = index.of_grant(&entry.grant).filter(|own| own.name == entry.name).unwrap_or(&entry);
            Ok((Context::of(entry, index).with(files), replaced))
        })
    }

    /// Leaves nothing behind: no name without a login, and no login without a name.
    pub(in crate::lifecycle) fn undo(&self, state_dir: &StateDir, files: GrantFiles<'_>, grant: &GrantId) {
        if let Ok(Some(lock)) = files.lock_now() {
            let _ = files.erase(&lock, self.permit, Some(&*self.chosen.key_store));
        }
        let _ = Index::change(state_dir, self.app.config.lock_timeout, |index| {
            index.forget(grant);
            Ok(())
        });
    }
}
