//! A login, from the first check to the last write.
//!
//! | file | does |
//! | --- | --- |
//! | `mod` | the whole login, step by step |
//! | `request` | what a host asks for, and what follows from it with the configuration |
//! | `device` | the device authorization grant: asks for a code, shows the code, polls |
//! | `identity` | whose login it is: ID token, userinfo |
//! | `org` | the org that the tokens are for |
//! | `commit` | keeps the login: key, record, index |
//! | `replace` | ends the login that this one replaces; revokes a login that could not be stored |

mod commit;
mod device;
mod identity;
mod org;
mod replace;
mod request;

use std::sync::{MutexGuard, TryLockError};
use std::time::{Duration, SystemTime};

use serde_json::Map;

use crate::custody::{Chosen, Protection};
use crate::governance::permit::{Action, Permit};
use crate::lifecycle::access_token::Wanted;
use crate::lifecycle::app::App;
use crate::lifecycle::app::permits::told;
use crate::lifecycle::config::Config;
use crate::lifecycle::contexts::{Context, Index, Selector};
pub use crate::lifecycle::login::request::{Login, StepUp};
use crate::lifecycle::refresh;
use crate::model::account::Account;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::event::{Event, EventCode};
use crate::model::ids::{AppName, EnvironmentName, GrantId, Issuer, Org};
use crate::model::scopes::Scopes;
use crate::oauth::client_auth::{Client, wants_secret_in_form};
use crate::oauth::metadata::{FoundEndpoints, discover};
use crate::oauth::token_endpoint::TokenReply;
use crate::prompt::Outcome;
use crate::records::record::Destination;
use crate::system::clock::Cancel;
use crate::system::http::Http;

/// How often a caller looks whether another one still asks a person.
const TURN: Duration = Duration::from_millis(50);

