//! Moves keys to another key store. A key is copied and read back, then the index names its new key store, and only then the old copy is
//! erased. After a kill at any step the login works, and the same move run again finishes.

use crate::custody::{KernelCache, KeyStore, KeyStoreName};
use crate::governance::permit::{Action, Permit};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Context, Entry, Index, Logins, Outcomes};
use crate::lifecycle::login::label;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::event::EventCode;
use crate::model::ids::ContextName;
use crate::records::grant_files::GrantFiles;
use crate::state_dir::StateDir;
use crate::system::failpoint::reached;

/// Which keys to move, and where to.
///
/// ```no_run
/// # fn main() -> hallpass::Result<()> {
/// # let auth = hallpass::Auth::new(hallpass::Config::new("acme", "https://id.example.com", "acme-cli")?)?;
/// use hallpass::contexts::{Logins, MoveKeys};
/// use hallpass::custody::KeyStoreName;
///
/// for (context, error) in auth.move_keys(MoveKeys::new(Logins::All, KeyStoreName::Kernel)).wait()?.failed {
///     eprintln!("{context}: {error}");
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct MoveKeys {
    logins: Logins,
    to: KeyStoreName,
}

impl MoveKeys {
    /// Moves the keys of these logins, [`Logins::All`] or those of a [`Selector`](crate::Selector), to this key store.
    pub fn new(logins: impl Into<Logins>, to: KeyStoreName) -> Self {
        Self { logins: logins.into(), to }
    }
}

/// One key that moved.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MoveOutcome {
    /// The login.
    pub context: ContextName,
    /// The key store that had its key; the same as `to` if the key was there already.
    pub from: KeyStoreName,
    /// The key store that has its key now.
    pub to: KeyStoreName,
    /// Why a copy of the key is still in the old key store, if it is. The same move run again erases it.
    pub left_behind: Option<String>,
}

/// Moves the keys of the selected logins.
pub(crate) fn run(app: &App, request: &MoveKeys) -> Result<Outcomes<MoveOutcome>> {
    let state_dir = app.state_dir()?;
    let entries = Index::read(state_dir.as_ref())?.select(&request.logins, &app.config)?;
    let to = app.key_stores.move_target(&request.to)?;
    let (Some(state_dir), false) = (state_dir, entries.is_empty()) else { return Ok(Outcomes::default()) };
    if entries.iter().any(|entry| entry.key_store != to.name()) {
        app.key_stores.prepare(&*to).map_err(|error| error.into_login_error(&to.name()))?;
    }
    Outcomes::of(&request.logins, &entries, |entry| move_key(app, &state_dir, entry, &*to))
}

fn move_key(app: &App, state_dir: &StateDir, entry: &Entry, to: &dyn KeyStore) -> Result<MoveOutcome> {
    let permit = app.permit(Action::Move, app.subject_of(state_dir, entry))?;
    let moved = try_move(app, state_dir, entry, to, &permit);
    permit.end(&moved);
    moved
}

fn try_move(
    app: &App,
    state_dir: &StateDir,
    entry: &Entry,
    to: &dyn KeyStore,
    permit: &Permit<'_>,
) -> Result<MoveOutcome> {
    let files = app.files(state_dir, &entry.grant);
    // Before the lock is taken: a person may be asked.
    let opened = if entry.key_store == to.name() { None } else { Some(app.unlock(files, &entry.key_store)) };
    // A logout must not erase the key while it is copied.
    let lock = files.lock(app.config.lock_timeout)?;
    let index = Index::read(Some(state_dir))?;
    let entry = index.of_grant(&entry.grant).ok_or_else(gone)?;
    let left_behind = if entry.key_store == to.name() {
        finish_earlier_move(app, files, to)?;
        None
    } else {
        // If it was not opened, it was in `to`, and has moved away meanwhile.
        let grant = opened.unwrap_or_else(|| app.unlock(files, &entry.key_store))?;
        app.check_entry(&Context::of(entry, &index), &grant, &grant.read()?)?;
        let from = app.quiet_key_stores().of(&entry.key_store)?;
        grant.copy_key_to(&lock, permit, to, &label(&app.config.app, &entry.account))?;
        Index::change(state_dir, app.config.lock_timeout, |index| {
            index.set_key_store(&entry.grant, &to.name());
            Ok(())
        })?;
        // The new key store may keep keys for another time than the kernel's copy.
        KernelCache::forget_key(&files.item());
        reached("key switched");
        let left_behind = from.erase(&files.item()).err().map(|error| error.into_load_error(&from.name()).to_string());
        reached("key erased");
        permit.note_of(EventCode::Moved, app.subject_of(state_dir, entry), Some(grant.trail_key()), |event| {
            event.details.before = Some(entry.key_store.to_string());
            event.details.destination = Some(to.name().to_string());
        });
        left_behind
    };
    Ok(MoveOutcome { context: entry.name.clone(), from: entry.key_store.clone(), to: to.name(), left_behind })
}

/// Erases the copies that an interrupted move may have left in any other key store. A key store that cannot be asked now keeps its copy
/// until the next move.
fn finish_earlier_move(app: &App, files: GrantFiles<'_>, to: &dyn KeyStore) -> Result<()> {
    // No person is asked while the lock is held.
    let key_stores = app.quiet_key_stores();
    check_key(&*key_stores.of(&to.name())?, files)?;
    for other in key_stores.all().iter().filter(|other| other.name() != to.name()) {
        let _ = files.erase_key(&**other);
    }
    Ok(())
}

/// Makes sure that `store` has the key. A file that may need a person is not opened for that.
fn check_key(store: &dyn KeyStore, files: GrantFiles<'_>) -> Result<()> {
    let is_listed = store.is_in_state_folder() && !store.answers_at_once();
    if is_listed && !files.lacks_key(store) { Ok(()) } else { files.unlock_from_key_store(store).map(drop) }
}

fn gone() -> Error {
    Error::new(ErrorKind::NotLoggedIn, "the login was ended or replaced meanwhile")
        .with(Remedy::LogIn { context: None })
}
