//! Logout: revokes logins at the server, then forgets them here, and reports truthfully what happened (law 13).

use crate::custody::{KeptUntil, KeyStoreName};
use crate::governance::permit::{Action, Permit};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Entry, Index, Logins, Outcomes};
use crate::lifecycle::doctor::orphans::Orphans;
use crate::model::account::Account;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::event::EventCode;
use crate::model::ids::ContextName;
use crate::model::secret::Secret;
use crate::oauth::metadata::Endpoint;
use crate::oauth::revocation::{Revoked, Token, revoke};
use crate::oauth::token_endpoint::TokenError;
use crate::records::grant_files::GrantFiles;
use crate::records::open_grant::{OpenGrant, RecoveredGrant};
use crate::records::record::Record;
use crate::state_dir::{Lock, StateDir};

/// Which logins to end, and how.
///
/// ```no_run
/// # fn main() -> hallpass::Result<()> {
/// # let auth = hallpass::Auth::new(hallpass::Config::new("acme", "https://id.example.com", "acme-cli")?)?;
/// use hallpass::contexts::{Logins, Logout};
///
/// for login in auth.logout(Logout::new(Logins::All)).wait()?.done {
///     eprintln!("{}: {}", login.account, login.ended.name());
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Logout {
    logins: Logins,
    local_only: bool,
}

impl Logout {
    /// Ends these logins: [`Logins::All`], or those of a [`Selector`](crate::Selector). [`Logout::default`] ends the selected one.
    ///
    /// Of all logins, those of another issuer or client are not ended, and stand among [`Outcomes::failed`], unless they are forgotten on
    /// this machine only.
    pub fn new(logins: impl Into<Logins>) -> Self {
        Self { logins: logins.into(), local_only: false }
    }

    /// Forgets the logins on this machine only, without asking the server.
    pub fn local_only(self) -> Self {
        Self { local_only: true, ..self }
    }
}

/// One login that ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LoggedOut {
    /// The context that is gone.
    pub context: ContextName,
    /// The contexts for other orgs of the same login, which are gone with it.
    pub also: Vec<ContextName>,
    /// Whose login it was.
    pub account: Account,
    /// How it ended.
    pub ended: LogoutOutcome,
    /// Why its key is still in its key store, if it is. It opens nothing any more.
    pub left_behind: Option<String>,
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogoutOutcome {
    /// The server has revoked the login (RFC 7009).
    Revoked,
    /// The server cannot revoke the login: it is forgotten here, and ends at the server when it expires.
    NotRevocable,
    /// The login had already ended at the server: it is forgotten here.
    Already,
    /// The login is forgotten here, and the server was not asked.
    LocalOnly,
    /// The login could not be read any more, so the server was not asked: it is forgotten here, and ends at the server when it expires.
    Unreadable,
}

