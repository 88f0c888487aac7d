//! [`Fetching`]: a token on its way to a session.

use std::time::SystemTime;

use crate::lifecycle::access_token::{AccessToken, Wanted};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::Context;
use crate::lifecycle::jobs::{Started, wait_unless_cancelled};
use crate::lifecycle::refresh;
use crate::lifecycle::token_cache::TokenCache;
use crate::model::error::{Error, Result};
use crate::model::setting::Setting;
use crate::system::clock::Cancel;

/// A token that is there, or that a job fetches.
#[derive(Debug)]
pub(crate) enum Fetching {
    Done(Result<AccessToken>),
    Started(Started<AccessToken>),
}

impl Fetching {
    pub(crate) fn wait_unless_cancelled(self, cancel: &Cancel) -> Result<AccessToken> {
        match self {
            Self::Done(token) => token,
            Self::Started(started) => wait_unless_cancelled(started, cancel),
        }
    }
}

/// Fetches a token and caches it.
pub(crate) fn fetch(
    app: &App,
    context: &Context,
    tokens: &TokenCache,
    wanted: &Wanted,
    now: SystemTime,
    is_abandoned: &dyn Fn() -> bool,
) -> Result<AccessToken> {
    let fetched = refresh::access_token(app, context, wanted, is_abandoned);
    tokens.update(wanted, &fetched, now);
    let token = fetched?;
    if token.has_unknown_validity(&wanted.request) {
        let server = context.account.issuer.host();
        return Err(cannot_promise_validity(&format!("{server} does not say when its access tokens end")));
    }
    Ok(token)
}

pub(crate) fn cannot_promise_validity(why: &str) -> Error {
    Error::config(Setting::MinValidity, format!("cannot promise an access token that is valid for so long: {why}"))
}
