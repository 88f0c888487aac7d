//! The files of one grant: the sealed record `<id>`, the lock `<id>.lock`, and `<id>.next`, which first says that an exchange was
//! begun and then holds the next record (laws 3 and 5).
//!
//! Who writes proves with a [`Lock`] that it may. `files.rs` is what needs no key.

use std::time::Duration;

use crate::custody::sealing_key::SealingKey;
use crate::custody::{KeptUntil, KernelCache, KeyStore, KeyStoreError, describe_key_store};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{ContextName, GrantId, Org};
use crate::model::secret::Secret;
use crate::records::grant_files::{GrantFiles, Marked, ROOM_TO_GROW};
use crate::records::record::{Record, RefreshToken, Unreadable};
use crate::records::refresh_journal::{Failure, RefreshJournal, Refused};
use crate::state_dir::Lock;
use crate::system::environment::machine_id;
use crate::system::failpoint::reached;

/// One grant's files, and the key that opens them.
#[derive(Debug)]
pub(crate) struct OpenGrant<'a> {
    files: GrantFiles<'a>,
    key: SealingKey,
}

/// A record, and what became of the last exchange of its refresh token.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) record: Record,
    /// The record was written down whole by a process that then died, and took its place just now.
    pub(crate) finished: bool,
    /// The exchange that has brought nothing yet.
    pub(crate) attempt: Option<RefreshJournal>,
}

impl<'a> GrantFiles<'a> {
    /// The grant and its record, where the key can be had without asking anybody: from a place that answers at once, else from the
    /// kernel's copy of it. `None` says nothing but that it is to be asked for.
    pub(crate) fn open_at_once(self, key_store: &dyn KeyStore) -> Option<(OpenGrant<'a>, Record)> {
        let key = match key_store.answers_at_once() {
            true => key_store.load(&self.item()).ok()??,
            false => self.cache?.key(&self.item())?,
        };
        let grant = OpenGrant { files: self, key: SealingKey::from_text(&key)? };
        // A copy that is not this record's key, whoever put it there, is none.
        let record = grant.read().ok()?;
        Some((grant, record))
    }

    /// Takes the key out of custody, or from the kernel where a copy of it is kept. `Err` where the store is locked, away or slow;
    /// where the store says that there is no key, the record can never be opened again, and the error says so.
    pub(crate) fn unlock(self, key_store: &dyn KeyStore) -> Result<OpenGrant<'a>> {
        let copy = self.cache.and_then(|cache| SealingKey::from_text(&cache.key(&self.item())?));
        // A copy that is not this record's key, whoever put it there, is none.
        match copy.filter(|key| self.header().is_some_and(|header| header.is_sealed_with(key))) {
            Some(key) => Ok(OpenGrant { files: self, key }),
            None => {
                let grant = self.unlock_anew(key_store)?;
                // A place that forgets by itself does so on purpose, and one that answers at once needs no copy.
                let wants_a_copy = key_store.protection().lasts == KeptUntil::Erased && !key_store.answers_at_once();
                if let Some(cache) = self.cache.filter(|_| wants_a_copy) {
                    cache.keep(&self.item(), &grant.key.to_text());
                    if !self.is_there() {
                        // Logged out meanwhile.
                        KernelCache::forget(&self.item());
                    }
                }
                Ok(grant)
            }
        }
    }

    /// Takes the key out of custody, whatever copy the kernel has, and leaves none there.
    pub(crate) fn unlock_anew(self, key_store: &dyn KeyStore) -> Result<OpenGrant<'a>> {
        let item = self.item();
        let text = key_store.load(&item).map_err(|error| error.at_rest(key_store.name()))?;
        let gone = |why: &str| {
            let store = describe_key_store(key_store.name());
            let (message, remedy) = match key_store.protection().lasts {
                // Each login session has a keyring of its own, and sees no other's.
                KeptUntil::SessionEnd => (
                    format!(
                        "the key of this login is not in {store}: it was made in another one, which may have ended"
                    ),
                    Remedy::StartSession,
                ),
                lasts => {
                    let until =
                        if lasts == KeptUntil::Erased { String::new() } else { format!(" (which keeps keys {lasts})") };
                    let message = format!("the key of this login {why} {store}{until}, and the login is lost with it");
                    (message, Remedy::LogIn { context: None })
                }
            };
            Error::new(ErrorKind::Custody, message).with(remedy)
        };
        let text = text.ok_or_else(|| gone("is no longer in"))?;
        let key = SealingKey::from_text(&text).ok_or_else(|| gone("was overwritten in"))?;
        Ok(OpenGrant { files: self, key })
    }

    /// Makes a new grant: its first record, sealed, then its key into custody, then the record in its place. So a key that a crash
    /// leaves behind has a file beside it that proves where it was made. On failure nothing is left.
    pub(crate) fn create(self, key_store: &dyn KeyStore, label: &str, mut record: Record) -> Result<OpenGrant<'a>> {
        let item = self.item();
        let grant = OpenGrant { files: self, key: SealingKey::random()? };
        record.machine = grant.machine();
        // First, so that nobody takes a key without a record for one that was left behind.
        let lock = self.lock(Duration::ZERO)?;
        let stored =
            || key_store.store(&item, label, &grant.key.to_text()).map_err(|error| error.at_login(key_store.name()));
        let written =
            grant.write_next(&record).and_then(|()| stored()).and_then(|()| grant.publish_next(&lock, &record));
        if let Err(error) = written {
            // The first error is the one to tell; what cannot be undone is an unused key and half a file without one.
            let _ = key_store.erase(&item);
            let _ = self.folder().remove(&self.next()).and_then(|_| self.folder().remove(self.id.as_str()));
            return Err(error);
        }
        Ok(grant)
    }
}

