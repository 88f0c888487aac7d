//! The request of an exchange, and how often it is made.

use std::time::Duration;

use super::failure::{Failed, Refuses};
use super::job::{Before, RefreshJob};
use crate::lifecycle::config::Config;
use crate::oauth::token_endpoint::{Grant, RequestedAccess, TokenEndpoint, TokenError, TokenReply};
use crate::records::record::{Record, RefreshToken, Target};
use crate::system::clock::{Cancel, Stopwatch};
use crate::system::failpoint::reached;
use crate::system::http::Http;
use crate::system::http::error::HttpError;

/// How long a refresh is tried again that was not heard, and the shortest pauses between the tries.
const RETRY_FOR: Duration = Duration::from_secs(10);
const RETRY_PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

impl RefreshJob<'_> {
    /// What the server answers. Sends the token, and again where that cannot make it worse.
    pub(super) fn reply(
        &self,
        http: &Http,
        record: &Record,
        token: &RefreshToken,
        before: Before,
        target: &Target,
    ) -> Result<TokenReply, Failed> {
        let open = before != Before::Settled;
        // Where a scope names the org, fewer scopes name it as well.
        let Config { orgs, scopes_in_refresh, scopes: configured, .. } = &self.app.config;
        let usual =
            || scopes_in_refresh.then(|| record.scopes.with_those_of_openid(configured)).filter(|all| !all.is_empty());
        let scopes = target.scopes.clone().or_else(usual);
        let scopes = scopes.map(|asked| orgs.scopes(&asked, target.org.as_ref())).transpose();
        let scopes = scopes.map_err(|error| Failed::of(error, open))?;
        // A refresh names its org (law 9): a server takes one without for the org of the last refresh, whoever made that.
        let resource = target.resource.as_ref();
        let asks = RequestedAccess {
            resource,
            scopes: scopes.as_ref(),
            org: self.named(target),
            ..RequestedAccess::default()
        };
        // The token sent is the one just read under the lock (law 1).
        let token = self.grant.reveal(token).map_err(|error| Failed::of(error, open))?;
        let (outcome, in_doubt) =
            self.ask_patiently(record, || self.ask(http, record, &Grant::RefreshToken(&token), &asks));
        drop(token);
        reached("answered");
        let open = open || in_doubt;
        outcome.map_err(|error| match error {
            TokenError::Refused(refusal) if refusal.is("invalid_grant") => {
                // A probe does not probe again.
                let org_is_in_doubt = !open && self.named(target).is_some() && target.org == self.target.org;
                let refusal_of = if org_is_in_doubt { Refuses::LoginOrOrg } else { Refuses::Login };
                Failed { error: self.refused(record, refusal, before, open), open, refusal: Some(refusal_of) }
            }
            // In other words than these a server speaks of what it was asked for.
            TokenError::Refused(refusal) if self.is_about_scopes(&refusal, target) => {
                Failed { error: self.scopes_refused(refusal), open, refusal: Some(Refuses::Request) }
            }
            TokenError::Refused(refusal) if self.named(target).is_some() && refusal.may_be_about_an_org() => {
                Failed { error: self.org_refused(target, refusal.into()), open, refusal: Some(Refuses::Request) }
            }
            error => {
                let open = open || may_have_rotated(&error);
                Failed::of(error.into(), open)
            }
        })
    }

    /// Asks, and asks again while no valid token is left. A lost reply is asked for once more, at once: the server may have rotated, and
    /// some servers accept the old token again (law 7). A request that was turned away is repeated three times. Returns whether the server
    /// may have rotated before its last answer.
    pub(super) fn ask_patiently(
        &self,
        record: &Record,
        ask: impl Fn() -> Result<TokenReply, TokenError>,
    ) -> (Result<TokenReply, TokenError>, bool) {
        let clock = &*self.app.config.clock;
        let (begun, mut pauses, mut is_lost, mut in_doubt) =
            (Stopwatch::start(clock), RETRY_PAUSES.iter(), false, false);
        loop {
            let outcome = ask();
            let Err(TokenError::Http(error)) = &outcome else { return (outcome, in_doubt) };
            in_doubt |= !error.was_not_heard();
            if is_lost || self.is_valid(record) {
                return (outcome, in_doubt);
            }
            is_lost = matches!(error, HttpError::NoReply { .. });
            if is_lost {
                continue;
            }
            let wait = error.passes_after().filter(|_| error.was_not_heard() || error.was_turned_away());
            let (Some(wait), Some(pause)) = (wait, pauses.next()) else { return (outcome, in_doubt) };
            let wait = wait.max(*pause);
            if begun.elapsed(clock) + wait > RETRY_FOR || !self.sleeps(wait) {
                return (outcome, in_doubt);
            }
        }
    }

    /// Waits for `time`; not to its end, and false, if nobody waits for the token any more.
    pub(super) fn sleeps(&self, time: Duration) -> bool {
        let mut left = time;
        while !left.is_zero() && !(self.forsaken)() {
            let slice = left.min(Duration::from_millis(100));
            self.app.config.clock.sleep(slice, &Cancel::new());
            left -= slice;
        }
        left.is_zero()
    }

    /// Goes where the login was made (law 16). Not to be cancelled: what it brings may be the only copy.
    pub(super) fn ask(
        &self,
        http: &Http,
        record: &Record,
        grant: &Grant<'_>,
        asks: &RequestedAccess<'_>,
    ) -> Result<TokenReply, TokenError> {
        let (destination, client) = (&record.destination, self.app.client(&record.destination));
        let endpoint = TokenEndpoint { http, url: &destination.token_endpoint, client: &client };
        endpoint.request(grant, asks, &Cancel::new())
    }
}

/// Whether a server that gave no token may have rotated all the same.
fn may_have_rotated(error: &TokenError) -> bool {
    match error {
        TokenError::Refused(_) => false,
        TokenError::Http(error) => !error.was_not_heard(),
        TokenError::NotOAuth(_) => true,
    }
}
