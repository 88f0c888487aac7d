//! [`Auth`]: one method for each thing that a host can ask for. Decides nothing itself.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::lifecycle::app::{App, AppHandle};
use crate::lifecycle::config::Config;
use crate::lifecycle::contexts::{ChosenBy, Context, Index, Outcomes, Selector};
use crate::lifecycle::doctor::{self, Repaired, Report};
use crate::lifecycle::login::{self, LoginRequest};
use crate::lifecycle::logout::{self, LoggedOut, LogoutRequest};
use crate::lifecycle::move_keys::{self, MoveOutcome, MoveRequest};
use crate::lifecycle::switch;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::ids::{ContextName, Org};
use crate::model::protection::Protection;
use crate::prompt::Prompt;
use crate::session::Session;
use crate::system::clock::Cancel;

/// Logs people in and out, and gives sessions. Cheap to clone; all clones share one state.
///
/// Dropping the last clone (sessions count) waits up to 5 s for running refreshes, so that a token which the server has just
/// rotated is not lost. A host that calls `process::exit` calls [`settle`](Self::settle) first.
#[derive(Debug, Clone)]
pub struct Auth(Arc<AppHandle>);

impl Auth {
    /// Checks the configuration. Reads, writes and asks nothing yet.
    ///
    /// # Errors
    /// `Config` if the configuration contradicts itself, or if no state folder is known and `<APP>_TOKEN`, which needs none, is not set.
    pub fn new(config: Config) -> Result<Self> {
        Ok(Self(Arc::new(AppHandle { app: Arc::new(App::new(config)?) })))
    }

