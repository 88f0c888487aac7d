//! Whose login it is.

use std::time::Duration;

use url::Url;

use crate::lifecycle::login::Attempt;
use crate::model::account::Account;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::Org;
use crate::model::secret::Secret;
use crate::oauth::claims::Claims;
use crate::oauth::id_token;
use crate::oauth::token_endpoint::TokenReply;
use crate::oauth::userinfo::UserinfoEndpoint;
use crate::records::record::Destination;
use crate::system::clock::Stopwatch;

/// Whose login it is, as the server says.
pub(super) struct Identity {
    pub(super) account: Account,
    /// The org that the ID token or the reply names.
    pub(super) org: Option<Org>,
    /// Who approved the login, if an ID token says that.
    pub(super) approver: Option<String>,
}

/// How long userinfo is asked again, and the shortest pauses between the tries.
const USERINFO_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

impl Attempt<'_> {
    /// Finds out whose login it is: by the ID token, else by userinfo, else by the `user` beside the tokens; else the account has no name.
    pub(super) fn identify(&self, reply: &TokenReply) -> Result<Identity> {
        let Destination { issuer, client_id, .. } = self.destination;
        if reply.token_type != "bearer" {
            let message = format!("{} issued a token of a type that is not supported", issuer.host());
            return Err(Error::new(ErrorKind::Protocol, message).with(Remedy::AskAdministrator));
        }
        // By the earlier of the two clocks: if either is wrong, the login would be lost after the person has approved it.
        let own = self.app.config.clock.now();
        let now = reply.date.map_or(own, |date| date.min(own));
        let id_token_claims =
            reply.id_token.as_ref().map(|token| id_token::validate(token, issuer, client_id, now)).transpose()?;
        let org = id_token_claims.as_ref().and_then(Claims::org).or_else(|| reply.org.clone());
        let approver = id_token_claims.as_ref().and_then(Claims::sub);
        let account = self.account(id_token_claims, &reply.access_token, reply.user.as_ref());
        Ok(Identity { account, org: org.and_then(|org| org.parse().ok()), approver })
    }

    /// Returns the account that the ID token names; what that does not say, userinfo does, or the `user` beside the tokens.
    pub(in crate::lifecycle) fn account(
        &self,
        id_token_claims: Option<Claims>,
        access_token: &Secret,
        user: Option<&Claims>,
    ) -> Account {
        // Many servers keep name and e-mail address out of the ID token. The subject decides, the rest is for display.
        let is_named = id_token_claims.as_ref().is_some_and(Claims::is_named);
        let unsigned = if is_named { None } else { self.userinfo_claims(access_token, user) };
        let claims = match (id_token_claims, unsigned) {
            // OpenID Connect Core §5.3.2: "The sub Claim in the UserInfo Response MUST be verified to exactly match the sub
            // Claim in the ID Token; if they do not match, the UserInfo Response values MUST NOT be used."
            (Some(id_token_claims), Some(unsigned)) if id_token_claims.sub() != unsigned.sub() => id_token_claims,
            (id_token_claims, unsigned) => unsigned.or(id_token_claims).unwrap_or_default(),
        };
        Account::new(self.destination.issuer.clone(), claims.sub(), claims.name(), claims.email())
    }

    /// Returns the claims of userinfo, else those beside the tokens.
    fn userinfo_claims(&self, access_token: &Secret, user: Option<&Claims>) -> Option<Claims> {
        let url = self.destination.userinfo_endpoint.as_ref();
        url.and_then(|url| self.ask_userinfo(url, access_token)).or_else(|| user.cloned())
    }

    /// Asks userinfo, and again for a while if it does not answer. The person has approved: a login without a name is still a login.
    fn ask_userinfo(&self, url: &Url, token: &Secret) -> Option<Claims> {
        let (clock, cancel) = (&*self.app.config.clock, &self.request.cancel);
        let (begun, mut pauses) = (Stopwatch::start(clock), RETRY_PAUSES.iter());
        loop {
            let error = match self.userinfo(url).ask(token, cancel) {
                Ok(claims) => return Some(claims),
                Err(error) => error,
            };
            let pause = error.retry_delay()?.max(*pauses.next()?);
            if begun.elapsed(clock) + pause > USERINFO_TIMEOUT {
                return None;
            }
            clock.sleep(pause, cancel);
            if cancel.is_cancelled() {
                return None;
            }
        }
    }

    pub(super) fn userinfo<'u>(&'u self, url: &'u Url) -> UserinfoEndpoint<'u> {
        let Destination { issuer, client_id, .. } = self.destination;
        UserinfoEndpoint { http: self.http, url, issuer, client: Some(client_id) }
    }
}
