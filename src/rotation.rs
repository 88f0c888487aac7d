//! The way to an access token: the one at hand, or a refresh under the grant's lock (DESIGN §5, laws 1 to 8, 16, 17).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use url::Url;

use crate::clock::{Cancel, Deadline, pause};
use crate::context::Entry;
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::grant::{GrantFiles, Names, Next};
use crate::home::Lock;
use crate::oauth::endpoint::{Grant, Refusal, TokenEndpoint, TokenError, TokenReply};
use crate::oauth::http::HttpError;
use crate::oauth::id_token;
use crate::record::{Record, StoredToken};
use crate::token::{AccessToken, TokenRequest, is_valid};
use crate::wiring::Wiring;

/// How often a waiter looks whether the lock is free or its holder has served it.
const LOOK: Duration = Duration::from_millis(10);

/// An access token for the context of `entry`, refreshed if it must be.
pub(crate) fn access_token(wiring: &Wiring, entry: &Entry, request: &TokenRequest) -> Result<AccessToken> {
    with_files(wiring, entry, |names, files| {
        let record = files.read()?;
        wiring.check_destination(names.id, &record)?;
        let trip = Trip { wiring, entry, names, files, request };
        let record = match trip.serves(&record) {
            true => record,
            false => trip.refresh(record)?,
        };
        trip.token_of(&record).map(|token| AccessToken::new(token, &record.token_type))
    })
}

/// Where the tokens of `entry` may ask who they speak for: as sealed at login.
pub(crate) fn userinfo_endpoint(wiring: &Wiring, entry: &Entry) -> Result<Option<Url>> {
    with_files(wiring, entry, |names, files| {
        let record = files.read()?;
        wiring.check_destination(names.id, &record)?;
        Ok(record.destination.userinfo_endpoint)
    })
}

/// Opens the grant's files for `work`. A login that the index names and the disk has not is not there.
fn with_files<T>(
    wiring: &Wiring,
    entry: &Entry,
    work: impl FnOnce(Names<'_>, &GrantFiles<'_>) -> Result<T>,
) -> Result<T> {
    let home = wiring.home()?.ok_or_else(|| {
        Error::new(ErrorKind::NotLoggedIn, "the state folder is gone").with(Remedy::LogIn { context: None })
    })?;
    let names = Names { home: &home, app: &wiring.config.app, id: &entry.grant };
    let files = names.unlock(&*wiring.places.of(&entry.custody)?)?;
    work(names, &files)
}

struct Trip<'a> {
    wiring: &'a Wiring,
    entry: &'a Entry,
    names: Names<'a>,
    files: &'a GrantFiles<'a>,
    request: &'a TokenRequest,
}

/// What the state found under the lock asks for.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// The token at hand serves.
    Serve,
    /// The record is whole in `<id>.next`: make it the record, then look again.
    Finish,
    /// Exchange the refresh token. `interrupted`: an exchange was begun before, and its reply may be lost.
    Exchange { interrupted: bool },
    /// There is nothing to exchange.
    LogIn,
}

/// Decides under the lock, on what was read under the lock (law 1). `served` tells whether the token in `record` serves the
/// request, or was refreshed by another since the caller looked.
fn decide(record: &Record, next: &Next, served: bool) -> Step {
    match next {
        Next::Whole(next) if next.generation == record.generation + 1 => Step::Finish,
        _ if served => Step::Serve,
        _ if record.refresh_token.is_none() => Step::LogIn,
        Next::Intent => Step::Exchange { interrupted: true },
        Next::Nothing | Next::Whole(_) => Step::Exchange { interrupted: false },
    }
}

