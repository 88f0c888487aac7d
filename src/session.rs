//! [`Session`]: gives access tokens for one context.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use http::HeaderMap;
use url::Url;

use crate::job::Job;
use crate::lifecycle::access_token::{AccessToken, Door, ExportTo, TokenRequest, Wanted};
use crate::lifecycle::app::{App, AppHandle};
use crate::lifecycle::authorization;
use crate::lifecycle::contexts::Context;
use crate::lifecycle::fetching::{Fetching, cannot_promise_validity, fetch};
use crate::lifecycle::inventory::ENDS_SOON;
use crate::lifecycle::refresh;
use crate::lifecycle::refusal::{self, AfterRefusal, SentToken};
use crate::lifecycle::token_cache::TokenMemory;
use crate::lifecycle::userinfo::{self, Userinfo};
use crate::model::duration::rfc3339;
use crate::model::error::Result;
use crate::model::secret::Secret;
use crate::oauth::challenge::{self, Demand};
use crate::oauth::jwt_access_token::JwtLifetime;
use crate::system::clock::Cancel;

/// Gives access tokens for one context, and keeps to that context whatever becomes the default. All sessions of one [`Auth`](crate::Auth)
/// for the same login and org share the token.
#[derive(Debug, Clone)]
pub struct Session {
    handle: Arc<AppHandle>,
    shared: Arc<Shared>,
}

/// What all clones of a session share.
#[derive(Debug)]
struct Shared {
    source: Source,
    /// The context with what its files say, read at the first question: most sessions only give tokens.
    context_with_files: OnceLock<Context>,
    memory: Arc<TokenMemory>,
}

#[derive(Debug)]
enum Source {
    Login(Box<Context>),
    /// From the environment: used as it is.
    Environment(AccessToken),
}

impl Session {
    /// Returns the headers of a request that an access token authorizes: `Authorization: Bearer …` (RFC 6750 §2.1), marked as secret.
    /// `method` and `url` are those of the request. Ask anew for each request, which costs nothing while the token is valid.
    ///
    /// ```no_run
    /// # fn call(session: hallpass::Session) -> hallpass::Result<()> {
    /// let url = "https://api.example.com/me";
    /// let headers = session.authorization("GET", url).wait()?; // or `.await`
    /// // reqwest::Client::new().get(url).headers(headers)
    /// # drop(headers);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`access_token`](Self::access_token), and `Config` if the URL is not https (or plain http to this machine, if the
    /// configuration allows that).
    pub fn authorization(&self, method: &str, url: &str) -> Job<HeaderMap> {
        match authorization::check_request(method, url, self.app().config.network.allow_loopback_http) {
            Ok(()) => self.access_token().and_then(|token| authorization::headers(&token)),
            Err(error) => Job::from(Err(error)),
        }
    }

    /// Returns a valid access token: the cached one, or a refreshed one.
    ///
    /// Dropping the job does not stop a refresh that has begun: its result is kept.
    ///
    /// # Errors
    /// `Expired`, `Revoked`, `Interrupted` or `NotLoggedIn` (the login was ended or replaced meanwhile) if only a new login
    /// helps. `Unreachable`, `Protocol` or `AuthorizationServer` if the server gives no token and no valid one is left. `Custody`
    /// if the key or the record cannot be read, `Config` if the configuration is not the login's.
    pub fn access_token(&self) -> Job<AccessToken> {
        self.access_token_with(TokenRequest::default())
    }

    /// Returns an access token that meets `request`.
    ///
    /// # Errors
    /// Those of [`access_token`](Self::access_token). A token that is valid but does not meet the request is an error too.
    pub fn access_token_with(&self, request: TokenRequest) -> Job<AccessToken> {
        match self.fetch(request) {
            Fetching::Done(token) => Job::from(token),
            Fetching::Started(started) => Job::started(self.handle.clone(), started),
        }
    }

    /// Returns a cached access token that meets `request`: from memory, or from disk with a key that needs neither another program nor
    /// a person. It takes as long as reading a small file, and starts no thread.
    ///
    /// For tools that print a token and exit: the `auth token` command calls this first. Returns `None` if answering would need more:
    /// call [`access_token_with`](Self::access_token_with) then, which also says what is wrong.
    pub fn cached_token(&self, request: TokenRequest) -> Option<AccessToken> {
        let (shared, now) = (&self.shared, self.app().config.clock.now());
        let context = match &shared.source {
            Source::Environment(token) => return self.environment_token(token, &request).ok(),
            Source::Login(context) => context,
        };
        if let Some(token) = shared.memory.tokens.get(&request, now) {
            return Some(token);
        }
        self.stored_token(context, shared.memory.tokens.wanted(request))
    }

