//! The exchange of the login's own access token for a token of one org (RFC 8693).

use super::exchange::Exchange;
use super::job::PriorExchange;
use super::next_record::NextRecord;
use crate::model::error::{Error, ErrorKind, Result};
use crate::oauth::token_endpoint::{Grant, RequestedAccess, TokenError, TokenReply};
use crate::records::record::{Record, Target};

impl Exchange<'_> {
    /// Exchanges the access token that the login has without an org for one of the target's org. The exchange does not spend that
    /// token, so that only the answer can be lost.
    pub(super) fn exchange_for_org(&self, record: Record, org_parameter: (&str, &str)) -> Result<Record> {
        let own_target = Target { org: None, resource: self.target.resource.clone(), scopes: None };
        let own = Exchange { target: &own_target, ..*self };
        let had_own_token = own.has_usable_token(&record);
        let mut record = if had_own_token { record } else { own.rotate(record)? };
        let asked_at = self.job.now();
        let access = RequestedAccess {
            resource: self.target.resource.as_ref(),
            scopes: self.target.scopes.as_ref(),
            org: Some(org_parameter),
            ..RequestedAccess::default()
        };
        let mut reply = own.exchange_access_token(&record, &access)?;
        if let Err(TokenError::Refused(refusal)) = &reply
            && had_own_token
            && self.prior == PriorExchange::Settled
            && refusal.may_be_about_an_org()
        {
            // The server may refuse the token and not the org: a new token shows which.
            record = own.rotate(record)?;
            reply = own.exchange_access_token(&record, &access)?;
        }
        let reply = reply.map_err(|error| self.token_exchange_error(error))?;
        // The login keeps its own refresh token.
        let reply = TokenReply { refresh_token: None, refresh_expires_in: None, ends_in: None, ..reply };
        match self.job.next_record(record, reply, asked_at, self.target)? {
            NextRecord { wrong_org: Some(error), .. } => Err(error),
            // The journal entry of an exchange whose reply may be lost is not overwritten (law 7): this token is served and not kept.
            NextRecord { record, .. } if had_own_token && self.prior != PriorExchange::Settled => Ok(record),
            NextRecord { record, .. } => self.commit(record),
        }
    }

    fn has_usable_token(&self, record: &Record) -> bool {
        !self.job.wanted.request.refresh
            && record.token(self.target).is_some_and(|token| token.is_valid(self.job.now(), None))
    }

    /// Exchanges the access token that `record` has for this target.
    fn exchange_access_token(
        &self,
        record: &Record,
        access: &RequestedAccess<'_>,
    ) -> Result<Result<TokenReply, TokenError>> {
        let Some(token) = record.token(self.target) else {
            return Err(self.job.login_ended(ErrorKind::Expired, "it holds no token"));
        };
        Ok(self.send(record, &Grant::Exchange(&token.access_token), access))
    }

    fn token_exchange_error(&self, error: TokenError) -> Error {
        match error {
            TokenError::Refused(refusal) if self.is_about_scopes(&refusal) => self.scopes_refused(refusal),
            TokenError::Refused(refusal) if refusal.may_be_about_an_org() => self.org_refused(refusal.into()),
            error => error.into(),
        }
    }
}
