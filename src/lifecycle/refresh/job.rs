//! [`RefreshJob`]: one caller's way to a token, and what it decides under the lock.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Wanted;
use super::decide::{Freshness, Last, Step, UnlockedStep, approach, decide};
use super::freshness::{early_from, freshness, rest};
use crate::lifecycle::access_token::AccessToken;
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::Context;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::Org;
use crate::model::secret::Secret;
use crate::oauth::metadata::Endpoint;
use crate::records::grant_files::GrantFiles;
use crate::records::open_grant::{Found, OpenGrant};
use crate::records::record::{Record, StoredToken, Target};
use crate::records::refresh_journal::{Failure, RefreshJournal};
use crate::state_dir::Lock;
use crate::system::clock::{Deadline, pause};
use crate::system::failpoint::reached;

/// How often a waiter looks whether the lock is free or its holder has served it.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// What is known of an exchange before this one, of which the record has nothing.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Before {
    /// There was none, or the server has not rotated.
    Settled,
    /// The server may have rotated: a process died, or a reply was lost.
    Open,
    /// The server has rotated, and its reply was refused here.
    Foreign,
}

/// One caller's way.
pub(super) struct RefreshJob<'a> {
    pub(super) app: &'a App,
    pub(super) context: &'a Context,
    pub(super) files: GrantFiles<'a>,
    pub(super) grant: &'a OpenGrant<'a>,
    pub(super) wanted: &'a Wanted,
    pub(super) target: Target,
    pub(super) forsaken: &'a dyn Fn() -> bool,
}

