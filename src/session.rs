//! [`Session`]: gives access tokens for one context.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use url::Url;

use crate::lifecycle::access_token::{AccessToken, TokenRequest};
use crate::lifecycle::app::{App, AppHandle};
use crate::lifecycle::contexts::Context;
use crate::lifecycle::jobs::SharedJobs;
use crate::lifecycle::login::LoginRequest;
use crate::lifecycle::refresh::{self, Wanted};
use crate::lifecycle::token_cache::TokenCache;
use crate::lifecycle::userinfo::{self, Userinfo};
use crate::model::duration::rfc3339;
use crate::model::error::{Error, Result};
use crate::model::secret::Secret;
use crate::oauth::challenge::{self, Demand};
use crate::oauth::jwt_access_token::JwtLifetime;

/// A token younger than this is not refreshed if a server calls it invalid: such a server refuses
/// every token, and a refresh for each `whoami` would not help. Another process may have replaced
/// the token, so the disk is read, which costs no request. A minute is longer than a few commands
/// in a row take, and shorter than the lifetime of any token.
const JUST_FETCHED: Duration = Duration::from_secs(60);

/// Gives access tokens for one context, and keeps to that context whatever becomes the default. Clones share the token.
#[derive(Debug, Clone)]
pub struct Session(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    handle: Arc<AppHandle>,
    source: Source,
    /// The context with what its files say, read at the first question: most sessions only give tokens.
    context_with_files: OnceLock<Context>,
    tokens: Arc<TokenCache>,
    /// Callers that want the same token share one job.
    jobs: SharedJobs<Wanted, AccessToken>,
}

#[derive(Debug)]
enum Source {
    Login(Box<Context>),
    /// From `<APP>_TOKEN`: used as it is.
    Environment(AccessToken),
}

/// What to do after a resource has refused an access token.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum AfterRefusal {
    /// Take another token from [`Session::access_token`] and send the request once more.
    Retry,
    /// The person has to authenticate again, as the request says (RFC 9470). [`Auth::login`](crate::Auth::login) with it replaces
    /// this login, and gives the session to go on with.
    StepUp(LoginRequest),
    /// Another token would not help, or the reply is no refusal: return it to the caller.
    GiveUp,
}

