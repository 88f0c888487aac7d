//! One exchange of the refresh token (RFC 6749 §6): the intent is written, the request is sent, and what follows.

use super::job::{PriorExchange, RefreshJob};
use super::next_record::NextRecord;
use crate::governance::permit::Permit;
use crate::lifecycle::contexts::Index;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::ids::Org;
use crate::oauth::metadata::Endpoint;
use crate::records::record::{Record, Target};
use crate::records::refresh_journal::{Failure, RefreshJournal, Refused};
use crate::state_dir::Lock;
use crate::system::failpoint::reached;
use crate::system::http::Http;

impl RefreshJob<'_> {
    /// Returns a record with the wanted token. The lock is held throughout, by this thread (law 4), and until the last write has
    /// returned (law 5).
    pub(super) fn exchange(
        &self,
        lock: &Lock,
        permit: &Permit<'_>,
        record: Record,
        prior: PriorExchange,
    ) -> Result<Record> {
        let http = self.app.http()?;
        self.app.confirm(&http, &record.destination, Endpoint::Token)?;
        let exchange = Exchange { job: self, http: &http, lock, permit, prior, target: &self.target };
        match self.app.config.orgs.selection.exchange_parameter(self.target.org.as_ref()) {
            Some(org_parameter) => exchange.exchange_for_org(record, org_parameter),
            None => exchange.rotate(record),
        }
    }
}

/// One exchange under the lock.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'e> {
    pub(super) job: &'e RefreshJob<'e>,
    pub(super) http: &'e Http,
    pub(super) lock: &'e Lock,
    pub(super) permit: &'e Permit<'e>,
    pub(super) prior: PriorExchange,
    /// What the new token is for: the job's target, or another one of the same grant.
    pub(super) target: &'e Target,
}

/// An exchange of the refresh token that brought no next record.
pub(super) struct ExchangeFailure {
    pub(super) error: Error,
    /// Whether the server may have rotated, now or before.
    pub(super) may_have_rotated: bool,
    pub(super) reason: Reason,
}

/// Why an exchange brought no next record.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Reason {
    /// The server refused the refresh token.
    TokenRefused,
    /// The server refused the refresh token, or the org that was named with it.
    TokenOrOrgRefused,
    /// The server refused what was asked for, not the refresh token.
    RequestRefused,
    /// The server rotated, and its reply was rejected here (law 17).
    ReplyRejected,
    /// Anything else: nothing was sent, no reply came, or the reply says nothing of the token, the org or the scopes.
    Other,
}

