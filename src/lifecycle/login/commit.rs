//! What becomes of what was granted: kept here, in place of what it replaces, or given back.

use std::sync::Arc;
use std::time::SystemTime;

use super::{Login, label};
use crate::lifecycle::contexts::{Context, Entry, Index};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{Account, ContextName, GrantId, Org};
use crate::oauth::claims::Claims;
use crate::oauth::id_token;
use crate::oauth::metadata::Endpoint;
use crate::oauth::revocation::{Token, revoke};
use crate::oauth::server_quirks::RevocationReach;
use crate::oauth::token_endpoint::{TokenError, TokenReply};
use crate::oauth::userinfo::NoClaims;
use crate::records::open_grant::{Found, OpenGrant};
use crate::records::record::{Record, RefreshToken, StoredToken};
use crate::state_dir::StateDir;
use crate::system::clock::Cancel;

impl Login<'_> {
    /// Keeps the login: key, record, then the index, which makes it the context's. A login that it replaces is ended; says why it may not
    /// be, where so.
    pub(super) fn keep(
        &self,
        state_dir: &StateDir,
        wanted: Option<ContextName>,
        (account, org): (Account, Option<Org>),
        reply: &TokenReply,
        asked_at: SystemTime,
    ) -> Result<(Context, Option<String>)> {
        let (config, key_store) = (&self.app.config, &*self.chosen.key_store);
        let record = self.record(&account, org.as_ref(), reply, asked_at);
        let scopes = record.scopes.clone();
        let name_in = |index: &Index| {
            index.name_for(&account, &config.client_id, org.as_ref(), wanted.as_ref(), self.request.replace)
        };
        // Before anything is written, so that a refusal leaves nothing; again under the lock, where it counts.
        let before = Index::read(Some(state_dir))?;
        let old = before.get(&name_in(&before)?).and_then(|old| {
            let key_store = self.app.quiet_key_stores().of(&old.key_store).ok()?;
            self.app.files(state_dir, &old.grant).unlock(&*key_store).ok()
        });
        // A new login is a new grant (law 5).
        let grant = GrantId::random()?;
        let files = self.app.files(state_dir, &grant);
        let open = files.create(key_store, &label(&config.app, &account), record)?;
        let indexed = Index::change(state_dir, config.lock_timeout, |index| {
            let entry = Entry {
                name: name_in(index)?,
                grant: grant.clone(),
                org: org.clone(),
                account: account.clone(),
                client_id: config.client_id.clone(),
                scopes: scopes.clone(),
                key_store: key_store.name().to_owned(),
                mark: String::new(),
                asked: None,
            };
            // The login that this one replaces may serve other orgs, by names that only its key can tell from planted ones.
            let followers = old.as_ref().map(|old| index.marked_by(old)).unwrap_or_default();
            // Who names a context means that one; who just logs in means to go on as who they are.
            let replaced = index.put(entry.clone(), wanted.is_none());
            let names = followers.iter().map(|follower| &follower.name).chain([&entry.name]);
            names.into_iter().try_for_each(|name| index.mark(&open, name))?;
            let entry = index.of_grant(&grant).filter(|own| own.name == entry.name).unwrap_or(&entry);
            Ok((Context::of(entry, index).with(files), replaced))
        });
        let kept = indexed.and_then(|(context, replaced)| {
            let end = |old| self.end(state_dir, &old, &grant, &account, reply);
            Ok((context, replaced.map(end).transpose()?.flatten()))
        });
        if kept.is_err() {
            // Nothing is left behind, nor named: not a name without a login, and not a login without a name.
            if let Ok(Some(lock)) = files.lock_now() {
                let _ = files.erase(&lock, Some(key_store));
            }
            let _ = Index::change(state_dir, config.lock_timeout, |index| {
                index.forget(&grant);
                Ok(())
            });
        }
        kept
    }

    fn record(&self, account: &Account, org: Option<&Org>, reply: &TokenReply, now: SystemTime) -> Record {
        let config = &self.app.config;
        let scopes = reply.scopes.as_ref().unwrap_or(self.scopes);
        Record {
            generation: 1,
            born: now,
            rotated: now,
            destination: self.destination.clone(),
            account: account.clone(),
            token_type: reply.token_type.clone(),
            // Of this reply or none: a new login inherits no refresh token (law 8).
            refresh_token: reply.refresh_token.as_ref().map(|token| RefreshToken::Given(token.copy())),
            refresh_expires_at: reply.refresh_expires_in.map(|lifetime| now + lifetime),
            scopes: scopes.clone(),
            // Told with the key, when that is made.
            machine: None,
            user: reply.user.as_ref().and_then(Claims::sub),
            claims: id_token::told(reply.id_token.as_ref()).to_keep(),
            tokens: vec![StoredToken {
                // An exchange makes tokens for orgs from one that is for none.
                org: org.filter(|org| config.orgs.in_exchange(Some(org)).is_none()).cloned(),
                resource: config.resource.clone(),
                asked: None,
                scopes: scopes.clone(),
                access_token: Arc::new(reply.access_token.copy()),
                received_at: now,
                expires_at: reply.expires_at(now),
            }],
        }
    }

    /// Ends the login that this one takes the place of.
    ///
    /// What a revocation takes with it differs between servers, and it must never end the login that has just been made (law 13): so it
    /// is data, and looked at afterwards.
    fn end(
        &self,
        state_dir: &StateDir,
        old: &Entry,
        grant: &GrantId,
        account: &Account,
        reply: &TokenReply,
    ) -> Result<Option<String>> {
        let ask = |url| self.userinfo(url).ask(&reply.access_token, &Cancel::new());
        // Where it does not take the token anyway, for lack of a scope, it tells nothing afterwards.
        let asked = self.destination.userinfo_endpoint.as_ref().filter(|url| ask(url).is_ok());
        // The new login is kept whatever becomes of the old one; an item that stays is an unused key.
        let (was_heard, left_alive) =
            self.revoke_and_erase(state_dir, old, account).unwrap_or_else(|error| (false, Some(error.to_string())));
        let is_refused = |url| matches!(ask(url), Err(NoClaims::Refused(_)));
        if !was_heard || !asked.is_some_and(is_refused) {
            return Ok(left_alive);
        }
        // A login beside this one may have taken its place, and ended it.
        if Index::read(Some(state_dir))?.of_grant(grant).is_none() {
            return Ok(left_alive);
        }
        let message = format!("{} has ended this login with the one that it replaces", self.destination.issuer.host());
        Err(Error::new(ErrorKind::AuthorizationServer, message).with(Remedy::LogIn { context: None }))
    }

    /// Says whether the server may have heard of it: one that refuses may end more than it was asked for all the same; and why the login may
    /// still live there, where so. Asks nobody: a key that only a person gives is erased unread.
    fn revoke_and_erase(&self, state_dir: &StateDir, old: &Entry, account: &Account) -> Result<(bool, Option<String>)> {
        let (app, marked) = (self.app, old.marked());
        let files = app.files(state_dir, &old.grant).called(&marked);
        let key_stores = app.quiet_key_stores();
        let key_store = key_stores.any(&old.key_store)?;
        let opened = key_stores.of(&old.key_store).and_then(|key_store| files.unlock(&*key_store));
        let lock = files.lock(app.config.lock_timeout)?;
        let found = opened.and_then(|grant| {
            let found = grant.recover(&lock)?;
            app.check_destination(&old.grant, &found.record)?;
            Ok((grant, found))
        });
        let told = match &found {
            // What is not the login that this one replaces is not ended with it.
            Ok((grant, found)) => {
                app.check_record(old, grant, &found.record)?;
                self.revoke_old(old, account, grant, found)
            }
            Err(error) => (false, Some(error.to_string())),
        };
        files.erase(&lock, Some(&*key_store))?;
        Ok(told)
    }

    fn revoke_old(
        &self,
        old: &Entry,
        account: &Account,
        grant: &OpenGrant<'_>,
        found: &Found,
    ) -> (bool, Option<String>) {
        let (app, record) = (self.app, &found.record);
        let known = |account: &Account| account.subject.is_some();
        let is_of_another = known(account) && known(&old.account) && !old.account.is(account);
        let (Some(url), Some(token)) = (&record.destination.revocation_endpoint, &record.refresh_token) else {
            return (false, None);
        };
        if app.config.revocation_reach == RevocationReach::Account && !is_of_another {
            return (false, None);
        }
        // A token whose refresh brought nothing may be spent, and some servers (Better Auth) take a spent one for theft: they end all
        // logins of the account, the new one too (law 13).
        match &found.attempt {
            Some(attempt) if grant.has_ended(attempt) => return (false, None),
            Some(attempt) if attempt.is_foreign() => return (false, Some("the reply to a refresh was refused".into())),
            Some(attempt) if attempt.is_open() => return (false, Some("a refresh of it was interrupted".into())),
            _ => {}
        }
        let confirmed = app.confirm(self.http, &record.destination, Endpoint::Revocation);
        let token = match confirmed.and_then(|()| grant.reveal(token)) {
            Ok(token) => token,
            Err(error) => return (false, Some(error.to_string())),
        };
        match revoke(self.http, url, &app.client(&record.destination), &Token::Refresh(&token)) {
            Ok(_) => (true, None),
            Err(error) => {
                let was_heard = !matches!(&error, TokenError::Http(error) if error.was_not_heard());
                (was_heard, Some(error.to_string()))
            }
        }
    }

    /// Revokes what could not be kept. The error to tell is the one that kept it from being kept, so this has none.
    pub(super) fn give_back(&self, reply: &TokenReply) {
        // It may be of an account that is logged in already, and would end that login too.
        let config = &self.app.config;
        let index = self.app.state_dir().and_then(|state_dir| Index::read(state_dir.as_ref()));
        let is_alone = index.is_ok_and(|index| index.contexts.is_empty());
        if (config.revocation_reach != RevocationReach::Account || is_alone)
            && let Some(url) = &self.destination.revocation_endpoint
            && let Some(token) = Token::best(reply.refresh_token.as_ref(), Some(&reply.access_token))
        {
            let _ = revoke(self.http, url, self.client, &token);
        }
    }
}
