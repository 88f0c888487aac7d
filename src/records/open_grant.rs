//! [`OpenGrant`]: the files of one grant with its key. They are the sealed record `<id>`, the lock `<id>.lock`, and `<id>.next`, which
//! first says that an exchange was begun and then holds the next record (laws 3 and 5).
//!
//! Every method that writes takes the [`Lock`], so that nobody writes without it. `grant_files` has what needs no key.

use std::time::Duration;

use crate::custody::mac_key::MacKey;
use crate::custody::sealing_key::SealingKey;
use crate::custody::{KeyStore, KeyStoreError};
use crate::governance::permit::Permit;
use crate::governance::trail::PURPOSE;
use crate::model::error::{Remedy, Result};
use crate::model::event::EventCode;
use crate::model::ids::{ContextName, EnvironmentName, GrantId, Org};
use crate::model::secret::Secret;
use crate::records::grant_files::{GrantFiles, NameProof, ROOM_TO_GROW};
use crate::records::header::Unreadable;
use crate::records::record::{Record, RefreshToken};
use crate::records::refresh_journal::{Failure, RefreshJournal, Refused};
use crate::state_dir::Lock;
use crate::system::failpoint::reached;

/// One grant's files, and the key that opens them.
#[derive(Debug)]
pub(crate) struct OpenGrant<'a> {
    pub(super) files: GrantFiles<'a>,
    pub(super) key: SealingKey,
}

/// A record under the lock, and the outcome of the last exchange of its refresh token.
#[derive(Debug)]
pub(crate) struct RecoveredGrant {
    pub(crate) record: Record,
    /// Whether a process wrote the next record and then died, so that [`OpenGrant::recover`] published it.
    pub(crate) finished: bool,
    /// The last exchange, if it has brought no next record.
    pub(crate) journal: Option<RefreshJournal>,
}

impl<'a> GrantFiles<'a> {
    /// Creates a grant: writes its first record, sealed, stores its key, then publishes the record. So a key that a crash leaves behind has
    /// a file beside it that proves where it was made. On failure nothing is left.
    ///
    /// `adopted`: the token that the login is adopted with, if it is.
    pub(crate) fn create(
        self,
        permit: &Permit<'_>,
        key_store: &dyn KeyStore,
        label: &str,
        mut record: Record,
        adopted: Option<&Secret>,
    ) -> Result<OpenGrant<'a>> {
        let grant = OpenGrant { files: self, key: SealingKey::random()? };
        record.machine = grant.machine();
        record.trail = permit.head_after(None, self.state_dir);
        record.adopted = adopted.map(|token| grant.hash(token));
        // The lock first, so that nobody takes a key without a record for one that was left behind.
        let lock = self.lock(Duration::ZERO)?;
        if let Err(error) = grant.write_first(&lock, key_store, label, &record) {
            // The first error counts. If this fails too, an unused key or half a file without a key is left.
            let _ = key_store.erase(&self.item());
            let _ = self.folder().remove(&self.next()).and_then(|_| self.folder().remove(self.id.as_str()));
            return Err(error);
        }
        Ok(grant)
    }
}

impl<'a> OpenGrant<'a> {
    /// Opens the refresh token of a record, to be called right before it is sent.
    pub(crate) fn reveal(&self, token: &RefreshToken) -> Result<Secret> {
        token.reveal(&self.key).ok_or_else(|| self.files.unreadable(Unreadable::Damaged))
    }

    /// Returns the record as it is now. Needs no lock: a reader sees the old or the new record, never half of one.
    pub(crate) fn read(&self) -> Result<Record> {
        let files = self.files;
        let bytes = files.folder().read(files.id.as_str())?;
        let bytes = bytes.ok_or_else(|| files.damaged("it is gone").with(Remedy::LogIn { context: None }))?;
        Record::open(&bytes, files.app, files.id, &self.key).map_err(|why| files.unreadable(why))
    }

    /// Stores a copy of the key in `to`, and checks that `to` returns it. On failure no copy is left.
    pub(crate) fn copy_key_to(&self, _lock: &Lock, _permit: &Permit<'_>, to: &dyn KeyStore, label: &str) -> Result<()> {
        let (item, key) = (self.files.item(), self.key.to_text());
        self.read()?;
        to.store(&item, label, &key).map_err(|error| error.into_login_error(&to.name()))?;
        reached("key copied");
        let verified = match to.load(&item) {
            Ok(Some(copy)) if copy == key => Ok(()),
            Ok(_) => Err(KeyStoreError::Failed("it does not give back what it was given".into())),
            Err(error) => Err(error),
        };
        reached("key verified");
        verified.map_err(|error| error.into_login_error(&to.name())).inspect_err(|_| drop(to.erase(&item)))
    }