impl Exchange<'_> {
    /// Intent, exchange, commit (law 3).
    pub(super) fn rotate(&self, record: Record) -> Result<Record> {
        let job = self.job;
        let Some(token) = &record.refresh_token else {
            return Err(job.login_ended(ErrorKind::Expired, "the server gave no token to refresh it with"));
        };
        let journal = self.write_intent(&record)?;
        reached("intended");
        // Before it is sent, so that a machine that sleeps meanwhile does not count that as lifetime.
        let asked_at = job.now();
        let reply = self.request(&record, token);
        let next = reply.and_then(|reply| {
            job.next_record(record, reply, asked_at, self.target).map_err(ExchangeFailure::reply_rejected)
        });
        match next {
            Ok(NextRecord { record, wrong_org: None }) => self.commit(record),
            // The login goes on, with the refresh token that the server has rotated to.
            Ok(NextRecord { record, wrong_org: Some(error) }) => self.commit(record).and(Err(error)),
            Err(failure) => self.handle_failure(journal, failure),
        }
    }

    fn write_intent(&self, record: &Record) -> Result<RefreshJournal> {
        self.job.grant.write_intent(self.lock, self.permit, record).inspect_err(|_| {
            // Nothing was sent. A half-written file says nothing then, unless it stood for an earlier exchange.
            if self.prior == PriorExchange::Settled {
                let _ = self.job.grant.clear_intent(self.lock);
            }
        })
    }

    /// Decides what follows a failure (law 6): reads the record again, and refreshes for another
    /// org if the server may have refused the org.
    fn handle_failure(&self, journal: RefreshJournal, failure: ExchangeFailure) -> Result<Record> {
        match self.job.grant.read() {
            // On a disk whose locks hold, nobody has rotated meanwhile. If somebody has, that record is adopted and never overwritten.
            Ok(newer) if newer.generation > journal.generation => return Ok(newer),
            Ok(record) if failure.reason == Reason::TokenOrOrgRefused => {
                if let Some(target) = self.target_of_other_org(&record) {
                    return self.probe_other_org(record, &target, failure.error);
                }
            }
            _ => {}
        }
        if failure.reason == Reason::RequestRefused && !failure.may_have_rotated {
            // Such a refusal says nothing about the login, so the journal does not record it.
            let _ = self.job.grant.clear_intent(self.lock);
        } else {
            self.write_failure(journal, &failure);
        }
        Err(failure.error)
    }

    /// Refreshes for another org, which shows whether the server refuses the login or the org of this exchange.
    fn probe_other_org(&self, record: Record, other: &Target, refused: Error) -> Result<Record> {
        match (Exchange { target: other, ..*self }).rotate(record) {
            Ok(_) => Err(self.org_refused(refused)),
            // The server refuses the login, and not the org.
            Err(error) if error.kind() == refused.kind() => Err(refused),
            // Neither is known.
            Err(error) => Err(error),
        }
    }

    /// Returns what a token of another org of this login is for, if the login has another org.
    fn target_of_other_org(&self, record: &Record) -> Option<Target> {
        let is_other = |org: &Option<Org>| *org != self.job.target.org;
        let held = record.tokens.iter().map(|token| token.org.clone()).find(is_other);
        let org = held.or_else(|| {
            let index = Index::read(Some(self.job.files.state_dir)).ok()?;
            let contexts = index.contexts.iter().filter(|entry| entry.grant == self.job.context.grant);
            contexts.map(|entry| entry.org.clone()).find(is_other)
        })?;
        Some(Target { org, ..self.job.target.clone() })
    }

    /// Notes the failure in the journal. If the journal cannot be written, the intent stays: it
    /// says less, and is still true.
    fn write_failure(&self, journal: RefreshJournal, failure: &ExchangeFailure) {
        let reply_was_rejected = self.prior == PriorExchange::ReplyRejected || failure.reason == Reason::ReplyRejected;
        let refused = match failure.reason {
            Reason::TokenRefused | Reason::TokenOrOrgRefused => self.refused_token(journal.generation),
            Reason::RequestRefused | Reason::ReplyRejected | Reason::Other => None,
        };
        let note = Failure::new(&failure.error, failure.may_have_rotated, reply_was_rejected, refused, self.job.now());
        let _ = self.job.grant.note(self.lock, journal, note);
    }

    /// Returns what is noted of a refused token. `None` if fewer scopes or another resource than the login's were asked for: a refusal
    /// of those says nothing of other requests.
    fn refused_token(&self, generation: u64) -> Option<Refused> {
        if self.target.scopes.is_some() || self.target.resource != self.job.app.config.resource {
            return None;
        }
        // A probe with another org has shown that it is not the org.
        let org = self.target.org.as_ref().filter(|_| self.org_may_be_refused());
        self.job.grant.refused(generation, org).ok()
    }

    /// Returns whether a refusal may be about the org: the request names one, and is not itself a probe with another org.
    pub(super) fn org_may_be_refused(&self) -> bool {
        self.org_parameter().is_some() && self.target.org == self.job.target.org
    }

    /// Returns the server's parameter that names an org in a refresh, and the org (law 9).
    pub(super) fn org_parameter(&self) -> Option<(&str, &str)> {
        self.job.app.config.orgs.selection.refresh_parameter(self.target.org.as_ref())
    }
}

impl ExchangeFailure {
    pub(super) fn reply_rejected(error: Error) -> Self {
        Self { error, may_have_rotated: true, reason: Reason::ReplyRejected }
    }

    pub(super) fn other(error: Error, may_have_rotated: bool) -> Self {
        Self { error, may_have_rotated, reason: Reason::Other }
    }
}
