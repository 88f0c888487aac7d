//! [`Session`]: gives access tokens for one context.

use std::future::Future;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::clock::Cancel;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::id::Account;
use crate::oauth::{metadata, userinfo};
use crate::rotation;
use crate::secret::Secret;
use crate::text::ascii_json;
use crate::token::{AccessToken, TokenRequest};
use crate::wiring::{Handle, Wiring};

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
    Login(Box<Context>),
    /// From `<APP>_TOKEN`: used as it is.
    Environment(AccessToken),
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
    ///
    /// # Errors
    /// Those of [`access_token`](Self::access_token). A token that is valid but does not meet the request is an error too.
    pub fn access_token_with(
        &self,
        request: TokenRequest,
    ) -> impl Future<Output = Result<AccessToken>> + Send + 'static {
        let inner = self.0.clone();
        async move {
            let context = match &inner.source {
                Source::Environment(token) => return Ok(token.clone()),
                Source::Login(context) => context,
            };
            let now = inner.wiring().config.clock.now();
            if let Some(token) = inner.last.load().as_ref().filter(|token| token.serves(&request, now)) {
                return Ok(AccessToken::clone(token));
            }
            let (wiring, context) = (inner.handle.wiring.clone(), context.clone());
            let trip = move || rotation::access_token(&wiring, &context, &request);
            let token = inner.wiring().workers.run(trip).await?;
            // Trips overtake each other: an older token does not come back over a newer one.
            inner.last.rcu(|last| match last {
                Some(last) if last.is_newer_than(&token) && last.serves(&TokenRequest::default(), now) => {
                    Some(last.clone())
                }
                _ => Some(Arc::new(token.clone())),
            });
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
            let inner = &session.0;
            let (wiring, context) = (inner.handle.wiring.clone(), session.context().cloned());
            let trip = move || ask_who(&wiring, context.as_ref(), &token);
            inner.wiring().workers.run(trip).await
        }
    }

    /// The context that this session keeps to; `None` for a token from the environment.
    pub fn context(&self) -> Option<&Context> {
        match &self.0.source {
            Source::Login(context) => Some(context),
            Source::Environment(_) => None,
        }
    }

    pub(crate) fn of_login(handle: Arc<Handle>, context: Context) -> Self {
        Self::new(handle, Source::Login(Box::new(context)))
    }

    pub(crate) fn of_environment(handle: Arc<Handle>, token: Arc<Secret>) -> Self {
        Self::new(handle, Source::Environment(AccessToken::given(token)))
    }

    fn new(handle: Arc<Handle>, source: Source) -> Self {
        Self(Arc::new(Inner { handle, source, last: ArcSwapOption::empty() }))
    }
}

impl Inner {
    fn wiring(&self) -> &Wiring {
        &self.handle.wiring
    }
}

fn ask_who(wiring: &Wiring, context: Option<&Context>, token: &AccessToken) -> Result<Userinfo> {
    let issuer = &wiring.config.issuer;
    let http = wiring.http()?;
    let url = match context {
        Some(context) => rotation::userinfo_endpoint(wiring, context)?,
        // Nothing is sealed for a token from the environment: it goes where the configured issuer says.
        None => metadata::userinfo_endpoint(&http, issuer, &Cancel::new())?,
    };
    let url = url.ok_or_else(|| {
        Error::new(ErrorKind::Protocol, format!("issuer {issuer} has no userinfo endpoint"))
            .with(Remedy::AskAdministrator)
    })?;
    let told = userinfo::fetch(&http, &url, token.secret()).map_err(|error| match context {
        None if error.kind() == ErrorKind::AuthorizationServer => {
            let variable = wiring.config.app.variable("TOKEN");
            Error::config("token", format!("issuer {issuer} does not accept the token in {variable}"))
        }
        _ => error,
    })?;
    let claims = told.claims;
    // OpenID Connect Core §5.3.2: "The sub Claim in the UserInfo Response MUST be verified to exactly match the sub Claim in the
    // ID Token; if they do not match, the UserInfo Response values MUST NOT be used."
    let own = context.and_then(|context| context.account.subject.as_ref());
    if own.is_some_and(|own| *own != claims.sub) {
        let message = format!("issuer {issuer} says that the token speaks for another subject than the login");
        return Err(Error::new(ErrorKind::Protocol, message).with(Remedy::AskAdministrator));
    }
    let account = Account::new(issuer.clone(), Some(claims.sub), claims.name, claims.email);
    Ok(Userinfo { account, json: ascii_json(&told.all.into()) })
}