    /// Reads the record under the lock. If the next record was written whole and only not published, publishes it (law 3).
    pub(crate) fn recover(&self, lock: &Lock) -> Result<RecoveredGrant> {
        let (files, record) = (self.files, self.read()?);
        let Some(bytes) = files.folder().read(&files.next())? else {
            return Ok(RecoveredGrant { record, finished: false, journal: None });
        };
        match Record::open(&bytes, files.app, files.id, &self.key) {
            Ok(next) if next.generation > record.generation => {
                // Renamed, and not written again: it is the only copy.
                self.publish_next(lock, &next)?;
                Ok(RecoveredGrant { record: next, finished: true, journal: None })
            }
            Ok(_) => Ok(RecoveredGrant { record, finished: false, journal: None }),
            Err(Unreadable::Newer) => Err(files.unreadable(Unreadable::Newer)),
            // Half of a record cannot be read as a journal; that an exchange was begun is certain.
            Err(_) => {
                let journal =
                    RefreshJournal::read(&bytes).unwrap_or_else(|| RefreshJournal::unreadable(record.generation));
                let journal = Some(journal).filter(|journal| journal.generation == record.generation);
                Ok(RecoveredGrant { record, finished: false, journal })
            }
        }
    }

    /// Writes, durably and *before* the exchange, that a refresh of `record` begins, and takes the room that the next record will need: a
    /// full disk is found while nothing is lost (law 3).
    pub(crate) fn write_intent(&self, lock: &Lock, permit: &Permit<'_>, record: &Record) -> Result<RefreshJournal> {
        let files = self.files;
        self.check_not_copied(lock, record).inspect_err(|error| {
            permit.note(EventCode::Anomaly, |event| event.say(&error.to_string()));
        })?;
        let journal = RefreshJournal::begin(record.generation, files.clock.now());
        let room = record.seal(files.app, files.id, &self.key)?.len() + ROOM_TO_GROW;
        self.write_journal(lock, &journal, room)?;
        Ok(journal)
    }

    /// Writes how the refresh failed, so that other processes do not repeat it at once.
    pub(crate) fn note(&self, lock: &Lock, journal: RefreshJournal, failure: Failure) -> Result<()> {
        self.write_journal(lock, &RefreshJournal { failure: Some(failure), ..journal }, 0)
    }

    /// Returns what the journal keeps about a refresh token that the server has refused; `org` may be the reason.
    pub(crate) fn refused(&self, generation: u64, org: Option<&Org>) -> Result<Refused> {
        let org = org.map(Org::to_string);
        Ok(Refused { proof: self.key.prove(&refusal_claim(generation, org.as_deref()))?, org })
    }