impl<'a> OpenGrant<'a> {
    /// The refresh token of `record`, as late as can be.
    pub(crate) fn reveal(&self, token: &RefreshToken) -> Result<Secret> {
        let damaged = || self.files.unreadable(Unreadable::Damaged);
        token.reveal(&self.key).ok_or_else(damaged)
    }

    /// The record as it is now. Needs no lock: a reader sees the old or the new, never half.
    pub(crate) fn read(&self) -> Result<Record> {
        let files = self.files;
        let bytes = files.folder().read(files.id.as_str())?;
        let bytes = bytes.ok_or_else(|| files.damaged("it is gone").with(Remedy::LogIn { context: None }))?;
        Record::open(&bytes, files.app, files.id, &self.key).map_err(|why| files.unreadable(why))
    }

    /// Puts a second one of the key into `to`, and makes sure that it is there and opens the record. On failure none is left.
    pub(crate) fn copy_key_to(&self, _lock: &Lock, to: &dyn KeyStore, label: &str) -> Result<()> {
        let (item, key) = (self.files.item(), self.key.to_text());
        self.read()?;
        to.store(&item, label, &key).map_err(|error| error.at_login(to.name()))?;
        reached("key copied");
        let copy = to.load(&item).map_err(|error| error.at_login(to.name())).and_then(|copy| {
            let failed = || KeyStoreError::Failed("it does not give back what it was given".into()).at_login(to.name());
            copy.filter(|copy| *copy == key).map(drop).ok_or_else(failed)
        });
        reached("key verified");
        copy.inspect_err(|_| drop(to.erase(&item)))
    }

    /// The record under the lock. One that was written down whole, and lacks only its last step, is finished here (law 3).
    pub(crate) fn recover(&self, lock: &Lock) -> Result<Found> {
        let (files, record) = (self.files, self.read()?);
        let Some(bytes) = files.folder().read(&files.next())? else {
            return Ok(Found { record, finished: false, attempt: None });
        };
        match Record::open(&bytes, files.app, files.id, &self.key) {
            Ok(next) if next.generation > record.generation => {
                // Renamed and not written again: it is the only copy.
                self.publish_next(lock, &next)?;
                Ok(Found { record: next, finished: true, attempt: None })
            }
            Ok(_) => Ok(Found { record, finished: false, attempt: None }),
            Err(Unreadable::Newer) => Err(files.unreadable(Unreadable::Newer)),
            // Half of a record is no attempt that can be read; that there was one is certain.
            Err(_) => {
                let attempt = RefreshJournal::read(&bytes).unwrap_or_else(|| RefreshJournal::torn(record.generation));
                let attempt = Some(attempt).filter(|attempt| attempt.generation == record.generation);
                Ok(Found { record, finished: false, attempt })
            }
        }
    }

