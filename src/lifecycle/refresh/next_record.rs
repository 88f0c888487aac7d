//! The next record of a grant: what a reply may change of it, and what it may not (law 17).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::job::RefreshJob;
use crate::model::error::{Error, ErrorKind, Result};
use crate::oauth::claims::Claims;
use crate::oauth::id_token;
use crate::oauth::token_endpoint::TokenReply;
use crate::records::record::{Destination, Record, RefreshToken, StoredToken, Target};

/// The most access tokens that one grant keeps.
const MAX_TOKENS: usize = 32;

impl RefreshJob<'_> {
    /// The next record. A reply that would make the grant another (law 17) is kept out. Of one that speaks for another org, the access
    /// token is: the server has rotated all the same, and the login is none the worse.
    pub(super) fn next(
        &self,
        record: Record,
        reply: TokenReply,
        asked_at: SystemTime,
        target: &Target,
    ) -> Result<(Record, Option<Error>)> {
        let Destination { issuer, client_id, .. } = &record.destination;
        let changed = |what: &str| {
            let message = format!("{} answered with another {what}: refused", issuer.host());
            Error::new(ErrorKind::Protocol, message).with(self.log_in())
        };
        if reply.token_type != record.token_type {
            return Err(changed("token type"));
        }
        let expires_at = reply.expires_at(asked_at);
        // A login that nobody named is of whom the first ID token names, from then on.
        let learned = || record.claims.clone().map(Claims::from).and_then(|claims| claims.sub());
        let subject = record.account.subject.clone().or_else(learned);
        if reply.is_of_another(issuer, client_id, subject.as_deref(), record.user.as_deref()) {
            return Err(changed("identity"));
        }
        let told = id_token::told(reply.id_token.as_ref());
        let orgs = [told.org(), reply.org];
        let is_told = |org: &str| orgs.iter().flatten().any(|told| told == org);
        let is_another = match &target.org {
            Some(own) => orgs.iter().flatten().any(|told| told != own.as_str()),
            // Which org is meant nobody knows; one that somebody else has asked for it is not.
            None => record.tokens.iter().filter_map(|token| token.org.as_ref()).any(|org| is_told(org.as_str())),
        };
        let is_another = is_another && self.app.config.orgs.is_told_in_replies();
        let error = is_another.then(|| changed("organisation"));
        let Target { org, resource, scopes: asked } = target.clone();
        let token = StoredToken {
            org,
            resource,
            asked,
            // RFC 6749 §5.1: "OPTIONAL, if identical to the scope requested by the client".
            scopes: reply.scopes.or_else(|| target.scopes.clone()).unwrap_or_else(|| record.scopes.clone()),
            access_token: Arc::new(reply.access_token),
            received_at: asked_at,
            expires_at,
        };
        let is_ours = error.is_none();
        let token = Some(token).filter(|_| is_ours);
        // At most so many, the newest first and dead ones not at all, so that a record cannot grow without end.
        let is_kept = |other: &StoredToken| {
            let is_alive = other.is_valid(asked_at, Some(Duration::ZERO));
            is_alive && (!is_ours || !other.is_for(target))
        };
        let others: Vec<_> = record.tokens.into_iter().filter(is_kept).take(MAX_TOKENS - 1).collect();
        let next = Record {
            generation: record.generation + 1,
            rotated: self.now(),
            // An idle time begins anew with every use; where the server says nothing more of it, what it said stands.
            refresh_expires_at: reply.refresh_expires_in.map(|life| asked_at + life).or(record.refresh_expires_at),
            // RFC 6749 §6: "The authorization server MAY issue a new refresh token"; without one the old one stays (law 8).
            refresh_token: reply.refresh_token.map(RefreshToken::Given).or(record.refresh_token),
            tokens: token.into_iter().chain(others).collect(),
            user: record.user.or_else(|| reply.user.as_ref().and_then(Claims::sub)),
            claims: match told.sub() {
                // Of a token that is kept out, too, where nothing else says whose the refresh token beside it is.
                Some(_) if is_ours || record.claims.is_none() => told.to_keep(),
                _ => record.claims,
            },
            ..record
        };
        Ok((next, error))
    }
}
