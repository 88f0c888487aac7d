//! The tokens of one session, in memory.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use url::Origin;

use crate::lifecycle::access_token::{AccessToken, Parts, TokenRequest};
use crate::lifecycle::refresh::Wanted;
use crate::model::error::{ErrorKind, Result};
use crate::model::secret::Secret;

/// What a session knows of its tokens without a look at disk or store.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// The last one that was served.
    last: ArcSwapOption<Parts>,
    /// One that a resource has refused, until it is replaced.
    refused: ArcSwapOption<Secret>,
    /// The origins whose refusal was answered, and when.
    answered: Mutex<Vec<(Origin, SystemTime)>>,
}

/// How long an origin that had a token replaced is not listened to again.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

impl Tokens {
    /// The last token, where it serves without a trip.
    pub(crate) fn cached(&self, request: &TokenRequest, now: SystemTime) -> Option<AccessToken> {
        let last = self.last().filter(|_| request.is_usual())?;
        let is_refused = self.refused.load().as_ref().is_some_and(|refused| **refused == *last.secret());
        (last.serves(request, now) && !is_refused).then_some(last)
    }

    pub(crate) fn last(&self) -> Option<AccessToken> {
        self.last.load_full().map(AccessToken)
    }

    /// What is wanted of a trip.
    pub(crate) fn wanted(&self, request: TokenRequest) -> Wanted {
        let instead_of = self.refused.load_full().filter(|_| request.is_usual());
        Wanted { request, instead_of }
    }

    /// The last token, where it would serve if there were nothing better.
    pub(crate) fn still_valid(&self, wanted: &Wanted, now: SystemTime) -> Option<AccessToken> {
        let last = self.last().filter(|_| wanted.request.is_usual())?;
        (wanted.instead_of.is_none() && last.is_valid_for(&wanted.request, now)).then_some(last)
    }

    /// What a trip brought. Trips overtake each other: an older token does not come back over a newer one.
    pub(crate) fn learn(&self, wanted: &Wanted, brought: &Result<AccessToken>, now: SystemTime) {
        if let Ok(token) = brought
            && wanted.request.is_usual()
        {
            let refused = wanted.instead_of.as_deref();
            let is_better = |last: &AccessToken| {
                refused != Some(last.secret())
                    && last.is_newer_than(token)
                    && last.serves(&TokenRequest::default(), now)
            };
            self.last.rcu(|last| match last.clone().map(AccessToken).filter(is_better) {
                Some(last) => Some(last.0),
                None => Some(token.0.clone()),
            });
        }
        // Where the server gave none this time, who asks next gets what there is: other resources may take it.
        let has_been_asked = brought.as_ref().err().is_none_or(|error| {
            matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::AuthorizationServer | ErrorKind::Protocol)
        });
        if has_been_asked && wanted.instead_of.is_some() && wanted.instead_of == self.refused.load_full() {
            self.refused.store(None);
        }
    }

    /// Whether a token that `origin` has refused shall be replaced, or has been.
    pub(crate) fn refuse(&self, token: &AccessToken, origin: Origin, now: SystemTime) -> bool {
        let has_replaced =
            |last: &AccessToken| last.secret() != token.secret() && last.serves(&TokenRequest::default(), now);
        let is_being_replaced = self.refused.load().as_ref().is_some_and(|refused| **refused == *token.secret());
        if is_being_replaced || self.last().as_ref().is_some_and(has_replaced) {
            return true;
        }
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not make the minute longer.
        answered.retain(|(_, at)| now.duration_since(*at).is_ok_and(|since| since < LOCK_TIMEOUT));
        if answered.iter().any(|(known, _)| *known == origin) {
            return false;
        }
        answered.push((origin, now));
        self.refused.store(Some(token.shared_secret()));
        true
    }
}
