//! One adoption: under its locks, and again if the old token was replaced meanwhile.

use super::Adoption;
use super::note::{Note, State};
use super::pending::Adopted;
use super::steps::{Finished, Steps, has_ended};
use super::tokens::OldTokens;
use crate::custody::Chosen;
use crate::governance::permit::{Action, Permit};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Context, Index};
use crate::lifecycle::login::{Attempt, destination};
use crate::model::error::{Error, Remedy, Result};
use crate::model::secret::Secret;
use crate::oauth::metadata::discover;
use crate::prompt::Outcome;
use crate::state_dir::{Lock, OldFile, OldLock, StateDir};

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
    let permit = app.permit(Action::Adopt, app.subject())?;
    let adopted = try_to_adopt(app, request, &permit);
    permit.end(&adopted);
    adopted
}

fn try_to_adopt(app: &App, request: &Adoption, permit: &Permit<'_>) -> Result<Option<Done>> {
    request.login.check()?;
    let name = request.source_name();
    let state_dir = app.create_state_dir()?;
    let _old = lock_old_program(app, request)?;
    let _own = lock(app, &state_dir, &format!("{name}.lock"))?;
    let mut tries_left = TRIES;
    loop {
        // Read again under the locks: another process may have adopted it, or the other program may have refreshed it. The fingerprint first, so
        // that it is not that of a newer file.
        let file = request.source.fingerprint(&app.config);
        let Some((tokens, token)) = request.source.main_token()? else { return Ok(None) };
        let note = Note::read(&state_dir, &name)?;
        match &note {
            Some(note) if file.is_some() && note.file == file && note.state == State::Refused => return Ok(None),
            Some(note) if file.is_some() && note.file == file && note.state == State::Adopted => {
                // Only the marker is missing.
                if request.source.mark(&token).is_ok() {
                    Note::remove(&state_dir, &name);
                }
                return Ok(None);
            }
            _ => {}
        }
        let adoption =
            OneToken { app, request, permit, state_dir: &state_dir, name: &name, file, tokens: &tokens, token: &token };
        let error = match adoption.run(note) {
            Ok(done) => return Ok(Some(done)),
            Err(error) => error,
        };
        tries_left -= 1;
        // `invalid_grant` is a question (law 6): the other program may have refreshed the token meanwhile.
        let is_replaced =
            || request.source.main_token().is_ok_and(|now| now.is_some_and(|(_, now)| now.expose() != token.expose()));
        if tries_left == 0 || !has_ended(&error) || !is_replaced() {
            return Err(error);
        }
    }
}

/// Returns whether there is an old login to take over. A host asks at each start: without one, nothing is created and nobody is waited for.
/// A file that the server has refused is none, until it changes.
///
/// # Errors
/// `Custody` if the file is not one that only this user can write.
pub(crate) fn has_old_login(app: &App, request: &Adoption) -> Result<bool> {
    if request.source.tokens()?.is_none() {
        return Ok(false);
    }
    let note = || Note::read(&app.state_dir().ok()??, &request.source_name()).ok()?;
    let is_refused = |note: Note| note.state == State::Refused && note.file == request.source.fingerprint(&app.config);
    Ok(request.source.path().is_none() || !note().is_some_and(is_refused))
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

/// The adoption of one token, under the locks.
struct OneToken<'a> {
    app: &'a App,
    request: &'a Adoption,
    permit: &'a Permit<'a>,
    state_dir: &'a StateDir,
    /// The name of the lock and of the note.
    name: &'a str,
    file: Option<u64>,
    tokens: &'a OldTokens,
    token: &'a Secret,
}

impl OneToken<'_> {
    fn run(&self, note: Option<Note>) -> Result<Done> {
        let (app, state_dir) = (self.app, self.state_dir);
        let (config, login) = (&app.config, &self.request.login);
        // A host's mistake is found while the token is not spent.
        self.request.source.check_marker()?;
        let found = Adopted::of_note(app, self.permit, state_dir, note, self.token)?;
        let chosen: Chosen = app.key_stores.choose(login.lifetime)?;
        let wanted = login.context_name(config)?;
        let index = Index::read(Some(state_dir))?;
        let org = login.requested_org(config, wanted.as_ref(), &index)?;
        let environment = login.requested_environment(wanted.as_ref(), &index);
        let issuer = config.orgs.selection.issuer(&config.issuer, org.as_ref())?;
        let http = app.http()?;
        let endpoints = discover(&http, &issuer, &config.endpoints, &login.cancel)?;
        let destination = destination(config, issuer, &endpoints);
        let attempt = Attempt {
            app,
            request: login,
            permit: self.permit,
            http: &http,
            client: &app.client(&destination),
            destination: &destination,
            scopes: &config.scopes,
            org,
            environment,
            chosen: &chosen,
        };
        let adopted = match found {
            Some(found) => found,
            None => {
                let new = Adopted::new(&*chosen.key_store)?;
                // First: whoever finds the grant knows its key store, whatever becomes of this process.
                self.note(&new, State::Begun)?;
                new.create(&attempt, state_dir, self.tokens, self.token)?;
                new
            }
        };
        let steps = Steps { attempt: &attempt, request: self.request, state_dir, adopted: &adopted, token: self.token };
        let done = steps.finish(wanted);
        match &done {
            Ok(Finished { is_marked: true, .. }) if self.file.is_some() => Note::remove(state_dir, self.name),
            // A note that cannot be written costs a request at the next start.
            Ok(_) => drop(self.note(&adopted, State::Adopted)),
            Err(error) if has_ended(error) => drop(self.note(&adopted, State::Refused)),
            Err(_) => {}
        }
        let Finished { context, warnings, taken, .. } = done?;
        match taken {
            // The old token is spent, so the login is kept under another name, and the error names it.
            Some(taken) => {
                let notes: String = warnings.iter().map(|warning| format!("; {warning}")).collect();
                let kept = format!("{taken}; the old login is kept as {}{notes}", context.name);
                let choose = Remedy::ChooseContext { contexts: vec![context.name.to_string()] };
                Err(Error::new(taken.kind(), kept).with(choose))
            }
            None => Ok(Done { context, warnings }),
        }
    }

    fn note(&self, adopted: &Adopted, state: State) -> Result<()> {
        let (grant, key_store) = (adopted.grant.clone(), adopted.key_store.clone());
        Note { state, grant, key_store, file: self.file }.write(self.state_dir, self.name)
    }
}
