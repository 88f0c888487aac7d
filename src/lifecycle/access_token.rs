//! [`AccessToken`], and how long it is valid.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use url::Url;

use crate::governance::permit::Permit;
use crate::model::scopes::Scopes;
use crate::model::secret::Secret;
use crate::records::record::{Record, StoredToken};

/// An access token, ready for an `Authorization: Bearer` header (RFC 6750 §2.1).
#[derive(Debug, Clone)]
pub struct AccessToken(pub(crate) Arc<TokenData>);

/// Behind one pointer: every caller gets a clone, which must not allocate.
#[derive(Debug)]
pub(crate) struct TokenData {
    secret: Arc<Secret>,
    token_type: Box<str>,
    scopes: Scopes,
    /// `None` for a token from the environment.
    received_at: Option<SystemTime>,
    expires_at: Option<SystemTime>,
    login_ends_at: Option<SystemTime>,
    /// When the disk is read again before the token is served; `None` if it is served from memory until it expires.
    reread_at: Option<SystemTime>,
    /// Whether the session's configuration says what it is for, not a single request.
    has_default_target: bool,
}

impl AccessToken {
    /// Returns the token itself. The caller is responsible for where it goes.
    pub fn expose(&self) -> &str {
        self.0.secret.expose()
    }

    /// Returns when the token expires, UTC; `None` if neither the server nor the token itself, as a JWT does, says so.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.0.expires_at
    }

    /// Returns the granted scopes. They are empty if the server did not say which they are.
    pub fn scopes(&self) -> &Scopes {
        &self.0.scopes
    }

    /// Returns how the token is sent (RFC 6749 §7.1), in lower case: `bearer`.
    pub fn token_type(&self) -> &str {
        &self.0.token_type
    }

    /// Returns when the login behind the token ends, UTC, whatever is refreshed; `None` if that is unknown.
    pub fn login_ends_at(&self) -> Option<SystemTime> {
        self.0.login_ends_at
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0.secret
    }

    pub(crate) fn shared_secret(&self) -> Arc<Secret> {
        self.0.secret.clone()
    }

    pub(crate) fn has_default_target(&self) -> bool {
        self.0.has_default_target
    }

    /// Takes a token out of its record. Whoever does that has asked for it.
    pub(crate) fn new(
        _permit: &Permit<'_>,
        stored: &StoredToken,
        record: &Record,
        reread_at: Option<SystemTime>,
        has_default_target: bool,
    ) -> Self {
        Self(Arc::new(TokenData {
            secret: stored.access_token.clone(),
            token_type: record.token_type.as_str().into(),
            login_ends_at: record.ends_at,
            scopes: stored.scopes.clone(),
            received_at: Some(stored.received_at),
            expires_at: stored.expires_at,
            reread_at,
            has_default_target,
        }))
    }

    /// Returns a token of which only the text is known, and what that says itself.
    pub(crate) fn of_text(secret: Arc<Secret>, expires_at: Option<SystemTime>) -> Self {
        Self(Arc::new(TokenData {
            secret,
            token_type: "bearer".into(),
            scopes: Scopes::default(),
            received_at: None,
            expires_at,
            login_ends_at: None,
            reread_at: None,
            has_default_target: true,
        }))
    }

    /// Returns whether the token was fetched less than `age` ago. False if a clock was set back since.
    pub(crate) fn is_younger_than(&self, age: Duration, now: SystemTime) -> bool {
        self.0.received_at.is_some_and(|at| now.duration_since(at).is_ok_and(|own| own < age))
    }

    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        self.0.received_at > other.0.received_at
    }

    /// Returns whether this token, served before, serves `request` at `now` as well.
    pub(crate) fn serves(&self, request: &TokenRequest, now: SystemTime) -> bool {
        self.0.reread_at.is_none_or(|at| now < at) && self.is_valid_for(request, now)
    }

    /// Returns whether this token meets `request` at `now`, near its end or not.
    pub(crate) fn is_valid_for(&self, request: &TokenRequest, now: SystemTime) -> bool {
        let received_at = self.0.received_at.unwrap_or(now);
        let is_valid = is_valid(received_at, self.0.expires_at, now, request.min_validity);
        !request.refresh && !self.has_unknown_validity(request) && is_valid
    }

    /// Returns whether `request` needs the token to be valid for a time, and nobody knows when it expires. Another token of the same
    /// server would not say more, so nobody is asked for one.
    pub(crate) fn has_unknown_validity(&self, request: &TokenRequest) -> bool {
        self.0.expires_at.is_none() && request.needs_validity()
    }
}

/// The token that a caller needs. Each method adds a condition.
///
/// ```
/// use std::time::Duration;
///
/// use hallpass::TokenRequest;
///
/// let for_a_long_upload = TokenRequest::new().min_validity(Duration::from_secs(1800));
/// # drop(for_a_long_upload);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenRequest {
    pub(crate) min_validity: Option<Duration>,
    pub(crate) refresh: bool,
    pub(crate) resource: Option<Url>,
    pub(crate) scopes: Option<Scopes>,
}

impl TokenRequest {
    /// Asks for any token that is valid now, as [`Session::access_token`](crate::Session::access_token) does.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says how long the token must still be valid. More than zero is an error if nobody knows when the token expires. The default is
    /// 10 s, or a twentieth of the token's lifetime if that is less.
    pub fn min_validity(self, min_validity: Duration) -> Self {
        Self { min_validity: Some(min_validity), ..self }
    }

    /// Asks the server for a new token even if the cached one is good.
    pub fn refresh(self) -> Self {
        Self { refresh: true, ..self }
    }

    /// Says what the token is for, an absolute URI (RFC 8707 §2). The default is the configuration's.
    pub fn resource(self, resource: Url) -> Self {
        Self { resource: Some(resource), ..self }
    }

    /// Names the scopes of the token: fewer than the login's. RFC 6749 §6: "The requested scope MUST NOT include any
    /// scope not originally granted by the resource owner". Many servers leave the login with these scopes alone, see
    /// [`manual::session`](crate::manual::session). The default is the login's scopes.
    pub fn scopes(self, scopes: Scopes) -> Self {
        Self { scopes: Some(scopes), ..self }
    }

    /// Returns whether the token must be valid for more than no time.
    pub(crate) fn needs_validity(&self) -> bool {
        self.min_validity.is_some_and(|needed| !needed.is_zero())
    }

    /// Returns whether the session's configuration says what the token is for.
    pub(crate) fn has_default_target(&self) -> bool {
        self.resource.is_none() && self.scopes.is_none()
    }
}

/// What a caller wants.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) request: TokenRequest,
    /// A token that a resource has refused: any other token will do.
    pub(crate) instead_of: Option<Arc<Secret>>,
    /// How the token is given away.
    pub(crate) door: Door,
}

/// How a token is given away.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Door {
    /// To the host, in its own memory.
    #[default]
    Host,
    /// Out of the program, by a named door (law 18).
    Export(ExportTo),
}

/// Where an access token goes that leaves the program: see [`Session::export`](crate::Session::export).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExportTo {
    /// The standard output, and so whatever program reads it.
    StandardOutput,
}

impl ExportTo {
    /// Returns the name in events: `stdout`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::StandardOutput => "stdout",
        }
    }
}

impl StoredToken {
    /// Returns whether the token is valid for `min_validity` from `now`; by default for 10 s, or a twentieth of its lifetime if that is
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
    // No token meets a demand beyond the end of time.
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
