//! [`Session`]: gives access tokens for one context.

use std::future::Future;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::clock::Cancel;
use crate::context::{Context, Entry};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Account;
use crate::oauth::metadata::{ByHand, discover};
use crate::oauth::userinfo;
use crate::rotation;
use crate::secret::Secret;
use crate::text::ascii_json;
use crate::token::{AccessToken, TokenRequest};
use crate::wiring::Handle;

/// Gives access tokens for one context, and keeps to that context whatever becomes the default. Clones share the token.
#[derive(Debug, Clone)]
pub struct Session(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    handle: Arc<Handle>,
    source: Source,
    /// The last token that was served: good until its end without a look at disk or store.
    last: ArcSwapOption<AccessToken>,
}

#[derive(Debug)]
enum Source {
    Login(Box<Login>),
    /// From `<APP>_TOKEN`: used as it is.
    Environment(AccessToken),
}

#[derive(Debug)]
struct Login {
    context: Context,
    entry: Entry,
}

/// What the authorization server says about the person (OpenID Connect Core §5.3).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Userinfo {
    /// Who it is.
    pub account: Account,
    /// All claims, as one JSON object in ASCII, so that it can be printed.
    pub json: String,
}

impl Session {
    /// An access token: the one at hand while it is valid, else a refreshed one.
    ///
    /// Dropping the future does not stop a refresh that has begun: what it brings is kept.
    ///
    /// # Errors
    /// `Expired` or `Interrupted` where only a new login helps, `Unreachable` where the server is away and no valid token is
    /// left, `Custody` where key or record cannot be had, `Config` where the configuration is not the login's.
    pub fn access_token(&self) -> impl Future<Output = Result<AccessToken>> + Send + 'static {
        self.access_token_with(TokenRequest::default())
    }

    /// An access token that meets `request`.
    pub fn access_token_with(
        &self,
        request: TokenRequest,
    ) -> impl Future<Output = Result<AccessToken>> + Send + 'static {
        let inner = self.0.clone();
        async move {
            let entry = match &inner.source {
                Source::Environment(token) => return Ok(token.clone()),
                Source::Login(login) => login.entry.clone(),
            };
            let now = inner.handle.0.config.clock.now();
            if let Some(token) = inner.last.load().as_ref().filter(|token| token.serves(&request, now)) {
                return Ok(AccessToken::clone(token));
            }
            let wiring = inner.handle.0.clone();
            let trip = move || rotation::access_token(&wiring, &entry, &request);
            let token = inner.handle.0.workers.run(trip).await?;
            inner.last.store(Some(Arc::new(token.clone())));
            Ok(token)
        }
    }

    /// Asks the authorization server who this is. The token goes to the userinfo endpoint that was sealed at login.
    ///
    /// # Errors
    /// Those of [`access_token`](Self::access_token), and `Protocol` where the server has no userinfo endpoint.
    pub fn userinfo(&self) -> impl Future<Output = Result<Userinfo>> + Send + 'static {
        let session = self.clone();
        async move {
            let token = session.access_token().await?;
            let inner = session.0.clone();
            let trip = move || inner.ask_who(&token);
            session.0.handle.0.workers.run(trip).await
        }
    }

    /// The context that this session keeps to; `None` for a token from the environment.
    pub fn context(&self) -> Option<&Context> {
        match &self.0.source {
            Source::Login(login) => Some(&login.context),
            Source::Environment(_) => None,
        }
    }

    pub(crate) fn of_login(handle: Arc<Handle>, context: Context, entry: Entry) -> Self {
        Self::new(handle, Source::Login(Box::new(Login { context, entry })))
    }

    pub(crate) fn of_environment(handle: Arc<Handle>, token: Arc<Secret>) -> Self {
        Self::new(handle, Source::Environment(AccessToken::given(token)))
    }

    fn new(handle: Arc<Handle>, source: Source) -> Self {
        Self(Arc::new(Inner { handle, source, last: ArcSwapOption::empty() }))
    }
}

impl Inner {
    fn ask_who(&self, token: &AccessToken) -> Result<Userinfo> {
        let config = &self.handle.0.config;
        let http = self.handle.0.http();
        let url = match &self.source {
            Source::Login(login) => rotation::userinfo_endpoint(&self.handle.0, &login.entry)?,
            // Nothing is sealed for a token from the environment: it goes where the configured issuer says.
            Source::Environment(_) => discover(&http, &config.issuer, &ByHand::default(), &Cancel::new())?.userinfo,
        };
        let url = url.ok_or_else(|| {
            Error::new(ErrorKind::Protocol, format!("issuer {} has no userinfo endpoint", config.issuer))
        })?;
        let claims = userinfo::fetch(&http, &url, token.secret(), &Cancel::new())?;
        let text = |name: &str| claims.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let account = Account::new(config.issuer.clone(), text("sub"), text("name"), text("email"));
        Ok(Userinfo { account, json: ascii_json(&serde_json::Value::Object(claims)) })
    }
}
