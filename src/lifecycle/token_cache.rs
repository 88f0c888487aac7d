//! [`TokenCache`]: the access token of one session, in memory.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use url::Origin;

use crate::lifecycle::access_token::{AccessToken, TokenData, TokenRequest};
use crate::lifecycle::refresh::Wanted;
use crate::model::error::{ErrorKind, Result};
use crate::model::secret::Secret;

/// How long an origin that had a token replaced cannot have another one replaced.
const REPLACEMENT_COOLDOWN: Duration = Duration::from_secs(60);

/// What a session knows of its tokens without reading disk or key store.
#[derive(Debug, Default)]
pub(crate) struct TokenCache {
    /// The last token that was served.
    last: ArcSwapOption<TokenData>,
    /// A token that a resource has refused, until it is replaced.
    refused: ArcSwapOption<Secret>,
    /// The origins that had a token replaced, and when.
    replaced_for: Mutex<Vec<(Origin, SystemTime)>>,
}

impl TokenCache {
    /// Returns the last token, if it serves `request`.
    pub(crate) fn get(&self, request: &TokenRequest, now: SystemTime) -> Option<AccessToken> {
        let last = self.last().filter(|_| request.has_default_target())?;
        (last.serves(request, now) && !self.is_refused(&last)).then_some(last)
    }

    /// Returns the last token, if it is still valid and nothing better is needed.
    pub(crate) fn still_valid(&self, wanted: &Wanted, now: SystemTime) -> Option<AccessToken> {
        let last = self.last().filter(|_| wanted.request.has_default_target())?;
        (wanted.instead_of.is_none() && last.is_valid_for(&wanted.request, now)).then_some(last)
    }

    /// Returns what a job has to fetch for `request`.
    pub(crate) fn wanted(&self, request: TokenRequest) -> Wanted {
        let instead_of = self.refused.load_full().filter(|_| request.has_default_target());
        Wanted { request, instead_of }
    }

    /// Takes over what a job has fetched. Jobs overtake each other: an older token does not replace a newer one.
    pub(crate) fn update(&self, wanted: &Wanted, fetched: &Result<AccessToken>, now: SystemTime) {
        if let Ok(token) = fetched
            && wanted.request.has_default_target()
        {
            self.last.rcu(|last| match last.clone().map(AccessToken) {
                Some(last) if is_better(&last, token, wanted, now) => Some(last.0),
                _ => Some(token.0.clone()),
            });
        }
        // If the server gave no token this time, the next caller gets the refused one: other resources may accept it.
        let was_asked = match fetched {
            Ok(_) => true,
            Err(error) => {
                matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::AuthorizationServer | ErrorKind::Protocol)
            }
        };
        if was_asked && wanted.instead_of.is_some() && wanted.instead_of == self.refused.load_full() {
            self.refused.store(None);
        }
    }

    /// Returns whether another token than `token` is served by now.
    pub(crate) fn has_newer_than(&self, token: &AccessToken, now: SystemTime) -> bool {
        self.last().is_some_and(|last| last.secret() != token.secret() && last.serves(&TokenRequest::default(), now))
    }

    /// Marks a token that `origin` has refused. Returns whether it will be replaced.
    pub(crate) fn refuse(&self, token: &AccessToken, origin: Origin, now: SystemTime) -> bool {
        if self.is_refused(token) {
            return true;
        }
        let mut replaced_for = self.replaced_for.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not make the cooldown longer.
        replaced_for.retain(|(_, at)| now.duration_since(*at).is_ok_and(|since| since < REPLACEMENT_COOLDOWN));
        if replaced_for.iter().any(|(known, _)| *known == origin) {
            return false;
        }
        replaced_for.push((origin, now));
        self.refused.store(Some(token.shared_secret()));
        true
    }

    fn last(&self) -> Option<AccessToken> {
        self.last.load_full().map(AccessToken)
    }

    fn is_refused(&self, token: &AccessToken) -> bool {
        self.refused.load().as_ref().is_some_and(|refused| **refused == *token.secret())
    }
}

/// Returns whether `last` is newer than `fetched` and still serves.
fn is_better(last: &AccessToken, fetched: &AccessToken, wanted: &Wanted, now: SystemTime) -> bool {
    wanted.instead_of.as_deref() != Some(last.secret())
        && last.is_newer_than(fetched)
        && last.serves(&TokenRequest::default(), now)
}
