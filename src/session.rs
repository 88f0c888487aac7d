//! [`Session`]: gives access tokens for one context.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use url::Url;

use crate::lifecycle::access_token::{AccessToken, TokenRequest};
use crate::lifecycle::app::{App, Handle};
use crate::lifecycle::contexts::Context;
use crate::lifecycle::jobs::Shared;
use crate::lifecycle::login::LoginRequest;
use crate::lifecycle::refresh::{self, Wanted};
use crate::lifecycle::token_cache::Tokens;
use crate::lifecycle::userinfo::{self, Userinfo};
use crate::model::error::{Error, Result};
use crate::model::secret::Secret;
use crate::oauth::challenge::{self, Demand};
use crate::oauth::jwt_access_token::JwtLifetime;

/// A token of this age was as good as it gets when it was fetched: a server that calls it invalid says so of each, and would cost every
/// `whoami` a refresh. Only another process may have replaced it since, and what that left on disk is free. A minute is longer than a few
/// commands in a row, and shorter than the life of any token that dies of age.
const JUST_FETCHED: Duration = Duration::from_secs(60);

/// Gives access tokens for one context, and keeps to that context whatever becomes the default. Clones share the token.
#[derive(Debug, Clone)]
pub struct Session(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    handle: Arc<Handle>,
    source: Source,
    /// The context with what its files tell, read when somebody first asks: a token is wanted more often.
    told: OnceLock<Context>,
    tokens: Arc<Tokens>,
    /// Callers who want the same make one trip.
    jobs: Shared<Wanted, AccessToken>,
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
    /// Another token would not help, or the reply is no refusal: it is the answer.
    GiveUp,
}

