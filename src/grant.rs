//! The files of one grant: the sealed record `<id>`, the lock `<id>.lock`, and `<id>.next`, which first says that an exchange was
//! begun and then holds the next record (laws 3 and 5).
//!
//! Who writes proves with a [`Lock`] that it may.

use std::time::Duration;

use crate::attempt::{Attempt, Failure};
use crate::clock::Clock;
use crate::custody::{Custody, CustodyError, Item, KeyCache, Until, described};
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::failpoint::reached;
use crate::home::{Folder, Home, Lock};
use crate::id::{AppName, GrantId};
use crate::record::{Header, Record, RefreshToken, Unreadable};
use crate::seal::SealingKey;
use crate::secret::Secret;
use crate::surroundings::machine_id;

/// One grant's files, and the key that opens them.
#[derive(Debug)]
pub(crate) struct OpenGrant<'a> {
    files: GrantFiles<'a>,
    key: SealingKey,
}

/// One grant's files, without the key: what can be done while the store is locked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrantFiles<'a> {
    pub(crate) home: &'a Home,
    pub(crate) app: &'a AppName,
    pub(crate) id: &'a GrantId,
    pub(crate) clock: &'a dyn Clock,
    /// What the kernel may remember for us.
    pub(crate) cache: Option<KeyCache>,
}

/// A record, and what became of the last exchange of its refresh token.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) record: Record,
    /// The record was written down whole by a process that then died, and took its place just now.
    pub(crate) finished: bool,
    /// The exchange that has brought nothing yet.
    pub(crate) attempt: Option<Attempt>,
}

/// More than any record grows by in one rotation, in bytes: two of the longest tokens and scopes, written as JSON.
const ROOM_TO_GROW: usize = 192 << 10;

impl<'a> GrantFiles<'a> {
    /// The grant and its record, where the key can be had without asking anybody: from a place that answers at once, else from the
    /// kernel's copy of it. `None` says nothing but that it is to be asked for.
    pub(crate) fn open_at_once(self, custody: &dyn Custody) -> Option<(OpenGrant<'a>, Record)> {
        let key = match custody.answers_at_once() {
            true => custody.load(&self.item()).ok()??,
            false => self.cache?.key(&self.item())?,
        };
        let grant = OpenGrant { files: self, key: SealingKey::from_text(&key)? };
        // A copy that is not this record's key, whoever put it there, is none.
        let record = grant.read().ok()?;
        Some((grant, record))
    }