    /// Logs a person in with the device authorization grant (RFC 8628). Dropping the future cancels the login, unless the
    /// person has approved it already.
    ///
    /// # Errors
    /// `Denied` and `CodeExpired` as the person decides; `Custody` if no key store takes the key or the state folder cannot be
    /// written; `Unreachable`, `Protocol` and `AuthorizationServer` as the server answers; `Config`; `Cancelled`.
    pub fn login(
        &self,
        request: LoginRequest,
        prompt: Arc<dyn Prompt>,
    ) -> impl Future<Output = Result<Session>> + Send + 'static + use<> {
        let (handle, cancel) = (self.0.clone(), request.cancel.clone());
        let login = self.spawn(move |app| login::run(app, &request, &*prompt));
        async move {
            let mut on_drop = CancelOnDrop(Some(cancel));
            let login = login.await;
            on_drop.0 = None;
            Ok(Session::of_login(handle, login?))
        }
    }

    /// Returns a session for the selected context: the one that `<APP>_CONTEXT` names, else the one that is pinned to the current
    /// folder, else the default. If `<APP>_TOKEN` is set, returns a session for that token.
    ///
    /// # Errors
    /// `NotLoggedIn` if the login does not exist; `Custody` if the index cannot be read.
    pub fn session(&self) -> Result<Session> {
        self.session_for(&Selector::default())
    }

    /// Returns a session for the context that `select` names. A context named there takes precedence over `<APP>_TOKEN`.
    ///
    /// # Errors
    /// Those of [`session`](Self::session).
    pub fn session_for(&self, select: &Selector) -> Result<Session> {
        let config = &self.app().config;
        if let (Some(token), None) = (&config.environment.token, &select.context) {
            if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
                let variable = config.app.variable("TOKEN");
                return Err(Error::config("token", format!("{variable} holds characters that no token has")));
            }
            return Ok(Session::of_environment(self.0.clone(), token.clone()));
        }
        let state_dir = self.app().state_dir()?;
        let (index, chosen) = Index::read_selected(state_dir.as_ref(), select, &self.app().config)?;
        let (entry, by) = index.find(chosen, &self.app().config)?;
        let entry = index.in_org(entry, select, &self.app().config)?;
        let context = Context { chosen_by: Some(by), ..Context::of(&entry, &index) };
        Ok(Session::of_context(self.0.clone(), context))
    }

    /// Returns a session with a valid token for the login that `request` selects, and logs in first if that is needed.
    ///
    /// Without a terminal ([`Environment::terminal`](crate::Environment::terminal)) it does not log in: it returns an error that
    /// [`needs_login`](Error::needs_login). It never logs in because the server is unreachable. An existing login is returned as it
    /// is: for other scopes or a step-up, call [`login`](Self::login).
    ///
    /// ```no_run
    /// # use std::sync::Arc;
    /// # fn main() -> hallpass::Result<()> {
    /// # let config = hallpass::Config::new("acme", "https://id.example.com", "acme-cli")?;
    /// use hallpass::{Auth, LoginRequest, blocking, prompt::Terminal};
    ///
    /// let auth = Auth::new(config)?;
    /// let session = auth.session_or_login(LoginRequest::default(), Arc::new(Terminal::stderr()));
    /// let token = blocking::wait(blocking::wait(session)?.access_token())?;
    /// # drop(token);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`session_for`](Self::session_for), [`Session::access_token`] and [`login`](Self::login).
    pub fn session_or_login(
        &self,
        mut request: LoginRequest,
        prompt: Arc<dyn Prompt>,
    ) -> impl Future<Output = Result<Session>> + Send + 'static + use<> {
        let auth = self.clone();
        async move {
            let select = Selector { context: request.context.clone(), org: request.org.clone() };
            let error = match auth.session_for(&select) {
                Ok(session) => match session.access_token().await {
                    Ok(_) => return Ok(session),
                    Err(error) => {
                        // The new login replaces the one that has ended.
                        request.context = request.context.or_else(|| explicitly_chosen(&session));
                        error
                    }
                },
                Err(error) => error,
            };
            if !error.needs_login() || !auth.app().config.environment.terminal {
                return Err(error);
            }
            if error.kind() != ErrorKind::NotLoggedIn {
                prompt.login_has_ended(&error);
            }
            auth.login(request, prompt).await
        }
    }

    /// Returns all contexts, in the order of their logins. Asks no key store and no server.
    ///
    /// # Errors
    /// `Custody` if the index cannot be read.
    pub fn contexts(&self) -> Result<Vec<Context>> {
        let Some(state_dir) = self.app().state_dir()? else { return Ok(Vec::new()) };
        let index = Index::read(Some(&state_dir))?;
        let selected = index.selected_here(&self.app().config);
        let context = |entry| self.app().context(&state_dir, &index, entry, selected.as_ref());
        Ok(index.contexts.iter().map(context).collect())
    }

    /// Returns what the key store of this login promises; `None` if this program has no such key store. Asks no key store.
    pub fn protection(&self, context: &Context) -> Option<Protection> {
        self.app().key_stores.any(&context.key_store).ok().map(|key_store| key_store.protection())
    }

    /// Returns the state folder and the variable that names it, if that is not the platform's folder for this user: the author of the
    /// variable may have written what is in the folder.
    pub fn named_state_folder(&self) -> Option<(PathBuf, String)> {
        let variable = self.app().state_dir_variable()?;
        Some((self.app().state_dir_path().ok()?.to_owned(), variable.to_owned()))
    }

    /// Makes this context the default: the one that is selected if nothing else names one. Existing sessions are unaffected.
    ///
    /// `chosen_by` of the answer is `None` if something else takes precedence over the default here.
    ///
    /// # Errors
    /// `NotLoggedIn` if there is no such login; `Custody` if the index cannot be read or written.
    pub fn switch(&self, context: &ContextName) -> impl Future<Output = Result<Context>> + Send + 'static + use<> {
        let name = context.clone();
        self.spawn(move |app| switch::to(app, &name))
    }

    /// Returns the context of another org of the selected account, for [`switch`](Self::switch). Makes it if one login serves all
    /// orgs ([`Orgs`](crate::Orgs)) and the server gives a token for this org.
    ///
    /// # Errors
    /// `NotLoggedIn` if the org needs its own login, `Denied` if the server gives no token for it; those of
    /// [`Session::access_token`].
    pub fn context_for_org(&self, org: &Org) -> impl Future<Output = Result<ContextName>> + Send + 'static + use<> {
        let org = org.clone();
        self.spawn(move |app| switch::context_for_org(app, &org))
    }

    /// Makes this context the selected one in the current folder ([`Environment::folder`](crate::Environment::folder)) and below
    /// it, by its real path. The innermost rule wins. All rules are kept in the state folder; nothing in a project is read.
    ///
    /// # Errors
    /// Those of [`switch`](Self::switch), and `Config` if the folder is another user's.
    pub fn pin_folder(&self, context: &ContextName) -> impl Future<Output = Result<Context>> + Send + 'static + use<> {
        let name = context.clone();
        self.spawn(move |app| switch::pin_folder(app, &name))
    }

    /// Removes the rule of the current folder, and returns the context that it named. Rules of the folders around it stay.
    ///
    /// # Errors
    /// `Config` if there is no current folder; `Custody` if the index cannot be read or written.
    pub fn unpin_folder(&self) -> impl Future<Output = Result<Option<ContextName>>> + Send + 'static + use<> {
        self.spawn(switch::unpin_folder)
    }

    /// Gives a context another name, and opens its login for that: only its key proves the new name. The default and folder rules
    /// follow; existing sessions are unaffected.
    ///
    /// # Errors
    /// `NotLoggedIn` if there is no such login; `Config` if another one has the name; `Custody` if the login's key cannot be read, or
    /// the index cannot be read or written.
    pub fn rename(
        &self,
        old: &ContextName,
        new: &ContextName,
    ) -> impl Future<Output = Result<Context>> + Send + 'static + use<> {
        let (old, new) = (old.clone(), new.clone());
        self.spawn(move |app| switch::rename(app, &old, &new))
    }

    /// Ends logins: revokes them at the server (RFC 7009), then erases them here. If one login cannot be ended, the others still are.
    ///
    /// # Errors
    /// `NotLoggedIn` if there is no such login; `Unreachable` and `AuthorizationServer` if the server could not be asked to revoke:
    /// then the login still exists.
    pub fn logout(
        &self,
        request: LogoutRequest,
    ) -> impl Future<Output = Result<Outcomes<LoggedOut>>> + Send + 'static + use<> {
        self.spawn(move |app| logout::run(app, &request))
    }

    /// Moves the keys of logins to another key store. If it is killed at any step, the logins work, and repeating the move finishes
    /// it. If one key cannot be moved, the others still are.
    ///
    /// # Errors
    /// `NotLoggedIn` if there is no such login; `Config` if the host does not allow the key store; `Custody` if one of the
    /// key stores does not give or take a key: then the key stays in its key store.
    pub fn move_keys(
        &self,
        request: MoveRequest,
    ) -> impl Future<Output = Result<Outcomes<MoveOutcome>>> + Send + 'static + use<> {
        self.spawn(move |app| move_keys::run(app, &request))
    }

    /// Examines this machine, the key stores, the logins and the server, and reports what works and what does not. Changes
    /// no login, asks nobody, and shows no secret.
    pub fn doctor(&self) -> impl Future<Output = Result<Report>> + Send + 'static + use<> {
        self.spawn(|app| Ok(doctor::examine(app)))
    }

    /// Repairs what [`doctor`](Self::doctor) calls repairable, and returns what was done and what was not. Closes a state folder that
    /// others can read, unless a variable names it. Takes a name from a record that does not prove it, and names the record anew. Names
    /// logins that the index lost. Removes names without a record, and keys that this folder proves to be unused, in the kernel too.
    ///
    /// # Errors
    /// `Custody` if something cannot be written.
    pub fn repair(&self) -> impl Future<Output = Result<Repaired>> + Send + 'static + use<> {
        self.spawn(doctor::repair)
    }

    /// Waits until no job is running, at most `timeout`. Returns whether none is.
    pub fn settle(&self, timeout: Duration) -> bool {
        self.app().jobs.settle(timeout)
    }

    /// Runs `job` on its own thread, from the first poll on. Only the future holds the handle: the last handle to be dropped
    /// waits for the job (law 4).
    fn spawn<T: Send + 'static, J: FnOnce(&App) -> Result<T> + Send + 'static>(
        &self,
        job: J,
    ) -> impl Future<Output = Result<T>> + Send + 'static + use<T, J> {
        let handle = self.0.clone();
        async move {
            let app = handle.app.clone();
            handle.app.jobs.run(move || job(&app)).await
        }
    }

    fn app(&self) -> &App {
        &self.0.app
    }
}

/// Returns the name of the session's context, if somebody named it. Where nobody did, another person may log in too.
fn explicitly_chosen(session: &Session) -> Option<ContextName> {
    let context = session.context()?;
    let is_named = !matches!(context.chosen_by, Some(ChosenBy::Default | ChosenBy::Only));
    is_named.then(|| context.name.clone())
}

struct CancelOnDrop(Option<Cancel>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(cancel) = &self.0 {
            cancel.cancel();
        }
    }
}
