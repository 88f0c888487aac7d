//! When an access token ends, by its own claims (RFC 9068 §2.2).
//!
//! RFC 9068 §6: "The client MUST NOT inspect the content of the access token". WorkOS AuthKit and others send no `expires_in`, and leave
//! no other way to know the end of a token. Nobody verifies the token here, so its claims decide only when the next token is fetched. If a
//! server stops issuing JWTs, the end is unknown again.

use std::time::{Duration, SystemTime};

use crate::model::secret::Secret;
use crate::oauth::claims::Claims;
use crate::oauth::normalize::TEN_YEARS;

/// The lifetime of a token, by the server's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JwtLifetime {
    /// RFC 7519 §4.1.4: "the expiration time on or after which the JWT MUST NOT be accepted for processing".
    pub(crate) exp: SystemTime,
    /// When the server sent the token.
    sent_at: Option<SystemTime>,
    /// RFC 7519 §4.1.6: "the time at which the JWT was issued".
    issued_at: Option<SystemTime>,
}

/// The first time that RFC 3339 cannot write, in seconds since 1970.
const YEAR_10000: f64 = 253_402_300_800.0;

impl JwtLifetime {
    /// Reads a token that came with a reply of this `date`; `None` if the token does not say when it ends.
    pub(crate) fn read(access_token: &Secret, date: Option<SystemTime>) -> Option<Self> {
        // RFC 7515 §3.1 has three parts, of which the second is the payload.
        let is_jws = access_token.expose().split('.').count() == 3;
        let claims = is_jws.then(|| Claims::of_jwt(access_token.expose())).flatten()?;
        let time = |name: &str| {
            let since_epoch = claims.time(name).filter(|seconds| (0.0..YEAR_10000).contains(seconds))?;
            Some(SystemTime::UNIX_EPOCH + Duration::from_secs(since_epoch as u64))
        };
        Some(Self { exp: time("exp")?, sent_at: date, issued_at: time("iat") })
    }

    /// Returns the token's lifetime from `asked_at` on: zero if the token had expired on arrival;
    /// `None` if its claims make no sense.
    pub(crate) fn lifetime(self, asked_at: SystemTime) -> Option<Duration> {
        let since = |begin| self.exp.duration_since(begin).unwrap_or_default();
        let begins = [self.sent_at, self.issued_at, Some(asked_at)];
        begins.into_iter().flatten().map(since).find(|lifetime| *lifetime <= TEN_YEARS)
    }
}
