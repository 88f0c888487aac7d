//! The steps of an adoption, each of which a crash may follow.
//!
//! | after a crash | the old file | the new login |
//! | --- | --- | --- |
//! | before the old token is sealed | works | is not there |
//! | sealed, and not sent | works | is finished by the next adoption, or by the repair |
//! | sent | may work, as the server decides | an interrupted refresh: the next adoption sends the token again |
//! | exchanged and committed | has a dead token | is finished by the next adoption, or by the repair |
//! | named | has a dead token | works; the next adoption writes the marker |

use super::Adoption;
use super::pending::{Adopted, is_to_be_exchanged};
use crate::lifecycle::access_token::{TokenRequest, Wanted};
use crate::lifecycle::app::permits::{describe, generation};
use crate::lifecycle::contexts::{Context, Entry, Index};
use crate::lifecycle::login::Attempt;
use crate::lifecycle::refresh;
use crate::model::account::Account;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::event::EventCode;
use crate::model::ids::ContextName;
use crate::model::sanitize::quoted;
use crate::model::secret::Secret;
use crate::oauth::claims::Claims;
use crate::records::open_grant::OpenGrant;
use crate::records::record::Record;
use crate::state_dir::StateDir;
use crate::system::failpoint::reached;

/// A login that was taken over, whatever is left to do.
pub(super) struct Finished {
    pub(super) context: Context,
    pub(super) warnings: Vec<String>,
    /// Why it did not get its name.
    pub(super) taken: Option<Error>,
    pub(super) is_marked: bool,
}

/// The steps from the sealed token to the marker.
pub(super) struct Steps<'a> {
    pub(super) attempt: &'a Attempt<'a>,
    pub(super) request: &'a Adoption,
    pub(super) state_dir: &'a StateDir,
    pub(super) adopted: &'a Adopted,
    pub(super) token: &'a Secret,
}

