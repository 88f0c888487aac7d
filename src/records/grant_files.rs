//! What can be done with a grant's files while its key is out of reach: looked at, locked, forgotten.

use std::time::Duration;

use crate::custody::sealing_key::SealingKey;
use crate::custody::{Item, KeptUntil, KernelCache, KeyStore, KeyStoreError};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{AppName, ContextName, GrantId, Org};
use crate::model::sanitize::{quoted, shown};
use crate::records::record::{Header, Unreadable};
use crate::records::refresh_journal::RefreshJournal;
use crate::state_dir::{Folder, Lock, StateDir};
use crate::system::clock::Clock;

/// One grant's files, without the key: what can be done while the store is locked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrantFiles<'a> {
    pub(crate) state_dir: &'a StateDir,
    pub(crate) app: &'a AppName,
    pub(crate) id: &'a GrantId,
    pub(crate) clock: &'a dyn Clock,
    /// What the kernel may remember for us.
    pub(crate) cache: Option<KernelCache>,
    /// What the index says that it is called, where it is asked for by name.
    pub(crate) marked: Option<&'a Marked>,
}

/// How a refresh failed.
#[derive(Debug)]
pub(crate) struct LastFailure {
    pub(crate) message: String,
    pub(crate) server_says: Option<String>,
    /// Whether the login has ended with it: only a new one brings tokens.
    pub(crate) has_ended: bool,
}

/// A name of a grant, for an org, as it stands in the index; the mark proves it, where the grant's key has made it.
#[derive(Debug, Clone)]
pub(crate) struct Marked {
    pub(crate) name: ContextName,
    pub(crate) org: Option<Org>,
    pub(crate) mark: String,
}

/// No error of ours is longer, in characters.
const MAX_MESSAGE: usize = 1000;

/// More than any record grows by in one rotation, in bytes: two of the longest tokens and scopes, written as JSON.
pub(super) const ROOM_TO_GROW: usize = 192 << 10;

impl<'a> GrantFiles<'a> {
    /// Forgets the grant on this machine: the key first, which makes every copy of the record unreadable. Without a custody the
    /// record alone.
    pub(crate) fn erase(self, _lock: &Lock, key_store: Option<&dyn KeyStore>) -> Result<()> {
        if let Some(key_store) = key_store {
            match self.erase_key(key_store) {
                // A place that ends with its session is out of reach from another one, and forgets by itself.
                Err(_) if key_store.protection().lasts >= KeptUntil::SessionEnd => {}
                done => drop(done.map_err(|error| error.at_rest(key_store.name()))?),
            }
        }
        // What a process that was killed has left half written too; the lock stays, where others may wait.
        for name in self.folder().names()?.iter().filter(|name| self.owns(name)) {
            self.folder().remove(name)?;
        }
        // After the record: who has read it before may just have left a copy. Whoever left it: this program may have none any more.
        KernelCache::forget(&self.item());
        Ok(())
    }

    /// With the name that the index has for it.
    pub(crate) fn called(self, marked: &'a Marked) -> Self {
        Self { marked: Some(marked), ..self }
    }

    /// Erases the key in `key_store`, if it was made here; says whether it did. A place may serve other state folders too, and who can
    /// write a file into this one could name a login of theirs.
    pub(crate) fn erase_key(self, key_store: &dyn KeyStore) -> Result<bool, KeyStoreError> {
        if self.was_made_here(key_store)? { key_store.erase(&self.item()) } else { Ok(false) }
    }

    /// Whether `key_store` holds a key of this grant that a file of this folder is sealed with, or that has made its mark in the index.
    pub(crate) fn was_made_here(self, key_store: &dyn KeyStore) -> Result<bool, KeyStoreError> {
        if key_store.is_in_state_folder() {
            return Ok(true);
        }
        let key = key_store.load(&self.item())?.and_then(|text| SealingKey::from_text(&text));
        // The record may be gone or damaged. Whoever does not have the key cannot make a mark of it.
        let is_marked = |key: &SealingKey| self.marked.is_some_and(|marked| marked.is_by(key));
        let is_sealed = |key: &SealingKey, name: &str| {
            let bytes = self.folder().read(name).ok().flatten();
            bytes.is_some_and(|bytes| Header::read(&bytes).is_ok_and(|header| header.is_sealed_with(key)))
        };
        let is_own = |key| is_sealed(key, self.id.as_str()) || is_sealed(key, &self.next()) || is_marked(key);
        Ok(key.as_ref().is_some_and(is_own))
    }