    /// Returns what the server has refused, if the grant's key proves that the journal is its own.
    pub(crate) fn proven_refusal<'f>(&self, journal: &'f RefreshJournal) -> Option<(&'f Refused, &'f Failure)> {
        let failure = journal.failure.as_ref()?;
        let refused = failure.refused.as_ref()?;
        let is_own = self.key.has_proven(&refused.proof, &refusal_claim(journal.generation, refused.org.as_deref()));
        is_own.then_some((refused, failure))
    }

    /// Returns whether the server has refused the refresh token itself, and cannot have rotated it before.
    pub(crate) fn has_ended(&self, journal: &RefreshJournal) -> bool {
        !journal.may_have_rotated() && self.proven_refusal(journal).is_some_and(|(refused, _)| refused.org.is_none())
    }

    /// Returns whether the login of `record` was adopted with this token.
    pub(crate) fn was_adopted_with(&self, record: &Record, token: &Secret) -> bool {
        record.adopted.as_ref().is_some_and(|own| *own == self.hash(token))
    }

    /// Returns the key that shows which lines of the trail are of this grant.
    pub(crate) fn trail_key(&self) -> MacKey {
        self.key.mac_key(PURPOSE)
    }

    /// Returns a text that is the same for the same token, and that only this grant's key can make: 22 characters.
    pub(crate) fn fingerprint(&self, token: &Secret) -> String {
        // Hashed first: SHA-256 would leave the token in its own buffer, which nobody wipes.
        let mut code = self.key.mac_key("hallpass credential").code(&[self.hash(token).as_bytes()]);
        code.truncate(22);
        code
    }

    fn hash(&self, token: &Secret) -> String {
        self.key.keyed_hash(token.expose().as_bytes())
    }

    /// Returns the grant's files.
    pub(crate) fn files(&self) -> GrantFiles<'a> {
        self.files
    }

    /// Returns the grant's id.
    pub(crate) fn id(&self) -> &GrantId {
        self.files.id
    }

    /// Returns the proof that `name` is one of this grant's names, for `org` and `environment`. Only the grant's key can make it.
    pub(crate) fn mark(
        &self,
        name: &ContextName,
        org: Option<&Org>,
        environment: Option<&EnvironmentName>,
    ) -> Result<String> {
        self.key.prove(&NameProof::claim(name, org, environment))
    }

    /// Returns whether this grant's key made the proof of that name.
    pub(crate) fn proves_name(&self, marked: &NameProof) -> bool {
        marked.is_by(&self.key)
    }

    /// Makes `record` the grant's record: writes it durably to `<id>.next`, then renames that over `<id>`, which also clears the intent.
    /// Seals the newest line of the trail that the permit has seen.
    pub(crate) fn commit(&self, lock: &Lock, permit: &Permit<'_>, record: &mut Record) -> Result<()> {
        let files = self.files;
        record.trail = permit.head_after(record.trail.take(), files.state_dir);
        // An older generation never overwrites a newer (law 5).
        if files.header().is_some_and(|there| there.generation >= record.generation) {
            return Err(files.damaged("a newer one is there already").with(Remedy::Retry { after: None }));
        }
        self.write_next(record)?;
        self.publish_next(lock, record)
    }

    /// Removes the intent of a refresh that sent nothing.
    pub(crate) fn clear_intent(&self, _lock: &Lock) -> Result<()> {
        self.files.folder().remove(&self.files.next()).map(drop)
    }

    fn write_first(&self, lock: &Lock, key_store: &dyn KeyStore, label: &str, record: &Record) -> Result<()> {
        self.write_next(record)?;
        let stored = key_store.store(&self.files.item(), label, &self.key.to_text());
        stored.map_err(|error| error.into_login_error(&key_store.name()))?;
        self.publish_next(lock, record)
    }

    fn write_next(&self, record: &Record) -> Result<()> {
        let files = self.files;
        files.folder().write(&files.next(), &record.seal(files.app, files.id, &self.key)?)
    }

    fn publish_next(&self, lock: &Lock, record: &Record) -> Result<()> {
        let files = self.files;
        files.folder().publish(&files.next(), files.id.as_str())?;
        lock.write_number(record.generation);
        // The first generation proves nothing about another record, and the kernel has room for few.
        if let (Some(cache), 2..) = (files.cache, record.generation) {
            cache.remember(&files.item(), record.generation);
        }
        Ok(())
    }

    fn write_journal(&self, _lock: &Lock, journal: &RefreshJournal, room: usize) -> Result<()> {
        let files = self.files;
        let mut bytes = serde_json::to_vec(journal).map_err(|error| files.damaged("no attempt").caused_by(error))?;
        bytes.push(b'\n');
        files.folder().write_with_room(&files.next(), &bytes, room)
    }
}

/// The claim that proves a refusal.
fn refusal_claim(generation: u64, org: Option<&str>) -> String {
    format!("refused {generation} for {}", org.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use serde_json::Map;

    use super::*;
    use crate::custody::MemoryKeyStore;
    use crate::governance::Governance;
    use crate::governance::permit::Action;
    use crate::model::account::Account;
    use crate::records::record::Destination;
    use crate::state_dir::StateDir;
    use crate::system::clock::SystemClock;

    fn record(generation: u64) -> Record {
        let issuer: crate::ids::Issuer = "https://a.example".parse().unwrap();
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
                unknown: Map::new(),
            },
            account: Account::new(issuer, None, None, None),
            token_type: "bearer".into(),
            refresh_token: None,
            refresh_expires_at: None,
            ends_at: None,
            provenance: Default::default(),
            cause: EventCode::Refreshed,
            trail: None,
            policy: Map::new(),
            jkt: None,
            scopes: Default::default(),
            machine: None,
            user: None,
            claims: None,
            adopted: None,
            tokens: Vec::new(),
            unknown: Map::new(),
        }
    }

    #[test]
    fn an_older_generation_never_overwrites_a_newer() {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = StateDir::create(&folder.path().join("home")).unwrap();
        let (app, id, key_store) = ("acme".parse().unwrap(), GrantId::random().unwrap(), MemoryKeyStore::new());
        let files =
            GrantFiles { state_dir: &state_dir, app: &app, id: &id, clock: &SystemClock, cache: None, marked: None };
        let governance = Governance::new(app.clone(), None, None, Default::default(), Arc::new(SystemClock));
        let permit = governance.permit(Action::Refresh, None, Default::default()).unwrap();
        files.create(&permit, &key_store, "", record(1), None).unwrap();
        let (grant, lock) = (files.unlock(&key_store).unwrap(), files.lock(Duration::ZERO).unwrap());
        grant.commit(&lock, &permit, &mut record(3)).unwrap();
        for older in [1, 2, 3] {
            assert!(grant.commit(&lock, &permit, &mut record(older)).is_err());
            assert_eq!(grant.read().unwrap().generation, 3);
        }
    }
}
