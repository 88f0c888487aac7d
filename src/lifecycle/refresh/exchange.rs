//! One exchange of the refresh token (RFC 6749 §6), from the intent to the commit, and what its failures mean.

use std::time::Duration;

use super::failure::{Failed, Refuses};
use super::job::{Before, RefreshJob};
use crate::lifecycle::contexts::Index;
use crate::model::error::{ErrorKind, Result};
use crate::model::ids::Org;
use crate::oauth::metadata::Endpoint;
use crate::records::record::{Record, Target};
use crate::records::refresh_journal::{Failure, Refused};
use crate::state_dir::Lock;
use crate::system::clock::{Deadline, pause};
use crate::system::failpoint::reached;
use crate::system::http::Http;

/// How long a rotated token is tried to be written down before it is given up, and how often.
const COMMIT_RETRY_FOR: Duration = Duration::from_secs(3);
const COMMIT_RETRY_PAUSE: Duration = Duration::from_millis(100);

impl RefreshJob<'_> {
    /// A record with the token that is wanted. The lock is held throughout, by this thread (law 4), and until the last write has
    /// returned (law 5).
    pub(super) fn exchange(&self, lock: &Lock, record: Record, before: Before) -> Result<Record> {
        let http = self.app.http()?;
        self.app.confirm(&http, &record.destination, Endpoint::Token)?;
        match self.app.config.orgs.in_exchange(self.target.org.as_ref()) {
            Some(named) => self.exchange_for(&http, lock, record, before, named),
            None => self.rotate(&http, lock, record, before, &self.target),
        }
    }

    /// Intent, exchange, commit (law 3).
    pub(super) fn rotate(
        &self,
        http: &Http,
        lock: &Lock,
        record: Record,
        before: Before,
        target: &Target,
    ) -> Result<Record> {
        let Some(token) = &record.refresh_token else {
            return Err(self.ended(ErrorKind::Expired, "the server gave no token to refresh it with"));
        };
        let attempt = self.grant.intend(lock, &record).inspect_err(|_| {
            // Nothing was sent. What was begun of the file says nothing then, unless it stood for an earlier exchange.
            if before == Before::Settled {
                let _ = self.grant.forget_intent(lock);
            }
        })?;
        reached("intended");
        // Before it is sent, so that a machine that sleeps meanwhile does not count that as lifetime.
        let (asked_at, generation) = (self.now(), record.generation);
        let next = self
            .reply(http, &record, token, before, target)
            .and_then(|reply| self.next(record, reply, asked_at, target).map_err(Failed::foreign));
        match next {
            Ok((next, None)) => self.commit(lock, next),
            // The login goes on, with what the server has rotated to.
            Ok((next, Some(error))) => self.commit(lock, next).and(Err(error)),
            Err(Failed { error, open, refusal }) => {
                let there = self.grant.read();
                let asked = there.as_ref().ok().filter(|_| refusal == Some(Refuses::LoginOrOrg));
                let another = asked.and_then(|record| self.living(record));
                match (there, another) {
                    // `invalid_grant` is a question, not an answer (law 6). On a disk whose locks hold nobody has rotated
                    // meanwhile; where one has, it is adopted and never overwritten.
                    (Ok(there), _) if there.generation > generation => Ok(there),
                    (Ok(there), Some(another)) => match self.rotate(http, lock, there, before, &another) {
                        Ok(_) => Err(self.org_refused(target, error)),
                        // The login it is, then, and not the org.
                        Err(ended) if ended.kind() == error.kind() => Err(error),
                        // Neither is known.
                        Err(unknown) => Err(unknown),
                    },
                    // It says nothing of the login, so nothing is noted of that.
                    _ if !open && refusal == Some(Refuses::Request) => {
                        let _ = self.grant.forget_intent(lock);
                        Err(error)
                    }
                    _ => {
                        // A note that cannot be written leaves the intent, which says less and nothing wrong.
                        let foreign = before == Before::Foreign || refusal == Some(Refuses::Reply);
                        let is_of_token = matches!(refusal, Some(Refuses::Login | Refuses::LoginOrOrg));
                        let refused = is_of_token.then(|| self.refused_token(generation, target)).flatten();
                        let _ =
                            self.grant.note(lock, attempt, Failure::new(&error, open, foreign, refused, self.now()));
                        Err(error)
                    }
                }
            }
        }
    }

    /// What is noted of a refused token. Nothing where fewer scopes or another resource than the login's were asked for: a refusal of those
    /// says nothing of other requests. A probe with another org has shown that it is not the org.
    pub(super) fn refused_token(&self, generation: u64, target: &Target) -> Option<Refused> {
        let is_usual = target.scopes.is_none() && target.resource == self.app.config.resource;
        let in_doubt = target.org.as_ref().filter(|_| self.named(target).is_some() && target.org == self.target.org);
        is_usual.then(|| self.grant.refused(generation, in_doubt).ok()).flatten()
    }

    /// What another org of the login is asked for with, which shows whether it is the login that the server refuses or the org.
    pub(super) fn living(&self, record: &Record) -> Option<Target> {
        let is_other = |org: &Option<Org>| *org != self.target.org;
        let had = record.tokens.iter().map(|token| token.org.clone()).find(is_other);
        let living = had.or_else(|| {
            let index = Index::read(Some(self.files.state_dir)).ok()?;
            let named = index.contexts.iter().filter(|entry| entry.grant == self.context.grant);
            named.map(|entry| entry.org.clone()).find(is_other)
        });
        living.map(|org| Target { org, ..self.target.clone() })
    }

    pub(super) fn named<'t>(&'t self, target: &'t Target) -> Option<(&'t str, &'t str)> {
        self.app.config.orgs.in_refresh(target.org.as_ref())
    }

    /// Writes the only copy of a rotated token down, and does not take the first no of a disk for an answer.
    pub(super) fn commit(&self, lock: &Lock, next: Record) -> Result<Record> {
        let deadline = Deadline::after(COMMIT_RETRY_FOR);
        loop {
            match self.grant.commit(lock, &next) {
                Ok(()) => {
                    reached("committed");
                    return Ok(next);
                }
                // It is there, though the disk did not say so.
                Err(_) if self.is_there(&next) => return Ok(next),
                Err(error) if deadline.has_passed() => return Err(self.lost(error)),
                Err(_) => pause(COMMIT_RETRY_PAUSE),
            }
        }
    }

    /// Whether `next` itself is on disk: not a sibling of its generation, nor an older one whose access token the server kept.
    pub(super) fn is_there(&self, next: &Record) -> bool {
        let is_next =
            |there: Record| there.generation == next.generation && self.secret_of(&there) == self.secret_of(next);
        self.grant.read().is_ok_and(is_next)
    }
}