    /// Says, through to the disk and *before* the exchange, that a rotation of `record` begins, and takes the room that the
    /// next record will need: a full disk is found while nothing is lost (law 3).
    pub(crate) fn intend(&self, lock: &Lock, record: &Record) -> Result<RefreshJournal> {
        let files = self.files;
        self.check_that_it_is_no_copy(lock, record)?;
        let attempt = RefreshJournal::begun(record.generation, files.clock.now());
        let room = record.seal(files.app, files.id, &self.key)?.len() + ROOM_TO_GROW;
        self.write_attempt(lock, &attempt, room)?;
        Ok(attempt)
    }

    /// Says how the attempt failed, so that others do not repeat it at once.
    pub(crate) fn note(&self, lock: &Lock, attempt: RefreshJournal, failure: Failure) -> Result<()> {
        self.write_attempt(lock, &RefreshJournal { failure: Some(failure), ..attempt }, 0)
    }

    /// What a note says of a refresh token that the server has refused; `org` may be the reason.
    pub(crate) fn refused(&self, generation: u64, org: Option<&Org>) -> Result<Refused> {
        let org = org.map(Org::to_string);
        Ok(Refused { proof: self.key.prove(&refusal_of(generation, org.as_deref()))?, org })
    }

    /// What the server has refused, by a note of this grant's own.
    pub(crate) fn refused_by<'f>(&self, attempt: &'f RefreshJournal) -> Option<(&'f Refused, &'f Failure)> {
        let failure = attempt.failure.as_ref()?;
        let refused = failure.refused.as_ref()?;
        let is_own = self.key.has_proven(&refused.proof, &refusal_of(attempt.generation, refused.org.as_deref()));
        is_own.then_some((refused, failure))
    }

    /// Whether the server has refused the refresh token itself, and cannot have rotated before.
    pub(crate) fn has_ended(&self, attempt: &RefreshJournal) -> bool {
        !attempt.is_open() && self.refused_by(attempt).is_some_and(|(refused, _)| refused.org.is_none())
    }

    /// Which grant it is.
    pub(crate) fn id(&self) -> &GrantId {
        self.files.id
    }

    /// A mark that only this grant's key makes, and that says that `name` is one of its names, for `org`.
    pub(crate) fn mark(&self, name: &ContextName, org: Option<&Org>) -> Result<String> {
        self.key.prove(&Marked::claim(name, org))
    }

    /// Whether this grant has been given that name.
    pub(crate) fn has_marked(&self, marked: &Marked) -> bool {
        marked.is_by(&self.key)
    }

    /// Makes `record` the grant's record: into `<id>.next`, through to the disk, then over `<id>` in one step, which also
    /// clears the intent.
    pub(crate) fn commit(&self, lock: &Lock, record: &Record) -> Result<()> {
        let files = self.files;
        // An older generation never overwrites a newer (law 5).
        if files.header().is_some_and(|there| there.generation >= record.generation) {
            return Err(files.damaged("a newer one is there already").with(Remedy::Retry { after: None }));
        }
        self.write_next(record)?;
        self.publish_next(lock, record)
    }

    /// Takes an intent back: nothing was sent.
    pub(crate) fn forget_intent(&self, _lock: &Lock) -> Result<()> {
        self.files.folder().remove(&self.files.next()).map(drop)
    }

    /// The token of a record that was restored from a backup is spent, and one that was copied from another machine is in use there:
    /// to send it would end the login where it lives. What remembers is the lock's file, and the kernel where it may.
    pub(crate) fn check_that_it_is_no_copy(&self, lock: &Lock, record: &Record) -> Result<()> {
        let files = self.files;
        let is_copy = |how: String| Err(files.damaged(&how).with(Remedy::LogIn { context: None }));
        let newest = lock.number().max(files.cache.and_then(|cache| cache.newest(&files.item())));
        if let Some(newest) = newest.filter(|newest| *newest > record.generation) {
            let own = record.generation;
            return is_copy(format!(
                "it is number {own} and this machine has seen number {newest}, so it was restored from a backup and its refresh \
                 token is spent; nothing was sent"
            ));
        }
        match (&record.machine, self.machine()) {
            (Some(made_on), Some(here)) if *made_on != here => {
                is_copy("the login was made on another machine, and may be in use there; nothing was sent".into())
            }
            _ => Ok(()),
        }
    }

    /// This machine, as a word that only this grant's key makes.
    fn machine(&self) -> Option<String> {
        machine_id().map(|id| self.key.keyed_hash(&id))
    }

    fn write_next(&self, record: &Record) -> Result<()> {
        let files = self.files;
        files.folder().write(&files.next(), &record.seal(files.app, files.id, &self.key)?)
    }

    fn publish_next(&self, lock: &Lock, record: &Record) -> Result<()> {
        let files = self.files;
        files.folder().publish(&files.next(), files.id.as_str())?;
        lock.leave(record.generation);
        // That the first was seen proves nothing of any other, and there is room for few.
        if let (Some(cache), 2..) = (files.cache, record.generation) {
            cache.remember(&files.item(), record.generation);
        }
        Ok(())
    }

    fn write_attempt(&self, _lock: &Lock, attempt: &RefreshJournal, room: usize) -> Result<()> {
        let files = self.files;
        let mut bytes = serde_json::to_vec(attempt).map_err(|error| files.damaged("no attempt").because(error))?;
        bytes.push(b'\n');
        files.folder().write_with_room(&files.next(), &bytes, room)
    }
}

