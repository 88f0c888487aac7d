//! A login, from the first check to the last write: begin, show, poll, identify, keep.

mod commit;
mod org;

use std::time::{Duration, SystemTime};

use url::Url;

use crate::custody::{Chosen, Protection};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Context, Index};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{Account, AppName, ContextName, GrantId, Issuer, Org, Scopes};
use crate::model::secret::Secret;
use crate::oauth::claims::Claims;
use crate::oauth::client_auth::{Client, wants_secret_in_form};
use crate::oauth::device::{DeviceAuthorization, DeviceAuthorizationRequest};
use crate::oauth::device_polling::{Poll, PollResult};
use crate::oauth::id_token;
use crate::oauth::metadata::{ConfiguredEndpoints, Endpoints, discover};
use crate::oauth::org_selection::Orgs;
use crate::oauth::token_endpoint::{Grant, RequestedAccess, TokenEndpoint, TokenError, TokenReply};
use crate::oauth::userinfo::UserinfoEndpoint;
use crate::prompt::{Outcome, Prompt, Verification, Wait, WaitReason};
use crate::records::record::Destination;
use crate::system::clock::{Cancel, Stopwatch};
use crate::system::http::Http;
use crate::system::http::error::HttpError;

/// What a login shall be.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LoginRequest {
    /// The name for it; by default the one that the account has, else one made of its e-mail address or name.
    pub context: Option<ContextName>,
    /// The org that its tokens shall speak for; before `<APP>_ORG`. Where the server has none, an error.
    pub org: Option<Org>,
    /// Whose login it shall be, as a hint for the server's page (`login_hint`, OpenID Connect Core §3.1.2.1).
    pub login_hint: Option<String>,
    /// What the server's page shall ask whatever it knows: `login`, `consent`, `select_account` (`prompt`, OpenID Connect Core
    /// §3.1.2.1).
    pub prompt: Option<String>,
    /// Further parameters of the device authorization request, each a name and a value.
    pub parameters: Vec<(String, String)>,
    /// What to ask for instead of the configuration's scopes.
    pub scopes: Option<Scopes>,
    /// The context may change hands: from another account to this one.
    pub replace: bool,
    /// How the person shall authenticate, in the server's words, best first and separated by spaces (`acr_values`, OpenID
    /// Connect Core §3.1.2.1).
    pub acr_values: Option<String>,
    /// How long ago the person may have authenticated at most (`max_age`, OpenID Connect Core §3.1.2.1).
    pub max_age: Option<Duration>,
    /// Keep the key only until this login session ends, or this process: for a machine that is not the person's own.
    pub ephemeral: bool,
    /// The login is for other processes too: a place that would forget its key with this one is refused, before anything is asked.
    pub lasting: bool,
    /// Ends the login early. After the person has approved it no longer does: what was granted is kept.
    pub cancel: Cancel,
}

/// Logs a person in and keeps the login. Every end is told to `prompt`.
pub(crate) fn run(app: &App, request: &LoginRequest, prompt: &dyn Prompt) -> Result<Context> {
    let login = log_in(app, request, prompt);
    prompt.done(&match &login {
        Ok(LoggedIn { context, protection, renews, left_alive }) => Outcome::LoggedIn {
            context: &context.name,
            account: &context.account,
            org: context.org.as_ref(),
            scopes: &context.scopes,
            key_store: &context.key_store,
            protection,
            expires_at: context.expires_at,
            renews: *renews,
            left_alive: left_alive.as_deref(),
        },
        Err(error) => Outcome::Failed(error),
    });
    login.map(|LoggedIn { context, .. }| context)
}

/// A login that was made, and what its end has to say of it.
struct LoggedIn {
    context: Context,
    protection: Protection,
    /// Whether there is a refresh token.
    renews: bool,
    /// Why the login that it replaces may still live at the server.
    left_alive: Option<String>,
}

fn log_in(app: &App, request: &LoginRequest, prompt: &dyn Prompt) -> Result<LoggedIn> {
    logged_in(app, request, prompt).map_err(|error| match (error.remedy(), &request.context) {
        // What was asked for by hand is not in the configuration, and the next try is for the same name.
        (Some(Remedy::FixConfig { field: "scopes" }), _) if request.scopes.is_some() => {
            error.with(Remedy::FixConfig { field: "scope" })
        }
        (Some(Remedy::LogIn { context: None }), Some(name)) => {
            error.with(Remedy::LogIn { context: Some(name.to_string()) })
        }
        _ => error,
    })
}

