//! The way to an access token: the one at hand, or a refresh under the grant's lock (DESIGN §5, laws 1 to 8, 16, 17).

use std::iter::once;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use url::Url;

use crate::clock::{Cancel, Deadline, pause};
use crate::context::{Context, Index};
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::failpoint::reached;
use crate::grant::{Found, GrantFiles, OpenGrant};
use crate::home::Lock;
use crate::oauth::endpoint::{Grant, Refusal, TokenEndpoint, TokenError, TokenReply};
use crate::oauth::http::{Http, HttpError};
use crate::oauth::id_token::tells_of_another;
use crate::record::{Record, StoredToken};
use crate::secret::Secret;
use crate::token::{AccessToken, TokenRequest, is_valid};
use crate::wiring::Wiring;

/// How often a waiter looks whether the lock is free or its holder has served it.
const LOOK: Duration = Duration::from_millis(10);

/// An access token for `context`, refreshed if it must be.
pub(crate) fn access_token(wiring: &Wiring, context: &Context, request: &TokenRequest) -> Result<AccessToken> {
    open(wiring, context, |files, grant, record| {
        let refresh = Refresh { wiring, context, files, grant, request };
        let record = match refresh.serves(&record) {
            true => record,
            false => refresh.run(record)?,
        };
        let token = refresh.token_of(&record).ok_or_else(|| refresh.ended(ErrorKind::Expired, "it holds no token"))?;
        Ok(AccessToken::new(token, &record.token_type))
    })
}

/// Where the tokens of `context` may ask who they speak for: as sealed at login.
pub(crate) fn userinfo_endpoint(wiring: &Wiring, context: &Context) -> Result<Option<Url>> {
    open(wiring, context, |_, _, record| Ok(record.destination.userinfo_endpoint))
}

/// Opens the grant of `context` and reads its record, without a lock: a reader sees the old or the new, never half.
fn open<T>(
    wiring: &Wiring,
    context: &Context,
    work: impl FnOnce(GrantFiles<'_>, &OpenGrant<'_>, Record) -> Result<T>,
) -> Result<T> {
    let opened = || {
        let home = wiring.home()?.ok_or_else(|| {
            Error::new(ErrorKind::NotLoggedIn, "the state folder is gone").with(Remedy::LogIn { context: None })
        })?;
        let files = wiring.files(&home, &context.grant);
        let grant = files.unlock(&*wiring.places.of(&context.custody)?)?;
        let record = grant.read()?;
        wiring.check_destination(&context.grant, &record)?;
        work(files, &grant, record)
    };
    opened().map_err(|error| explained(wiring, context, error))
}

/// A login that can never be read again is told apart from one that was ended or replaced while this session went on.
fn explained(wiring: &Wiring, context: &Context, error: Error) -> Error {
    let log_in = Remedy::LogIn { context: Some(context.name.to_string()) };
    if error.remedy() != Some(&(Remedy::LogIn { context: None })) {
        return error;
    }
    match wiring.home().and_then(|home| Index::read(home.as_ref())) {
        Ok(index) if index.contexts.iter().all(|entry| entry.grant != context.grant) => {
            let message = format!("the login {} that this session is of was ended or replaced", context.name);
            Error::new(ErrorKind::NotLoggedIn, message).with(log_in)
        }
        _ => error.with(log_in),
    }
}

/// The most access tokens that one grant keeps.
const MOST_TOKENS: usize = 32;

/// How long a rotated token is tried to be written down before it is given up.
const TO_COMMIT: Duration = Duration::from_secs(3);

struct Refresh<'a> {
    wiring: &'a Wiring,
    context: &'a Context,
    files: GrantFiles<'a>,
    grant: &'a OpenGrant<'a>,
    request: &'a TokenRequest,
}