impl LogoutOutcome {
    /// Returns the name in JSON output, in `snake_case`.
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

/// Ends the selected logins, one after the other. A login that cannot be ended stays.
pub(crate) fn run(app: &App, request: &Logout) -> Result<Outcomes<LoggedOut>> {
    let state_dir = app.state_dir()?;
    let index = Index::read(state_dir.as_ref())?;
    let selected = index.select(&request.logins, &app.config);
    let mut entries = selected.map_err(|error| nothing_to_end(error, &index.own_names(&app.config)))?;
    let Some(state_dir) = state_dir else { return Ok(Outcomes::default()) };
    if matches!(request.logins, Logins::All) {
        entries.extend(unnamed_logins(app, &state_dir, &index)?);
    }
    Outcomes::of(&request.logins, &entries, |entry| end(app, &state_dir, entry, request.local_only))
}

/// Returns the error of a logout that finds no login. It does not advise to log in. `names`: the logins that this configuration can end.
fn nothing_to_end(error: Error, names: &[String]) -> Error {
    match error.remedy() {
        Some(Remedy::LogIn { .. } | Remedy::LogInTo { .. }) if names.is_empty() => {
            Error::new(ErrorKind::NotLoggedIn, "already logged out")
        }
        Some(Remedy::LogIn { .. } | Remedy::LogInTo { .. }) => {
            error.with(Remedy::ChooseContext { contexts: names.to_vec() })
        }
        _ => error,
    }
}

/// Returns the logins without a name, after a crash or an edit of the index: a person who ends all logins believes that none is left.
fn unnamed_logins(app: &App, state_dir: &StateDir, index: &Index) -> Result<Vec<Entry>> {
    let unnamed = Orphans::find(app, &app.quiet_key_stores(), state_dir, index)?.unnamed_records;
    let entries = unnamed.iter().filter_map(|(grant, key_store)| {
        let (opened, record) = app.open_with_any_key_store(app.files(state_dir, grant))?;
        let org = record.tokens.first().and_then(|token| token.org.clone());
        let name = index.derive_name(&record.account, org.as_ref(), record.provenance.environment.as_ref());
        let mark = opened.mark(&name, org.as_ref(), record.provenance.environment.as_ref()).ok()?;
        Some(Entry { mark, ..Entry::of_record(name, grant, org, &record, key_store.as_ref()?.name()) })
    });
    Ok(entries.collect())
}

fn end(app: &App, state_dir: &StateDir, entry: &Entry, local_only: bool) -> Result<LoggedOut> {
    let permit = app.permit(Action::Logout, app.subject_of(state_dir, entry))?;
    let ended = try_to_end(app, state_dir, entry, local_only, &permit);
    permit.end(&ended);
    ended
}

fn try_to_end(
    app: &App,
    state_dir: &StateDir,
    entry: &Entry,
    local_only: bool,
    permit: &Permit<'_>,
) -> Result<LoggedOut> {
    let marked = entry.marked();
    let files = app.files(state_dir, &entry.grant).called(&marked);
    // Before the lock is taken: a person may be asked.
    let opened = if local_only { None } else { Some(app.unlock(files, &entry.key_store)) };
    if let Some(Ok(grant)) = &opened
        && let Ok(record) = grant.read()
    {
        let subject = app.subject_of(state_dir, entry);
        app.look_at_trail(grant, &record, &subject);
        permit.concerns(subject, Some(grant.trail_key()));
    }
    // A refresh under way ends first: a token that it brings must not outlive the logout.
    let lock = files.lock(app.config.lock_timeout)?;
    if local_only {
        check_if_it_opens(app, entry, files)?;
    }
    // A login that cannot be forgotten here is not ended at the server: otherwise an ended login would look alive here.
    Index::try_write(state_dir, app.config.lock_timeout)?;
    let ended = match opened.map(|opened| opened.and_then(|grant| Newest::read(app, entry, &grant, &lock))) {
        None => LogoutOutcome::LocalOnly,
        Some(Ok(newest)) => newest.end_at_server(app, entry)?,
        Some(Err(error)) => give_up_unreadable(app, entry, files, error)?,
    };
    let left_behind = erase(app, state_dir, entry, files, &lock, permit, local_only)?;
    app.memories.forget(&entry.grant);
    let mut also = Index::change(state_dir, app.config.lock_timeout, |index| {
        // All contexts of this grant. A new login under the same name is another grant, and stays.
        Ok(index.forget(&entry.grant))
    })?;
    also.retain(|name| *name != entry.name);
    note_end(permit, ended);
    Ok(LoggedOut { context: entry.name.clone(), also, account: entry.account.clone(), ended, left_behind })
}

/// Notes how the login ended.
fn note_end(permit: &Permit<'_>, ended: LogoutOutcome) {
    match ended {
        LogoutOutcome::Revoked => permit.note(EventCode::Revoked, |_| {}),
        LogoutOutcome::NotRevocable => permit.note(EventCode::RevocationUnsupported, |_| {}),
        LogoutOutcome::Already | LogoutOutcome::LocalOnly | LogoutOutcome::Unreadable => {}
    }
    permit.note(EventCode::LoggedOut, |event| event.say(ended.name()));
}

/// Makes sure that no other login is forgotten under this one's name, if that can be checked without asking a person.
fn check_if_it_opens(app: &App, entry: &Entry, files: GrantFiles<'_>) -> Result<()> {
    let Some((grant, record)) = app.open_with_any_key_store(files) else { return Ok(()) };
    app.check_record(entry, &grant, &record)
}

/// The newest record of a login, so that its last token is the one that is revoked.
struct Newest {
    record: Record,
    refresh_token: Option<Secret>,
    /// Whether the server has refused the refresh token as ended.
    has_ended: bool,
}

impl Newest {
    fn read(app: &App, entry: &Entry, grant: &OpenGrant<'_>, lock: &Lock) -> Result<Self> {
        let RecoveredGrant { record, journal, .. } = grant.recover(lock)?;
        app.check_record(entry, grant, &record)?;
        let has_ended = journal.is_some_and(|journal| grant.has_ended(&journal));
        let refresh_token = record.refresh_token.as_ref().map(|token| grant.reveal(token)).transpose()?;
        Ok(Self { record, refresh_token, has_ended })
    }