    /// Takes the key out of custody, or from the kernel where a copy of it is kept. `Err` where the store is locked, away or slow;
    /// where the store says that there is no key, the record can never be opened again, and the error says so.
    pub(crate) fn unlock(self, custody: &dyn Custody) -> Result<OpenGrant<'a>> {
        let copy = self.cache.and_then(|cache| SealingKey::from_text(&cache.key(&self.item())?));
        // A copy that is not this record's key, whoever put it there, is none.
        match copy.filter(|key| self.header().is_some_and(|header| header.is_sealed_with(key))) {
            Some(key) => Ok(OpenGrant { files: self, key }),
            None => {
                let grant = self.unlock_anew(custody)?;
                // A place that forgets by itself does so on purpose, and one that answers at once needs no copy.
                let wants_a_copy = custody.posture().lasts == Until::Erased && !custody.answers_at_once();
                if let Some(cache) = self.cache.filter(|_| wants_a_copy) {
                    cache.keep(&self.item(), &grant.key.to_text());
                    if !self.is_there() {
                        // Logged out meanwhile.
                        KeyCache::forget(&self.item());
                    }
                }
                Ok(grant)
            }
        }
    }

    /// Takes the key out of custody, whatever copy the kernel has, and leaves none there.
    pub(crate) fn unlock_anew(self, custody: &dyn Custody) -> Result<OpenGrant<'a>> {
        let item = self.item();
        let text = custody.load(&item).map_err(|error| error.at_rest(custody.name()))?;
        let gone = |why: &str| {
            let place = described(custody.name());
            let (message, remedy) = match custody.posture().lasts {
                // Each login session has a keyring of its own, and sees no other's.
                Until::SessionEnd => (
                    format!(
                        "the key of this login is not in {place}: it was made in another one, which may have ended"
                    ),
                    Remedy::StartSession,
                ),
                lasts => {
                    let until =
                        if lasts == Until::Erased { String::new() } else { format!(" (which keeps keys {lasts})") };
                    let message = format!("the key of this login {why} {place}{until}, and the login is lost with it");
                    (message, Remedy::LogIn { context: None })
                }
            };
            Error::new(ErrorKind::Custody, message).with(remedy)
        };
        let text = text.ok_or_else(|| gone("is no longer in"))?;
        let key = SealingKey::from_text(&text).ok_or_else(|| gone("was overwritten in"))?;
        Ok(OpenGrant { files: self, key })
    }

    /// Makes a new grant: its key into custody, then its first record on disk. On failure nothing is left.
    pub(crate) fn create(self, custody: &dyn Custody, label: &str, mut record: Record) -> Result<()> {
        let item = self.item();
        let grant = OpenGrant { files: self, key: SealingKey::random()? };
        record.machine = grant.machine();
        // First, so that nobody takes a key without a record for one that was left behind.
        let lock = self.lock(Duration::ZERO)?;
        custody.store(&item, label, &grant.key.to_text()).map_err(|error| error.at_login(custody.name()))?;
        let written = grant.commit(&lock, &record);
        if written.is_err() {
            // The first error is the one to tell; what cannot be undone is an unused key and half a file without one.
            let _ = custody.erase(&item);
            let _ = self.folder().remove(&self.next()).and_then(|_| self.folder().remove(self.id.as_str()));
        }
        written
    }

    /// Forgets the grant on this machine: the key first, which makes every copy of the record unreadable. Without a custody the
    /// record alone.
    pub(crate) fn erase(self, _lock: &Lock, custody: Option<&dyn Custody>) -> Result<()> {
        if let Some(custody) = custody {
            match custody.erase(&self.item()) {
                // A place that ends with its session is out of reach from another one, and forgets by itself.
                Err(_) if custody.posture().lasts >= Until::SessionEnd => {}
                done => drop(done.map_err(|error| error.at_rest(custody.name()))?),
            }
        }
        // What a process that was killed has left half written too; the lock stays, where others may wait.
        for name in self.folder().names()?.iter().filter(|name| self.owns(name)) {
            self.folder().remove(name)?;
        }
        // After the record: who has read it before may just have left a copy. Whoever left it: this program may have none any more.
        KeyCache::forget(&self.item());
        Ok(())
    }

    /// Whether there is a record, readable or not.
    pub(crate) fn is_there(self) -> bool {
        !matches!(self.folder().read(self.id.as_str()), Ok(None))
    }

    /// What can be known without the key; `None` where the record is gone or unreadable.
    pub(crate) fn header(self) -> Option<Header> {
        let bytes = self.folder().read(self.id.as_str()).ok()??;
        Header::read(&bytes).ok()
    }

    pub(crate) fn lock_now(self) -> Result<Option<Lock>> {
        self.folder().try_lock(&self.lock_name())
    }

    pub(crate) fn lock(self, patience: Duration) -> Result<Lock> {
        self.folder().lock(&self.lock_name(), patience)?.ok_or_else(|| self.still_locked(patience))
    }

    /// The error of a wait that came to its end.
    pub(crate) fn still_locked(self, patience: Duration) -> Error {
        let attempt = self.folder().read(&self.next()).ok().flatten().and_then(|bytes| Attempt::read(&bytes));
        // One that has failed holds nothing any more.
        let attempt = attempt.filter(|attempt| attempt.failure.is_none());
        let known = attempt.map(|attempt| (attempt.pid, attempt.told(self.clock.now())));
        self.folder().still_locked(&self.lock_name(), patience, known)
    }

    /// Why the last refresh brought nothing, where it did not.
    pub(crate) fn last_failure(self) -> Option<String> {
        let bytes = self.folder().read(&self.next()).ok()??;
        Attempt::read(&bytes)?.failure.map(|failure| failure.message)
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
    fn owns(self, name: &str) -> bool {
        let rest = name.strip_prefix(self.id.as_str());
        rest.is_some_and(|rest| (rest.is_empty() || rest.starts_with('.')) && rest != ".lock")
    }

    fn folder(self) -> &'a Folder {
        &self.home.grants
    }

    fn next(self) -> String {
        format!("{}.next", self.id)
    }

    fn lock_name(self) -> String {
        format!("{}.lock", self.id)
    }

    fn damaged(self, why: &str) -> Error {
        let path = self.folder().path_of(self.id.as_str());
        Error::new(ErrorKind::Custody, format!("cannot use the record {}: {why}", path.display()))
    }

    fn unreadable(self, why: Unreadable) -> Error {
        let error = self.damaged(&why.to_string());
        match why {
            Unreadable::Newer => error.with(Remedy::Upgrade),
            _ => error.with(Remedy::LogIn { context: None }),
        }
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
    pub(crate) fn copy_key_to(&self, _lock: &Lock, to: &dyn Custody, label: &str) -> Result<()> {
        let (item, key) = (self.files.item(), self.key.to_text());
        self.read()?;
        to.store(&item, label, &key).map_err(|error| error.at_login(to.name()))?;
        reached("key copied");
        let copy = to.load(&item).map_err(|error| error.at_login(to.name())).and_then(|copy| {
            let failed = || CustodyError::Failed("it does not give back what it was given".into()).at_login(to.name());
            copy.filter(|copy| *copy == key).map(drop).ok_or_else(failed)
        });
        reached("key verified");
        copy.inspect_err(|_| drop(to.erase(&item)))
    }

    /// The record under the lock. One that was written down whole, and lacks only its last step, is finished here (law 3).
    pub(crate) fn recover(&self, _lock: &Lock) -> Result<Found> {
        let (files, record) = (self.files, self.read()?);
        let Some(bytes) = files.folder().read(&files.next())? else {
            return Ok(Found { record, finished: false, attempt: None });
        };
        match Record::open(&bytes, files.app, files.id, &self.key) {
            Ok(next) if next.generation > record.generation => {
                // Renamed and not written again: it is the only copy.
                files.folder().publish(&files.next(), files.id.as_str())?;
                Ok(Found { record: next, finished: true, attempt: None })
            }
            Ok(_) => Ok(Found { record, finished: false, attempt: None }),
            Err(Unreadable::Newer) => Err(files.unreadable(Unreadable::Newer)),
            // Half of a record is no attempt that can be read; that there was one is certain.
            Err(_) => {
                let attempt = Attempt::read(&bytes).unwrap_or_else(|| Attempt::torn(record.generation));
                let attempt = Some(attempt).filter(|attempt| attempt.generation == record.generation);
                Ok(Found { record, finished: false, attempt })
            }
        }
    }

    /// Says, through to the disk and *before* the exchange, that a rotation of `record` begins, and takes the room that the
    /// next record will need: a full disk is found while nothing is lost (law 3).
    pub(crate) fn intend(&self, lock: &Lock, record: &Record) -> Result<Attempt> {
        let files = self.files;
        self.check_that_it_is_no_copy(lock, record)?;
        let attempt = Attempt::begun(record.generation, files.clock.now());
        let room = record.seal(files.app, files.id, &self.key)?.len() + ROOM_TO_GROW;
        self.write_attempt(lock, &attempt, room)?;
        Ok(attempt)
    }

    /// Says how the attempt failed, so that others do not repeat it at once.
    pub(crate) fn note(&self, lock: &Lock, attempt: Attempt, failure: Failure) -> Result<()> {
        self.write_attempt(lock, &Attempt { failure: Some(failure), ..attempt }, 0)
    }

    /// Makes `record` the grant's record: into `<id>.next`, through to the disk, then over `<id>` in one step, which also
    /// clears the intent.
    pub(crate) fn commit(&self, lock: &Lock, record: &Record) -> Result<()> {
        let files = self.files;
        // An older generation never overwrites a newer (law 5).
        if files.header().is_some_and(|there| there.generation >= record.generation) {
            return Err(files.damaged("a newer one is there already").with(Remedy::Retry { after: None }));
        }
        files.folder().write(&files.next(), &record.seal(files.app, files.id, &self.key)?)?;
        files.folder().publish(&files.next(), files.id.as_str())?;
        lock.leave(record.generation);
        if let Some(cache) = files.cache {
            cache.saw(&files.item(), record.generation);
        }
        Ok(())
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
                "it is number {own}, and this machine has seen number {newest}: restored from a backup, its refresh token is \
                 spent; nothing was sent"
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
        machine_id().map(|id| self.key.mark_of(&id))
    }

    fn write_attempt(&self, _lock: &Lock, attempt: &Attempt, room: usize) -> Result<()> {
        let files = self.files;
        let mut bytes = serde_json::to_vec(attempt).map_err(|error| files.damaged("no attempt").because(error))?;
        bytes.push(b'\n');
        files.folder().write_with_room(&files.next(), &bytes, room)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::clock::SystemClock;
    use crate::custody::Memory;
    use crate::id::Account;
    use crate::record::Destination;

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
            tokens: Vec::new(),
        }
    }

    #[test]
    fn an_older_generation_never_overwrites_a_newer() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::create(&folder.path().join("home")).unwrap();
        let (app, id, custody) = ("acme".parse().unwrap(), GrantId::random().unwrap(), Memory::new());
        let files = GrantFiles { home: &home, app: &app, id: &id, clock: &SystemClock, cache: None };
        files.create(&custody, "", record(1)).unwrap();
        let (grant, lock) = (files.unlock(&custody).unwrap(), files.lock(Duration::ZERO).unwrap());
        grant.commit(&lock, &record(3)).unwrap();
        for older in [1, 2, 3] {
            assert!(grant.commit(&lock, &record(older)).is_err());
            assert_eq!(grant.read().unwrap().generation, 3);
        }
    }
}
