//! [`AccessToken`], and how long one is good for.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use url::Url;

use crate::model::ids::Scopes;
use crate::model::secret::Secret;
use crate::records::record::StoredToken;

/// An access token, ready for an `Authorization: Bearer` header (RFC 6750 §2.1).
#[derive(Debug, Clone)]
pub struct AccessToken(pub(crate) Arc<Parts>);

/// In one piece: every caller who is served has a clone, which shall cost no allocation.
#[derive(Debug)]
pub(crate) struct Parts {
    secret: Arc<Secret>,
    token_type: Box<str>,
    scopes: Scopes,
    /// `None` for a token from the environment.
    received_at: Option<SystemTime>,
    expires_at: Option<SystemTime>,
    /// Until then it is served without a look at the disk; `None` where it is good to its end.
    look_again_at: Option<SystemTime>,
    /// Whether it is for what the session's tokens are usually for.
    usual: bool,
}

impl AccessToken {
    /// The token itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        self.0.secret.expose()
    }

    /// When it expires, UTC; `None` if neither the server nor the token itself, as a JWT does, says so.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.0.expires_at
    }

    /// What it is good for, as granted. Empty where nobody said.
    pub fn scopes(&self) -> &Scopes {
        &self.0.scopes
    }

    /// How it is sent (RFC 6749 §7.1), in lower case: `bearer`.
    pub fn token_type(&self) -> &str {
        &self.0.token_type
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0.secret
    }

    pub(crate) fn shared_secret(&self) -> Arc<Secret> {
        self.0.secret.clone()
    }

    pub(crate) fn is_usual(&self) -> bool {
        self.0.usual
    }

    pub(crate) fn new(stored: &StoredToken, token_type: &str, look_again_at: Option<SystemTime>, usual: bool) -> Self {
        Self(Arc::new(Parts {
            secret: stored.access_token.clone(),
            token_type: token_type.into(),
            scopes: stored.scopes.clone(),
            received_at: Some(stored.received_at),
            expires_at: stored.expires_at,
            look_again_at,
            usual,
        }))
    }

    /// A token from the environment, of which nothing is known but what it says itself.
    pub(crate) fn given(secret: Arc<Secret>, expires_at: Option<SystemTime>) -> Self {
        let (token_type, scopes) = ("bearer".into(), Scopes::default());
        let (received_at, look_again_at) = (None, None);
        Self(Arc::new(Parts { secret, token_type, scopes, received_at, expires_at, look_again_at, usual: true }))
    }

    /// Whether it was fetched less than `age` ago; not where a clock was set back since.
    pub(crate) fn is_younger_than(&self, age: Duration, now: SystemTime) -> bool {
        self.0.received_at.is_some_and(|at| now.duration_since(at).is_ok_and(|own| own < age))
    }

    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        self.0.received_at > other.0.received_at
    }

    /// Whether this one, served before, serves `request` at `now` as well.
    pub(crate) fn serves(&self, request: &TokenRequest, now: SystemTime) -> bool {
        self.0.look_again_at.is_none_or(|at| now < at) && self.is_valid_for(request, now)
    }

    /// Whether this one meets `request` at `now`, near its end or not.
    pub(crate) fn is_valid_for(&self, request: &TokenRequest, now: SystemTime) -> bool {
        let received_at = self.0.received_at.unwrap_or(now);
        let is_valid = is_valid(received_at, self.0.expires_at, now, request.min_validity);
        !request.refresh && !self.is_in_doubt(request) && is_valid
    }

    /// Whether `request` wants it valid for a time, and nobody knows when it ends. Another token of the same server would not say
    /// more, so that nobody is asked for one.
    pub(crate) fn is_in_doubt(&self, request: &TokenRequest) -> bool {
        self.0.expires_at.is_none() && request.wants_a_time()
    }
}

/// What a caller asks of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRequest {
    /// How long the token must still be valid. By default 10 s, or a twentieth of its lifetime where that is less. More than zero is
    /// an error if nobody knows when the token ends.
    pub min_validity: Option<Duration>,
    /// Ask the server for a new token even if the one at hand is good.
    pub refresh: bool,
    /// What the token shall be for, an absolute URI (RFC 8707 §2), instead of the configuration's.
    pub resource: Option<Url>,
    /// What the token shall be good for: fewer scopes than the login's. RFC 6749 §6: "The requested scope MUST NOT include any
    /// scope not originally granted by the resource owner". Many servers leave the login with these scopes alone, see
    /// [`manual::session`](crate::manual::session).
    pub scopes: Option<Scopes>,
}

impl TokenRequest {
    /// Whether the token must be valid for more than no time.
    pub(crate) fn wants_a_time(&self) -> bool {
        self.min_validity.is_some_and(|needed| !needed.is_zero())
    }
}

impl TokenRequest {
    /// Whether it is for what the session's other tokens are for.
    pub(crate) fn is_usual(&self) -> bool {
        self.resource.is_none() && self.scopes.is_none()
    }
}

impl StoredToken {
    /// Whether it will be valid for `min_validity` from `now`; by default for 10 s, or a twentieth of its lifetime where that is
    /// less.
    pub(crate) fn is_valid(&self, now: SystemTime, min_validity: Option<Duration>) -> bool {
        is_valid(self.received_at, self.expires_at, now, min_validity)
    }
}

fn is_valid(
    received_at: SystemTime,
    expires_at: Option<SystemTime>,
    now: SystemTime,
    min_validity: Option<Duration>,
) -> bool {
    // A clock that was set back says nothing about expiry any more.
    if now + Duration::from_secs(60) < received_at {
        return false;
    }
    let Some(expires_at) = expires_at else {
        return true;
    };
    let lifetime = expires_at.duration_since(received_at).unwrap_or_default();
    let needed = min_validity.unwrap_or_else(|| Duration::from_secs(10).min(lifetime / 20));
    // A demand beyond the end of time is met by no token.
    now.checked_add(needed).is_some_and(|until| until < expires_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn valid(lifetime: Option<u64>, at: i64, min_validity: Option<u64>) -> bool {
        let received_at = SystemTime::UNIX_EPOCH + S(1_000_000);
        let now = SystemTime::UNIX_EPOCH + S(1_000_000_u64.saturating_add_signed(at));
        is_valid(received_at, lifetime.map(|lifetime| received_at + S(lifetime)), now, min_validity.map(S))
    }

    #[test]
    fn a_token_is_valid_until_shortly_before_its_end() {
        assert!(valid(Some(3600), 3589, None));
        assert!(!valid(Some(3600), 3590, None));
        assert!(valid(Some(20), 18, None), "short tokens have a short margin");
        assert!(!valid(Some(3600), 3500, Some(200)));
        assert!(valid(None, 9_999_999, None));
    }

    #[test]
    fn a_clock_set_back_by_more_than_a_minute_makes_it_stale() {
        assert!(valid(Some(3600), -60, None));
        assert!(!valid(Some(3600), -61, None));
    }
}