    /// Returns an access token that will leave the program (law 18), as [`access_token_with`](Self::access_token_with) does. The trail tells of the
    /// first one in an hour, to each destination by each actor, before it is returned; others count.
    ///
    /// ```no_run
    /// # fn print(session: hallpass::Session) -> hallpass::Result<()> {
    /// use hallpass::{TokenRequest, events::ExportTo};
    ///
    /// let token = session.export(TokenRequest::new(), ExportTo::StandardOutput).wait()?;
    /// println!("{}", token.expose());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`access_token_with`](Self::access_token_with).
    pub fn export(&self, request: TokenRequest, to: ExportTo) -> Job<AccessToken> {
        match self.fetch_for(request, Door::Export(to)) {
            Fetching::Done(token) => Job::from(token),
            Fetching::Started(started) => Job::started(self.handle.clone(), started),
        }
    }

    /// Returns a cached access token that will leave the program: what [`cached_token`](Self::cached_token) is to
    /// [`access_token_with`](Self::access_token_with), this is to [`export`](Self::export).
    pub fn cached_export(&self, request: TokenRequest, to: ExportTo) -> Option<AccessToken> {
        match &self.shared.source {
            Source::Environment(token) => self.environment_token(token, &request).ok(),
            Source::Login(context) => {
                let wanted = self.shared.memory.tokens.wanted(request);
                self.stored_token(context, Wanted { door: Door::Export(to), ..wanted })
            }
        }
    }

    /// Returns when the login of this token ends, UTC, if that is within seven days and nobody was told today: a person should hear of it in time,
    /// and not at each command. Reads the end from the token; only a login that ends soon has its files read.
    pub fn due_reminder(&self, token: &AccessToken) -> Option<SystemTime> {
        let (now, end) = (self.app().config.clock.now(), token.login_ends_at()?);
        let is_soon = end.duration_since(now).is_ok_and(|left| left < ENDS_SOON);
        let state_dir = self.app().state_dir().ok()?.filter(|_| is_soon)?;
        let files = self.app().files(&state_dir, &self.shared.context()?.grant);
        files.is_first_reminder_today(now).then_some(end)
    }

    fn stored_token(&self, context: &Context, wanted: Wanted) -> Option<AccessToken> {
        let token = refresh::cached_token(self.app(), context, &wanted)?;
        self.shared.memory.tokens.update(&wanted, &Ok(token.clone()), self.app().config.clock.now());
        (!token.has_unknown_validity(&wanted.request)).then_some(token)
    }

