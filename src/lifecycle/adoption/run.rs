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
use super::pending::Adopted;
use super::tokens::OldTokens;
use crate::custody::Chosen;
use crate::lifecycle::access_token::{TokenRequest, Wanted};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Context, Entry, Index};
use crate::lifecycle::login::{Attempt, destination};
use crate::lifecycle::refresh;
use crate::model::account::Account;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::ContextName;
use crate::model::secret::Secret;
use crate::oauth::claims::Claims;
use crate::oauth::metadata::discover;
use crate::prompt::Outcome;
use crate::records::record::Record;
use crate::state_dir::{Lock, OldFile, OldLock, StateDir};
use crate::system::failpoint::reached;

/// How often an adoption begins again because the other program has replaced its token meanwhile.
const TRIES: usize = 3;

/// Takes over the old login, and returns its context; `None` if there is none. Tells the prompt, unless there is none.
pub(crate) fn run(app: &App, request: &Adoption) -> Result<Option<Context>> {
    let adopted = adopt(app, request).map_err(|error| request.login.with_own_remedy(error));
    match &adopted {
        Ok(Some(Done { context, warnings })) => request.login.prompt.done(&Outcome::Adopted {
            context: &context.name,
            account: &context.account,
            org: context.org.as_ref(),
            key_store: &context.key_store,
            from: request.source.path(),
            warnings: &warnings[..],
        }),
        Ok(None) => {}
        Err(error) => request.login.prompt.done(&Outcome::Failed(error)),
    }
    Ok(adopted?.map(|done| done.context))
}

/// A login that was taken over.
struct Done {
    context: Context,
    warnings: Vec<String>,
}

fn adopt(app: &App, request: &Adoption) -> Result<Option<Done>> {
    request.login.check()?;
    // A file that cannot be read is an error before anything is created.
    request.source.tokens()?;
    let state_dir = app.create_state_dir()?;
    let _old = lock_old_program(app, request)?;
    let own = lock(app, &state_dir, &request.source.lock_name())?;
    let mut tries_left = TRIES;
    loop {
        // Read again under the locks: another process may have adopted it, or the other program may have refreshed it.
        let Some((tokens, token)) = request.source.main_token()? else { return Ok(None) };
        let error = match adopt_token(app, request, &state_dir, &tokens, &token) {
            Ok(done) => return Ok(Some(done)),
            Err(error) => error,
        };
        tries_left -= 1;
        if has_ended(&error) {
            let is_replaced = request.source.main_token()?.is_some_and(|(_, now)| now.expose() != token.expose());
            // `invalid_grant` is a question (law 6): the other program may have refreshed it meanwhile.
            if is_replaced && tries_left > 0 {
                continue;
            }
            if let Some(refused) = request.source.fingerprint(&app.config).filter(|_| !is_replaced) {
                own.write_number(refused);
            }
        }
        return Err(error);
    }
}

/// Returns whether the server has refused the token.
fn has_ended(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Expired | ErrorKind::Revoked | ErrorKind::Interrupted)
}

/// Returns whether there is an old login to take over. A host asks at each start: without one, nothing is created and nobody is waited for.
/// A file that the server has refused is none, until it changes.
pub(crate) fn has_old_login(app: &App, request: &Adoption) -> bool {
    if matches!(request.source.tokens(), Ok(None)) {
        return false;
    }
    let number = || {
        let bytes = app.state_dir().ok()??.root.read(&request.source.lock_name()).ok()??;
        std::str::from_utf8(&bytes).ok()?.parse::<u64>().ok()
    };
    number().is_none_or(|refused| request.source.fingerprint(&app.config) != Some(refused))
}

/// Takes the other program's lock, if the host names one.
fn lock_old_program(app: &App, request: &Adoption) -> Result<Option<OldLock>> {
    let Some(path) = &request.lock else { return Ok(None) };
    OldFile::at(path)?.map(|file| file.lock(app.config.lock_timeout)).transpose()
}

/// Takes the lock that one adoption of this source holds.
fn lock(app: &App, state_dir: &StateDir, name: &str) -> Result<Lock> {
    let timeout = app.config.lock_timeout;
    state_dir.root.lock(name, timeout)?.ok_or_else(|| state_dir.root.still_locked(name, timeout, None))
}

