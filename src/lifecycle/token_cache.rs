//! [`TokenMemory`]: what an app knows of the access tokens of its logins, in memory.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use url::Origin;

use crate::lifecycle::access_token::{AccessToken, Door, TokenData, TokenRequest, Wanted};
use crate::lifecycle::contexts::Context;
use crate::lifecycle::jobs::SharedJobs;
use crate::model::error::{ErrorKind, Result};
use crate::model::ids::{GrantId, Org};
use crate::model::secret::Secret;

/// How long an origin that had a token replaced cannot have another one replaced, nor ask for a second step-up.
const COOLDOWN: Duration = Duration::from_secs(60);

/// How many logins an app remembers the tokens of.
const MAX_LOGINS: usize = 32;

/// The memories of an app, each for one login and org. All its sessions share them: what one session was told of a refused token, all know.
#[derive(Debug, Default)]
pub(crate) struct TokenMemories {
    memories: Mutex<Vec<(Login, Arc<TokenMemory>)>>,
    /// The origins that asked for a step-up, with the login that they asked it of.
    step_ups: Mutex<Vec<(Origin, GrantId, SystemTime)>>,
}

type Login = (GrantId, Option<Org>);

/// What the sessions of one login and org share.
#[derive(Debug, Default)]
pub(crate) struct TokenMemory {
    pub(crate) tokens: TokenCache,
    /// Callers that want the same token share one job.
    pub(crate) jobs: SharedJobs<Wanted, AccessToken>,
}

impl TokenMemories {
    /// Returns the memory of the context's login and org.
    pub(crate) fn of(&self, context: &Context) -> Arc<TokenMemory> {
        let mut memories = self.memories.lock().unwrap_or_else(PoisonError::into_inner);
        let login = (context.grant.clone(), context.org.clone());
        let own = match memories.iter().position(|(own, _)| *own == login) {
            Some(position) => memories.remove(position),
            None => (login, Arc::default()),
        };
        if memories.len() == MAX_LOGINS {
            memories.remove(0);
        }
        let memory = own.1.clone();
        // The one that was used last is forgotten last.
        memories.push(own);
        memory
    }

    /// Forgets a login that has ended.
    pub(crate) fn forget(&self, grant: &GrantId) {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).retain(|((own, _), _)| own != grant);
    }

    /// Returns whether a step-up at `origin` was in vain: it has just asked the login before this one for it.
    pub(crate) fn stepped_up_in_vain(&self, origin: Origin, grant: &GrantId, now: SystemTime) -> bool {
        let mut step_ups = self.step_ups.lock().unwrap_or_else(PoisonError::into_inner);
        step_ups.retain(|(_, _, at)| now.duration_since(*at).is_ok_and(|since| since < COOLDOWN));
        let in_vain = step_ups.iter().any(|(known, asked, _)| *known == origin && asked != grant);
        if !in_vain {
            step_ups.push((origin, grant.clone(), now));
        }
        in_vain
    }
}

/// What is known of the tokens of one login without reading disk or key store.
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
        Wanted { request, instead_of, door: Door::Host }
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
            if fetched.is_err() {
                // Nothing was replaced, so that the origin may ask again.
                self.replaced_for.lock().unwrap_or_else(PoisonError::into_inner).pop();
            }
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
        replaced_for.retain(|(_, at)| now.duration_since(*at).is_ok_and(|since| since < COOLDOWN));
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