    fn end_at_server(&self, app: &App, entry: &Entry) -> Result<LogoutOutcome> {
        if self.has_ended {
            // Some servers (Better Auth) take a token that is sent again for a stolen one, and end all logins of the account.
            return Ok(LogoutOutcome::Already);
        }
        let destination = &self.record.destination;
        app.check_destination(&entry.grant, &self.record)?;
        let access_token = self.record.tokens.first().map(|token| &*token.access_token);
        let (Some(url), Some(token)) =
            (&destination.revocation_endpoint, Token::best(self.refresh_token.as_ref(), access_token))
        else {
            return Ok(LogoutOutcome::NotRevocable);
        };
        let http = app.http()?;
        app.confirm(&http, destination, Endpoint::Revocation).map_err(|error| error.with(forget_locally(entry)))?;
        match revoke(&http, url, &app.client(destination), &token) {
            Ok(Revoked::Now) => Ok(LogoutOutcome::Revoked),
            Ok(Revoked::Already) => Ok(LogoutOutcome::Already),
            // RFC 7009 §2.2.1: "The authorization server does not support the revocation of the presented token type."
            Err(TokenError::Refused(refusal)) if refusal.is("unsupported_token_type") => {
                Ok(LogoutOutcome::NotRevocable)
            }
            Err(error) => Err(not_revoked(entry, error.into())),
        }
    }
}

fn not_revoked(entry: &Entry, cause: Error) -> Error {
    let message = "cannot log out: the server was not told";
    Error::new(cause.kind(), message).with(forget_locally(entry)).caused_by(cause)
}

fn forget_locally(entry: &Entry) -> Remedy {
    Remedy::ForgetLocally { context: entry.name.to_string() }
}

/// Gives up a login whose record can never be read again. Returns the error if the record may
/// become readable (law 10).
fn give_up_unreadable(app: &App, entry: &Entry, files: GrantFiles<'_>, error: Error) -> Result<LogoutOutcome> {
    match error.remedy() {
        // Another session or container may still have a key that looks lost from here.
        Some(Remedy::LogIn { .. } | Remedy::StartSession) if may_be_elsewhere(app, entry, files) => {
            Err(error.with(forget_locally(entry)))
        }
        // Otherwise an editor of the index could make a logout give up a login, by naming another
        // key store for its key.
        Some(Remedy::LogIn { .. }) if app.open_with_any_key_store(files).is_some() => Err(error.with(Remedy::Repair)),
        Some(Remedy::LogIn { .. }) => Ok(LogoutOutcome::Unreadable),
        // The person may no longer have what these ask for, and forgetting does not need it.
        Some(
            Remedy::RunAsService { .. }
            | Remedy::CorrectCredential { .. }
            | Remedy::CorrectPassphrase
            | Remedy::SetAside { .. },
        ) => Err(error.with(forget_locally(entry))),
        _ => Err(error),
    }
}

/// Whether the key is missing from a key store of this session or boot: another session may still have it.
fn may_be_elsewhere(app: &App, entry: &Entry, files: GrantFiles<'_>) -> bool {
    let Ok(store) = app.key_stores.of(&entry.key_store) else { return false };
    let forgets = matches!(store.protection().lasts, KeptUntil::Reboot | KeptUntil::SessionEnd);
    forgets && !matches!(store.load(&files.item()), Ok(Some(_)))
}

/// Erases the key and the record. Returns why the key is still in its key store, if it is.
fn erase(
    app: &App,
    state_dir: &StateDir,
    entry: &Entry,
    files: GrantFiles<'_>,
    lock: &Lock,
    permit: &Permit<'_>,
    local_only: bool,
) -> Result<Option<String>> {
    // Read again: the key may have moved while this waited for the lock.
    let name = Index::read(Some(state_dir))?.of_grant(&entry.grant).unwrap_or(entry).key_store.clone();
    // No person is asked while the lock is held.
    let key_stores = app.quiet_key_stores();
    // A move that was killed may have left a copy. These are fast to ask. First, while the record can prove whose copy it is.
    for other in [KeyStoreName::Kernel, KeyStoreName::Session].iter().filter(|other| **other != name) {
        let _ = key_stores.any(other).map(|other| files.erase_key(&*other));
    }
    let erased = key_stores.any(&name).and_then(|key_store| {
        files.erase(lock, permit, Some(&*key_store))?;
        Ok(key_store)
    });
    match erased {
        Ok(key_store) => {
            let is_still_there = matches!(key_store.load(&files.item()), Ok(Some(_)));
            Ok(is_still_there.then(|| "nothing here proves that it is of this state folder".to_owned()))
        }
        // A key that cannot be reached opens nothing any more, and a login can always be forgotten (law 13).
        Err(error) if local_only => {
            files.erase(lock, permit, None)?;
            Ok(Some(error.to_string()))
        }
        Err(error) => Err(error),
    }
}
