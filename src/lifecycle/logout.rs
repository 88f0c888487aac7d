//! The end of a login: told to the server, then forgotten here, and truthfully reported (law 13).

use std::sync::Arc;

use crate::custody::{KeptUntil, KeyStore};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Entry, Index, Outcomes, Selector};
use crate::lifecycle::doctor::orphans::Orphans;
use crate::model::account::Account;
use crate::model::error::{Error, Remedy, Result};
use crate::model::ids::{ContextName, GrantId};
use crate::model::secret::Secret;
use crate::oauth::metadata::Endpoint;
use crate::oauth::revocation::{Revoked, Token, revoke};
use crate::oauth::token_endpoint::TokenError;
use crate::records::grant_files::GrantFiles;
use crate::records::open_grant::{Found, OpenGrant};
use crate::records::record::Record;
use crate::state_dir::{Lock, StateDir};

/// Which logins shall end, and how.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LogoutRequest {
    /// Which one.
    pub select: Selector,
    /// All of them.
    pub all: bool,
    /// Forget on this machine only; the server is not asked.
    pub local_only: bool,
}

/// One login that ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LoggedOut {
    /// The context that is gone.
    pub context: ContextName,
    /// The contexts for other orgs of the same login, which are gone with it.
    pub also: Vec<ContextName>,
    /// Whose it was.
    pub account: Account,
    /// How it ended.
    pub ended: LogoutOutcome,
    /// Why its key is still where it rested, if it is: it opens nothing any more.
    pub left_behind: Option<String>,
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogoutOutcome {
    /// The server has revoked it (RFC 7009).
    Revoked,
    /// The server has no way to revoke: it is forgotten here, and ends there when it expires.
    NotRevocable,
    /// The server had refused its refresh token as ended before, and was not asked again: it is forgotten here.
    Already,
    /// It is forgotten here, and the server was not asked.
    LocalOnly,
    /// It could not be read any more, so the server could not be told: it is forgotten here, and ends there when it expires.
    Unreadable,
}

