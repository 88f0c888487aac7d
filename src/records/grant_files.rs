//! [`GrantFiles`]: what can be done with a grant's files without its key: inspect, lock, erase.

use std::time::{Duration, SystemTime};

use crate::custody::sealing_key::SealingKey;
use crate::custody::{Item, KeptUntil, KernelCache, KeyStore, KeyStoreError};
use crate::governance::permit::Permit;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{AppName, ContextName, EnvironmentName, GrantId, Org};
use crate::model::sanitize::{quoted, without_hidden};
use crate::records::header::{Header, Unreadable};
use crate::records::refresh_journal::RefreshJournal;
use crate::state_dir::{Folder, Lock, StateDir};
use crate::system::clock::Clock;

/// One grant's files without the key, which is enough while its key store is locked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrantFiles<'a> {
    pub(crate) state_dir: &'a StateDir,
    pub(crate) app: &'a AppName,
    pub(crate) id: &'a GrantId,
    pub(crate) clock: &'a dyn Clock,
    /// The kernel's cache, if it is allowed.
    pub(crate) cache: Option<KernelCache>,
    /// The grant's name in the index, if it was selected by name.
    pub(crate) marked: Option<&'a NameProof>,
}

/// How the last refresh failed.
#[derive(Debug)]
pub(crate) struct LastFailure {
    pub(crate) message: String,
    pub(crate) server_says: Option<String>,
    /// Whether the login has ended, so that only a new login brings tokens.
    pub(crate) has_ended: bool,
}

/// A name of a grant for an org, as the index has it. If the grant's key made the mark, the mark proves the name.
#[derive(Debug, Clone)]
pub(crate) struct NameProof {
    pub(crate) name: ContextName,
    pub(crate) org: Option<Org>,
    pub(crate) environment: Option<EnvironmentName>,
    pub(crate) mark: String,
}

/// The most characters of a message that are read from a file. No error of ours is longer.
const MAX_MESSAGE: usize = 1000;

/// More bytes than any record grows by in one refresh: two of the longest tokens and scopes, as JSON.
pub(super) const ROOM_TO_GROW: usize = 192 << 10;

impl<'a> GrantFiles<'a> {
    /// Erases the grant on this machine: the key first, which makes every copy of the record unreadable. Without a key store, erases the
    /// record alone.
    pub(crate) fn erase(self, _lock: &Lock, _permit: &Permit<'_>, key_store: Option<&dyn KeyStore>) -> Result<()> {
        if let Some(key_store) = key_store {
            match self.erase_key(key_store) {
                // A key store that ends with its session cannot be reached from another session, and forgets by itself.
                Err(_) if key_store.protection().lasts >= KeptUntil::SessionEnd => {}
                done => drop(done.map_err(|error| error.into_load_error(&key_store.name()))?),
            }
        }
        // Including what a killed process has left half written. The lock stays: others may wait for it.
        for name in self.folder().names()?.iter().filter(|name| self.owns(name)) {
            self.folder().remove(name)?;
        }
        // After the record: a process that has just read the record may have left a copy. Even if this program has no cache any more,
        // another version may have left one.
        KernelCache::forget(&self.item());
        Ok(())
    }

    /// Adds the name that the index has for the grant.
    pub(crate) fn called(self, marked: &'a NameProof) -> Self {
        Self { marked: Some(marked), ..self }
    }

    /// Erases the key in `key_store` if it was made here, and returns whether it did. A key store may serve other state folders too, and
    /// somebody who can write a file into this one could name a login of theirs.
    pub(crate) fn erase_key(self, key_store: &dyn KeyStore) -> Result<bool, KeyStoreError> {
        if self.was_made_here(key_store)? { key_store.erase(&self.item()) } else { Ok(false) }
    }