/// The claim of a refusal.
fn refusal_of(generation: u64, org: Option<&str>) -> String {
    format!("refused {generation} for {}", org.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::custody::MemoryKeyStore;
    use crate::model::account::Account;
    use crate::records::record::Destination;
    use crate::state_dir::StateDir;
    use crate::system::clock::SystemClock;

    fn record(generation: u64) -> Record {
        let issuer: crate::Issuer = "https://a.example".parse().unwrap();
        Record {
            generation,
            born: SystemTime::UNIX_EPOCH,
            rotated: SystemTime::UNIX_EPOCH,
            destination: Destination {
                issuer: issuer.clone(),
                client_id: "acme".parse().unwrap(),
                secret_in_form: false,
                token_endpoint: "https://a.example/token".parse().unwrap(),
                revocation_endpoint: None,
                userinfo_endpoint: None,
            },
            account: Account::new(issuer, None, None, None),
            token_type: "bearer".into(),
            refresh_token: None,
            refresh_expires_at: None,
            scopes: Default::default(),
            machine: None,
            user: None,
            claims: None,
            tokens: Vec::new(),
        }
    }

    #[test]
    fn an_older_generation_never_overwrites_a_newer() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = StateDir::create(&folder.path().join("home")).unwrap();
        let (app, id, key_store) = ("acme".parse().unwrap(), GrantId::random().unwrap(), MemoryKeyStore::new());
        let files =
            GrantFiles { state_dir: &state_dir, app: &app, id: &id, clock: &SystemClock, cache: None, marked: None };
        files.create(&key_store, "", record(1)).unwrap();
        let (grant, lock) = (files.unlock(&key_store).unwrap(), files.lock(Duration::ZERO).unwrap());
        grant.commit(&lock, &record(3)).unwrap();
        for older in [1, 2, 3] {
            assert!(grant.commit(&lock, &record(older)).is_err());
            assert_eq!(grant.read().unwrap().generation, 3);
        }
    }
}
