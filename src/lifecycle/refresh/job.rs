//! [`RefreshJob`]: one caller's way to a token. It waits for the grant's lock, and decides under the lock.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::decide::{Freshness, RetryState, Step, UnlockedStep, decide, unlocked_step};
use super::freshness::{early_refresh_from, freshness, refresh_cooldown};
use crate::governance::permit::Permit;
use crate::lifecycle::access_token::{AccessToken, Wanted};
use crate::lifecycle::app::App;
use crate::lifecycle::app::permits::SeenTrail;
use crate::lifecycle::contexts::Context;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::Org;
use crate::model::secret::Secret;
use crate::oauth::metadata::Endpoint;
use crate::records::grant_files::GrantFiles;
use crate::records::open_grant::OpenGrant;
use crate::records::record::{Record, StoredToken, Target};
use crate::records::refresh_journal::{Failure, RefreshJournal};
use crate::state_dir::Lock;
use crate::system::clock::{Deadline, pause};
use crate::system::failpoint::reached;

/// How often a waiter looks whether the lock is free or its holder has fetched a token that serves the waiter too.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// One caller that wants an access token.
pub(super) struct RefreshJob<'a> {
    pub(super) app: &'a App,
    pub(super) context: &'a Context,
    pub(super) files: GrantFiles<'a>,
    pub(super) grant: &'a OpenGrant<'a>,
    pub(super) wanted: &'a Wanted,
    pub(super) target: Target,
    /// Returns whether nobody waits for the token any more.
    pub(super) is_abandoned: &'a dyn Fn() -> bool,
}

/// What a caller has by the time that it gets the lock.
struct Waited<'a> {
    /// The token that it came with.
    held: Option<Arc<Secret>>,
    /// Since when it has waited for the lock.
    since: Option<SystemTime>,
    seen: &'a SeenTrail,
}

/// What the refresh journal says of the exchange before this one.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum PriorExchange {
    /// The server has not rotated, or no exchange was begun.
    Settled,
    /// The server may have rotated: a process died, or a reply was lost.
    Open,
    /// The server has rotated, and its reply was rejected here.
    ReplyRejected,
}