impl Refresh<'_> {
    /// A refreshed record. No failure ends a session (law 6), and what still works is served (law 7).
    fn run(&self, seen: Record) -> Result<Record> {
        self.refreshed(&seen).or_else(|error| self.still_good(seen).ok_or(error))
    }

    /// Takes the lock, reads again, and decides on what was read under the lock (law 1).
    fn refreshed(&self, seen: &Record) -> Result<Record> {
        let patience = self.wiring.config.lock_timeout;
        let deadline = Deadline::after(patience);
        let lock = loop {
            if let Some(lock) = self.files.lock_now()? {
                break lock;
            }
            // A waiter leaves without the lock as soon as a newer generation serves it (law 2).
            if self.files.header().is_some_and(|header| header.generation > seen.generation) {
                let record = self.grant.read()?;
                if self.is_served(&record, seen.generation) {
                    return Ok(record);
                }
            }
            if deadline.has_passed() {
                return Err(self.files.still_locked(patience));
            }
            pause(LOOK);
        };
        reached("locked");
        let (record, found) = self.grant.recover(&lock)?;
        self.wiring.check_destination(&self.context.grant, &record)?;
        // What a crash had left is not news to a caller that wants a token of now.
        let known = if found == Found::Finished { record.generation } else { seen.generation };
        match self.is_served(&record, known) {
            true => Ok(record),
            false => self.exchange(&lock, record, found == Found::Interrupted),
        }
    }

    /// Intent, exchange, commit (law 3). The lock is held throughout, by this thread (law 4). `interrupted`: an exchange was
    /// begun before, and its reply may be lost.
    fn exchange(&self, lock: &Lock, record: Record, interrupted: bool) -> Result<Record> {
        let Some(token) = &record.refresh_token else {
            return Err(self.ended(ErrorKind::Expired, "the server gave no token to refresh it with"));
        };
        let http = self.wiring.http()?;
        if let Err(error) = self.grant.intend(lock, &record, self.now()) {
            // Nothing was sent. What was begun of the file says nothing then, unless it stood for an earlier exchange.
            if !interrupted {
                let _ = self.grant.forget_intent(lock);
            }
            return Err(error);
        }
        reached("intended");
        let mut outcome = self.ask(&http, &record, token);
        // A lost reply is asked for again at once only when no valid token is left (law 7): the server may have rotated, and
        // some take the old token once more.
        let lost = matches!(outcome, Err(TokenError::Http(HttpError::NoReply { .. })));
        if lost && !self.is_valid_for(&record, Some(Duration::ZERO)) {
            outcome = self.ask(&http, &record, token);
        }
        reached("answered");
        match outcome {
            Ok(reply) => self.commit(lock, self.rotated(&record, reply)?),
            Err(TokenError::Refused(refusal)) if refusal.is("invalid_grant") => {
                self.refused(lock, &record, &refusal, interrupted || lost)
            }
            Err(error) => {
                // Only where the server has certainly not rotated is the intent taken back.
                let untouched = match &error {
                    TokenError::Refused(_) => true,
                    TokenError::Http(error) => error.was_not_heard(),
                    TokenError::NotOAuth(_) => false,
                };
                if untouched && !interrupted && !lost {
                    self.grant.forget_intent(lock)?;
                }
                Err(error.into())
            }
        }
    }

    fn ask(&self, http: &Http, record: &Record, token: &Secret) -> Result<TokenReply, TokenError> {
        let (destination, client) = (&record.destination, self.wiring.client(&record.destination));
        let endpoint =
            TokenEndpoint { http, url: &destination.token_endpoint, client: &client, resource: self.resource() };
        // Not to be cancelled: what it brings is the only copy.
        endpoint.request(&Grant::RefreshToken(token), &Cancel::new())
    }

    /// Writes the only copy of a rotated token down, and does not take the first no of a disk for an answer.
    fn commit(&self, lock: &Lock, next: Record) -> Result<Record> {
        let deadline = Deadline::after(TO_COMMIT);
        loop {
            match self.grant.commit(lock, &next) {
                Ok(()) => {
                    reached("committed");
                    return Ok(next);
                }
                // It is there, though the disk did not say so.
                Err(_) if self.files.header().is_some_and(|there| there.generation == next.generation) => {
                    return Ok(next);
                }
                Err(error) if deadline.has_passed() => return Err(error),
                Err(_) => pause(10 * LOOK),
            }
        }
    }

    /// `invalid_grant` is a question, not an answer (law 6).
    fn refused(&self, lock: &Lock, record: &Record, refusal: &Refusal, interrupted: bool) -> Result<Record> {
        let there = self.grant.read()?;
        if there.generation > record.generation {
            return Ok(there);
        }
        if interrupted {
            return Err(self.ended(ErrorKind::Interrupted, &format!("a refresh was interrupted, and {refusal}")));
        }
        self.grant.forget_intent(lock)?;
        Err(self.ended(ErrorKind::Expired, &format!("it expired or was revoked: {refusal}")))
    }

    /// The next record. A reply that would make the grant another (law 17) is kept out.
    fn rotated(&self, record: &Record, reply: TokenReply) -> Result<Record> {
        let destination = &record.destination;
        let changed = |what: &str| {
            let message = format!("{} answered a refresh with another {what}: refused", destination.issuer.host());
            Err(Error::new(ErrorKind::Protocol, message).with(self.log_in()))
        };
        if reply.token_type != record.token_type {
            return changed("token type");
        }
        let subject = record.account.subject.as_deref();
        let tells_of_another = |token| tells_of_another(token, &destination.issuer, &destination.client_id, subject);
        if reply.id_token.as_ref().is_some_and(tells_of_another) {
            return changed("identity");
        }
        let now = self.now();
        let token = StoredToken {
            org: self.context.org.clone(),
            resource: self.resource().cloned(),
            scopes: reply.scopes.unwrap_or_else(|| record.scopes.clone()),
            access_token: Arc::new(reply.access_token),
            received_at: now,
            expires_at: reply.expires_in.map(|lifetime| now + lifetime),
        };
        // At most so many, the newest first and dead ones not at all, so that a record cannot grow without end.
        let is_kept = |other: &&StoredToken| {
            let alive = is_valid(other.received_at, other.expires_at, now, Some(Duration::ZERO));
            alive && (&other.org, &other.resource) != (&token.org, &token.resource)
        };
        let others = record.tokens.iter().filter(is_kept).take(MOST_TOKENS - 1).cloned();
        Ok(Record {
            generation: record.generation + 1,
            born: record.born,
            rotated: now,
            destination: destination.clone(),
            account: record.account.clone(),
            token_type: record.token_type.clone(),
            // RFC 6749 §6: "The authorization server MAY issue a new refresh token"; without one the old one stays (law 8).
            refresh_token: reply.refresh_token.or_else(|| record.refresh_token.as_ref().map(Secret::copy)),
            scopes: record.scopes.clone(),
            tokens: once(token.clone()).chain(others).collect(),
        })
    }

    fn serves(&self, record: &Record) -> bool {
        !self.request.refresh && self.is_valid_for(record, self.request.min_validity)
    }

    /// A token that another process fetched since this one looked is new enough, whatever its lifetime: asking again would
    /// bring the like of it.
    fn is_served(&self, record: &Record, seen: u64) -> bool {
        let newer = record.generation > seen && self.is_valid_for(record, Some(Duration::ZERO));
        newer || self.serves(record)
    }

    /// The record, if its token is still valid and the caller did not ask for more than that.
    fn still_good(&self, record: Record) -> Option<Record> {
        let asked_for_more = self.request.refresh || self.request.min_validity.is_some();
        (!asked_for_more && self.is_valid_for(&record, Some(Duration::ZERO))).then_some(record)
    }

    fn is_valid_for(&self, record: &Record, min_validity: Option<Duration>) -> bool {
        let valid = |token: &StoredToken| is_valid(token.received_at, token.expires_at, self.now(), min_validity);
        self.token_of(record).is_some_and(valid)
    }

    fn token_of<'r>(&self, record: &'r Record) -> Option<&'r StoredToken> {
        record.token(self.context.org.as_ref(), self.resource())
    }

    fn ended(&self, kind: ErrorKind, why: &str) -> Error {
        let (name, server) = (&self.context.name, self.context.account.issuer.host());
        Error::new(kind, format!("the login {name} at {server} has ended: {why}")).with(self.log_in())
    }

    fn log_in(&self) -> Remedy {
        Remedy::LogIn { context: Some(self.context.name.to_string()) }
    }

    fn resource(&self) -> Option<&Url> {
        self.wiring.config.resource.as_ref()
    }

    fn now(&self) -> SystemTime {
        self.wiring.config.clock.now()
    }
}
