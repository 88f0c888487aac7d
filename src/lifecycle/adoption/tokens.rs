//! [`OldTokens`]: the tokens of a login that another program made.

use std::fmt;
use std::time::SystemTime;

use crate::model::error::{Error, Result};
use crate::model::scopes::Scopes;
use crate::model::secret::Secret;

/// The tokens of a login that another program made.
///
/// ```
/// use hallpass::adoption::OldTokens;
///
/// let tokens = OldTokens::new().refresh_token("rt_s3cr3t").scopes("openid deploy");
/// assert_eq!(format!("{tokens:?}"), "OldTokens { refresh_token: true, access_token: false, .. }");
/// ```
#[derive(Default)]
pub struct OldTokens {
    pub(super) refresh_token: Option<Secret>,
    pub(super) access_token: Option<Secret>,
    pub(super) expires_at: Option<SystemTime>,
    pub(super) scopes: Option<Scopes>,
    /// The first value that could not be read.
    invalid: Option<Error>,
}

impl OldTokens {
    /// Creates a value without tokens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the refresh token. It is exchanged at once: a server that rotates tokens then refuses every copy. An empty text counts as none.
    pub fn refresh_token(mut self, token: impl Into<String>) -> Self {
        self.refresh_token = Some(Secret::new(token.into())).filter(|token| !token.expose().is_empty());
        self
    }

    /// Sets the access token. It is kept only if there is no refresh token: the login then ends with it. An empty text counts as none.
    pub fn access_token(mut self, token: impl Into<String>) -> Self {
        self.access_token = Some(Secret::new(token.into())).filter(|token| !token.expose().is_empty());
        self
    }

    /// Sets when the access token expires, UTC. The default is what the token says itself, if it is a JWT.
    pub fn expires_at(mut self, at: SystemTime) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Says what was granted: takes [`Scopes`] or their text. The default is what the server says.
    pub fn scopes(mut self, scopes: impl TryInto<Scopes, Error: Into<Error>>) -> Self {
        match scopes.try_into() {
            Ok(scopes) => self.scopes = Some(scopes),
            Err(error) => drop(self.invalid.get_or_insert_with(|| error.into())),
        }
        self
    }

    /// Returns the token that the login goes on with.
    pub(super) fn main_token(&self) -> Option<&Secret> {
        self.refresh_token.as_ref().or(self.access_token.as_ref())
    }

    /// Returns the error of a value that could not be read.
    pub(super) fn check(&self) -> Result<()> {
        self.invalid.clone().map_or(Ok(()), Err)
    }

    pub(super) fn copy(&self) -> Self {
        Self {
            refresh_token: self.refresh_token.as_ref().map(|token| token.copy()),
            access_token: self.access_token.as_ref().map(|token| token.copy()),
            expires_at: self.expires_at,
            scopes: self.scopes.clone(),
            invalid: self.invalid.clone(),
        }
    }
}

impl fmt::Debug for OldTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OldTokens")
            .field("refresh_token", &self.refresh_token.is_some())
            .field("access_token", &self.access_token.is_some())
            .finish_non_exhaustive()
    }
}