impl Session {
    /// An access token: the one at hand while it is valid, else a refreshed one.
    ///
    /// Dropping the future does not stop a refresh that has begun: what it brings is kept.
    ///
    /// # Errors
    /// `Expired`, `Revoked`, `Interrupted` or `NotLoggedIn` (the login was ended or replaced meanwhile) where only a new login
    /// helps. `Unreachable`, `Protocol` or `AuthorizationServer` where the server gives no token and no valid one is left. `KeyStore`
    /// where key or record cannot be had, `Config` where the configuration is not the login's.
    pub fn access_token(&self) -> impl Future<Output = Result<AccessToken>> + Send + 'static + use<> {
        self.access_token_with(TokenRequest::default())
    }

    /// An access token that meets `request`.
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
                Source::Environment(token) => return inner.given(token, &request),
                Source::Login(context) => context,
            };
            let now = inner.app().config.clock.now();
            if let Some(token) = inner.tokens.cached(&request, now) {
                return Ok(token);
            }
            // Not the handle: the last of those to be dropped waits for the trip.
            let (app, context, tokens) = (inner.handle.app.clone(), context.clone(), inner.tokens.clone());
            let wanted = tokens.wanted(request);
            if let Some(token) = tokens.still_valid(&wanted, now).filter(|_| inner.jobs.are_under_way(&wanted)) {
                // Somebody fetches the next one early: nobody else waits for that.
                return Ok(token);
            }
            let key = wanted.clone();
            let job = move |is_abandoned: &dyn Fn() -> bool| {
                let token = refresh::access_token(&app, &context, &wanted, is_abandoned);
                tokens.learn(&wanted, &token, now);
                let server = context.account.issuer.host();
                let in_doubt = || too_short(&format!("{server} does not say when its access tokens end"));
                token.and_then(|token| if token.is_in_doubt(&wanted.request) { Err(in_doubt()) } else { Ok(token) })
            };
            inner.jobs.join(&inner.app().workers, key, job).await
        }
    }

    /// The access token at hand, where it meets `request` and can be had at once: from memory, or from disk with a key that needs
    /// neither another program nor a person. It takes as long as reading a small file, and starts no thread.
    ///
    /// For tools that print a token and are gone: the `auth token` command asks this first. `None` says nothing but that
    /// [`access_token_with`](Self::access_token_with) is to be asked, which also knows what is wrong.
    pub fn cached_token(&self, request: TokenRequest) -> Option<AccessToken> {
        let inner = &self.0;
        let context = match &inner.source {
            Source::Environment(token) => return inner.given(token, &request).ok(),
            Source::Login(context) => context,
        };
        let (app, tokens) = (inner.app(), &inner.tokens);
        let now = app.config.clock.now();
        tokens.cached(&request, now).or_else(|| {
            let wanted = tokens.wanted(request);
            let token = refresh::cached_token(app, context, &wanted)?;
            tokens.learn(&wanted, &Ok(token.clone()), now);
            Some(token).filter(|token| !token.is_in_doubt(&wanted.request))
        })
    }

    /// What to do after a resource has refused `token`: `url` is where it was sent, `status` the HTTP status of the refusal,
    /// `www_authenticate` that header's value, empty where there is none.
    ///
    /// Listens only to the origins in [`Config::resources`](crate::Config::resources), and lets each have a token replaced once a
    /// minute. Never asks for more scopes than there are: what a person approves is not for a resource to choose.
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
        // One that was asked for by itself is not replaced behind its asker's back.
        if !token.is_usual() || !config.resources.iter().any(|resource| resource.origin() == url.origin()) {
            return AfterRefusal::GiveUp;
        }
        match challenge::read(status, www_authenticate) {
            Demand::AnotherToken if inner.tokens.refuse(token, url.origin(), config.clock.now()) => AfterRefusal::Retry,
            Demand::StepUp { acr_values, max_age } => {
                let name = Some(context.name.clone());
                // What was granted, and no more.
                let scopes = Some(context.scopes.clone()).filter(|scopes| !scopes.is_empty());
                let org = context.org.clone();
                let login = LoginRequest { context: name, org, scopes, acr_values, max_age, ..LoginRequest::default() };
                AfterRefusal::StepUp(login)
            }
            Demand::AnotherToken | Demand::Nothing => AfterRefusal::GiveUp,
        }
    }

    /// Asks the authorization server who this is. The token goes to the userinfo endpoint that was sealed at login; one that is refused
    /// there as invalid is renewed once, unless it was fetched within the last minute. If the endpoint takes no token of this login, or if
    /// there is none, the newest ID token answers.
    ///
    /// # Errors
    /// Those of [`access_token`](Self::access_token). If no ID token answers either: `AuthorizationServer` with the server's reason, or
    /// `Protocol` if the server has no userinfo endpoint.
    pub fn userinfo(&self) -> impl Future<Output = Result<Userinfo>> + Send + 'static + use<> {
        let session = self.clone();
        async move {
            let token = session.access_token().await?;
            let inner = &session.0;
            let (app, context) = (inner.handle.app.clone(), inner.context().cloned());
            let tokens = inner.tokens.clone();
            let job = move || {
                let another = |context: &Context| {
                    let now = app.config.clock.now();
                    let wanted = Wanted { instead_of: Some(token.shared_secret()), ..Wanted::default() };
                    let another = match token.is_younger_than(JUST_FETCHED, now) {
                        true => refresh::stored_token(&app, context, &wanted).transpose(),
                        false => Some(refresh::access_token(&app, context, &wanted, &|| false)),
                    };
                    if let Some(another) = &another {
                        tokens.learn(&wanted, another, now);
                    }
                    another.transpose()
                };
                userinfo::ask(&app, context.as_ref(), &token, another)
            };
            inner.app().workers.run(job).await
        }
    }

    /// The context that this session keeps to; `None` for a token from the environment. What its files tell, `logged_in_at`,
    /// `expires_at` and `refresh_failed`, is read when this is first called, or at the login itself, and stays as it was then.
    pub fn context(&self) -> Option<&Context> {
        let (context, app) = (self.0.context()?, self.0.app());
        Some(self.0.told.get_or_init(|| match app.state_dir() {
            Ok(Some(state_dir)) => app.looked_at(&state_dir, context.clone()),
            _ => context.clone(),
        }))
    }

    /// Of a login that has just been made.
    pub(crate) fn of_login(handle: Arc<Handle>, context: Context) -> Self {
        let told = OnceLock::from(context.clone());
        Self::new(handle, Source::Login(Box::new(context)), told)
    }

    /// Of a context whose files are unread.
    pub(crate) fn of_context(handle: Arc<Handle>, context: Context) -> Self {
        Self::new(handle, Source::Login(Box::new(context)), OnceLock::new())
    }

    pub(crate) fn of_environment(handle: Arc<Handle>, token: Arc<Secret>) -> Self {
        let end = JwtLifetime::read(&token, None).map(|own| own.exp);
        Self::new(handle, Source::Environment(AccessToken::given(token, end)), OnceLock::new())
    }

    fn new(handle: Arc<Handle>, source: Source, told: OnceLock<Context>) -> Self {
        Self(Arc::new(Inner { handle, source, told, tokens: Arc::default(), jobs: Shared::default() }))
    }
}

impl Inner {
    /// The context, with no look at its files.
    fn context(&self) -> Option<&Context> {
        match &self.source {
            Source::Login(context) => Some(context),
            Source::Environment(_) => None,
        }
    }

    /// Returns the token from the environment as it is; an error if `request` wants it valid for a time that nobody can promise.
    fn given(&self, token: &AccessToken, request: &TokenRequest) -> Result<AccessToken> {
        let config = &self.app().config;
        let asked = TokenRequest { refresh: false, ..request.clone() };
        if !request.wants_a_time() || token.is_valid_for(&asked, config.clock.now()) {
            return Ok(token.clone());
        }
        let variable = config.app.variable("TOKEN");
        Err(too_short(&match token.expires_at() {
            Some(end) => format!("the one in {variable} ends at {}", humantime::format_rfc3339_seconds(end)),
            None => format!("the one in {variable} does not say when it ends"),
        }))
    }

    fn app(&self) -> &App {
        &self.handle.app
    }
}

/// Returns the error for a `min_validity` that nobody can promise.
fn too_short(why: &str) -> Error {
    Error::config("min_validity", format!("cannot promise an access token that is valid for so long: {why}"))
}