fn logged_in(app: &App, request: &LoginRequest, prompt: &dyn Prompt) -> Result<LoggedIn> {
    // What can fail on this machine fails before a person is asked to do anything, and before anything is written.
    let chosen = app.key_stores.choose(request.ephemeral, request.lasting)?;
    let name = wanted_name(app, request)?;
    let index = Index::read(app.state_dir()?.as_ref())?;

    let config = &app.config;
    // A context that is logged in to again stays one of its org.
    let named = name.as_ref().and_then(|name| index.get(name)).filter(|_| !request.replace);
    let own = named.and_then(|entry| entry.org.clone()).filter(|_| config.orgs != Orgs::Nothing);
    let org = wanted_org(app, request)?.or(own);
    let issuer = config.orgs.issuer(&config.issuer, org.as_ref())?;
    let http = app.http()?;
    let by_hand = ConfiguredEndpoints {
        device_authorization: config.device_authorization_endpoint.clone(),
        token: config.token_endpoint.clone(),
        revocation: config.revocation_endpoint.clone(),
    };
    let unless_cancelled = || if request.cancel.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) };
    unless_cancelled()?;
    let endpoints = discover(&http, &issuer, &by_hand, &request.cancel)?;
    let destination = destination(app, issuer, &endpoints);
    let client = app.client(&destination);
    let scopes = &config.orgs.scopes(request.scopes.as_ref().unwrap_or(&config.scopes), org.as_ref())?;
    let hints = [("login_hint", &request.login_hint), ("prompt", &request.prompt)];
    let hints = hints.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let further = config.login_parameters.iter().chain(&request.parameters);
    let further = further.map(|(name, value)| (name.as_str(), value.as_str()));
    let ask = DeviceAuthorizationRequest {
        scopes,
        scope_parameter: &config.scope_parameter,
        with_secret: config.secret_at_device_authorization,
        resource: config.resource.as_ref(),
        acr_values: request.acr_values.as_deref(),
        max_age: request.max_age,
        pkce: config.pkce,
        pkce_methods: &endpoints.code_challenge_methods,
        further: hints.chain(config.orgs.in_login(org.as_ref())).chain(further).collect(),
    };
    unless_cancelled()?;
    let device = ask.send(&http, &endpoints.device_authorization, &client, &request.cancel)?;
    unless_cancelled()?;
    // Before the person approves: a home that cannot be written, or is full, would lose what they approve.
    let state_dir = app.create_state_dir()?;
    app.files(&state_dir, &GrantId::random()?).try_room()?;

    let login = Login {
        app,
        request,
        prompt,
        http: &http,
        client: &client,
        destination: &destination,
        scopes,
        org,
        chosen: &chosen,
    };
    let (mut reply, asked_at) = login.approved(&device)?;
    // From here on there is a grant at the server: what is not kept is given back.
    let kept = login.identify(&reply).and_then(|(account, told)| {
        let org = login.choose_org(&mut reply, &account, told)?;
        login.keep(&state_dir, name, (account, org), &reply, asked_at)
    });
    if kept.is_err() {
        login.give_back(&reply);
    }
    let (context, left_alive) = kept?;
    Ok(LoggedIn {
        context,
        protection: chosen.key_store.protection(),
        renews: reply.refresh_token.is_some(),
        left_alive,
    })
}

/// By which a person recognises the item in a key manager.
pub(crate) fn label(app: &AppName, account: &Account) -> String {
    format!("{app} login of {account} at {}", account.issuer.host())
}

fn wanted_name(app: &App, request: &LoginRequest) -> Result<Option<ContextName>> {
    match (&request.context, &app.config.environment.context) {
        (Some(name), _) => Ok(Some(name.clone())),
        (None, Some(text)) => text.parse().map(Some),
        (None, None) => Ok(None),
    }
}

fn wanted_org(app: &App, request: &LoginRequest) -> Result<Option<Org>> {
    let config = &app.config;
    let org = request.org.clone().map(Ok).or_else(|| config.environment.org.as_ref().map(|text| text.parse()));
    match org.transpose()? {
        Some(org) if config.orgs == Orgs::Nothing => {
            Err(Error::config("org", format!("the org {org} was asked for, and {} has none", config.issuer.host())))
        }
        org => Ok(org),
    }
}

fn destination(app: &App, issuer: Issuer, endpoints: &Endpoints) -> Destination {
    Destination {
        issuer,
        client_id: app.config.client_id.clone(),
        secret_in_form: wants_secret_in_form(&endpoints.auth_methods),
        token_endpoint: endpoints.token.clone(),
        revocation_endpoint: endpoints.revocation.clone(),
        userinfo_endpoint: endpoints.userinfo.clone(),
    }
}

/// How far this machine's clock and the server's may be apart before it is said. What drifts stays below, and most logins bear it. A clock
/// in the wrong time zone, or one that stood still while the machine was suspended, is off by half an hour or more.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(20 * 60);

