//! One exchange of the login's access token for one of an org (RFC 8693).

use super::job::{Before, RefreshJob};
use crate::model::error::{Error, ErrorKind, Result};
use crate::oauth::token_endpoint::{Grant, RequestedAccess, TokenError, TokenReply};
use crate::records::record::{Record, StoredToken, Target};
use crate::state_dir::Lock;
use crate::system::http::Http;

impl RefreshJob<'_> {
    /// A token for `org`, for the one that the login has without an org (RFC 8693). That one is not spent by it, so that there is
    /// nothing to lose but the answer.
    pub(super) fn exchange_for(
        &self,
        http: &Http,
        lock: &Lock,
        record: Record,
        before: Before,
        named: (&str, &str),
    ) -> Result<Record> {
        let own = Target { org: None, resource: self.target.resource.clone(), scopes: None };
        let is_good = |token: &StoredToken| token.is_valid(self.now(), None) && !self.wanted.request.refresh;
        let is_at_hand = record.token(&own).is_some_and(is_good);
        let record = if is_at_hand { record } else { self.rotate(http, lock, record, before, &own)? };
        let asked_at = self.now();
        let Target { resource, scopes, .. } = &self.target;
        let asks = RequestedAccess {
            resource: resource.as_ref(),
            scopes: scopes.as_ref(),
            org: Some(named),
            ..RequestedAccess::default()
        };
        let ask = |record: &Record| {
            let subject = record.token(&own).map(|token| token.access_token.clone());
            let subject = subject.ok_or_else(|| self.ended(ErrorKind::Expired, "it holds no token"))?;
            Ok::<_, Error>(self.ask(http, record, &Grant::Exchange(&subject), &asks))
        };
        let (record, reply) = match ask(&record)? {
            // It may be the token that is refused, and not the org: with a new one that shows.
            Err(TokenError::Refused(refusal))
                if is_at_hand && before == Before::Settled && refusal.may_be_about_an_org() =>
            {
                let record = self.rotate(http, lock, record, before, &own)?;
                let reply = ask(&record)?;
                (record, reply)
            }
            reply => (record, reply),
        };
        let reply = reply.map_err(|error| match error {
            TokenError::Refused(refusal) if self.is_about_scopes(&refusal, &self.target) => {
                self.scopes_refused(refusal)
            }
            TokenError::Refused(refusal) if refusal.may_be_about_an_org() => {
                self.org_refused(&self.target, refusal.into())
            }
            error => error.into(),
        })?;
        // The login's own refresh token stays what it is.
        let reply = TokenReply { refresh_token: None, refresh_expires_in: None, ..reply };
        match self.next(record, reply, asked_at, &self.target)? {
            (_, Some(error)) => Err(error),
            // What stands for an exchange whose reply may be lost is not written over (law 7): this one is served and not kept.
            (next, None) if is_at_hand && before != Before::Settled => Ok(next),
            (next, None) => self.commit(lock, next),
        }
    }
}