    /// Returns whether `key_store` holds a key of this grant that sealed a file of this folder, or that made its mark in the index.
    pub(crate) fn was_made_here(self, key_store: &dyn KeyStore) -> Result<bool, KeyStoreError> {
        if key_store.is_in_state_folder() {
            return Ok(true);
        }
        let text = key_store.load(&self.item())?;
        let Some(key) = text.and_then(|text| SealingKey::from_text(&text)) else { return Ok(false) };
        // The mark counts too, as the record may be gone or damaged. Without the key nobody can make a mark.
        Ok(self.is_sealed_with(&key, self.id.as_str())
            || self.is_sealed_with(&key, &self.next())
            || self.marked.is_some_and(|marked| marked.is_by(&key)))
    }

    fn is_sealed_with(self, key: &SealingKey, name: &str) -> bool {
        let bytes = self.folder().read(name).ok().flatten();
        bytes.is_some_and(|bytes| Header::read(&bytes).is_ok_and(|header| header.is_sealed_with(key)))
    }

    /// Returns whether the record exists, readable or not.
    pub(crate) fn is_there(self) -> bool {
        !matches!(self.folder().read(self.id.as_str()), Ok(None))
    }

    /// Returns whether `key_store` says that it has no key of this grant. Does not ask another program or a person.
    pub(crate) fn lacks_key(self, key_store: &dyn KeyStore) -> bool {
        if key_store.answers_at_once() {
            return matches!(key_store.load(&self.item()), Ok(None));
        }
        key_store.is_in_state_folder() && matches!(key_store.list(self.app), Ok(Some(held)) if !held.contains(self.id))
    }

    /// Returns what can be known without the key; `None` if the record is gone or unreadable.
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

    /// Returns the error of a wait that timed out.
    pub(crate) fn still_locked(self, timeout: Duration) -> Error {
        let journal = self.folder().read(&self.next()).ok().flatten().and_then(|bytes| RefreshJournal::read(&bytes));
        // A refresh that has failed holds no lock any more.
        let running = journal.filter(|journal| journal.failure.is_none());
        let holder = running.map(|journal| (journal.pid, journal.describe(self.clock.now())));
        self.folder().still_locked(&self.lock_name(), timeout, holder)
    }

    /// Returns how the last refresh failed, if it did; `has_ended` is about `org`.
    pub(crate) fn last_failure(self, org: Option<&Org>) -> Option<LastFailure> {
        let bytes = self.folder().read(&self.next()).ok()??;
        let failure = RefreshJournal::read(&bytes)?.failure?;
        let has_ended = failure.has_ended(org);
        // Anybody may have written the file, and the message will be shown.
        let message = without_hidden(failure.message.chars().take(MAX_MESSAGE).collect());
        Some(LastFailure { message, server_says: failure.server_says.as_deref().map(quoted), has_ended })
    }

    /// Takes the room that a new grant will need and frees it: a full disk is found before a person is asked.
    pub(crate) fn try_room(self) -> Result<()> {
        let tried = self.folder().write_with_room(&self.next(), b"", ROOM_TO_GROW);
        self.folder().remove(&self.next())?;
        tried
    }

    /// Marks the grant as used: sets the time of its lock file, at most once an hour.
    pub(crate) fn mark_used(self) {
        self.folder().touch(&self.lock_name(), self.clock.now());
    }

    /// Returns when the grant was last used, give or take an hour.
    pub(crate) fn last_used(self) -> Option<SystemTime> {
        self.folder().touched(&self.lock_name())
    }

    pub(crate) fn item(self) -> Item<'a> {
        Item::new(self.app, self.id)
    }

    /// Returns whether a file belongs to this grant. Its lock does not count.
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

impl NameProof {
    /// Returns the claim that only the key of the grant can prove. Names are compared ignoring case.
    pub(super) fn claim(name: &ContextName, org: Option<&Org>, environment: Option<&EnvironmentName>) -> String {
        let claim = format!("context {}\norg {}", name.as_str().to_ascii_lowercase(), org.map_or("", Org::as_str));
        // Without an environment it is the claim of format 1.
        environment.map_or(claim.clone(), |environment| format!("{claim}\nenvironment {environment}"))
    }

    pub(super) fn is_by(&self, key: &SealingKey) -> bool {
        key.has_proven(&self.mark, &Self::claim(&self.name, self.org.as_ref(), self.environment.as_ref()))
    }
}
