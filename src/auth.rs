//! [`Auth`]: the layers, wired. Decides nothing.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::lifecycle::app::{App, Handle};
use crate::lifecycle::config::Config;
use crate::lifecycle::contexts::{ChosenBy, Context, Index, Outcomes, Selector};
use crate::lifecycle::doctor::orphans;
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
    /// `Config` if the configuration contradicts itself, or if no state folder is known and `<APP>_TOKEN`, which needs none, is not set.
    pub fn new(config: Config) -> Result<Self> {
        Ok(Self(Arc::new(Handle { app: Arc::new(App::new(config)?) })))
    }

    /// Logs a person in with the device authorization grant (RFC 8628). Dropping the future cancels the login, unless the
    /// person has approved it already.
    ///
    /// # Errors
    /// `Denied` and `CodeExpired` as the person decides; `KeyStore` where no place can take the key or the state_dir cannot be
    /// written; `Unreachable`, `Protocol` and `AuthorizationServer` as the server answers; `Config`; `Cancelled`.
    pub fn login(
        &self,
        request: LoginRequest,
        prompt: Arc<dyn Prompt>,
    ) -> impl Future<Output = Result<Session>> + Send + 'static + use<> {
        let handle = self.0.clone();
        async move {
            let mut on_drop = CancelOnDrop(Some(request.cancel.clone()));
            let app = handle.app.clone();
            let login = handle.app.workers.run(move || login::run(&app, &request, &*prompt)).await;
            on_drop.0 = None;
            Ok(Session::of_login(handle, login?))
        }
    }

    /// The session of the context that is meant here: by `<APP>_CONTEXT`, else by the rule of the folder this process is in, else the
    /// default. With `<APP>_TOKEN` set, a session of that token.
    ///
    /// # Errors
    /// `NotLoggedIn` where there is no such login; `KeyStore` where the index cannot be read.
    pub fn session(&self) -> Result<Session> {
        self.session_for(&Selector::default())
    }

    /// The session of the context that `select` means. A context that is named goes before `<APP>_TOKEN`.
    ///
    /// # Errors
    /// Those of [`session`](Self::session).
    pub fn session_for(&self, select: &Selector) -> Result<Session> {
        let environment = &self.app().config.environment;
        if let (Some(token), None) = (&environment.token, &select.context) {
            if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
                let variable = self.app().config.app.variable("TOKEN");
                return Err(Error::config("token", format!("{variable} holds characters that no token has")));
            }
            return Ok(Session::of_environment(self.0.clone(), token.clone()));
        }
        let state_dir = self.app().state_dir()?;
        let (index, chosen) = Index::read_meant(state_dir.as_ref(), select, &self.app().config)?;
        let (entry, by) = index.find(chosen, &self.app().config)?;
        let entry = index.in_org(entry, select, &self.app().config)?;
        let context = Context { chosen_by: Some(by), ..Context::of(&entry, &index) };
        Ok(Session::of_context(self.0.clone(), context))
    }

    /// Returns a session with a valid token for the login that `request` selects, and logs in first if that is needed.
    ///
    /// Without a terminal ([`Environment::terminal`](crate::Environment::terminal)) it does not log in: it returns an error that
    /// [`needs_login`](Error::needs_login). It never logs in because the server is unreachable. A login that is there is returned as it is:
    /// for other scopes or a step-up, call [`login`](Self::login).
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
            let ended = match auth.session_for(&select) {
                Ok(session) => {
                    let Err(error) = session.access_token().await else { return Ok(session) };
                    // The new login takes the place of the one that has ended. Where nobody named one, another person may log in too.
                    let named = session
                        .context()
                        .filter(|context| !matches!(context.chosen_by, Some(ChosenBy::Default | ChosenBy::Only)));
                    request.context = request.context.or_else(|| named.map(|context| context.name.clone()));
                    error
                }
                Err(error) => error,
            };
            match ended.needs_login() && auth.app().config.environment.terminal {
                true => {
                    if ended.kind() != ErrorKind::NotLoggedIn {
                        prompt.login_has_ended(&ended);
                    }
                    auth.login(request, prompt).await
                }
                false => Err(ended),
            }
        }
    }

    /// All contexts, in the order of their logins. Asks no store and no server.
    ///
    /// # Errors
    /// `KeyStore` where the index cannot be read.
    pub fn contexts(&self) -> Result<Vec<Context>> {
        let Some(state_dir) = self.app().state_dir()? else { return Ok(Vec::new()) };
        let index = Index::read(Some(&state_dir))?;
        let meant = index.meant_here(&self.app().config);
        let context = |entry| self.app().context(&state_dir, &index, entry, meant.as_ref());
        Ok(index.contexts.iter().map(context).collect())
    }

    /// What the place of this login's key promises; `None` where this program has no such place. Asks no store.
    pub fn protection(&self, context: &Context) -> Option<Protection> {
        self.app().key_stores.any(&context.key_store).ok().map(|key_store| key_store.protection())
    }

    /// Returns the state folder and the variable that names it, if that is not the platform's folder for this user: the author of the
    /// variable may have written what is in the folder.
    pub fn named_state_folder(&self) -> Option<(PathBuf, String)> {
        let variable = self.app().state_dir_variable()?;
        Some((self.app().state_dir_path().ok()?.to_owned(), variable.to_owned()))
    }

    /// Makes this context the default: the one that is meant where nothing else names one. Sessions that there are keep to theirs.
    ///
    /// `chosen_by` of the answer is `None` where something else goes before it here.
    ///
    /// # Errors
    /// `NotLoggedIn` where there is no such login; `KeyStore` where the index cannot be read or written.
    pub fn switch(&self, context: &ContextName) -> impl Future<Output = Result<Context>> + Send + 'static + use<> {
        let (handle, name) = (self.0.clone(), context.clone());
        async move {
            let app = handle.app.clone();
            handle.app.workers.run(move || switch::to(&app, &name)).await
        }
    }

    /// The context of another org of the account that is meant here, for [`switch`](Self::switch): the one there is, or a new one where
    /// one login serves all orgs ([`Orgs`](crate::Orgs)) and the server gives a token for this one.
    ///
    /// # Errors
    /// `NotLoggedIn` where the org wants a login of its own, `Denied` where the server gives no token for it; those of
    /// [`Session::access_token`].
    pub fn context_for_org(&self, org: &Org) -> impl Future<Output = Result<ContextName>> + Send + 'static + use<> {
        let (handle, org) = (self.0.clone(), org.clone());
        async move {
            let app = handle.app.clone();
            handle.app.workers.run(move || switch::to_org(&app, &org)).await
        }
    }

    /// Makes this context the one that is meant in the current folder ([`Environment::folder`](crate::Environment::folder)) and below
    /// it, by its real path. The innermost rule wins; all are kept in the state folder, and nothing in a project is read.
    ///
    /// # Errors
    /// Those of [`switch`](Self::switch), and `Config` where the folder is another user's.
    pub fn pin_folder(&self, context: &ContextName) -> impl Future<Output = Result<Context>> + Send + 'static + use<> {
        let (handle, name) = (self.0.clone(), context.clone());
        async move {
            let app = handle.app.clone();
            handle.app.workers.run(move || switch::here_to(&app, &name)).await
        }
    }

    /// Takes the rule of the current folder away, and says which context it named. Rules of the folders around it stay.
    ///
    /// # Errors
    /// `Config` where there is no current folder; `KeyStore` where the index cannot be read or written.
    pub fn unpin_folder(&self) -> impl Future<Output = Result<Option<ContextName>>> + Send + 'static + use<> {
        let handle = self.0.clone();
        async move {
            let app = handle.app.clone();
            handle.app.workers.run(move || switch::unpin_folder(&app)).await
        }
    }

    /// Gives a context another name, and opens its login for that: only its key proves the new name. The default and folder rules
    /// follow; existing sessions are unaffected.
    ///
    /// # Errors
    /// `NotLoggedIn` if there is no such login; `Config` if another one has the name; `KeyStore` if the login's key cannot be read, or
    /// the index cannot be read or written.
    pub fn rename(
        &self,
        old: &ContextName,
        new: &ContextName,
    ) -> impl Future<Output = Result<Context>> + Send + 'static + use<> {
        let (handle, old, new) = (self.0.clone(), old.clone(), new.clone());
        async move {
            let app = handle.app.clone();
            handle.app.workers.run(move || switch::rename(&app, &old, &new)).await
        }
    }

    /// Ends logins: tells the server (RFC 7009), then forgets them here. Of several, one that cannot be ended keeps no other from it.
    ///
    /// # Errors
    /// `NotLoggedIn` where there is no such login; `Unreachable` and `AuthorizationServer` where the server could not be told:
    /// then the login is still there.
    pub fn logout(
        &self,
        request: LogoutRequest,
    ) -> impl Future<Output = Result<Outcomes<LoggedOut>>> + Send + 'static + use<> {
        let handle = self.0.clone();
        async move {
            let app = handle.app.clone();
            handle.app.workers.run(move || logout::run(&app, &request)).await
        }
    }

    /// Moves the keys of logins to another place. Killed at any step, the logins work, and the same move done again finishes it. Of
    /// several, one that cannot move keeps no other from it.
    ///
    /// # Errors
    /// `NotLoggedIn` where there is no such login; `Config` where the host does not allow the place; `KeyStore` where one of the
    /// places does not give or take a key: then it is where it was.
    pub fn move_keys(
        &self,
        request: MoveRequest,
    ) -> impl Future<Output = Result<Outcomes<MoveOutcome>>> + Send + 'static + use<> {
        let handle = self.0.clone();
        async move {
            let app = handle.app.clone();
            handle.app.workers.run(move || move_keys::run(&app, &request)).await
        }
    }

    /// Examines this machine, the places for keys, the logins and the server, and says what is well and what is not. Changes
    /// no login, asks nobody, and shows no secret.
    pub fn doctor(&self) -> impl Future<Output = Result<Report>> + Send + 'static + use<> {
        let handle = self.0.clone();
        async move {
            let app = handle.app.clone();
            handle.app.workers.run(move || Ok(doctor::examine(&app))).await
        }
    }

    /// Repairs what [`doctor`](Self::doctor) calls repairable, and returns what was done and what was not. Closes a state folder that
    /// others can read, unless a variable names it. Takes a name from a record that does not prove it, and names the record anew. Names
    /// logins that the index lost. Removes names without a record, and keys that this folder proves to be unused, in the kernel too.
    ///
    /// # Errors
    /// `KeyStore` where something cannot be written.
    pub fn repair(&self) -> impl Future<Output = Result<Repaired>> + Send + 'static + use<> {
        let handle = self.0.clone();
        async move {
            let app = handle.app.clone();
            handle.app.workers.run(move || orphans::repair(&app)).await
        }
    }

    /// Waits until nothing is under way, at most `timeout`; says whether that is so.
    pub fn settle(&self, timeout: Duration) -> bool {
        self.app().workers.settle(timeout)
    }

    fn app(&self) -> &App {
        &self.0.app
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