impl RefreshJob<'_> {
    /// Returns a record whose token serves. No failure ends a session (law 6), and a token that is still valid is served (law 7).
    pub(super) fn run(&self, on_disk: Arc<Record>) -> Result<Arc<Record>> {
        let held = self.held_token(&on_disk);
        match self.serving_record(on_disk.clone(), held.clone()) {
            Err(error) => match self.freshness(&on_disk, held.as_ref()) {
                Freshness::TooShort | Freshness::Stale => Err(error),
                Freshness::Fresh | Freshness::RefreshSoon | Freshness::ExpiringSoon => Ok(on_disk),
            },
            served => served,
        }
    }

    /// Returns the token of `record` for the caller, marks the grant as used, and tells of the use before.
    pub(super) fn serve(&self, record: &Record) -> Result<Option<AccessToken>> {
        let Some(token) = self.token_of(record) else { return Ok(None) };
        let permit = self.permit_to_serve()?;
        self.files.mark_used();
        let reread_at = self.reread_at(record, token);
        let served = AccessToken::new(&permit, token, record, reread_at, self.wanted.request.has_default_target());
        self.tell_of_use(permit, record, token);
        Ok(Some(served))
    }

    /// Returns the token of `record` for the caller, if it serves as it is.
    pub(super) fn serve_at_once(&self, record: &Record) -> Option<AccessToken> {
        let step = unlocked_step(self.freshness(record, self.held_token(record).as_ref()), false);
        if step == UnlockedStep::Serve { self.serve(record).ok().flatten() } else { None }
    }

    /// Returns the token that the caller came with: the one that a resource has refused, else the one that was on disk.
    fn held_token(&self, on_disk: &Record) -> Option<Arc<Secret>> {
        self.wanted.instead_of.clone().or_else(|| self.access_token_of(on_disk))
    }

    /// Looks again and again, for a bounded time (law 2), until the token on disk serves or the lock is free.
    fn serving_record(&self, mut record: Arc<Record>, held: Option<Arc<Secret>>) -> Result<Arc<Record>> {
        let timeout = self.app.config.lock_timeout;
        let (deadline, mut waiting_since, mut taken, mut seen) = (Deadline::after(timeout), None, false, None);
        // Before the lock, so that it is dropped after it: its events are written while no lock is held.
        let mut permit = None;
        loop {
            if (self.is_abandoned)() {
                return Err(Error::cancelled());
            }
            match unlocked_step(self.freshness(&record, held.as_ref()), taken) {
                UnlockedStep::Serve => return Ok(record),
                // Without the lock: a server whose metadata hangs must not hold others up.
                UnlockedStep::TryLock if self.app.unconfirmed(&record.destination, Endpoint::Token).is_some() => {
                    self.app.confirm(&self.app.http()?, &record.destination, Endpoint::Token)?;
                }
                UnlockedStep::TryLock => {
                    let seen: &SeenTrail = seen.get_or_insert_with(|| self.look_at_trail(&record));
                    match self.files.lock_now()? {
                        Some(lock) => {
                            let waited = Waited { held, since: waiting_since, seen };
                            let served = self.serving_record_under_lock(&lock, waited, &mut permit);
                            drop(lock);
                            self.end(permit.take(), &served);
                            return served;
                        }
                        None => {
                            taken = true;
                            waiting_since.get_or_insert_with(|| self.now());
                        }
                    }
                }
                UnlockedStep::Wait if deadline.has_passed() => return Err(self.files.still_locked(timeout)),
                UnlockedStep::Wait => {
                    pause(POLL_INTERVAL);
                    taken = false;
                    if self.files.header().is_some_and(|header| header.generation > record.generation) {
                        record = Arc::new(self.grant.read()?);
                    }
                }
            }
        }
    }

    /// Reads again, and decides on what was read under the lock (law 1).
    fn serving_record_under_lock<'s>(
        &'s self,
        lock: &Lock,
        Waited { mut held, since: waiting_since, seen }: Waited<'_>,
        permit: &mut Option<Permit<'s>>,
    ) -> Result<Arc<Record>> {
        reached("locked");
        let recovered = self.grant.recover(lock)?;
        let (record, journal) = (recovered.record, recovered.journal);
        self.app.check_destination(&self.context.grant, &record)?;
        if recovered.finished && self.wanted.request.refresh {
            // A caller that wants a new token does not get the one that a crashed process had fetched.
            held = self.access_token_of(&record);
        }
        let (last, error) = match &journal {
            Some(journal) => self.last_exchange(journal, &record, waiting_since),
            None => (RetryState::Settled, None),
        };
        match decide(self.freshness(&record, held.as_ref()), last) {
            Step::Serve => Ok(Arc::new(record)),
            Step::Fail => Err(error.unwrap_or_else(|| self.still_open(&record))),
            Step::Exchange => {
                let permit = permit.insert(self.permit_to_refresh(&record, seen)?);
                self.exchange(lock, permit, record, PriorExchange::of(journal.as_ref())).map(Arc::new)
            }
        }
    }

    /// Returns the outcome of the last exchange, and its error if this caller would meet the same.
    fn last_exchange(
        &self,
        journal: &RefreshJournal,
        record: &Record,
        waiting_since: Option<SystemTime>,
    ) -> (RetryState, Option<Error>) {
        let failure = journal.failure.as_ref();
        let just_failed = failure.and_then(|failure| self.just_failed(failure, waiting_since));
        if let Some(refused) = self.recently_refused(journal) {
            return (RetryState::Refused, just_failed.or_else(|| refused.shared(None, self.log_in())));
        }
        match failure {
            _ if just_failed.is_some() => (RetryState::JustFailed, just_failed),
            _ if journal.may_have_rotated() => {
                let rejected_reply = failure.filter(|failure| failure.foreign);
                (RetryState::Open, rejected_reply.and_then(|failure| failure.shared(None, self.log_in())))
            }
            Some(failure) if self.is_cooling_down(failure, record) => (RetryState::CoolingDown, None),
            _ => (RetryState::Settled, None),
        }
    }

    /// Returns the error of an exchange that another process made while this one waited, or after which the server wants no request yet.
    fn just_failed(&self, failure: &Failure, waiting_since: Option<SystemTime>) -> Option<Error> {
        let cooldown = failure.cooldown(self.now());
        // Times on disk are whole milliseconds.
        let meanwhile = waiting_since.is_some_and(|since| since < failure.at + Duration::from_millis(1));
        if meanwhile || cooldown.is_some() { failure.shared(cooldown, self.log_in()) } else { None }
    }

    /// Returns a recent refusal that this caller would meet as well, unless it insists on a new token.
    fn recently_refused<'j>(&self, journal: &'j RefreshJournal) -> Option<&'j Failure> {
        let (refused, failure) = self.grant.proven_refusal(journal)?;
        let own = self.target.org.as_ref().map(Org::as_str);
        let is_same_org = refused.org.is_none() || refused.org.as_deref() == own;
        (is_same_org && failure.is_recent(self.now()) && !self.wanted.request.refresh).then_some(failure)
    }

    /// Returns whether an early refresh failed too short a while ago to be repeated.
    fn is_cooling_down(&self, failure: &Failure, record: &Record) -> bool {
        let since = self.now().duration_since(failure.at);
        self.token_of(record).is_some_and(|token| since.is_ok_and(|since| since < refresh_cooldown(token)))
    }

    /// Returns the error of a caller that wants more than a valid token, while the reply to an exchange may be lost.
    fn still_open(&self, record: &Record) -> Error {
        let end = self.token_of(record).and_then(|token| token.expires_at);
        let after = end.and_then(|end| end.duration_since(self.now()).ok());
        let message =
            "a refresh was begun and its reply may be lost: it is tried again when the token at hand has ended";
        Error::new(ErrorKind::Unreachable, message).with(Remedy::Retry { after })
    }

    /// Returns how good the token of `record` is. A token that another process fetched since this caller came is fresh as long as it
    /// is valid, whatever its lifetime: another request would bring no better one.
    fn freshness(&self, record: &Record, held: Option<&Arc<Secret>>) -> Freshness {
        let Wanted { request, instead_of, .. } = self.wanted;
        match self.token_of(record) {
            None => Freshness::Stale,
            Some(token) if held.is_none_or(|own| **own != *token.access_token) && self.has_valid_token(record) => {
                Freshness::Fresh
            }
            Some(_) if request.refresh || instead_of.is_some() => Freshness::Stale,
            Some(token) => freshness(token, self.now(), request.min_validity, self.jitter(record)),
        }
    }

    /// Returns until when the token may be served from memory without reading the disk. `None`: until it expires.
    fn reread_at(&self, record: &Record, token: &StoredToken) -> Option<SystemTime> {
        let early = early_refresh_from(token, self.jitter(record))?;
        // After that time somebody has just tried to refresh it, or is about to.
        Some(if early <= self.now() { self.now() + refresh_cooldown(token) } else { early })
    }

    /// Returns the same number in all processes: with random numbers, many short processes would
    /// draw until one refreshes too early.
    fn jitter(&self, record: &Record) -> u8 {
        let mut hasher = DefaultHasher::new();
        (self.context.grant.as_str(), record.generation).hash(&mut hasher);
        hasher.finish() as u8
    }

    pub(super) fn has_valid_token(&self, record: &Record) -> bool {
        self.token_of(record).is_some_and(|token| token.is_valid(self.now(), Some(Duration::ZERO)))
    }

    pub(super) fn access_token_of(&self, record: &Record) -> Option<Arc<Secret>> {
        self.token_of(record).map(|token| token.access_token.clone())
    }

    fn token_of<'r>(&self, record: &'r Record) -> Option<&'r StoredToken> {
        record.token(&self.target)
    }

    pub(super) fn login_ended(&self, kind: ErrorKind, why: &str) -> Error {
        let (name, server) = (self.app.describe(self.context), self.context.account.issuer.host());
        Error::new(kind, format!("the login {name} at {server} has ended: {why}")).with(self.log_in())
    }

    pub(super) fn log_in(&self) -> Remedy {
        Remedy::LogIn { context: Some(self.context.name.to_string()) }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.app.config.clock.now()
    }
}

impl PriorExchange {
    fn of(journal: Option<&RefreshJournal>) -> Self {
        match journal {
            Some(journal) if journal.reply_was_rejected() => Self::ReplyRejected,
            Some(journal) if journal.may_have_rotated() => Self::Open,
            _ => Self::Settled,
        }
    }
}