impl RefreshJob<'_> {
    /// A record whose token serves. No failure ends a session (law 6), and what still works is served (law 7).
    pub(super) fn run(&self, found: Arc<Record>) -> Result<Arc<Record>> {
        let cached = self.cached(&found);
        self.refreshed(found.clone(), cached.clone()).or_else(|error| match self.freshness(&found, cached.as_ref()) {
            Freshness::Short | Freshness::Stale => Err(error),
            Freshness::Fresh | Freshness::Advisory | Freshness::Ending => Ok(found),
        })
    }

    /// The token of `record` for the caller, who uses the grant with it.
    pub(super) fn served(&self, record: &Record) -> Option<AccessToken> {
        let token = self.token_of(record)?;
        self.files.mark_used();
        Some(AccessToken::new(
            token,
            &record.token_type,
            self.look_again(record, token),
            self.wanted.request.is_usual(),
        ))
    }

    /// The token of `record` for the caller, if nothing has to be asked for.
    pub(super) fn served_at_once(&self, record: &Record) -> Option<AccessToken> {
        let freshness = self.freshness(record, self.cached(record).as_ref());
        if approach(freshness, false) == UnlockedStep::Serve { self.served(record) } else { None }
    }

    /// The token that the caller came with: one that was refused, else the one that was found.
    pub(super) fn cached(&self, found: &Record) -> Option<Arc<Secret>> {
        self.wanted.instead_of.clone().or_else(|| self.secret_of(found))
    }

    /// Looks again and again, for a bounded time (law 2), until the token on disk serves or the lock is free. `cached` is the token that the caller came with.
    pub(super) fn refreshed(&self, mut record: Arc<Record>, cached: Option<Arc<Secret>>) -> Result<Arc<Record>> {
        let timeout = self.app.config.lock_timeout;
        let (deadline, mut waiting_since, mut taken) = (Deadline::after(timeout), None, false);
        loop {
            if (self.forsaken)() {
                return Err(Error::cancelled());
            }
            match approach(self.freshness(&record, cached.as_ref()), taken) {
                UnlockedStep::Serve => return Ok(record),
                // Without the lock: a server whose metadata hangs must not hold others up.
                UnlockedStep::TryLock if self.app.unconfirmed(&record.destination, Endpoint::Token).is_some() => {
                    self.app.confirm(&self.app.http()?, &record.destination, Endpoint::Token)?;
                }
                UnlockedStep::TryLock => match self.files.lock_now()? {
                    Some(lock) => return self.under_lock(&lock, cached, waiting_since),
                    None => {
                        taken = true;
                        waiting_since.get_or_insert_with(|| self.now());
                    }
                },
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
    pub(super) fn under_lock(
        &self,
        lock: &Lock,
        mut cached: Option<Arc<Secret>>,
        waiting_since: Option<SystemTime>,
    ) -> Result<Arc<Record>> {
        reached("locked");
        let Found { record, finished, attempt } = self.grant.recover(lock)?;
        self.app.check_destination(&self.context.grant, &record)?;
        if finished && self.wanted.request.refresh {
            // What a crash had left is not news to a caller that wants a token of now.
            cached = self.secret_of(&record);
        }
        let failure = attempt.as_ref().and_then(|attempt| attempt.failure.as_ref());
        let refused = attempt.as_ref().and_then(|attempt| self.refused_a_while_ago(attempt));
        let told = failure.and_then(|failure| self.just_failed(failure, waiting_since));
        let told = told.or_else(|| refused.and_then(|failure| failure.shared(None, self.log_in())));
        let last = match &attempt {
            Some(_) if refused.is_some() => Last::Refused,
            Some(_) if told.is_some() => Last::JustFailed,
            Some(attempt) if attempt.is_open() => Last::Open,
            Some(_) if failure.is_some_and(|failure| self.rests(failure, &record)) => Last::Resting,
            _ => Last::Settled,
        };
        match (decide(self.freshness(&record, cached.as_ref()), last), told) {
            (Step::Serve, _) => Ok(Arc::new(record)),
            (Step::Tell, Some(error)) => Err(error),
            (Step::Tell, None) => {
                let foreign = failure.filter(|failure| failure.foreign);
                let told = foreign.and_then(|failure| failure.shared(None, self.log_in()));
                Err(told.unwrap_or_else(|| self.still_open(&record)))
            }
            (Step::Exchange, _) => {
                let before = match &attempt {
                    Some(attempt) if attempt.is_foreign() => Before::Foreign,
                    Some(attempt) if attempt.is_open() => Before::Open,
                    _ => Before::Settled,
                };
                self.exchange(lock, record, before).map(Arc::new)
            }
        }
    }

    /// The error of an attempt that another process made while this one waited, or whose server wants to be left alone.
    pub(super) fn just_failed(&self, failure: &Failure, waiting_since: Option<SystemTime>) -> Option<Error> {
        let rest = failure.rest(self.now());
        // Times on disk are whole milliseconds.
        let meanwhile = waiting_since.is_some_and(|since| since < failure.at + Duration::from_millis(1));
        if meanwhile || rest.is_some() { failure.shared(rest, self.log_in()) } else { None }
    }

    /// The refusal of a short while ago that this caller would meet as well, and does not insist to meet.
    pub(super) fn refused_a_while_ago<'f>(&self, attempt: &'f RefreshJournal) -> Option<&'f Failure> {
        let (refused, failure) = self.grant.refused_by(attempt)?;
        let own = self.target.org.as_ref().map(Org::as_str);
        let is_of_this = refused.org.is_none() || refused.org.as_deref() == own;
        (is_of_this && failure.is_recent(self.now()) && !self.wanted.request.refresh).then_some(failure)
    }

    /// The error of a caller that wants more than a token that is still valid, while the reply to an exchange may be lost.
    pub(super) fn still_open(&self, record: &Record) -> Error {
        let end = self.token_of(record).and_then(|token| token.expires_at);
        let after = end.and_then(|end| end.duration_since(self.now()).ok());
        let message =
            "a refresh was begun and its reply may be lost: it is tried again when the token at hand has ended";
        Error::new(ErrorKind::Unreachable, message).with(Remedy::Retry { after })
    }

    /// Whether an early attempt that failed is too short a while ago to be repeated.
    pub(super) fn rests(&self, failure: &Failure, record: &Record) -> bool {
        let since = self.now().duration_since(failure.at);
        self.token_of(record).is_some_and(|token| since.is_ok_and(|since| since < rest(token)))
    }

    /// How good the token of `record` is. One that another process fetched since this caller came is fresh as long as it is valid,
    /// whatever its lifetime: asking again would bring the like of it.
    pub(super) fn freshness(&self, record: &Record, cached: Option<&Arc<Secret>>) -> Freshness {
        let Wanted { request, instead_of } = self.wanted;
        match self.token_of(record) {
            None => Freshness::Stale,
            Some(token) if cached.is_none_or(|own| **own != *token.access_token) && self.is_valid(record) => {
                Freshness::Fresh
            }
            Some(_) if request.refresh || instead_of.is_some() => Freshness::Stale,
            Some(token) => freshness(token, self.now(), request.min_validity, self.jitter(record)),
        }
    }

    /// Until when the token may be served without a look at the disk, where there is such a time.
    pub(super) fn look_again(&self, record: &Record, token: &StoredToken) -> Option<SystemTime> {
        let early = early_from(token, self.jitter(record))?;
        // Past that, somebody has just tried, or is about to.
        Some(if early <= self.now() { self.now() + rest(token) } else { early })
    }

    /// The same for all processes, so that many short ones do not throw the dice until one wins.
    pub(super) fn jitter(&self, record: &Record) -> u8 {
        let mut hasher = DefaultHasher::new();
        (self.context.grant.as_str(), record.generation).hash(&mut hasher);
        hasher.finish() as u8
    }

    pub(super) fn is_valid(&self, record: &Record) -> bool {
        self.token_of(record).is_some_and(|token| token.is_valid(self.now(), Some(Duration::ZERO)))
    }

    pub(super) fn secret_of(&self, record: &Record) -> Option<Arc<Secret>> {
        self.token_of(record).map(|token| token.access_token.clone())
    }

    pub(super) fn token_of<'r>(&self, record: &'r Record) -> Option<&'r StoredToken> {
        record.token(&self.target)
    }

    pub(super) fn ended(&self, kind: ErrorKind, why: &str) -> Error {
        let (name, server) = (self.app.told(self.context), self.context.account.issuer.host());
        Error::new(kind, format!("the login {name} at {server} has ended: {why}")).with(self.log_in())
    }

    pub(super) fn log_in(&self) -> Remedy {
        Remedy::LogIn { context: Some(self.context.name.to_string()) }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.app.config.clock.now()
    }
}