fn adopt_token(
    app: &App,
    request: &Adoption,
    state_dir: &StateDir,
    tokens: &OldTokens,
    token: &Secret,
) -> Result<Done> {
    let (config, login) = (&app.config, &request.login);
    let chosen: Chosen = app.key_stores.choose(login.lifetime)?;
    let found = Adopted::find(app, state_dir, &*chosen.key_store, token)?;
    let named = match &found {
        Some(found) => named_context(app, state_dir, found)?,
        None => None,
    };
    if let Some(context) = named {
        return Ok(Done { context, warnings: mark(request) });
    }
    let name = login.context_name(config)?;
    let org = login.requested_org(config, name.as_ref(), &Index::read(Some(state_dir))?)?;
    let issuer = config.orgs.selection.issuer(&config.issuer, org.as_ref())?;
    let http = app.http()?;
    let endpoints = discover(&http, &issuer, &config.endpoints, &login.cancel)?;
    let destination = destination(config, issuer, &endpoints);
    let attempt = Attempt {
        app,
        request: login,
        http: &http,
        client: &app.client(&destination),
        destination: &destination,
        scopes: &config.scopes,
        org,
        chosen: &chosen,
    };
    let adopted = match found {
        Some(found) => found,
        None => Adopted::create(&attempt, state_dir, tokens, token)?,
    };
    Steps { attempt: &attempt, request, state_dir, adopted: &adopted }.finish(name)
}

/// Returns the context of a login that was adopted before and has its name already.
fn named_context(app: &App, state_dir: &StateDir, found: &Adopted) -> Result<Option<Context>> {
    let index = Index::read(Some(state_dir))?;
    Ok(index.of_grant(&found.grant).map(|entry| app.context(state_dir, &index, entry, None)))
}

/// Replaces the old file by its marker. Returns what is left to do if that fails: the login is kept all the same.
fn mark(request: &Adoption) -> Vec<String> {
    let marked = request.source.mark().inspect(|()| reached("adoption marked"));
    marked
        .err()
        .map(|error| format!("the old login's file still has its token, which is spent: {}", error.full_text()))
        .into_iter()
        .collect()
}

/// The steps from the sealed token to the marker.
struct Steps<'a> {
    attempt: &'a Attempt<'a>,
    request: &'a Adoption,
    state_dir: &'a StateDir,
    adopted: &'a Adopted,
}

impl Steps<'_> {
    fn finish(&self, wanted: Option<ContextName>) -> Result<Done> {
        let app = self.attempt.app;
        let grant = self.adopted.open(app, self.state_dir)?;
        if is_to_be_exchanged(&grant.read()?) {
            self.exchange(wanted.clone())?;
        }
        let record = self.commit_account()?;
        let index = Index::read(Some(self.state_dir))?;
        let name = self.attempt.name_for_entry(&index, &record.account, self.attempt.org.as_ref(), wanted.as_ref());
        // The old token is spent, so the login is kept under another name, and the error names it.
        let (taken, wanted) = match name {
            Err(taken) => (Some(taken), None),
            Ok(_) => (None, wanted),
        };
        let (context, left_alive) = self.name(&record, &index, wanted)?;
        reached("adoption named");
        let mut warnings = mark(self.request);
        warnings.extend(left_alive.map(|why| format!("the login before was not ended at the server ({why})")));
        match taken {
            Some(taken) => {
                let notes: String = warnings.iter().map(|warning| format!("; {warning}")).collect();
                let kept = format!("{taken}; the old login is kept as {}{notes}", context.name);
                Err(Error::new(taken.kind(), kept)
                    .with(Remedy::ChooseContext { contexts: vec![context.name.to_string()] }))
            }
            None => Ok(Done { context, warnings }),
        }
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
        // What cannot be erased is a record without a name, which the repair finds.
        let _ = self.adopted.erase(self.attempt.app, self.state_dir);
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
        let record = Record { generation: record.generation + 1, account, scopes, ..record };
        grant.commit(&lock, &record)?;
        Ok(record)
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
            (Some(old), Some(token)) => attempt.end_replaced(self.state_dir, &old, &entry, &token.access_token),
            _ => Ok(None),
        };
        let left_alive = left_alive.inspect_err(|_| {
            attempt.undo(self.state_dir, app.files(self.state_dir, &entry.grant), &entry.grant);
        })?;
        Ok((context, left_alive))
    }
}

/// Returns whether the record still has the old token. An old login without a refresh token stays as it is.
fn is_to_be_exchanged(record: &Record) -> bool {
    record.generation == 1 && record.refresh_token.is_some()
}