impl Trip<'_> {
    fn refresh(&self, seen: Record) -> Result<Record> {
        let patience = self.wiring.config.lock_timeout;
        let deadline = Deadline::after(patience);
        let lock = loop {
            if let Some(lock) = self.names.lock_now()? {
                break lock;
            }
            // A waiter leaves without the lock as soon as a newer generation serves it (law 2).
            if self.names.header().is_some_and(|header| header.generation > seen.generation) {
                let record = self.files.read()?;
                if self.is_served(&record, seen.generation) {
                    return Ok(record);
                }
            }
            if deadline.has_passed() {
                return self.still_good(seen).map_err(|_| self.names.still_locked(patience));
            }
            pause(LOOK);
        };
        let mut record = self.files.read()?;
        self.wiring.check_destination(self.names.id, &record)?;
        loop {
            let next = self.files.next(&lock)?;
            match decide(&record, &next, self.is_served(&record, seen.generation)) {
                Step::Serve => return Ok(record),
                Step::Finish => {
                    if let Next::Whole(next) = next {
                        self.files.commit(&lock, &next)?;
                        record = *next;
                    }
                }
                Step::LogIn => return Err(self.ended(ErrorKind::Expired, "it cannot be refreshed")),
                Step::Exchange { interrupted } => return self.exchange(&lock, record, interrupted),
            }
        }
    }

    /// Intent, exchange, commit (law 3). The lock is held throughout, by this thread (law 4).
    fn exchange(&self, lock: &Lock, record: Record, interrupted: bool) -> Result<Record> {
        self.files.intend(lock, &record, self.now())?;
        let mut outcome = self.ask(&record);
        // A lost reply is asked for again at once only when no valid token is left (law 7): the server may have rotated, and
        // some take the old token once more.
        let lost = matches!(outcome, Err(TokenError::Http(HttpError::NoReply { .. })));
        if lost && !self.has_valid_token(&record) {
            outcome = self.ask(&record);
        }
        match outcome {
            Ok(reply) => {
                let next = self.rotated(&record, reply)?;
                self.files.commit(lock, &next)?;
                Ok(next)
            }
            Err(TokenError::Refused(refusal)) if refusal.is("invalid_grant") => {
                self.refused(lock, record, &refusal, interrupted || lost)
            }
            Err(error) => {
                // Only where the server has certainly not rotated is the intent taken back.
                let untouched = matches!(
                    error,
                    TokenError::Refused(_)
                        | TokenError::Busy { status: 429 | 503, .. }
                        | TokenError::Http(HttpError::Unreachable { .. })
                );
                if untouched && !interrupted && !lost {
                    self.files.forget_intent(lock)?;
                }
                // No network error ends a session (law 6), and what still works is served (law 7).
                self.still_good(record).map_err(|_| error.into())
            }
        }
    }

    fn ask(&self, record: &Record) -> Result<TokenReply, TokenError> {
        let http = self.wiring.http();
        let client = self.wiring.client(&record.destination);
        let endpoint = TokenEndpoint {
            http: &http,
            url: &record.destination.token_endpoint,
            client: &client,
            resource: self.resource(),
        };
        match &record.refresh_token {
            Some(token) => endpoint.request(&Grant::RefreshToken(token), &Cancel::new()),
            None => Err(TokenError::Http(HttpError::Setup("there is no refresh token".into()))),
        }
    }

    /// `invalid_grant` is a question, not an answer (law 6).
    fn refused(&self, lock: &Lock, record: Record, refusal: &Refusal, interrupted: bool) -> Result<Record> {
        let there = self.files.read()?;
        if there.generation > record.generation {
            return Ok(there);
        }
        if interrupted {
            let why = format!("a refresh was interrupted, and {refusal}");
            return self.still_good(record).map_err(|_| self.ended(ErrorKind::Interrupted, &why));
        }
        self.files.forget_intent(lock)?;
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
        if let Some(token) = &reply.id_token {
            // OpenID Connect Core §12.2: "its sub Claim Value MUST be the same as in the ID Token issued when the original
            // authentication occurred".
            let claims = id_token::read(token, &destination.issuer, &destination.client_id, self.now())?;
            if record.account.subject.as_ref().is_some_and(|subject| *subject != claims.sub) {
                return changed("subject");
            }
        }
        let now = self.now();
        let token = StoredToken {
            org: self.entry.org.clone(),
            resource: self.resource().cloned(),
            scopes: reply.scopes.unwrap_or_else(|| record.scopes.clone()),
            access_token: Arc::new(reply.access_token),
            received_at: now,
            expires_at: reply.expires_in.map(|lifetime| now + lifetime),
        };
        let is_other = |other: &&StoredToken| (&other.org, &other.resource) != (&token.org, &token.resource);
        let others = record.tokens.iter().filter(is_other).cloned();
        Ok(Record {
            generation: record.generation + 1,
            born: record.born,
            rotated: now,
            destination: destination.clone(),
            account: record.account.clone(),
            token_type: record.token_type.clone(),
            // RFC 6749 §6: "The authorization server MAY issue a new refresh token"; without one the old one stays (law 8).
            refresh_token: reply.refresh_token.or_else(|| record.refresh_token.as_ref().map(crate::Secret::copy)),
            scopes: record.scopes.clone(),
            tokens: std::iter::once(token.clone()).chain(others).collect(),
        })
    }

    fn serves(&self, record: &Record) -> bool {
        !self.request.refresh && self.is_valid_for(record, self.request.min_validity)
    }

    /// A token that another process fetched since this one looked is new enough, whatever its lifetime: asking again would
    /// bring the like of it.
    fn is_served(&self, record: &Record, seen: u64) -> bool {
        let newer = record.generation > seen && self.has_valid_token(record);
        newer || self.serves(record)
    }

    fn has_valid_token(&self, record: &Record) -> bool {
        self.is_valid_for(record, Some(Duration::ZERO))
    }

    fn is_valid_for(&self, record: &Record, min_validity: Option<Duration>) -> bool {
        let valid = |token: &StoredToken| is_valid(token.received_at, token.expires_at, self.now(), min_validity);
        self.token_of(record).is_ok_and(valid)
    }

    /// The record, if its token is still valid and the caller did not ask for more than that.
    fn still_good(&self, record: Record) -> Result<Record, ()> {
        let asked_for_more = self.request.refresh || self.request.min_validity.is_some();
        match !asked_for_more && self.has_valid_token(&record) {
            true => Ok(record),
            false => Err(()),
        }
    }

    fn token_of<'r>(&self, record: &'r Record) -> Result<&'r StoredToken> {
        record
            .token(self.entry.org.as_ref(), self.resource())
            .ok_or_else(|| self.ended(ErrorKind::Expired, "it holds no token"))
    }

    fn ended(&self, kind: ErrorKind, why: &str) -> Error {
        let message = format!("the login {} at {} has ended: {why}", self.entry.name, self.entry.account.issuer.host());
        Error::new(kind, message).with(self.log_in())
    }

    fn log_in(&self) -> Remedy {
        Remedy::LogIn { context: Some(self.entry.name.to_string()) }
    }

    fn resource(&self) -> Option<&Url> {
        self.wiring.config.resource.as_ref()
    }

    fn now(&self) -> SystemTime {
        self.wiring.config.clock.now()
    }
}