    /// Whether there is a record, readable or not.
    pub(crate) fn is_there(self) -> bool {
        !matches!(self.folder().read(self.id.as_str()), Ok(None))
    }

    /// Whether `key_store` says that it has no key of this grant, where it can be asked without another program or a person.
    pub(crate) fn lacks_key(self, key_store: &dyn KeyStore) -> bool {
        if key_store.answers_at_once() {
            return matches!(key_store.load(&self.item()), Ok(None));
        }
        key_store.is_in_state_folder() && matches!(key_store.list(self.app), Ok(Some(held)) if !held.contains(self.id))
    }

    /// What can be known without the key; `None` where the record is gone or unreadable.
    pub(crate) fn header(self) -> Option<Header> {
        let bytes = self.folder().read(self.id.as_str()).ok()??;
        Header::read(&bytes).ok()
    }

    pub(crate) fn lock_now(self) -> Result<Option<Lock>> {
        self.folder().try_lock(&self.lock_name())
    }

    pub(crate) fn lock(self, timeout: Duration) -> Result<Lock> {
        self.folder().lock(&self.lock_name(), timeout)?.ok_or_else(|| self.still_locked(timeout))
    }

    /// The error of a wait that came to its end.
    pub(crate) fn still_locked(self, timeout: Duration) -> Error {
        let attempt = self.folder().read(&self.next()).ok().flatten().and_then(|bytes| RefreshJournal::read(&bytes));
        // One that has failed holds nothing any more.
        let attempt = attempt.filter(|attempt| attempt.failure.is_none());
        let known = attempt.map(|attempt| (attempt.pid, attempt.told(self.clock.now())));
        self.folder().still_locked(&self.lock_name(), timeout, known)
    }

    /// How the last refresh failed, where it did; for `org`.
    pub(crate) fn last_failure(self, org: Option<&Org>) -> Option<LastFailure> {
        let bytes = self.folder().read(&self.next()).ok()??;
        let failure = RefreshJournal::read(&bytes)?.failure?;
        let has_ended = failure.has_ended(org);
        // A file's words, which go to whoever shows them.
        let message = shown(failure.message.chars().take(MAX_MESSAGE).collect());
        Some(LastFailure { message, server_says: failure.server_says.as_deref().map(quoted), has_ended })
    }

    /// Takes the room that a new grant will need and gives it back: a disk that is full is found before a person is asked.
    pub(crate) fn try_room(self) -> Result<()> {
        let tried = self.folder().write_with_room(&self.next(), b"", ROOM_TO_GROW);
        self.folder().remove(&self.next())?;
        tried
    }

    /// Says that the grant is in use: the time of its lock file, at most once an hour.
    pub(crate) fn mark_used(self) {
        self.folder().mark(&self.lock_name(), self.clock.now());
    }

    pub(crate) fn item(self) -> Item<'a> {
        Item::new(self.app, self.id)
    }

    /// Whether a file is this grant's, its lock apart.
    pub(super) fn owns(self, name: &str) -> bool {
        let rest = name.strip_prefix(self.id.as_str());
        rest.is_some_and(|rest| (rest.is_empty() || rest.starts_with('.')) && rest != ".lock")
    }

    pub(super) fn folder(self) -> &'a Folder {
        &self.state_dir.grants
    }

    pub(super) fn next(self) -> String {
        format!("{}.next", self.id)
    }

    fn lock_name(self) -> String {
        format!("{}.lock", self.id)
    }

    pub(super) fn damaged(self, why: &str) -> Error {
        let path = self.folder().path_of(self.id.as_str());
        Error::new(ErrorKind::Custody, format!("cannot use the record {}: {why}", path.display()))
    }

    pub(super) fn unreadable(self, why: Unreadable) -> Error {
        let error = self.damaged(&why.to_string());
        match why {
            Unreadable::Newer => error.with(Remedy::Upgrade),
            _ => error.with(Remedy::LogIn { context: None }),
        }
    }
}

impl Marked {
    /// What only the key of the grant can prove. Names are equal whatever their case.
    pub(super) fn claim(name: &ContextName, org: Option<&Org>) -> String {
        format!("context {}\norg {}", name.as_str().to_ascii_lowercase(), org.map_or("", Org::as_str))
    }

    pub(super) fn is_by(&self, key: &SealingKey) -> bool {
        key.has_proven(&self.mark, &Self::claim(&self.name, self.org.as_ref()))
    }
}