impl LogoutOutcome {
    /// The name in JSON output, in `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::NotRevocable => "not_revocable",
            Self::Already => "already_ended",
            Self::LocalOnly => "local_only",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Ends the selected logins, one after the other; one that cannot be ended is still there.
pub(crate) fn run(app: &App, request: &LogoutRequest) -> Result<Outcomes<LoggedOut>> {
    let state_dir = app.state_dir()?;
    let index = Index::read(state_dir.as_ref())?;
    let mut entries =
        index.meant(request.all, &request.select, &app.config).map_err(|error| nothing_to_end(error, &index))?;
    if let Some(state_dir) = state_dir.as_ref().filter(|_| request.all) {
        entries.extend(nameless(app, state_dir, &index)?);
    }
    match state_dir {
        Some(state_dir) => Outcomes::of(&entries, request.all, |entry| end(app, &state_dir, entry, request.local_only)),
        None => Ok(Outcomes::default()),
    }
}

/// Who wants to log out is not told to log in.
fn nothing_to_end(error: Error, index: &Index) -> Error {
    match error.remedy() {
        Some(Remedy::LogIn { .. } | Remedy::LogInTo { .. }) => index.other_than(error),
        _ => error,
    }
}

/// The logins that no name is of, after a crash or an edit of the index: who ends all believes that none is left.
fn nameless(app: &App, state_dir: &StateDir, index: &Index) -> Result<Vec<Entry>> {
    let unnamed = Orphans::find(app, &app.quiet_key_stores(), state_dir, index)?.unnamed;
    let entry = |(grant, key_store): (GrantId, Option<Arc<dyn KeyStore>>)| {
        let (opened, record) = app.opened_anywhere(app.files(state_dir, &grant))?;
        let org = record.tokens.first().and_then(|token| token.org.clone());
        let name = index.free_name(&record.account, org.as_ref());
        let mark = opened.mark(&name, org.as_ref()).ok()?;
        Some(Entry {
            name,
            mark,
            org,
            account: record.account,
            client_id: record.destination.client_id,
            scopes: record.scopes,
            key_store: key_store?.name().to_owned(),
            asked: None,
            grant: grant.clone(),
        })
    };
    Ok(unnamed.into_iter().filter_map(entry).collect())
}

fn end(app: &App, state_dir: &StateDir, entry: &Entry, local_only: bool) -> Result<LoggedOut> {
    let marked = entry.marked();
    let files = app.files(state_dir, &entry.grant).called(&marked);
    // Before the lock is taken: a person may be asked.
    let opened = if local_only { None } else { Some(app.unlock(files, &entry.key_store)) };
    // A refresh under way ends first: a token that it brings must not outlive the logout.
    let lock = files.lock(app.config.lock_timeout)?;
    if local_only {
        check_if_it_opens(app, entry, files)?;
    }
    // A login that cannot be forgotten here is not ended at the server: what is left would look like one that is alive.
    Index::try_write(state_dir, app.config.lock_timeout)?;
    let ended = match opened.map(|grant| newest(app, entry, &grant?, &lock)) {
        None => LogoutOutcome::LocalOnly,
        // Sent once more, it would be taken for a stolen one: some servers (Better Auth) end all logins of the account then.
        Some(Ok((_, true, _))) => LogoutOutcome::Already,
        Some(Ok((record, false, token))) => tell_the_server(app, entry, &record, token)?,
        Some(Err(error)) => match error.remedy() {
            // From here a key in the kernel can look lost that another session or container still has.
            Some(Remedy::LogIn { .. } | Remedy::StartSession) if may_be_elsewhere(app, entry, files) => {
                return Err(error.with(Remedy::ForgetLocally { context: entry.name.to_string() }));
            }
            // Whoever writes the index could have a login given up by naming another place for its key.
            Some(Remedy::LogIn { .. }) if app.opened_anywhere(files).is_some() => {
                return Err(error.with(Remedy::Repair));
            }
            // Locked is not empty: only a login that can never be read again is given up.
            Some(Remedy::LogIn { .. }) => LogoutOutcome::Unreadable,
            // What the person may not have any more, and is not asked for to forget.
            Some(
                Remedy::RunAsService { .. }
                | Remedy::CorrectCredential { .. }
                | Remedy::CorrectPassphrase
                | Remedy::SetAside { .. },
            ) => return Err(error.with(Remedy::ForgetLocally { context: entry.name.to_string() })),
            _ => return Err(error),
        },
    };
    // As it is now: the key may have moved while this waited. A person is not asked while the lock is held.
    let store = Index::read(Some(state_dir))?.of_grant(&entry.grant).unwrap_or(entry).key_store.clone();
    let key_stores = app.quiet_key_stores();
    // What a move may have left that was killed, where it costs nothing to look. While the record is there that proves whose it is.
    for other in ["kernel", "session"].iter().filter(|other| **other != store) {
        let _ = key_stores.any(other).map(|other| files.erase_key(&*other));
    }
    let erased = key_stores.any(&store).and_then(|key_store| files.erase(&lock, Some(&*key_store)));
    let left_behind = match erased {
        // A key that cannot be reached opens nothing any more, and a login can always be forgotten (law 13).
        Err(error) if local_only => {
            files.erase(&lock, None)?;
            Some(error.to_string())
        }
        erased => {
            erased?;
            let stays =
                key_stores.any(&store).is_ok_and(|key_store| matches!(key_store.load(&files.item()), Ok(Some(_))));
            stays.then(|| "nothing here proves that it is of this state folder".to_owned())
        }
    };
    let mut also = Index::change(state_dir, app.config.lock_timeout, |index| {
        // Whatever names this grant: a login made meanwhile under the same name is not ours to end.
        Ok(index.forget(&entry.grant))
    })?;
    also.retain(|name| *name != entry.name);
    Ok(LoggedOut { context: entry.name.clone(), also, account: entry.account.clone(), ended, left_behind })
}

/// Another login is not forgotten under this one's name, as far as that can be found out without asking a person.
fn check_if_it_opens(app: &App, entry: &Entry, files: GrantFiles<'_>) -> Result<()> {
    let Some((grant, record)) = app.opened_anywhere(files) else { return Ok(()) };
    app.check_record(entry, &grant, &record)
}

/// Whether the key is not to be found where it need not be lost for that.
fn may_be_elsewhere(app: &App, entry: &Entry, files: GrantFiles<'_>) -> bool {
    let Ok(store) = app.key_stores.of(&entry.key_store) else { return false };
    let forgets = matches!(store.protection().lasts, KeptUntil::Reboot | KeptUntil::SessionEnd);
    forgets && !matches!(store.load(&files.item()), Ok(Some(_)))
}

/// The newest record there is, so that the token that is revoked is the last one; whether it has ended already; and the token.
fn newest(app: &App, entry: &Entry, grant: &OpenGrant<'_>, lock: &Lock) -> Result<(Record, bool, Option<Secret>)> {
    let Found { record, attempt, .. } = grant.recover(lock)?;
    app.check_record(entry, grant, &record)?;
    let has_ended = attempt.is_some_and(|attempt| grant.has_ended(&attempt));
    let token = record.refresh_token.as_ref().map(|token| grant.reveal(token)).transpose()?;
    Ok((record, has_ended, token))
}

fn tell_the_server(app: &App, entry: &Entry, record: &Record, token: Option<Secret>) -> Result<LogoutOutcome> {
    app.check_destination(&entry.grant, record)?;
    let access = record.tokens.first().map(|token| &*token.access_token);
    let (Some(url), Some(token)) = (&record.destination.revocation_endpoint, Token::best(token.as_ref(), access))
    else {
        return Ok(LogoutOutcome::NotRevocable);
    };
    let http = app.http()?;
    let forget = Remedy::ForgetLocally { context: entry.name.to_string() };
    app.confirm(&http, &record.destination, Endpoint::Revocation).map_err(|error| error.with(forget.clone()))?;
    match revoke(&http, url, &app.client(&record.destination), &token) {
        Ok(Revoked::Now) => Ok(LogoutOutcome::Revoked),
        Ok(Revoked::Already) => Ok(LogoutOutcome::Already),
        // RFC 7009 §2.2.1: "The authorization server does not support the revocation of the presented token type."
        Err(TokenError::Refused(refusal)) if refusal.is("unsupported_token_type") => Ok(LogoutOutcome::NotRevocable),
        Err(error) => {
            let cause = Error::from(error);
            let message = "cannot log out: the server was not told";
            Err(Error::new(cause.kind(), message).with(forget).because(cause))
        }
    }
}
