//! The next record of a grant: what a reply may change of it, and what it may not (law 17).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::job::RefreshJob;
use serde_json::Map;

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::event::EventCode;
use crate::oauth::claims::Claims;
use crate::oauth::id_token;
use crate::oauth::token_endpoint::TokenReply;
use crate::records::record::{Destination, Record, RefreshToken, StoredToken, Target};

/// The most access tokens that one grant keeps.
const MAX_TOKENS: usize = 32;

/// A record to commit.
pub(super) struct NextRecord {
    pub(super) record: Record,
    /// The error of a reply that speaks for another org: `record` has its refresh token, but not its access token.
    pub(super) wrong_org: Option<Error>,
}

impl RefreshJob<'_> {
    /// Makes the next record of the reply. Rejects a reply that would make the grant another one (law 17). If a reply speaks for another
    /// org, only its access token is rejected: the server has rotated all the same, and the login still works.
    pub(super) fn next_record(
        &self,
        record: Record,
        reply: TokenReply,
        asked_at: SystemTime,
        target: &Target,
    ) -> Result<NextRecord> {
        if reply.token_type != record.token_type {
            return Err(self.answered_with_another("token type", &record));
        }
        if is_of_another_login(&reply, &record) {
            return Err(self.answered_with_another("identity", &record));
        }
        let claims = id_token::unverified_claims(reply.id_token.as_ref());
        let is_wrong_org = self.app.config.orgs.selection.is_named_as_asked()
            && is_for_another_org([claims.org(), reply.org.clone()], &record, target);
        let wrong_org = is_wrong_org.then(|| self.answered_with_another("organisation", &record));
        let token = StoredToken {
            org: target.org.clone(),
            resource: target.resource.clone(),
            asked: target.scopes.clone(),
            expires_at: reply.expires_at(asked_at),
            // RFC 6749 §5.1: "OPTIONAL, if identical to the scope requested by the client".
            scopes: reply.scopes.or_else(|| target.scopes.clone()).unwrap_or_else(|| record.scopes.clone()),
            access_token: Arc::new(reply.access_token),
            received_at: asked_at,
            actor: None,
            unknown: Map::new(),
        };
        let ends = Ends::after(&record, reply.refresh_expires_in, reply.ends_in, asked_at);
        let token = Some(token).filter(|_| !is_wrong_org);
        let next = Record {
            generation: record.generation + 1,
            rotated: self.now(),
            cause: EventCode::Refreshed,
            refresh_expires_at: ends.refresh_expires_at,
            ends_at: ends.ends_at,
            // RFC 6749 §6: "The authorization server MAY issue a new refresh token"; without one the old one stays (law 8).
            refresh_token: reply.refresh_token.map(RefreshToken::Plain).or(record.refresh_token),
            tokens: with_token(token, record.tokens, target, asked_at),
            user: record.user.or_else(|| reply.user.as_ref().and_then(Claims::sub)),
            claims: match claims.sub() {
                // Those of a rejected token too, if nothing else says whose the refresh token beside it is.
                Some(_) if !is_wrong_org || record.claims.is_none() => claims.stored_claims(),
                _ => record.claims,
            },
            ..record
        };
        Ok(NextRecord { record: next, wrong_org })
    }

    fn answered_with_another(&self, what: &str, record: &Record) -> Error {
        let message = format!("{} answered with another {what}: refused", record.destination.issuer.host());
        Error::new(ErrorKind::Protocol, message).with(self.log_in())
    }
}

/// When a login ends.
struct Ends {
    refresh_expires_at: Option<SystemTime>,
    ends_at: Option<SystemTime>,
}

/// A server that counts down to a fixed end is off by the time that a reply takes, and by its own rounding.
const SAME_END: Duration = Duration::from_secs(300);

impl Ends {
    /// Returns what a reply says of them. An end that a refresh has not moved is fixed: only a new login moves it.
    fn after(record: &Record, refresh: Option<Duration>, all: Option<Duration>, asked_at: SystemTime) -> Self {
        // An idle time begins anew with every use. If the server does not repeat it, the old time stands.
        let refresh_expires_at = refresh.map(|life| asked_at + life).or(record.refresh_expires_at);
        // Within that time an idle time has not moved much either.
        let is_late = asked_at.duration_since(record.rotated).is_ok_and(|since| since > 2 * SAME_END);
        let is_fixed = refresh.is_some()
            && is_late
            && record.refresh_expires_at.zip(refresh_expires_at).is_some_and(|(old, new)| {
                new.duration_since(old).unwrap_or_else(|before| before.duration()) < SAME_END
            });
        let ends_at = match all.map(|life| asked_at + life) {
            Some(end) => Some(end),
            None if is_fixed => refresh_expires_at,
            // It was taken for fixed, and has moved all the same.
            None => record.ends_at.filter(|end| refresh_expires_at.is_none_or(|moved| moved <= *end)),
        };
        Self { refresh_expires_at, ends_at }
    }
}

/// Returns whether a reply is about another person, issuer or client than the grant.
fn is_of_another_login(reply: &TokenReply, record: &Record) -> bool {
    let Destination { issuer, client_id, .. } = &record.destination;
    // A login without a subject belongs to the subject of its first ID token from then on.
    let learned = || record.claims.clone().map(Claims::from).and_then(|claims| claims.sub());
    let subject = record.account.subject.clone().or_else(learned);
    reply.is_of_another_login(issuer, client_id, subject.as_deref(), record.user.as_deref())
}

/// Returns whether a reply that names these `orgs` speaks for another org than the target's.
fn is_for_another_org(orgs: [Option<String>; 2], record: &Record, target: &Target) -> bool {
    let mut orgs = orgs.iter().flatten();
    match &target.org {
        Some(own) => orgs.any(|org| org != own.as_str()),
        // Nobody knows which org is the right one; an org that a token was asked for by name is not.
        None => {
            orgs.any(|org| record.tokens.iter().any(|token| token.org.as_ref().is_some_and(|own| own.as_str() == org)))
        }
    }
}

/// Returns `new` and the other tokens that are still valid, the newest first, but not without end: a record must not grow for ever.
fn with_token(new: Option<StoredToken>, old: Vec<StoredToken>, target: &Target, now: SystemTime) -> Vec<StoredToken> {
    let is_replaced = |other: &StoredToken| new.is_some() && other.is_for(target);
    let others = old.into_iter().filter(|other| other.is_valid(now, Some(Duration::ZERO)) && !is_replaced(other));
    let others: Vec<_> = others.take(MAX_TOKENS - 1).collect();
    new.into_iter().chain(others).collect()
}