/// Says that the clocks are far apart, for the person, before the code is shown. The reply to a POST is no copy of a cache, so that its
/// `Date` is the server's now. It ends no login: nobody knows which of the two is wrong, and an ID token is judged by the earlier one.
fn clocks_apart(now: SystemTime, issuer: &Issuer, device: &DeviceAuthorization) -> Option<String> {
    let date = device.date?;
    let apart = now.duration_since(date).unwrap_or_else(|behind| behind.duration());
    let [own, other] = [now, date].map(humantime::format_rfc3339_seconds);
    let warning =
        || format!("this machine's clock says {own}, and that of {} {other}: set this machine's clock", issuer.host());
    (apart >= MAX_CLOCK_SKEW).then(warning)
}

/// One login, once its server is known.
struct Login<'a> {
    app: &'a App,
    request: &'a LoginRequest,
    prompt: &'a dyn Prompt,
    http: &'a Http,
    client: &'a Client,
    destination: &'a Destination,
    scopes: &'a Scopes,
    /// The org that was asked for.
    org: Option<Org>,
    chosen: &'a Chosen,
}

impl Login<'_> {
    /// Shows the code and polls until the person has answered, the code has run out, or the caller cancels.
    fn approved(&self, device: &DeviceAuthorization) -> Result<(TokenReply, SystemTime)> {
        let (config, server) = (&self.app.config, self.destination.issuer.host());
        let clock = &*config.clock;
        // The code's age: not by the wall clock, which may be set while the person is typing.
        let (begun, mut poll) = (Stopwatch::start(clock), Poll::new(device.interval, device.expires_in));
        self.prompt.show(&self.verification(device)).map_err(|error| {
            let message = format!("the code of {server} could not be shown, so nobody could approve it");
            Error::new(ErrorKind::Config, message).with(Remedy::Retry { after: None }).because(error)
        })?;
        let url = &self.destination.token_endpoint;
        let token = TokenEndpoint { http: self.http, url, client: self.client };
        let verifier = device.verifier.as_ref();
        let asks = RequestedAccess { resource: config.resource.as_ref(), verifier, ..RequestedAccess::default() };
        let (mut heard, mut trouble) = (None, None);
        loop {
            let age = begun.elapsed(clock);
            let (left, wait) = (poll.left(age), poll.next(age, heard));
            let Some(wait) = wait else { break };
            let reason = match heard {
                None | Some(PollResult::Pending) => WaitReason::Pending,
                Some(PollResult::SlowDown(_)) => WaitReason::SlowedDown,
                Some(PollResult::NoAnswer(_)) => WaitReason::Unreachable,
            };
            self.prompt.waiting(&Wait { reason, duration: wait, left, expires_at: clock.now() + left });
            clock.sleep(wait, &self.request.cancel);
            if self.request.cancel.is_cancelled() {
                return Err(Error::cancelled());
            }
            // A token's lifetime is counted from before it is asked for.
            let asked_at = clock.now();
            match token.request(&Grant::DeviceCode(&device.device_code), &asks, &self.request.cancel) {
                Ok(reply) => {
                    self.prompt.approved();
                    return Ok((reply, asked_at));
                }
                Err(error) => {
                    // Some servers forget a code as it ends, or a little before (django-allauth), and then do not know it. After a reply that
                    // was lost it may have been redeemed.
                    let was_known = matches!(heard, Some(PollResult::Pending | PollResult::SlowDown(_)));
                    let is_over = was_known || poll.left(begun.elapsed(clock)).is_zero();
                    if is_over && matches!(&error, TokenError::Refused(refusal) if refusal.is("invalid_grant")) {
                        trouble = None;
                        break;
                    }
                    let told = hear(&error);
                    (heard, trouble) = match told {
                        None => return Err(error.into()),
                        Some(PollResult::NoAnswer(_)) => (told, Some(error)),
                        Some(_) => (told, None),
                    };
                }
            }
        }
        let message = format!("the code of {server} ran out before it was approved");
        let error = match trouble {
            Some(cause) => Error::new(ErrorKind::Unreachable, message).because(cause),
            None => Error::new(ErrorKind::CodeExpired, message),
        };
        Err(error.with(Remedy::LogIn { context: None }))
    }

    fn verification(&self, device: &DeviceAuthorization) -> Verification {
        let environment = &self.app.config.environment;
        Verification {
            app: self.app.config.app.clone(),
            verification_uri: device.verification_uri.clone(),
            verification_uri_complete: device.verification_uri_complete.clone(),
            user_code: device.user_code.clone(),
            expires_at: self.app.config.clock.now() + device.expires_in,
            interval: device.interval,
            browser: environment.can_show_a_browser(),
            headless: environment.is_headless(),
            plain: environment.plain,
            key_store: self.chosen.key_store.name().to_owned(),
            protection: self.chosen.key_store.protection(),
            instead_of: self.chosen.instead_of.clone(),
            warnings: clocks_apart(self.app.config.clock.now(), &self.destination.issuer, device).into_iter().collect(),
        }
    }

    /// Whose login it is: from the ID token, else from userinfo, else, where that says nothing, as the server names it beside the tokens;
    /// else unnamed. And for which org, if the ID token or the reply says so.
    fn identify(&self, reply: &TokenReply) -> Result<(Account, Option<Org>)> {
        let Destination { issuer, client_id, userinfo_endpoint, .. } = self.destination;
        if reply.token_type != "bearer" {
            let message = format!("{} issued a token of a type that is not supported", issuer.host());
            return Err(Error::new(ErrorKind::Protocol, message).with(Remedy::AskAdministrator));
        }
        // By the earlier of the two clocks: if either is wrong, the login would be lost after the person has approved it.
        let own = self.app.config.clock.now();
        let now = reply.date.map_or(own, |date| date.min(own));
        let signed = reply.id_token.as_ref().map(|token| id_token::read(token, issuer, client_id, now)).transpose()?;
        // Many servers keep name and e-mail address out of the ID token. The subject decides, the rest is for the eye.
        let told = match &signed {
            Some(signed) if signed.is_named() => None,
            _ => {
                let told = userinfo_endpoint.as_ref().and_then(|url| self.ask_who(url, &reply.access_token));
                told.or_else(|| reply.user.clone())
            }
        };
        let org = signed.as_ref().and_then(Claims::org).or_else(|| reply.org.clone());
        let org = org.and_then(|org| org.parse().ok());
        let claims = match (signed, told) {
            // OpenID Connect Core §5.3.2: "The sub Claim in the UserInfo Response MUST be verified to exactly match the sub
            // Claim in the ID Token; if they do not match, the UserInfo Response values MUST NOT be used."
            (Some(signed), Some(told)) if signed.sub() != told.sub() => signed,
            (signed, told) => told.or(signed).unwrap_or_default(),
        };
        Ok((Account::new(issuer.clone(), claims.sub(), claims.name(), claims.email()), org))
    }

    /// Asks userinfo, and asks again for a while if it does not answer. The person has approved: a login does not fail for want of a name.
    fn ask_who(&self, url: &Url, token: &Secret) -> Option<Claims> {
        let (clock, cancel) = (&*self.app.config.clock, &self.request.cancel);
        let (begun, mut pauses) = (Stopwatch::start(clock), RETRY_PAUSES.iter());
        loop {
            let error = match self.userinfo(url).ask(token, cancel) {
                Ok(claims) => return Some(claims),
                Err(error) => error,
            };
            let pause = error.passes_after()?.max(*pauses.next()?);
            if begun.elapsed(clock) + pause > USERINFO_TIMEOUT {
                return None;
            }
            clock.sleep(pause, cancel);
            if cancel.is_cancelled() {
                return None;
            }
        }
    }

    fn userinfo<'u>(&'u self, url: &'u Url) -> UserinfoEndpoint<'u> {
        let Destination { issuer, client_id, .. } = self.destination;
        UserinfoEndpoint { http: self.http, url, issuer, client: Some(client_id) }
    }
}

/// How long userinfo is asked again, and the shortest pauses between the tries.
const USERINFO_TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// What an error means for the poll: wait on, or, with `None`, the end. RFC 8628 §3.5 of any other error code: "it MUST stop
/// polling". So is the end what is no answer of OAuth's.
fn hear(error: &TokenError) -> Option<PollResult> {
    match error {
        TokenError::Refused(refusal) if refusal.is("authorization_pending") => Some(PollResult::Pending),
        TokenError::Refused(refusal) if refusal.is("slow_down") => Some(PollResult::SlowDown(refusal.interval)),
        // RFC 6749 §4.1.2.1 has both for what is a 500 or a 503 elsewhere, and some servers send them here.
        TokenError::Refused(refusal) if refusal.is("server_error") || refusal.is("temporarily_unavailable") => {
            Some(PollResult::NoAnswer(None))
        }
        TokenError::Http(HttpError::Busy { retry_after, .. }) => Some(PollResult::NoAnswer(*retry_after)),
        // A transport error does not end a login: the person may be typing their password.
        TokenError::Http(HttpError::Unreachable { .. } | HttpError::NoReply { .. } | HttpError::WebPage { .. }) => {
            Some(PollResult::NoAnswer(None))
        }
        _ => None,
    }
}
