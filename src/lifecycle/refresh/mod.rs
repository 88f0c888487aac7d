//! The way to an access token: the one on disk, or another one fetched under the grant's lock (laws 1 to 8, 16, 17).
//!
//! | file | does |
//! | --- | --- |
//! | `job` | one caller's way: waits for the lock, and decides under it |
//! | `decide` | what comes next, as pure functions |
//! | `freshness` | how good a token is, and when the next one may be fetched early |
//! | `exchange` | one exchange of the refresh token: intent, request, and what follows |
//! | `retries` | the request, repeated after a lost reply or if the server is busy |
//! | `commit` | commits the rotated token |
//! | `token_exchange` | the login's access token exchanged for one of an org (RFC 8693) |
//! | `failure` | what a failed exchange means for the login |
//! | `telling` | what the trail is told of a refresh, and of a token that is given away (laws 14 and 18) |
//! | `next_record` | what a reply may change of the record, and what it may not (law 17) |

mod commit;
mod decide;
mod exchange;
mod failure;
mod freshness;
mod job;
mod next_record;
mod retries;
mod telling;
mod token_exchange;

use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

use self::job::RefreshJob;
use crate::lifecycle::access_token::{AccessToken, Wanted};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Context, Index};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::secret::{STACK_OF_A_RECORD, wipe_stack};
use crate::model::setting::Setting;
use crate::oauth::metadata::Endpoint;
use crate::records::grant_files::GrantFiles;
use crate::records::open_grant::OpenGrant;
use crate::records::record::{Record, Target};
use crate::system::http::Http;

/// Returns an access token for `context`. Once `is_abandoned` returns true, nobody waits for the token any more, and nothing new is
/// begun.
pub(crate) fn access_token(
    app: &App,
    context: &Context,
    wanted: &Wanted,
    is_abandoned: &dyn Fn() -> bool,
) -> Result<AccessToken> {
    with_grant(app, context, |files, grant, record| {
        let target = target(app, context, wanted, &record)?;
        let job = RefreshJob { app, context, files, grant, wanted, target, is_abandoned };
        let record = job.run(Arc::new(record))?;
        job.serve(&record)?.ok_or_else(|| job.login_ended(ErrorKind::Expired, "it holds no token"))
    })
}

/// Returns the access token of `context` that is on disk, if it serves and its key can be had at once. Begins nothing, so that it needs
/// no thread of its own (law 4). Returns `None` whatever is wrong: [`access_token`] says what.
pub(crate) fn cached_token(app: &App, context: &Context, wanted: &Wanted) -> Option<AccessToken> {
    let state_dir = app.state_dir().ok()??;
    let files = app.files(&state_dir, &context.grant);
    let (grant, record) = files.open_at_once(&*app.key_stores.of(&context.key_store).ok()?)?;
    app.check_destination(&context.grant, &record).ok()?;
    app.check_entry(context, &grant, &record).ok()?;
    let target = target(app, context, wanted, &record).ok()?;
    let job = RefreshJob { app, context, files, grant: &grant, wanted, target, is_abandoned: &|| false };
    let served = job.serve_at_once(&record);
    // As at the end of a job.
    wipe_stack::<STACK_OF_A_RECORD>();
    served
}

/// Returns the access token of `context` that is on disk, if it serves. Sends nothing.
pub(crate) fn stored_token(app: &App, context: &Context, wanted: &Wanted) -> Result<Option<AccessToken>> {
    with_grant(app, context, |files, grant, record| {
        let target = target(app, context, wanted, &record)?;
        let job = RefreshJob { app, context, files, grant, wanted, target, is_abandoned: &|| false };
        Ok(job.serve_at_once(&record))
    })
}

/// What the record of a login says about the person.
pub(crate) struct Identity {
    /// The userinfo endpoint that was sealed at login.
    pub(crate) userinfo_endpoint: Option<Url>,
    /// The claims of the newest ID token.
    pub(crate) claims: Option<Map<String, Value>>,
    /// Whether the login has a refresh token.
    pub(crate) has_refresh_token: bool,
}

/// Reads the identity of `context` from its record.
pub(crate) fn identity(app: &App, http: &Http, context: &Context) -> Result<Identity> {
    with_grant(app, context, |_, _, record| {
        app.confirm(http, &record.destination, Endpoint::Userinfo)?;
        Ok(Identity {
            userinfo_endpoint: record.destination.userinfo_endpoint,
            claims: record.claims,
            has_refresh_token: record.refresh_token.is_some(),
        })
    })
}

/// Returns what the wanted token is for.
fn target(app: &App, context: &Context, Wanted { request, .. }: &Wanted, record: &Record) -> Result<Target> {
    // No refresh brings a scope that the login was not granted: to ask for it would only waste a request.
    let asked = request.scopes.as_ref();
    if let Some(more) = asked.and_then(|asked| asked.iter().find(|one| !record.scopes.contains(one)))
        && !record.scopes.is_empty()
    {
        let message =
            format!("the login {} was not granted the scope {more}: log in with it, or ask for others", context.name);
        return Err(Error::config(Setting::Scope, message));
    }
    Ok(Target {
        org: context.org.clone(),
        resource: request.resource.as_ref().or(app.config.resource.as_ref()).cloned(),
        scopes: request.scopes.clone(),
    })
}

/// Runs `work` with the grant of `context`, and names the login in its error.
fn with_grant<T>(
    app: &App,
    context: &Context,
    work: impl FnOnce(GrantFiles<'_>, &OpenGrant<'_>, Record) -> Result<T>,
) -> Result<T> {
    open_and_run(app, context, work).map_err(|error| name_login(app, context, error))
}

/// Opens the grant of `context` and reads its record, without a lock: a reader sees the old or the new one, never half.
fn open_and_run<T>(
    app: &App,
    context: &Context,
    work: impl FnOnce(GrantFiles<'_>, &OpenGrant<'_>, Record) -> Result<T>,
) -> Result<T> {
    let state_dir = app.state_dir()?.ok_or_else(|| {
        Error::new(ErrorKind::NotLoggedIn, "the state folder is gone").with(Remedy::LogIn { context: None })
    })?;
    let files = app.files(&state_dir, &context.grant);
    let grant = app.unlock(files, &context.key_store)?;
    let record = grant.read()?;
    // A configuration that differs from what was sealed at login is refused here (law 16).
    app.check_destination(&context.grant, &record)?;
    app.check_entry(context, &grant, &record)?;
    work(files, &grant, record)
}

/// Names the login in a remedy that names none. If the index lacks the login, it was ended or replaced while this session went on, and
/// its record is not damaged.
fn name_login(app: &App, context: &Context, error: Error) -> Error {
    if !matches!(error.remedy(), Some(Remedy::LogIn { context: None })) {
        return error;
    }
    let log_in = Remedy::LogIn { context: Some(context.name.to_string()) };
    match app.state_dir().and_then(|state_dir| Index::read(state_dir.as_ref())) {
        Ok(index) if index.of_grant(&context.grant).is_none() => {
            let message = format!("the login {} that this session is of was ended or replaced", app.describe(context));
            Error::new(ErrorKind::NotLoggedIn, message).with(log_in)
        }
        _ => error.with(log_in),
    }
}
