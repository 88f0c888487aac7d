//! The key of a login moves to another place: copied, read back, named in the index, and only then erased where it was. Killed at any
//! step, the login works, and the same move done again finishes it.

use crate::custody::{Custody, KeyCache};
use crate::lifecycle::app::Wiring;
use crate::lifecycle::contexts::{Context, Each, Entry, Index, Select};
use crate::lifecycle::login::label;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::ContextName;
use crate::records::grant_files::GrantFiles;
use crate::state_dir::Home;
use crate::system::failpoint::reached;

/// Which keys shall move, and where.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MoveRequest {
    /// Which login's.
    pub select: Select,
    /// All of them.
    pub all: bool,
    /// The place to move to, by its name: `os`, `kernel`, `passphrase`, `keyfile`, or that of the host's own custody.
    pub to: String,
}

impl MoveRequest {
    /// The keys of all logins, to the place of this name.
    pub fn all_to(to: &str) -> Self {
        Self { select: Select::default(), all: true, to: to.to_owned() }
    }
}

/// One key that moved.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Moved {
    /// The login.
    pub context: ContextName,
    /// Where its key was; the same as `to` where it had been moved before.
    pub from: String,
    /// Where it is now.
    pub to: String,
    /// Why a copy of the key is still where it was, if it is: the same move done again erases it.
    pub left_behind: Option<String>,
}

pub(crate) fn run(wiring: &Wiring, request: &MoveRequest) -> Result<Each<Moved>> {
    let home = wiring.home()?;
    let entries = Index::read(home.as_ref())?.meant(request.all, &request.select, &wiring.config)?;
    let to = wiring.places.to_move_to(&request.to)?;
    let (Some(home), false) = (home, entries.is_empty()) else { return Ok(Each::default()) };
    if entries.iter().any(|entry| entry.custody != to.name()) {
        wiring.places.take(&*to).map_err(|error| error.at_login(to.name()))?;
    }
    Each::of(&entries, request.all, |entry| relocate(wiring, &home, entry, &*to))
}

fn relocate(wiring: &Wiring, home: &Home, entry: &Entry, to: &dyn Custody) -> Result<Moved> {
    let files = wiring.files(home, &entry.grant);
    // Before the lock is taken: a person may be asked.
    let opened = if entry.custody == to.name() { None } else { Some(wiring.unlock(files, &entry.custody)) };
    // So that no logout erases meanwhile what is being copied.
    let lock = files.lock(wiring.config.lock_timeout)?;
    let now = Index::read(Some(home))?;
    let Some(entry) = now.of_grant(&entry.grant) else {
        return Err(Error::new(ErrorKind::NotLoggedIn, "the login was ended or replaced meanwhile")
            .with(Remedy::LogIn { context: None }));
    };
    let mut left_behind = None;
    let grant = match opened {
        _ if entry.custody == to.name() => None,
        Some(opened) => Some(opened?),
        // It was there, and has moved away meanwhile.
        None => Some(wiring.unlock(files, &entry.custody)?),
    };
    if let Some(grant) = grant {
        wiring.check_entry(&Context::of(entry, &now), &grant, &grant.read()?)?;
        let from = wiring.quiet_places().of(&entry.custody)?;
        grant.copy_key_to(&lock, to, &label(&wiring.config.app, &entry.account))?;
        Index::change(home, wiring.config.lock_timeout, |index| {
            index.move_to(&entry.grant, to.name());
            Ok(())
        })?;
        // Of the key where it may rest for another time.
        KeyCache::forget_key(&files.item());
        reached("key switched");
        left_behind = from.erase(&files.item()).err().map(|error| error.at_rest(from.name()).to_string());
        reached("key erased");
    } else {
        // Nobody is asked while the lock is held.
        check_key(&*wiring.quiet_places().of(to.name())?, files)?;
        // A move that did not come to its end may have left a copy anywhere. What cannot be asked now is left to the next.
        for other in wiring.quiet_places().all().iter().filter(|other| other.name() != to.name()) {
            let _ = files.erase_key(&**other);
        }
    }
    Ok(Moved { context: entry.name.clone(), from: entry.custody.clone(), to: to.name().to_owned(), left_behind })
}

/// Makes sure that the key is where it is said to be. A file is not opened for that, which may need a person.
fn check_key(place: &dyn Custody, files: GrantFiles<'_>) -> Result<()> {
    let is_listed = place.is_in_state_folder() && !place.answers_at_once();
    if is_listed && !files.lacks_key(place) { Ok(()) } else { files.unlock_anew(place).map(drop) }
}