/// Logs a person in and keeps the login. Reports every end to the prompt.
pub(crate) fn run(app: &App, request: &Login) -> Result<Context> {
    let login = log_in(app, request).map_err(|error| request.with_own_remedy(error));
    request.prompt.done(&match &login {
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

/// Logs a person in because the login that there is gives no token: if that helps, and if somebody can be asked. Otherwise returns `why`.
/// Returns the login that another caller of this process makes meanwhile, if that gives a token.
pub(crate) fn run_instead(app: &App, request: &Login, why: Error) -> Result<Context> {
    if !why.needs_login() || !app.config.environment.terminal {
        return Err(why);
    }
    let (_asking, has_waited) = wait_for_turn(app, &request.cancel)?;
    if has_waited && let Ok(context) = working_login(app, request) {
        return Ok(context);
    }
    if !matches!(why.kind(), ErrorKind::NotLoggedIn | ErrorKind::NoSuchContext) {
        request.prompt.login_has_ended(&why);
    }
    run(app, request)
}

/// Waits until no other caller of this app asks a person. Returns whether one did.
fn wait_for_turn<'a>(app: &'a App, cancel: &Cancel) -> Result<(MutexGuard<'a, ()>, bool)> {
    let mut has_waited = false;
    loop {
        match app.asking.try_lock() {
            _ if cancel.is_cancelled() => return Err(Error::cancelled()),
            Ok(asking) => return Ok((asking, has_waited)),
            Err(TryLockError::Poisoned(asking)) => return Ok((asking.into_inner(), has_waited)),
            Err(TryLockError::WouldBlock) => {
                has_waited = true;
                cancel.wait(TURN);
            }
        }
    }
}

fn working_login(app: &App, request: &Login) -> Result<Context> {
    let context = app.select(&Selector { context: request.context.clone(), org: request.org.clone() })?;
    refresh::access_token(app, &context, &Wanted::default(), &|| false).map(|_| context)
}

/// Returns the label by which a person recognises the item in a key manager.
pub(crate) fn label(app: &AppName, account: &Account) -> String {
    format!("{app} login of {account} at {}", account.issuer.host())
}

fn log_in(app: &App, request: &Login) -> Result<LoggedIn> {
    let permit = app.permit(Action::Login, app.subject())?;
    let login = try_to_log_in(app, request, &permit);
    permit.end(&login);
    if let (Ok(LoggedIn { context, .. }), Ok(Some(state_dir))) = (&login, app.state_dir()) {
        told(app.files(&state_dir, &context.grant), FIRST_GENERATION);
    }
    login
}

fn try_to_log_in(app: &App, request: &Login, permit: &Permit<'_>) -> Result<LoggedIn> {
    let config = &app.config;
    request.check()?;
    // What can fail on this machine fails before a person is asked to do anything, and before anything is written.
    let chosen = app.key_stores.choose(request.lifetime)?;
    let name = request.context_name(config)?;
    let index = Index::read(app.state_dir()?.as_ref())?;
    let org = request.requested_org(config, name.as_ref(), &index)?;
    let environment = request.requested_environment(name.as_ref(), &index);
    let issuer = config.orgs.selection.issuer(&config.issuer, org.as_ref())?;
    let http = app.http()?;
    request.check_cancelled()?;
    let endpoints = discover(&http, &issuer, &config.endpoints, &request.cancel)?;
    let destination = destination(config, issuer, &endpoints);
    let login = Attempt {
        app,
        request,
        permit,
        http: &http,
        client: &app.client(&destination),
        destination: &destination,
        scopes: &config.orgs.selection.scopes(request.scopes.as_ref().unwrap_or(&config.scopes), org.as_ref())?,
        org,
        environment,
        chosen: &chosen,
    };
    request.check_cancelled()?;
    let device = login.request_device_code(&endpoints)?;
    request.check_cancelled()?;
    // Before the person approves: a state folder that cannot be written, or is full, would lose what they approve.
    let state_dir = app.create_state_dir()?;
    app.files(&state_dir, &GrantId::random()?).try_room()?;
    permit.tell(EventCode::LoginStarted, |event| login.describe_request(event));
    let mut approved = login.wait_for_approval(&device)?;
    // From here on the server has a grant: what is not kept is given back.
    let kept = login.identify(&approved.reply).and_then(|identity| {
        let org = login.select_org(&mut approved.reply, &identity)?;
        login.commit(&state_dir, name.as_ref(), identity, org, &approved)
    });
    if kept.is_err() {
        login.revoke_unstored(&approved.reply);
    }
    kept
}

/// One login, once its server is known.
pub(super) struct Attempt<'a> {
    pub(super) app: &'a App,
    pub(super) request: &'a Login,
    pub(super) permit: &'a Permit<'a>,
    pub(super) http: &'a Http,
    pub(super) client: &'a Client,
    pub(super) destination: &'a Destination,
    pub(super) scopes: &'a Scopes,
    /// The org that was asked for.
    pub(super) org: Option<Org>,
    /// What the login is for.
    pub(super) environment: Option<EnvironmentName>,
    pub(super) chosen: &'a Chosen,
}

impl Attempt<'_> {
    /// Adds to an event what is asked for.
    fn describe_request(&self, event: &mut Event) {
        event.details.scopes_asked = Some(self.scopes.clone()).filter(|scopes| !scopes.is_empty());
        event.details.resource.clone_from(&self.app.config.resource);
        event.of.org.clone_from(&self.org);
    }
}

/// The generation of a record that was just made.
const FIRST_GENERATION: u64 = 1;

/// The tokens that a person has approved, by whatever grant type.
struct Approved {
    reply: TokenReply,
    /// A lifetime is counted from then.
    asked_at: SystemTime,
}

/// A login that was made and kept.
struct LoggedIn {
    context: Context,
    protection: Protection,
    /// Whether it has a refresh token.
    renews: bool,
    /// Why the login that it replaces may still live at the server.
    left_alive: Option<String>,
}

pub(super) fn destination(config: &Config, issuer: Issuer, endpoints: &FoundEndpoints) -> Destination {
    Destination {
        issuer,
        client_id: config.client_id.clone(),
        secret_in_form: wants_secret_in_form(&endpoints.auth_methods),
        token_endpoint: endpoints.token.clone(),
        revocation_endpoint: endpoints.revocation.clone(),
        userinfo_endpoint: endpoints.userinfo.clone(),
        unknown: Map::new(),
    }
}