    /// Returns what to do after a resource has refused a token. `sent` is that token, or the headers with it; `url` is where it was sent,
    /// `status` the HTTP status of the refusal, `www_authenticate` that header's value, empty if there is none. A URL that cannot be parsed is
    /// answered with [`GiveUp`](AfterRefusal::GiveUp).
    ///
    /// Listens only to the origins in [`Config::resources`](crate::Config::resources), and replaces a token for each of them at most
    /// once a minute. Never asks for more scopes than the login has: a resource does not choose what a person approves. Reads the files
    /// of the login, and asks nobody.
    ///
    /// ```no_run
    /// # async fn call(session: hallpass::Session) -> hallpass::Result<()> {
    /// # async fn get(url: &str, headers: &http::HeaderMap) -> (u16, String) { (200, String::new()) }
    /// let url = "https://api.example.com/me";
    /// let headers = session.authorization("GET", url).await?;
    /// let (mut status, www_authenticate) = get(url, &headers).await;
    /// if let hallpass::AfterRefusal::Retry = session.challenged(&headers, url, status, &www_authenticate) {
    ///     (status, _) = get(url, &session.authorization("GET", url).await?).await;
    /// }
    /// # drop(status);
    /// # Ok(()) }
    /// ```
    pub fn challenged<'a>(
        &self,
        sent: impl Into<SentToken<'a>>,
        url: &str,
        status: u16,
        www_authenticate: &str,
    ) -> AfterRefusal {
        self.after_refusal(sent.into(), url, challenge::read(status, www_authenticate))
    }

    /// Returns what to do after a resource has refused a token in its own words. Some APIs refuse a token with status 200: GraphQL has
    /// the code in the body. The caller knows that the token was refused; the rules are those of [`challenged`](Self::challenged) for a 401
    /// without a header.
    ///
    /// ```no_run
    /// # async fn call(session: hallpass::Session) -> hallpass::Result<()> {
    /// # async fn query(url: &str, headers: &http::HeaderMap) -> serde_json::Value { serde_json::Value::Null }
    /// let url = "https://api.example.com/graphql";
    /// let headers = session.authorization("POST", url).await?;
    /// let mut reply = query(url, &headers).await;
    /// if reply["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED" {
    ///     match session.refused(&headers, url) {
    ///         hallpass::AfterRefusal::Retry => reply = query(url, &session.authorization("POST", url).await?).await,
    ///         hallpass::AfterRefusal::LogIn => eprintln!("run `acme auth login`"),
    ///         _ => {} // another token would not help: show the reply
    ///     }
    /// }
    /// # drop(reply);
    /// # Ok(()) }
    /// ```
    pub fn refused<'a>(&self, sent: impl Into<SentToken<'a>>, url: &str) -> AfterRefusal {
        self.after_refusal(sent.into(), url, Demand::AnotherToken)
    }

    fn after_refusal(&self, sent: SentToken<'_>, url: &str, demand: Demand) -> AfterRefusal {
        let (Some(context), Ok(url)) = (self.shared.context(), Url::parse(url)) else { return AfterRefusal::GiveUp };
        refusal::decide(self.app(), context, &self.shared.memory.tokens, sent, &url, demand)
    }

    /// Asks the authorization server who this is. The token goes to the userinfo endpoint that was sealed at login. A token that is
    /// refused there as invalid is renewed once, unless it was fetched within the last minute. If the endpoint takes no token of this
    /// login, or if there is no endpoint, the newest ID token answers.
    ///
    /// # Errors
    /// Those of [`access_token`](Self::access_token). If no ID token answers either: `AuthorizationServer` with the server's reason, or
    /// `Protocol` if the server has no userinfo endpoint.
    pub fn userinfo(&self) -> Job<Userinfo> {
        let (app, context) = (self.handle.app.clone(), self.shared.context().cloned());
        let (memory, fetching) = (self.shared.memory.clone(), self.fetch(TokenRequest::default()));
        // If nobody waits for the answer any more, the token is not waited for either.
        let cancel = Cancel::new();
        let cancelled = cancel.clone();
        let started = self.app().jobs.start(move || {
            let token = fetching.wait_unless_cancelled(&cancelled)?;
            let replacement = |context: &Context| refusal::replacement_of(&token, &app, context, &memory.tokens);
            userinfo::ask(&app, context.as_ref(), &token, replacement)
        });
        Job::started(self.handle.clone(), started).cancelled_on_drop(cancel)
    }

    /// Returns the context of this session; `None` for a token from the environment. `logged_in_at`, `expires_at` and
    /// `refresh_failed` are read from its files at the login itself or at the first call, and stay as they were then.
    pub fn context(&self) -> Option<&Context> {
        let (context, app) = (self.shared.context()?, self.app());
        Some(self.shared.context_with_files.get_or_init(|| match app.state_dir() {
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
        Self::new(handle, Source::Environment(AccessToken::of_text(token, expires_at)), OnceLock::new())
    }

    /// Fetches a token that meets `request`. What is returned holds no handle, so that a job may wait for it.
    pub(crate) fn fetch(&self, request: TokenRequest) -> Fetching {
        self.fetch_for(request, Door::Host)
    }

    fn fetch_for(&self, request: TokenRequest, door: Door) -> Fetching {
        let shared = &self.shared;
        let context = match &shared.source {
            Source::Environment(token) => return Fetching::Done(self.environment_token(token, &request)),
            Source::Login(context) => context,
        };
        let now = self.app().config.clock.now();
        // What leaves the program is told of, whatever is in memory.
        let is_kept = door == Door::Host;
        if let Some(token) = shared.memory.tokens.get(&request, now).filter(|_| is_kept) {
            return Fetching::Done(Ok(token));
        }
        let wanted = Wanted { door, ..shared.memory.tokens.wanted(request) };
        // If another caller already fetches the next token early, nobody else waits for it.
        if let Some(token) =
            shared.memory.tokens.still_valid(&wanted, now).filter(|_| is_kept && shared.memory.jobs.is_running(&wanted))
        {
            return Fetching::Done(Ok(token));
        }
        let (app, context, memory) = (self.handle.app.clone(), context.clone(), shared.memory.clone());
        let key = wanted.clone();
        let job =
            move |is_abandoned: &dyn Fn() -> bool| fetch(&app, &context, &memory.tokens, &wanted, now, is_abandoned);
        Fetching::Started(shared.memory.jobs.join(&self.app().jobs, key, job))
    }

    fn new(handle: Arc<AppHandle>, source: Source, context_with_files: OnceLock<Context>) -> Self {
        let memory = match &source {
            Source::Login(context) => handle.app.memories.of(context),
            Source::Environment(_) => Arc::default(),
        };
        Self { handle, shared: Arc::new(Shared { source, context_with_files, memory }) }
    }

    /// Returns the token from the environment as it is, or an error if it cannot be promised to be valid for as long as `request` needs.
    fn environment_token(&self, token: &AccessToken, request: &TokenRequest) -> Result<AccessToken> {
        let config = &self.app().config;
        let as_it_is = TokenRequest { refresh: false, ..request.clone() };
        if !request.needs_validity() || token.is_valid_for(&as_it_is, config.clock.now()) {
            return Ok(token.clone());
        }
        let variable = config.environment.variables.token_name();
        Err(cannot_promise_validity(&match token.expires_at() {
            Some(end) => format!("the one in {variable} ends at {}", rfc3339(end)),
            None => format!("the one in {variable} does not say when it ends"),
        }))
    }

    fn app(&self) -> &App {
        &self.handle.app
    }
}

impl Shared {
    /// Returns the context without reading its files.
    fn context(&self) -> Option<&Context> {
        match &self.source {
            Source::Login(context) => Some(context),
            Source::Environment(_) => None,
        }
    }
}
