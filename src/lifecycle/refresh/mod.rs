//! The way to an access token: the one at hand, or another under the grant's lock (laws 1 to 8, 16, 17).
//!
//! `window.rs` says how good a token is, `decide.rs` what comes next; `exchange.rs` exchanges and commits,
//! `next.rs` makes the record that is committed.

mod decide;
mod exchange;
mod failure;
mod freshness;
mod job;
mod next_record;
mod request;
mod token_exchange;

use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

use self::job::RefreshJob;
use crate::lifecycle::access_token::{AccessToken, TokenRequest};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Context, Index};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::secret::{STACK_OF_A_RECORD, Secret, wipe_stack};
use crate::oauth::metadata::Endpoint;
use crate::records::grant_files::GrantFiles;
use crate::records::open_grant::OpenGrant;
use crate::records::record::{Record, Target};
use crate::system::http::Http;

/// What a caller wants.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) request: TokenRequest,
    /// A token that a resource has refused: any but this one.
    pub(crate) instead_of: Option<Arc<Secret>>,
}

/// An access token for `context`. `forsaken` says that nobody waits for it any more: then nothing new is begun.
pub(crate) fn access_token(
    app: &App,
    context: &Context,
    wanted: &Wanted,
    forsaken: &dyn Fn() -> bool,
) -> Result<AccessToken> {
    open(app, context, |files, grant, record| {
        let target = target(app, context, wanted, &record)?;
        let job = RefreshJob { app, context, files, grant, wanted, target, forsaken };
        let record = job.run(Arc::new(record))?;
        job.served(&record).ok_or_else(|| job.ended(ErrorKind::Expired, "it holds no token"))
    })
}

/// The access token of `context` that is on disk, where it serves and its key can be had without asking anybody. Begins nothing, so
/// that it needs no thread of its own (law 4). `None` says nothing: whatever is wrong, [`access_token`] tells.
pub(crate) fn cached_token(app: &App, context: &Context, wanted: &Wanted) -> Option<AccessToken> {
    let state_dir = app.state_dir().ok()??;
    let files = app.files(&state_dir, &context.grant);
    let (grant, record) = files.open_at_once(&*app.key_stores.of(&context.key_store).ok()?)?;
    app.check_destination(&context.grant, &record).ok()?;
    app.check_entry(context, &grant, &record).ok()?;
    let target = target(app, context, wanted, &record).ok()?;
    let job = RefreshJob { app, context, files, grant: &grant, wanted, target, forsaken: &|| false };
    let served = job.served_at_once(&record);
    // As at the end of a trip.
    wipe_stack::<STACK_OF_A_RECORD>();
    served
}

/// The access token of `context` that is on disk, where it serves. Sends nothing.
pub(crate) fn stored_token(app: &App, context: &Context, wanted: &Wanted) -> Result<Option<AccessToken>> {
    open(app, context, |files, grant, record| {
        let target = target(app, context, wanted, &record)?;
        let job = RefreshJob { app, context, files, grant, wanted, target, forsaken: &|| false };
        Ok(job.served_at_once(&record))
    })
}

/// What the record of a login says about the person.
pub(crate) struct Identity {
    /// The userinfo endpoint that was sealed at login.
    pub(crate) userinfo_endpoint: Option<Url>,
    /// The claims of the newest ID token.
    pub(crate) claims: Option<Map<String, Value>>,
    /// Whether the login has a refresh token.
    pub(crate) renews: bool,
}

/// Reads the identity of `context` from its record.
pub(crate) fn identity(app: &App, http: &Http, context: &Context) -> Result<Identity> {
    open(app, context, |_, _, record| {
        app.confirm(http, &record.destination, Endpoint::Userinfo)?;
        Ok(Identity {
            userinfo_endpoint: record.destination.userinfo_endpoint,
            claims: record.claims,
            renews: record.refresh_token.is_some(),
        })
    })
}

/// What the wanted token is for.
fn target(app: &App, context: &Context, Wanted { request, .. }: &Wanted, record: &Record) -> Result<Target> {
    // What a login was not granted, no refresh brings: asking would only spend a request.
    let asked = request.scopes.as_ref();
    if let Some(more) = asked.and_then(|asked| asked.iter().find(|one| !record.scopes.contains(one)))
        && !record.scopes.is_empty()
    {
        let message =
            format!("the login {} was not granted the scope {more}: log in with it, or ask for others", context.name);
        return Err(Error::config("scope", message));
    }
    Ok(Target {
        org: context.org.clone(),
        resource: request.resource.as_ref().or(app.config.resource.as_ref()).cloned(),
        scopes: request.scopes.clone(),
    })
}

/// Opens the grant of `context` and reads its record, without a lock: a reader sees the old or the new, never half.
fn open<T>(
    app: &App,
    context: &Context,
    work: impl FnOnce(GrantFiles<'_>, &OpenGrant<'_>, Record) -> Result<T>,
) -> Result<T> {
    let opened = || {
        let state_dir = app.state_dir()?.ok_or_else(|| {
            Error::new(ErrorKind::NotLoggedIn, "the state folder is gone").with(Remedy::LogIn { context: None })
        })?;
        let files = app.files(&state_dir, &context.grant);
        let grant = app.unlock(files, &context.key_store)?;
        let record = grant.read()?;
        // A secret goes home: what differs from what was sealed at login ends here (law 16).
        app.check_destination(&context.grant, &record)?;
        app.check_entry(context, &grant, &record)?;
        work(files, &grant, record)
    };
    opened().map_err(|error| explained(app, context, error))
}

/// A login that can never be read again is told apart from one that was ended or replaced while this session went on.
fn explained(app: &App, context: &Context, error: Error) -> Error {
    let log_in = Remedy::LogIn { context: Some(context.name.to_string()) };
    if !matches!(error.remedy(), Some(Remedy::LogIn { context: None })) {
        return error;
    }
    match app.state_dir().and_then(|state_dir| Index::read(state_dir.as_ref())) {
        Ok(index) if index.of_grant(&context.grant).is_none() => {
            let message = format!("the login {} that this session is of was ended or replaced", app.told(context));
            Error::new(ErrorKind::NotLoggedIn, message).with(log_in)
        }
        _ => error.with(log_in),
    }
}
