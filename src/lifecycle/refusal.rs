//! What to do after a resource has refused an access token.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap};
use url::Url;

use crate::lifecycle::access_token::AccessToken;
use crate::lifecycle::access_token::Wanted;
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::Context;
use crate::lifecycle::login::StepUp;
use crate::lifecycle::refresh;
use crate::lifecycle::token_cache::TokenCache;
use crate::model::error::Result;
use crate::model::secret::{STACK_OF_A_HEADER, Secret, wipe_stack};
use crate::oauth::challenge::Demand;

/// What to do after a resource has refused an access token.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AfterRefusal {
    /// Take another token from [`Session::access_token`](crate::Session::access_token) and send the request once more.
    Retry,
    /// The person has to authenticate again, in another way or more recently (RFC 9470). [`StepUp::login`] makes the login for
    /// [`Auth::login`](crate::Auth::login), which replaces this one, and gives the session to go on with.
    StepUp(StepUp),
    /// The resource accepts the person but not the request, or refuses a token that was replaced within the last minute: a right is
    /// missing, and another token would not help. Return the reply to the caller.
    NotAllowed,
    /// The login has ended or does not renew: only a new login gives a better token. Call [`Auth::login`](crate::Auth::login) with the
    /// name of the context. [`Auth::session_or_login`](crate::Auth::session_or_login) does not help while the token seems valid here: it
    /// returns the existing login.
    LogIn,
    /// hallpass does not know what would help. The reply is no refusal of the token; or its origin is not one of
    /// [`Config::resources`](crate::Config::resources); or the token was requested for another target; or it is from the environment, and
    /// whoever set the variable has to replace it. Return the reply to the caller.
    GiveUp,
}

/// The token that a refused request carried: an [`AccessToken`], or the headers of [`Session::authorization`](crate::Session::authorization).
#[derive(Clone)]
pub struct SentToken<'a>(Carrier<'a>);

#[derive(Clone)]
enum Carrier<'a> {
    Token(&'a AccessToken),
    Headers(&'a HeaderMap),
}

/// Without the headers, which may have secrets of the host.
impl fmt::Debug for SentToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SentToken(_)")
    }
}

impl<'a> From<&'a AccessToken> for SentToken<'a> {
    fn from(token: &'a AccessToken) -> Self {
        Self(Carrier::Token(token))
    }
}

impl<'a> From<&'a HeaderMap> for SentToken<'a> {
    fn from(headers: &'a HeaderMap) -> Self {
        Self(Carrier::Headers(headers))
    }
}

impl<'a> SentToken<'a> {
    /// Returns the token; `None` if the headers carry none.
    fn token(self) -> Option<Cow<'a, AccessToken>> {
        match self.0 {
            Carrier::Token(token) => Some(Cow::Borrowed(token)),
            Carrier::Headers(headers) => {
                let text = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
                Some(Cow::Owned(AccessToken::of_text(Arc::new(Secret::new(text.to_owned())), None)))
            }
        }
    }
}

/// Decides what follows the refusal of `sent` at `url`, which a demand of the resource explains. Reads the files of the login, and asks
/// nobody. This is the host's thread, so what reading a header has left on the stack is wiped here.
pub(crate) fn decide(
    app: &App,
    context: &Context,
    tokens: &TokenCache,
    sent: SentToken<'_>,
    url: &Url,
    demand: Demand,
) -> AfterRefusal {
    let decision = decide_unwiped(app, context, tokens, sent, url, demand);
    wipe_stack::<STACK_OF_A_HEADER>();
    decision
}

#[inline(never)]
fn decide_unwiped(
    app: &App,
    context: &Context,
    tokens: &TokenCache,
    sent: SentToken<'_>,
    url: &Url,
    demand: Demand,
) -> AfterRefusal {
    let Some(token) = sent.token() else { return AfterRefusal::GiveUp };
    let token = &*token;
    let (config, origin) = (&app.config, url.origin());
    // A token that a caller requested for another target is not replaced without that caller.
    if !token.has_default_target() || !config.resources.iter().any(|resource| resource.origin() == origin) {
        return AfterRefusal::GiveUp;
    }
    let now = config.clock.now();
    match demand {
        Demand::AnotherToken if tokens.has_newer_than(token, now) => AfterRefusal::Retry,
        Demand::AnotherToken if !can_renew(app, context) => AfterRefusal::LogIn,
        Demand::AnotherToken if tokens.refuse(token, origin.clone(), now) => AfterRefusal::Retry,
        Demand::AnotherToken | Demand::MoreRights => AfterRefusal::NotAllowed,
        // The person has just done what this resource asked for.
        Demand::StepUp { .. } if app.memories.stepped_up_in_vain(origin, &context.grant, now) => {
            AfterRefusal::NotAllowed
        }
        Demand::StepUp { acr_values, max_age } => AfterRefusal::StepUp(StepUp {
            context: context.name.clone(),
            org: context.org.clone(),
            // The granted scopes, and no more.
            scopes: Some(context.scopes.clone()).filter(|scopes| !scopes.is_empty()),
            acr_values,
            max_age,
        }),
        Demand::Other => AfterRefusal::GiveUp,
    }
}

/// Returns whether a refresh may give another token: the login exists, has a refresh token, and the server has not refused it. If the
/// files cannot be read, [`Session::access_token`](crate::Session::access_token) says why.
fn can_renew(app: &App, context: &Context) -> bool {
    let Ok(state_dir) = app.state_dir() else { return true };
    state_dir.is_some_and(|state_dir| {
        let files = app.files(&state_dir, &context.grant);
        let has_ended = files.last_failure(context.org.as_ref()).is_some_and(|failure| failure.has_ended);
        let lacks_refresh_token = files.header().is_some_and(|header| header.renews == Some(false));
        files.is_there() && !has_ended && !lacks_refresh_token
    })
}

/// A token younger than this is not refreshed if a server calls it invalid: such a server refuses
/// every token, and a refresh for each `whoami` would not help. Another process may have replaced
/// the token, so the disk is read, which costs no request. A minute is longer than a few commands
/// in a row take, and shorter than the lifetime of any token.
const JUST_FETCHED: Duration = Duration::from_secs(60);

/// Returns another token than `refused`, if there may be a better one.
pub(crate) fn replacement_of(
    refused: &AccessToken,
    app: &App,
    context: &Context,
    tokens: &TokenCache,
) -> Result<Option<AccessToken>> {
    let now = app.config.clock.now();
    let wanted = Wanted { instead_of: Some(refused.shared_secret()), ..Wanted::default() };
    let fetched = match refused.is_younger_than(JUST_FETCHED, now) {
        true => refresh::stored_token(app, context, &wanted).transpose(),
        false => Some(refresh::access_token(app, context, &wanted, &|| false)),
    };
    if let Some(fetched) = &fetched {
        tokens.update(&wanted, fetched, now);
    }
    fetched.transpose()
}
