//! One exchange of the refresh token (RFC 6749 §6), from the intent to the commit, and what its failures mean.

use std::time::Duration;

use super::{Before, RefreshJob};
use crate::lifecycle::config::Config;
use crate::lifecycle::contexts::Index;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{Org, Scopes};
use crate::oauth::metadata::Endpoint;
use crate::oauth::token_endpoint::{Grant, Refusal, RequestedAccess, TokenEndpoint, TokenError, TokenReply};
use crate::records::record::{Record, RefreshToken, StoredToken, Target};
use crate::records::refresh_journal::{Failure, Refused};
use crate::state_dir::Lock;
use crate::system::clock::{Cancel, Deadline, Stopwatch, pause};
use crate::system::failpoint::reached;
use crate::system::http::Http;
use crate::system::http::error::HttpError;

/// How long a refresh is tried again that was not heard, and the shortest pauses between the tries.
const RETRY_FOR: Duration = Duration::from_secs(10);
const RETRY_PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

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
    fn rotate(&self, http: &Http, lock: &Lock, record: Record, before: Before, target: &Target) -> Result<Record> {
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
    fn refused_token(&self, generation: u64, target: &Target) -> Option<Refused> {
        let is_usual = target.scopes.is_none() && target.resource == self.app.config.resource;
        let in_doubt = target.org.as_ref().filter(|_| self.named(target).is_some() && target.org == self.target.org);
        is_usual.then(|| self.grant.refused(generation, in_doubt).ok()).flatten()
    }

    /// A token for `org`, for the one that the login has without an org (RFC 8693). That one is not spent by it, so that there is
    /// nothing to lose but the answer.
    fn exchange_for(
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

    /// What another org of the login is asked for with, which shows whether it is the login that the server refuses or the org.
    fn living(&self, record: &Record) -> Option<Target> {
        let is_other = |org: &Option<Org>| *org != self.target.org;
        let had = record.tokens.iter().map(|token| token.org.clone()).find(is_other);
        let living = had.or_else(|| {
            let index = Index::read(Some(self.files.state_dir)).ok()?;
            let named = index.contexts.iter().filter(|entry| entry.grant == self.context.grant);
            named.map(|entry| entry.org.clone()).find(is_other)
        });
        living.map(|org| Target { org, ..self.target.clone() })
    }

    /// What the server answers. Sends the token, and again where that cannot make it worse.
    fn reply(
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
    fn ask_patiently(
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
    fn sleeps(&self, time: Duration) -> bool {
        let mut left = time;
        while !left.is_zero() && !(self.forsaken)() {
            let slice = left.min(Duration::from_millis(100));
            self.app.config.clock.sleep(slice, &Cancel::new());
            left -= slice;
        }
        left.is_zero()
    }

    /// Goes where the login was made (law 16). Not to be cancelled: what it brings may be the only copy.
    fn ask(
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

    fn named<'t>(&'t self, target: &'t Target) -> Option<(&'t str, &'t str)> {
        self.app.config.orgs.in_refresh(target.org.as_ref())
    }

    /// The login lives, and the server gives no token of it for this org.
    fn org_refused(&self, target: &Target, cause: Error) -> Error {
        let org = target.org.as_ref().map_or("", Org::as_str);
        let server = self.context.account.issuer.host();
        let name = &self.context.name;
        let message = format!("{server} gives the login {name} no token for the org {org}; the login is as it was");
        Error::new(ErrorKind::Denied, message).with(Remedy::AskAdministrator).because(cause)
    }

    /// Whether fewer scopes than the login's were asked for, and it is those that are refused, whatever the org.
    fn is_about_scopes(&self, refusal: &Refusal, target: &Target) -> bool {
        target.scopes.is_some() && refusal.is("invalid_scope")
    }

    /// The login lives, and the server gives no token of it with these scopes.
    fn scopes_refused(&self, refusal: Refusal) -> Error {
        let scopes = self.target.scopes.as_ref().map(Scopes::to_string).unwrap_or_default();
        let server = self.context.account.issuer.host();
        let message = format!(
            "{server} gives the login {} no token with the scopes {scopes}: it refused with {}; the login is as it was",
            self.context.name,
            refusal.named()
        );
        Error::new(ErrorKind::AuthorizationServer, message)
            .with(Remedy::FixConfig { field: "scope" })
            .because(Error::from(refusal))
    }

    /// Writes the only copy of a rotated token down, and does not take the first no of a disk for an answer.
    fn commit(&self, lock: &Lock, next: Record) -> Result<Record> {
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
    fn is_there(&self, next: &Record) -> bool {
        let is_next =
            |there: Record| there.generation == next.generation && self.secret_of(&there) == self.secret_of(next);
        self.grant.read().is_ok_and(is_next)
    }

    /// The disk would not take what the server had rotated to.
    fn lost(&self, error: Error) -> Error {
        let server = self.context.account.issuer.host();
        let message = format!("{server} has renewed the login {}, and it cannot be written down", self.context.name);
        let mut lost = Error::new(error.kind(), message);
        if let Some(remedy) = error.remedy() {
            lost = lost.with(remedy.clone());
        }
        lost.because(error)
    }

    /// What `invalid_grant` means.
    fn refused(&self, record: &Record, refusal: Refusal, before: Before, open: bool) -> Error {
        let (kind, why) = match record.refresh_expires_at {
            // No process died and no reply was lost: the server has answered.
            _ if before == Before::Foreign => (
                ErrorKind::Interrupted,
                "a refresh was answered with another identity or token type, which was refused, and the server takes the old token no \
                 more",
            ),
            _ if open => (
                ErrorKind::Interrupted,
                "a refresh was interrupted (a process died, or a reply was lost), and the server takes the old token no more",
            ),
            Some(end) if end <= self.now() => (ErrorKind::Expired, "it was not used for too long or is too old"),
            Some(_) => (ErrorKind::Revoked, "it was revoked, or a token of it was used twice"),
            None => (ErrorKind::Expired, "it expired or was revoked"),
        };
        self.ended(kind, why).because(Error::from(refusal))
    }
}

/// No next record.
struct Failed {
    error: Error,
    /// The server may have rotated, now or before.
    open: bool,
    /// What has been said no to, if something has.
    refusal: Option<Refuses>,
}

/// What a refused refresh means.
#[derive(Clone, Copy, PartialEq)]
enum Refuses {
    Login,
    /// An org was named, and may be what is refused.
    LoginOrOrg,
    /// It is not the token that is refused, but what was asked for with it.
    Request,
    /// It is not the server that refuses: its reply was refused here.
    Reply,
}

impl Failed {
    fn of(error: Error, open: bool) -> Self {
        Self { error, open, refusal: None }
    }

    /// The server has rotated, and made the login another.
    fn foreign(error: Error) -> Self {
        Self { error, open: true, refusal: Some(Refuses::Reply) }
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
