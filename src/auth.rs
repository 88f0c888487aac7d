//! [`Auth`]: the layers, wired. Decides nothing.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Cancel;
use crate::config::Config;
use crate::context::{Context, Entry, Index, Select};
use crate::error::Result;
use crate::grant::Names;
use crate::home::Home;
use crate::login::{self, LoginRequest};
use crate::logout::{self, LoggedOut, LogoutRequest};
use crate::prompt::Prompt;
use crate::session::Session;
use crate::wiring::{Handle, Wiring};

/// Logs people in and out, and gives sessions. Cheap to clone; clones are the same.
///
/// Dropping the last one (sessions count) waits up to 5 s for a refresh that is under way, so that a token which the server
/// has just rotated is not lost. A host that calls `process::exit` calls [`settle`](Self::settle) first.
#[derive(Debug, Clone)]
pub struct Auth(Arc<Handle>);

impl Auth {
    /// Nothing is read, written or asked yet.
    ///
    /// # Errors
    /// `Config` where the configuration contradicts itself or no state folder can be told.
    pub fn new(config: Config) -> Result<Self> {
        Ok(Self(Arc::new(Handle(Arc::new(Wiring::new(config)?)))))
    }

    /// Logs a person in with the device authorization grant (RFC 8628). Dropping the future cancels the login, unless the
    /// person has approved it already.
    ///
    /// # Errors
    /// `Denied` and `CodeExpired` as the person decides; `Custody` where no place can take the key or the home cannot be
    /// written; `Unreachable`, `Protocol` and `AuthorizationServer` as the server answers; `Config`; `Cancelled`.
    pub fn login(
        &self,
        request: LoginRequest,
        prompt: Arc<dyn Prompt>,
    ) -> impl Future<Output = Result<Session>> + Send + 'static {
        let handle = self.0.clone();
        async move {
            let wiring = &handle.0;
            let mut on_drop = CancelOnDrop(Some(request.cancel.clone()));
            let trip = wiring.clone();
            let entry = wiring.workers.run(move || login::run(&trip, &request, &*prompt)).await;
            on_drop.0 = None;
            let entry = entry?;
            let home = wiring.home()?;
            let context = context(wiring, home.as_ref(), &Index::read(home.as_ref())?, &entry);
            Ok(Session::of_login(handle, context, entry))
        }
    }

    /// The session of the context that is meant here: by `<APP>_CONTEXT`, else the default. With `<APP>_TOKEN` set, a session
    /// of that token.
    ///
    /// # Errors
    /// `NotLoggedIn` where there is no such login; `Custody` where the index cannot be read.
    pub fn session(&self) -> Result<Session> {
        self.session_for(&Select::default())
    }

    /// The session of the context that `select` means. A context that is named goes before `<APP>_TOKEN`.
    ///
    /// # Errors
    /// Those of [`session`](Self::session).
    pub fn session_for(&self, select: &Select) -> Result<Session> {
        let surroundings = &self.wiring().config.surroundings;
        if let (Some(token), None) = (&surroundings.token, &select.context) {
            return Ok(Session::of_environment(self.0.clone(), token.clone()));
        }
        let home = self.wiring().home()?;
        let index = Index::read(home.as_ref())?;
        let entry = index.resolve(select, surroundings.context.as_deref())?;
        let context = context(self.wiring(), home.as_ref(), &index, entry);
        Ok(Session::of_login(self.0.clone(), context, entry.clone()))
    }

    /// All contexts, in the order of their logins. Asks no store and no server.
    ///
    /// # Errors
    /// `Custody` where the index cannot be read.
    pub fn contexts(&self) -> Result<Vec<Context>> {
        let home = self.wiring().home()?;
        let index = Index::read(home.as_ref())?;
        Ok(index.contexts.iter().map(|entry| context(self.wiring(), home.as_ref(), &index, entry)).collect())
    }

    /// Ends logins: tells the server (RFC 7009), then forgets them here.
    ///
    /// # Errors
    /// `NotLoggedIn` where there is no such login; `Unreachable` and `AuthorizationServer` where the server could not be told:
    /// then the login is still there.
    pub fn logout(&self, request: LogoutRequest) -> impl Future<Output = Result<Vec<LoggedOut>>> + Send + 'static {
        let handle = self.0.clone();
        async move {
            let trip = handle.0.clone();
            handle.0.workers.run(move || logout::run(&trip, &request)).await
        }
    }

    /// Waits until nothing is under way, at most `patience`; says whether that is so.
    pub fn settle(&self, patience: Duration) -> bool {
        self.wiring().workers.settle(patience)
    }

    fn wiring(&self) -> &Wiring {
        &self.0.0
    }
}

struct CancelOnDrop(Option<Cancel>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(cancel) = &self.0 {
            cancel.cancel();
        }
    }
}

fn context(wiring: &Wiring, home: Option<&Home>, index: &Index, entry: &Entry) -> Context {
    let header = home.and_then(|home| Names { home, app: &wiring.config.app, id: &entry.grant }.header());
    Context {
        name: entry.name.clone(),
        account: entry.account.clone(),
        client_id: entry.client_id.clone(),
        org: entry.org.clone(),
        scopes: entry.scopes.clone(),
        custody: entry.custody.clone(),
        is_default: index.is_default(entry),
        grant: entry.grant.clone(),
        logged_in_at: header.as_ref().map(|header| header.born),
        expires_at: header.and_then(|header| header.expires_at),
    }
}
