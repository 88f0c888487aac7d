//! The request of a refresh, and how often it is repeated.

use std::time::Duration;

use super::exchange::{Exchange, ExchangeFailure};
use super::job::PriorExchange;
use crate::lifecycle::config::Config;
use crate::model::error::Result;
use crate::model::scopes::Scopes;
use crate::oauth::token_endpoint::{Grant, RequestedAccess, TokenEndpoint, TokenError, TokenReply};
use crate::records::record::{Record, RefreshToken};
use crate::system::clock::{Cancel, Stopwatch};
use crate::system::failpoint::reached;
use crate::system::http::error::HttpError;

/// How long a request is repeated that the server did not take, and the shortest pauses between the attempts.
const RETRY_FOR: Duration = Duration::from_secs(10);
const RETRY_PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// How soon a pause notices that nobody waits for the token any more.
const ABANDONED_POLL: Duration = Duration::from_millis(100);

/// The last error of a request that was repeated.
struct LastError {
    error: TokenError,
    /// Whether the server may have rotated at any of the attempts.
    may_have_rotated: bool,
}

impl Exchange<'_> {
    /// Sends the refresh token of `record`, and returns the server's reply.
    pub(super) fn request(&self, record: &Record, token: &RefreshToken) -> Result<TokenReply, ExchangeFailure> {
        let was_open = self.prior != PriorExchange::Settled;
        let scopes = self.scopes(record).map_err(|error| ExchangeFailure::other(error, was_open))?;
        let access = RequestedAccess {
            resource: self.target.resource.as_ref(),
            scopes: scopes.as_ref(),
            // A refresh names its org (law 9): without it a server uses the org of the last
            // refresh, which another process may have made.
            org: self.org_parameter(),
            ..RequestedAccess::default()
        };
        // The token sent is the one just read under the lock (law 1).
        let token = self.job.grant.reveal(token).map_err(|error| ExchangeFailure::other(error, was_open))?;
        let reply = self.send_with_retries(record, &Grant::RefreshToken(&token), &access);
        drop(token);
        reached("answered");
        reply.map_err(|LastError { error, may_have_rotated }| self.failure(record, error, was_open || may_have_rotated))
    }

    /// Returns the scopes that the request names, if it names any.
    fn scopes(&self, record: &Record) -> Result<Option<Scopes>> {
        let Config { orgs, quirks, scopes: configured, .. } = &self.job.app.config;
        let asked = match &self.target.scopes {
            Some(fewer) => Some(fewer.clone()),
            None if quirks.scopes_in_refresh => {
                Some(record.scopes.with_those_of_openid(configured)).filter(|all| !all.is_empty())
            }
            None => None,
        };
        // If a scope names the org, fewer scopes name it as well.
        asked.map(|asked| orgs.selection.scopes(&asked, self.target.org.as_ref())).transpose()
    }

    /// Sends a request, and repeats it while no valid token is left. After a lost reply it is sent once more, at once: the server may
    /// have rotated, and some servers accept the old token again (law 7). A request that was turned away is repeated three times.
    fn send_with_retries(
        &self,
        record: &Record,
        grant: &Grant<'_>,
        access: &RequestedAccess<'_>,
    ) -> Result<TokenReply, LastError> {
        let clock = &*self.job.app.config.clock;
        let begun = Stopwatch::start(clock);
        let (mut pauses, mut is_second_after_loss, mut may_have_rotated) = (RETRY_PAUSES.iter(), false, false);
        loop {
            let error = match self.send(record, grant, access) {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            may_have_rotated |= may_rotate(&error);
            let is_final = is_second_after_loss || self.job.has_valid_token(record);
            match &error {
                TokenError::Http(HttpError::NoReply { .. }) if !is_final => is_second_after_loss = true,
                TokenError::Http(error) if !is_final && self.pause_before_retry(error, &mut pauses, &begun) => {}
                _ => return Err(LastError { error, may_have_rotated }),
            }
        }
    }

    /// Waits as long as the server asked, or at least for the next pause. Returns false if the request is not to be repeated.
    fn pause_before_retry(
        &self,
        error: &HttpError,
        pauses: &mut std::slice::Iter<'_, Duration>,
        begun: &Stopwatch,
    ) -> bool {
        let wait = error.retry_delay().filter(|_| error.was_not_processed() || error.was_likely_not_processed());
        let (Some(wait), Some(pause)) = (wait, pauses.next()) else { return false };
        let wait = wait.max(*pause);
        begun.elapsed(&*self.job.app.config.clock) + wait <= RETRY_FOR && self.sleep_unless_abandoned(wait)
    }

    /// Waits for `time`. Returns false as soon as nobody waits for the token any more.
    fn sleep_unless_abandoned(&self, time: Duration) -> bool {
        let mut left = time;
        while !left.is_zero() && !(self.job.is_abandoned)() {
            let slice = left.min(ABANDONED_POLL);
            self.job.app.config.clock.sleep(slice, &Cancel::new());
            left -= slice;
        }
        left.is_zero()
    }

    /// Sends one request to the token endpoint that was sealed at login (law 16). It cannot be cancelled: the reply may hold the only
    /// copy of a token.
    pub(super) fn send(
        &self,
        record: &Record,
        grant: &Grant<'_>,
        access: &RequestedAccess<'_>,
    ) -> Result<TokenReply, TokenError> {
        let (destination, client) = (&record.destination, self.job.app.client(&record.destination));
        let endpoint = TokenEndpoint { http: self.http, url: &destination.token_endpoint, client: &client };
        endpoint.request(grant, access, &Cancel::new())
    }
}

/// Returns whether a server that gave no token may have rotated all the same.
fn may_rotate(error: &TokenError) -> bool {
    match error {
        TokenError::Refused(_) => false,
        TokenError::Http(error) => !error.was_not_processed(),
        TokenError::NotOAuth(_) => true,
    }
}