impl Session {
    /// Returns a valid access token: the cached one, or a refreshed one.
    ///
    /// Dropping the future does not stop a refresh that has begun: its result is kept.
    ///
    /// # Errors
    /// `Expired`, `Revoked`, `Interrupted` or `NotLoggedIn` (the login was ended or replaced meanwhile) if only a new login
    /// helps. `Unreachable`, `Protocol` or `AuthorizationServer` if the server gives no token and no valid one is left. `Custody`
    /// if the key or the record cannot be read, `Config` if the configuration is not the login's.
    pub fn access_token(&self) -> impl Future<Output = Result<AccessToken>> + Send + 'static + use<> {
        self.access_token_with(TokenRequest::default())
    }

    /// Returns an access token that meets `request`.
    ///
    /// # Errors
    /// Those of [`access_token`](Self::access_token). A token that is valid but does not meet the request is an error too.
    pub fn access_token_with(
        &self,
        request: TokenRequest,
    ) -> impl Future<Output = Result<AccessToken>> + Send + 'static + use<> {
        let inner = self.0.clone();
        async move {
            let context = match &inner.source {
                Source::Environment(token) => return inner.environment_token(token, &request),
                Source::Login(context) => context,
            };
            let now = inner.app().config.clock.now();
            if let Some(token) = inner.tokens.get(&request, now) {
                return Ok(token);
            }
            let wanted = inner.tokens.wanted(request);
            // If another caller already fetches the next token early, nobody else waits for it.
            if let Some(token) = inner.tokens.still_valid(&wanted, now).filter(|_| inner.jobs.is_running(&wanted)) {
                return Ok(token);
            }
            // Not the handle: the last handle to be dropped waits for the job.
            let (app, context, tokens) = (inner.handle.app.clone(), context.clone(), inner.tokens.clone());
            let key = wanted.clone();
            let job = move |is_abandoned: &dyn Fn() -> bool| fetch(&app, &context, &tokens, &wanted, now, is_abandoned);
            inner.jobs.join(&inner.app().jobs, key, job).await
        }
    }

    /// Returns a cached access token that meets `request`: from memory, or from disk with a key that needs neither another program nor
    /// a person. It takes as long as reading a small file, and starts no thread.
    ///
    /// For tools that print a token and exit: the `auth token` command calls this first. Returns `None` if answering would need more:
    /// call [`access_token_with`](Self::access_token_with) then, which also says what is wrong.
    pub fn cached_token(&self, request: TokenRequest) -> Option<AccessToken> {
        let inner = &self.0;
        let context = match &inner.source {
            Source::Environment(token) => return inner.environment_token(token, &request).ok(),
            Source::Login(context) => context,
        };
        let now = inner.app().config.clock.now();
        if let Some(token) = inner.tokens.get(&request, now) {
            return Some(token);
        }
        let wanted = inner.tokens.wanted(request);
        let token = refresh::cached_token(inner.app(), context, &wanted)?;
        inner.tokens.update(&wanted, &Ok(token.clone()), now);
        (!token.has_unknown_validity(&wanted.request)).then_some(token)
    }

    /// Returns what to do after a resource has refused `token`: `url` is where it was sent, `status` the HTTP status of the refusal,
    /// `www_authenticate` that header's value, empty if there is none.
    ///
    /// Listens only to the origins in [`Config::resources`](crate::Config::resources), and replaces a token for each of them at most
    /// once a minute. Never asks for more scopes than the login has: a resource does not choose what a person approves.
    ///
    /// ```no_run
    /// # async fn call(session: hallpass::Session) -> Result<(), Box<dyn std::error::Error>> {
    /// # let url: url::Url = "https://api.example.com/".parse()?;
    /// # async fn get(url: &url::Url, token: &str) -> (u16, String) { (200, String::new()) }
    /// let token = session.access_token().await?;
    /// let (mut status, www_authenticate) = get(&url, token.expose()).await;
    /// if let hallpass::AfterRefusal::Retry = session.challenged(&token, &url, status, &www_authenticate) {
    ///     (status, _) = get(&url, session.access_token().await?.expose()).await;
    /// }
    /// # Ok(()) }
    /// ```
    pub fn challenged(&self, token: &AccessToken, url: &Url, status: u16, www_authenticate: &str) -> AfterRefusal {
        let inner = &self.0;
        let (Some(context), config) = (inner.context(), &inner.app().config) else { return AfterRefusal::GiveUp };
        // A token that a caller requested for another target is not replaced without that caller.
        if !token.has_default_target() || !config.resources.iter().any(|resource| resource.origin() == url.origin()) {
            return AfterRefusal::GiveUp;
        }
        match challenge::read(status, www_authenticate) {
            Demand::AnotherToken if inner.tokens.refuse(token, url.origin(), config.clock.now()) => AfterRefusal::Retry,
            Demand::StepUp { acr_values, max_age } => AfterRefusal::StepUp(LoginRequest {
                context: Some(context.name.clone()),
                org: context.org.clone(),
                // The granted scopes, and no more.
                scopes: Some(context.scopes.clone()).filter(|scopes| !scopes.is_empty()),
                acr_values,
                max_age,
                ..LoginRequest::default()
            }),
            Demand::AnotherToken | Demand::Other => AfterRefusal::GiveUp,
        }
    }

    /// Asks the authorization server who this is. The token goes to the userinfo endpoint that was sealed at login. A token that is
    /// refused there as invalid is renewed once, unless it was fetched within the last minute. If the endpoint takes no token of this
    /// login, or if there is no endpoint, the newest ID token answers.
    ///
    /// # Errors
    /// Those of [`access_token`](Self::access_token). If no ID token answers either: `AuthorizationServer` with the server's reason, or
    /// `Protocol` if the server has no userinfo endpoint.
    pub fn userinfo(&self) -> impl Future<Output = Result<Userinfo>> + Send + 'static + use<> {
        let session = self.clone();
        async move {
            let token = session.access_token().await?;
            let inner = &session.0;
            let (app, context, tokens) = (inner.handle.app.clone(), inner.context().cloned(), inner.tokens.clone());
            let job = move || {
                let replacement = |context: &Context| replacement_of(&token, &app, context, &tokens);
                userinfo::ask(&app, context.as_ref(), &token, replacement)
            };
            inner.app().jobs.run(job).await
        }
    }

    /// Returns the context of this session; `None` for a token from the environment. `logged_in_at`, `expires_at` and
    /// `refresh_failed` are read from its files at the login itself or at the first call, and stay as they were then.
    pub fn context(&self) -> Option<&Context> {
        let (context, app) = (self.0.context()?, self.0.app());
        Some(self.0.context_with_files.get_or_init(|| match app.state_dir() {
            Ok(Some(state_dir)) => app.with_files(&state_dir, context.clone()),
            _ => context.clone(),
        }))
    }

    /// Returns the session of a login that has just been made.
    pub(crate) fn of_login(handle: Arc<AppHandle>, context: Context) -> Self {
        let context_with_files = OnceLock::from(context.clone());
        Self::new(handle, Source::Login(Box::new(context)), context_with_files)
    }

    /// Returns the session of a context whose files are unread.
    pub(crate) fn of_context(handle: Arc<AppHandle>, context: Context) -> Self {
        Self::new(handle, Source::Login(Box::new(context)), OnceLock::new())
    }

    pub(crate) fn of_environment(handle: Arc<AppHandle>, token: Arc<Secret>) -> Self {
        let expires_at = JwtLifetime::read(&token, None).map(|own| own.exp);
        Self::new(handle, Source::Environment(AccessToken::from_environment(token, expires_at)), OnceLock::new())
    }

    fn new(handle: Arc<AppHandle>, source: Source, context_with_files: OnceLock<Context>) -> Self {
        let (tokens, jobs) = (Arc::default(), SharedJobs::default());
        Self(Arc::new(Inner { handle, source, context_with_files, tokens, jobs }))
    }
}

impl Inner {
    /// Returns the context without reading its files.
    fn context(&self) -> Option<&Context> {
        match &self.source {
            Source::Login(context) => Some(context),
            Source::Environment(_) => None,
        }
    }

    /// Returns the token from the environment as it is, or an error if it cannot be promised to be valid for as long as `request` needs.
    fn environment_token(&self, token: &AccessToken, request: &TokenRequest) -> Result<AccessToken> {
        let config = &self.app().config;
        let as_it_is = TokenRequest { refresh: false, ..request.clone() };
        if !request.needs_validity() || token.is_valid_for(&as_it_is, config.clock.now()) {
            return Ok(token.clone());
        }
        let variable = config.app.variable("TOKEN");
        Err(cannot_promise_validity(&match token.expires_at() {
            Some(end) => format!("the one in {variable} ends at {}", rfc3339(end)),
            None => format!("the one in {variable} does not say when it ends"),
        }))
    }

    fn app(&self) -> &App {
        &self.handle.app
    }
}

/// Fetches a token and caches it.
fn fetch(
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

/// Returns another token than `refused`, if there may be a better one.
fn replacement_of(
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

fn cannot_promise_validity(why: &str) -> Error {
    Error::config("min_validity", format!("cannot promise an access token that is valid for so long: {why}"))
}
