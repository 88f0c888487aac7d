//! The key of a login moves to another place: copied, read back, named in the index, and only then erased where it was. Killed at any
//! step, the login works, and the same move done again finishes it.

use crate::custody::{KernelCache, KeyStore};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Context, Entry, Index, Outcomes, Selector};
use crate::lifecycle::login::label;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::ContextName;
use crate::records::grant_files::GrantFiles;
use crate::state_dir::StateDir;
use crate::system::failpoint::reached;

/// Which keys shall move, and where.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MoveRequest {
    /// Which login's.
    pub select: Selector,
    /// All of them.
    pub all: bool,
    /// The place to move to, by its name: `os`, `kernel`, `passphrase`, `keyfile`, or that of the host's own custody.
    pub to: String,
}

impl MoveRequest {
    /// The keys of all logins, to the place of this name.
    pub fn all_to(to: &str) -> Self {
        Self { select: Selector::default(), all: true, to: to.to_owned() }
    }
}

/// One key that moved.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MoveOutcome {
    /// The login.
    pub context: ContextName,
    /// Where its key was; the same as `to` where it had been moved before.
    pub from: String,
    /// Where it is now.
    pub to: String,
    /// Why a copy of the key is still where it was, if it is: the same move done again erases it.
    pub left_behind: Option<String>,
}

pub(crate) fn run(app: &App, request: &MoveRequest) -> Result<Outcomes<MoveOutcome>> {
    let state_dir = app.state_dir()?;
    let entries = Index::read(state_dir.as_ref())?.meant(request.all, &request.select, &app.config)?;
    let to = app.key_stores.to_move_to(&request.to)?;
    let (Some(state_dir), false) = (state_dir, entries.is_empty()) else { return Ok(Outcomes::default()) };
    if entries.iter().any(|entry| entry.key_store != to.name()) {
        app.key_stores.prepare(&*to).map_err(|error| error.at_login(to.name()))?;
    }
    Outcomes::of(&entries, request.all, |entry| relocate(app, &state_dir, entry, &*to))
}

fn relocate(app: &App, state_dir: &StateDir, entry: &Entry, to: &dyn KeyStore) -> Result<MoveOutcome> {
    let files = app.files(state_dir, &entry.grant);
    // Before the lock is taken: a person may be asked.
    let opened = if entry.key_store == to.name() { None } else { Some(app.unlock(files, &entry.key_store)) };
    // So that no logout erases meanwhile what is being copied.
    let lock = files.lock(app.config.lock_timeout)?;
    let now = Index::read(Some(state_dir))?;
    let Some(entry) = now.of_grant(&entry.grant) else {
        return Err(Error::new(ErrorKind::NotLoggedIn, "the login was ended or replaced meanwhile")
            .with(Remedy::LogIn { context: None }));
    };
    let mut left_behind = None;
    let grant = match opened {
        _ if entry.key_store == to.name() => None,
        Some(opened) => Some(opened?),
        // It was there, and has moved away meanwhile.
        None => Some(app.unlock(files, &entry.key_store)?),
    };
    if let Some(grant) = grant {
        app.check_entry(&Context::of(entry, &now), &grant, &grant.read()?)?;
        let from = app.quiet_key_stores().of(&entry.key_store)?;
        grant.copy_key_to(&lock, to, &label(&app.config.app, &entry.account))?;
        Index::change(state_dir, app.config.lock_timeout, |index| {
            index.move_to(&entry.grant, to.name());
            Ok(())
        })?;
        // Of the key where it may rest for another time.
        KernelCache::forget_key(&files.item());
        reached("key switched");
        left_behind = from.erase(&files.item()).err().map(|error| error.at_rest(from.name()).to_string());
        reached("key erased");
    } else {
        // Nobody is asked while the lock is held.
        check_key(&*app.quiet_key_stores().of(to.name())?, files)?;
        // A move that did not come to its end may have left a copy anywhere. What cannot be asked now is left to the next.
        for other in app.quiet_key_stores().all().iter().filter(|other| other.name() != to.name()) {
            let _ = files.erase_key(&**other);
        }
    }
    Ok(MoveOutcome {
        context: entry.name.clone(),
        from: entry.key_store.clone(),
        to: to.name().to_owned(),
        left_behind,
    })
}

/// Makes sure that the key is where it is said to be. A file is not opened for that, which may need a person.
fn check_key(store: &dyn KeyStore, files: GrantFiles<'_>) -> Result<()> {
    let is_listed = store.is_in_state_folder() && !store.answers_at_once();
    if is_listed && !files.lacks_key(store) { Ok(()) } else { files.unlock_anew(store).map(drop) }
}