impl Steps<'_> {
    pub(super) fn finish(&self, wanted: Option<ContextName>) -> Result<Finished> {
        let grant = self.adopted.open(self.attempt.app, self.state_dir)?;
        if is_to_be_exchanged(&grant.read()?) {
            self.exchange(wanted.clone())?;
        }
        let record = self.commit_account()?;
        let index = Index::read(Some(self.state_dir))?;
        let name = self.attempt.name_for_entry(&index, &record.account, self.attempt.org.as_ref(), wanted.as_ref());
        let (taken, wanted) = match name {
            Err(taken) => (Some(taken), None),
            Ok(_) => (None, wanted),
        };
        let (context, left_alive) = self.name(&record, &index, wanted)?;
        reached("adoption named");
        let marked = self.request.source.mark(self.token);
        reached("adoption marked");
        let is_marked = marked.is_ok();
        self.note(&context, &grant, &record, matches!(marked, Ok(true)));
        let unmarked = match marked {
            Ok(true) => None,
            Ok(false) => Some("the old file has another login by now, which the next start takes over".to_owned()),
            Err(error) => Some(format!("the old file still has its token: {}", error.full_text())),
        };
        let left_alive = left_alive.map(|why| format!("the login before was not ended at the server ({why})"));
        Ok(Finished { context, warnings: unmarked.into_iter().chain(left_alive).collect(), taken, is_marked })
    }

    /// Exchanges the old token, as any refresh does it: intent, exchange, commit (law 3).
    fn exchange(&self, wanted: Option<ContextName>) -> Result<()> {
        let app = self.attempt.app;
        let name = wanted.unwrap_or_else(|| ContextName::derived("adopted"));
        let context = self.adopted.context(self.attempt, self.state_dir, name)?;
        let refresh = Wanted { request: TokenRequest::new().refresh(), ..Wanted::default() };
        match refresh::access_token(app, &context, &refresh, &|| false) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.not_exchanged(error)),
        }
    }

    /// Decides what stays of a login whose token was not exchanged.
    fn not_exchanged(&self, error: Error) -> Error {
        let from = self.request.source.path().map(|path| format!(" of {}", path.display())).unwrap_or_default();
        let has_ended = has_ended(&error);
        if !has_ended && self.may_have_rotated() {
            // The sealed token is all that is left of the login.
            let message = format!("cannot take over the login{from}: its refresh was interrupted");
            return Error::new(error.kind(), message)
                .with(Remedy::Retry { after: error.retry_after() })
                .caused_by(error);
        }
        // A record that cannot be erased has no name then, and the repair finds it.
        let _ = self.adopted.erase(self.attempt.app, self.attempt.permit, self.state_dir);
        let message = format!("cannot take over the login{from}");
        let remedy = match error.remedy() {
            Some(remedy) if !has_ended => remedy.clone(),
            _ => Remedy::LogIn { context: None },
        };
        Error::new(error.kind(), message).with(remedy).caused_by(error)
    }

    /// Returns whether the server may have exchanged the token.
    fn may_have_rotated(&self) -> bool {
        let app = self.attempt.app;
        let files = app.files(self.state_dir, &self.adopted.grant);
        let recovered = files.lock(app.config.lock_timeout).and_then(|lock| {
            let grant = self.adopted.open(app, self.state_dir)?;
            grant.recover(&lock)
        });
        recovered.map_or(true, |found| found.journal.is_some_and(|journal| journal.may_have_rotated()))
    }

    /// Writes whose login it is into the record, once the server has said that.
    fn commit_account(&self) -> Result<Record> {
        let app = self.attempt.app;
        let account = self.account()?;
        let files = app.files(self.state_dir, &self.adopted.grant);
        let grant = self.adopted.open(app, self.state_dir)?;
        let lock = files.lock(app.config.lock_timeout)?;
        let record = grant.recover(&lock)?.record;
        let scopes = record.tokens.first().map(|token| token.scopes.clone()).unwrap_or_else(|| record.scopes.clone());
        self.attempt.permit.look();
        let mut record =
            Record { generation: record.generation + 1, cause: EventCode::GrantCreated, account, scopes, ..record };
        grant.commit(&lock, self.attempt.permit, &mut record)?;
        Ok(record)
    }

    /// Notes that the login was taken over, and whether the old file has lost its token.
    fn note(&self, context: &Context, grant: &OpenGrant<'_>, record: &Record, is_scrubbed: bool) {
        let permit = self.attempt.permit;
        permit.concerns(context.subject(&record.provenance), Some(grant.trail_key()));
        let from = self.request.source.path().map(|path| path.display().to_string());
        permit.note(EventCode::Imported, |event| {
            describe(event, record.tokens.first(), grant);
            event.details.before = from.as_deref().map(quoted);
        });
        permit.note_generation(EventCode::GrantCreated, generation(grant, record), |event| {
            describe(event, record.tokens.first(), grant);
        });
        if is_scrubbed {
            permit.note(EventCode::Scrubbed, |event| event.details.before = from.as_deref().map(quoted));
        }
    }

    fn account(&self) -> Result<Account> {
        let record = self.adopted.open(self.attempt.app, self.state_dir)?.read()?;
        let claims = record.claims.map(Claims::from);
        let token = record.tokens.first().ok_or_else(|| {
            Error::new(ErrorKind::Expired, "the old login holds no token").with(Remedy::LogIn { context: None })
        })?;
        Ok(self.attempt.account(claims, &token.access_token, None))
    }

    /// Gives the login its name, and ends the login that it replaces. Returns why that may still live.
    fn name(&self, record: &Record, before: &Index, wanted: Option<ContextName>) -> Result<(Context, Option<String>)> {
        let (attempt, app) = (self.attempt, self.attempt.app);
        let name = attempt.name_for_entry(before, &record.account, attempt.org.as_ref(), wanted.as_ref())?;
        let old = before.get(&name).and_then(|old| {
            let key_store = app.quiet_key_stores().of(&old.key_store).ok()?;
            app.files(self.state_dir, &old.grant).unlock(&*key_store).ok()
        });
        let grant = self.adopted.open(app, self.state_dir)?;
        let entry: Entry = self.adopted.entry(name, attempt, record);
        let (context, replaced) =
            attempt.index(self.state_dir, entry.clone(), wanted.as_ref(), true, &grant, old.as_ref())?;
        let left_alive = match (replaced, record.tokens.first()) {
            // Nobody asked for a login, and on some servers the revocation of one ends all of the account (law 13).
            (Some(old), _) if old.account.is(&entry.account) => self.forget(&old),
            (Some(old), Some(token)) => attempt.end_replaced(self.state_dir, &old, &entry, &token.access_token),
            _ => Ok(None),
        };
        let left_alive = left_alive.inspect_err(|_| {
            attempt.undo(self.state_dir, app.files(self.state_dir, &entry.grant), &entry.grant);
        })?;
        Ok((context, left_alive))
    }

    /// Forgets the login that this one replaces, without telling the server.
    fn forget(&self, old: &Entry) -> Result<Option<String>> {
        let app = self.attempt.app;
        let marked = old.marked();
        let files = app.files(self.state_dir, &old.grant).called(&marked);
        let forgotten = files.lock(app.config.lock_timeout).and_then(|lock| {
            let key_store = app.quiet_key_stores().any(&old.key_store)?;
            files.erase(&lock, self.attempt.permit, Some(&*key_store))
        });
        app.memories.forget(&old.grant);
        // A record that cannot be erased has no name then, and the repair finds it.
        let why = forgotten.err().map_or_else(|| "it is of the same account".to_owned(), |error| error.full_text());
        Ok(Some(why))
    }
}

/// Returns whether the server has refused the token.
pub(super) fn has_ended(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Expired | ErrorKind::Revoked | ErrorKind::Interrupted)
}
