//! Ends the login that a new one replaces; gives back a login that could not be kept.
//!
//! Servers differ in what they end with a revoked token. A revocation must never end the new login
//! (law 13), so the reach is data, and userinfo is asked afterwards.

use crate::custody::mac_key::MacKey;
use crate::lifecycle::contexts::{Entry, Index};
use crate::lifecycle::login::Attempt;
use crate::model::account::Account;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::event::{Event, EventCode, Subject};
use crate::model::secret::Secret;
use crate::oauth::metadata::Endpoint;
use crate::oauth::revocation::{Token, revoke};
use crate::oauth::server_quirks::RevocationReach;
use crate::oauth::token_endpoint::{TokenError, TokenReply};
use crate::oauth::userinfo::UserinfoError;
use crate::records::open_grant::{OpenGrant, RecoveredGrant};
use crate::state_dir::StateDir;
use crate::system::clock::Cancel;

impl Attempt<'_> {
    /// Ends `old`, which `new` replaces. Returns why `old` may still live at the server; an error if `new` has ended with it.
    pub(in crate::lifecycle) fn end_replaced(
        &self,
        state_dir: &StateDir,
        old: &Entry,
        new: &Entry,
        access_token: &Secret,
    ) -> Result<Option<String>> {
        let ask = |url| self.userinfo(url).ask(access_token, &Cancel::new());
        // If userinfo refuses the token before the revocation, for example for lack of a scope, its
        // later answer proves nothing.
        let answering = self.destination.userinfo_endpoint.as_ref().filter(|url| ask(url).is_ok());
        // The new login is kept whatever becomes of the old one; an item that stays is an unused key.
        let ended = self.revoke_and_erase(state_dir, old, &new.account);
        let RevocationResult { may_have_reached_server, left_alive } =
            ended.unwrap_or_else(RevocationResult::not_asked);
        let is_refused = |url| matches!(ask(url), Err(UserinfoError::Refused(_)));
        if !may_have_reached_server || !answering.is_some_and(is_refused) {
            return Ok(left_alive);
        }
        // A login beside this one may have taken its place, and ended it.
        if Index::read(Some(state_dir))?.of_grant(&new.grant).is_none() {
            return Ok(left_alive);
        }
        let message = format!("{} has ended this login with the one that it replaces", self.destination.issuer.host());
        Err(Error::new(ErrorKind::AuthorizationServer, message).with(Remedy::LogIn { context: None }))
    }

    /// Revokes a login that could not be kept. Returns nothing: the error that counts is why the login could not be kept.
    pub(super) fn revoke_unstored(&self, reply: &TokenReply) {
        // It may be of an account that is logged in already, and would end that login too.
        let index = self.app.state_dir().and_then(|state_dir| Index::read(state_dir.as_ref()));
        let is_alone = index.is_ok_and(|index| index.contexts.is_empty());
        if (self.app.config.quirks.revocation_reach != RevocationReach::Account || is_alone)
            && let Some(url) = &self.destination.revocation_endpoint
            && let Some(token) = Token::best(reply.refresh_token.as_ref(), Some(&reply.access_token))
        {
            let _ = revoke(self.http, url, self.client, &token);
        }
    }

    /// Revokes the login at the server and erases it here. Asks no person: a key that only a person gives is erased unread.
    fn revoke_and_erase(&self, state_dir: &StateDir, old: &Entry, account: &Account) -> Result<RevocationResult> {
        let (app, marked) = (self.app, old.marked());
        let files = app.files(state_dir, &old.grant).called(&marked);
        let key_stores = app.quiet_key_stores();
        let key_store = key_stores.any(&old.key_store)?;
        let opened = key_stores.of(&old.key_store).and_then(|key_store| files.unlock(&*key_store));
        let subject = app.subject_of(state_dir, old);
        let key = opened.as_ref().ok().map(OpenGrant::trail_key);
        if let Ok(grant) = &opened
            && let Ok(record) = grant.read()
        {
            app.look_at_trail(grant, &record, &subject);
        }
        let lock = files.lock(app.config.lock_timeout)?;
        let found = opened.and_then(|grant| {
            let found = grant.recover(&lock)?;
            app.check_destination(&old.grant, &found.record)?;
            Ok((grant, found))
        });
        let ended = match &found {
            Ok((grant, found)) => {
                // The record may belong to another login, which must not be ended.
                app.check_record(old, grant, &found.record)?;
                self.revoke(old, account, grant, found)
            }
            Err(error) => RevocationResult::not_asked(error),
        };
        files.erase(&lock, self.permit, Some(&*key_store))?;
        self.note_end(&ended, subject, key);
        Ok(ended)
    }

    /// Notes how the login that was replaced ended.
    fn note_end(&self, ended: &RevocationResult, subject: Subject, key: Option<MacKey>) {
        let (code, why) = match ended {
            RevocationResult { left_alive: Some(why), .. } => (Some(EventCode::RevocationFailed), Some(why)),
            RevocationResult { may_have_reached_server: true, .. } => (Some(EventCode::Revoked), None),
            _ => (None, None),
        };
        if let Some(code) = code {
            let say = |event: &mut Event| why.into_iter().for_each(|why| event.say(why));
            self.permit.note_of(code, subject.clone(), key.clone(), say);
        }
        self.permit.note_of(EventCode::LoggedOut, subject, key, |event| event.say("replaced by a new login"));
    }

    fn revoke(
        &self,
        old: &Entry,
        account: &Account,
        grant: &OpenGrant<'_>,
        found: &RecoveredGrant,
    ) -> RevocationResult {
        let (app, record) = (self.app, &found.record);
        let (Some(url), Some(token)) = (&record.destination.revocation_endpoint, &record.refresh_token) else {
            return RevocationResult::default();
        };
        if app.config.quirks.revocation_reach == RevocationReach::Account && !are_different(&old.account, account) {
            return RevocationResult::default();
        }
        // A token whose refresh brought nothing may be spent, and some servers (Better Auth) take a spent one for theft: they end all
        // logins of the account, the new one too (law 13).
        match &found.journal {
            Some(journal) if grant.has_ended(journal) => return RevocationResult::default(),
            Some(journal) if journal.reply_was_rejected() => {
                return RevocationResult::not_asked("the reply to a refresh was refused");
            }
            Some(journal) if journal.may_have_rotated() => {
                return RevocationResult::not_asked("a refresh of it was interrupted");
            }
            _ => {}
        }
        let confirmed = app.confirm(self.http, &record.destination, Endpoint::Revocation);
        let token = match confirmed.and_then(|()| grant.reveal(token)) {
            Ok(token) => token,
            Err(error) => return RevocationResult::not_asked(error),
        };
        match revoke(self.http, url, &app.client(&record.destination), &Token::Refresh(&token)) {
            Ok(_) => RevocationResult { may_have_reached_server: true, left_alive: None },
            Err(TokenError::Http(error)) if error.was_not_processed() => RevocationResult::not_asked(error),
            Err(error) => RevocationResult { may_have_reached_server: true, left_alive: Some(error.to_string()) },
        }
    }
}

/// What the server knows of the end of a login.
#[derive(Default)]
struct RevocationResult {
    /// The server may have got the revocation. Even if it refuses, it may end more than it was asked for.
    may_have_reached_server: bool,
    /// Why the login may still live there.
    left_alive: Option<String>,
}

impl RevocationResult {
    fn not_asked(why: impl ToString) -> Self {
        Self { may_have_reached_server: false, left_alive: Some(why.to_string()) }
    }
}

/// Returns whether both accounts are known and are not the same.
fn are_different(one: &Account, other: &Account) -> bool {
    one.subject.is_some() && other.subject.is_some() && !one.is(other)
}
