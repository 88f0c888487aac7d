//! [`Auth`]: one method for each thing that a host can ask for. Decides nothing itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::job::Job;
use crate::lifecycle::access_token::{AccessToken, TokenRequest};
use crate::lifecycle::adoption::{self, Adoption};
use crate::lifecycle::app::{App, AppHandle};
use crate::lifecycle::config::Config;
use crate::lifecycle::contexts::{ChosenBy, Context, Index, Outcomes, Selector};
use crate::lifecycle::doctor::{self, Repaired, Report};
use crate::lifecycle::fetching::Fetching;
use crate::lifecycle::jobs::Jobs;
use crate::lifecycle::login::{self, Login};
use crate::lifecycle::logout::{self, LoggedOut, Logout};
use crate::lifecycle::move_keys::{self, MoveKeys, MoveOutcome};
use crate::lifecycle::switch;
use crate::model::error::{Error, Result};
use crate::model::ids::{ContextName, Org};
use crate::model::protection::Protection;
use crate::model::setting::Setting;
use crate::session::Session;

/// Logs people in and out, and gives sessions. Cheap to clone; all clones share one state.
///
/// # What blocks
///
/// No method waits for the network, for another program, for a person or for a lock. Such work runs on its own thread, and the method
/// returns a [`Job`]: an async program awaits the job, and any other program calls [`Job::wait`]. Before it returns, a method reads a few
/// small files of the state folder at most. A token that is in memory costs no file, no thread and no allocation.
///
/// # The end of the process
///
/// A server may have rotated a token that is not saved yet. So dropping the last clone (sessions and jobs count) waits up to 5 s for
/// running jobs. **An `Auth` in a `static` is never dropped**, and `process::exit` drops nothing. A host that has either calls
/// [`shutdown`](Self::shutdown) or [`shutdown_all`](Self::shutdown_all) before it ends.
///
/// ```no_run
/// use std::sync::LazyLock;
/// use std::time::Duration;
///
/// use hallpass::{Auth, Config};
///
/// static AUTH: LazyLock<hallpass::Result<Auth>> =
///     LazyLock::new(|| Auth::new(Config::new("acme", "https://id.example.com", "acme-cli")?));
///
/// fn main() -> hallpass::Result<()> {
///     let token = AUTH.clone()?.access_token().wait();
///     Auth::shutdown_all(Duration::from_secs(5));
///     token.map(drop)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Auth {
    handle: Arc<AppHandle>,
}

impl Auth {
    /// Checks the configuration. Reads, writes and asks nothing yet.
    ///
    /// # Errors
    /// `Config` if the configuration contradicts itself, or if no state folder is known and no token is in the environment, which needs none.
    pub fn new(config: Config) -> Result<Self> {
        Ok(Self { handle: Arc::new(AppHandle { app: Arc::new(App::new(config)?) }) })
    }

    /// Logs a person in with the device authorization grant (RFC 8628). Dropping the job cancels the login, unless the
    /// person has approved it already.
    ///
    /// # Errors
    /// `Denied` and `CodeExpired` as the person decides; `Custody` if no key store takes the key or the state folder cannot be
    /// written; `Unreachable`, `Protocol` and `AuthorizationServer` as the server answers; `Config`; `Cancelled`.
    pub fn login(&self, mut login: Login) -> Job<Session> {
        let (handle, cancel) = (self.handle.clone(), login.begin());
        self.spawn(move |app| login::run(app, &login))
            .and_then(|context| Ok(Session::of_login(handle, context)))
            .cancelled_on_drop(cancel)
    }

    /// Takes over a login that another program made: an older version of this tool, or a library with its own code exchange.
    ///
    /// Seals the old refresh token, exchanges it at once (a server that rotates tokens then refuses every copy), and replaces the
    /// file by a marker, so that the old version asks for a login. The prompt shows whose login it is. If the process is killed, the
    /// next call finishes the work. A login of the same account is forgotten here; the server is not asked to end it.
    ///
    /// Call this at each start while users may have old files. The first call returns a session of the old login. Later calls
    /// return the selected session, as [`session_for`](Self::session_for) does: they ask nobody and send nothing if the file is
    /// missing, is empty, has the marker, or has not changed since the server refused its token. With a token in the environment,
    /// nothing is taken over. An access token without a refresh token is kept until it expires.
    ///
    /// See [`manual::replace`](crate::manual::replace) for the whole change.
    ///
    /// # Errors
    /// - `Expired`, `Revoked` and `Interrupted`: the server refuses the old token.
    /// - `Unreachable`, `Protocol` and `AuthorizationServer`: as the server answers. If it may have exchanged the token, the next
    ///   call goes on with the sealed one; otherwise the old file still works.
    /// - `Config`: the name belongs to another account; the login is kept under another name.
    /// - `Custody`: no key store takes the key; or others could have written the file, and nobody is logged in.
    pub fn adopt(&self, adoption: Adoption) -> Job<Session> {
        let (handle, select) = (self.handle.clone(), adoption.selector());
        let has_token = self.app().config.environment.token.is_some() && select.context.is_none();
        match adoption::has_old_login(self.app(), &adoption) {
            Ok(true) if !has_token => {}
            Err(error) if !has_token => return Job::from(self.session_for(&select).map_err(|_| error)),
            _ => return Job::from(self.session_for(&select)),
        }
        self.spawn(move |app| adoption::run(app, &adoption)).and_then(move |context| match context {
            Some(context) => Ok(Session::of_login(handle, context)),
            None => Self { handle }.session_for(&select),
        })
    }

    /// Returns a session for the selected context: the one that the environment names
    /// ([`Variables::context`](crate::config::Variables::context)), else the one that is pinned to the current folder, else the
    /// default, else the only one. If the environment has a token ([`Variables::token`](crate::config::Variables::token)), returns a
    /// session for that token.
    ///
    /// Contexts of another issuer or client in the same state folder do not count as the default or the only one. If one is named, the
    /// session gives no token: that is a `Config` error, and nothing is sent.
    ///
    /// # Errors
    /// `NotLoggedIn` if nobody is logged in, or if several are and none is selected; `NoSuchContext` if the selected context does not exist;
    /// `Custody` if the index cannot be read.
    pub fn session(&self) -> Result<Session> {
        self.session_for(&Selector::default())
    }

    /// Returns a session for the context that `select` names. A context named there takes precedence over a token in the environment.
    ///
    /// # Errors
    /// Those of [`session`](Self::session).
    pub fn session_for(&self, select: &Selector) -> Result<Session> {
        let config = &self.app().config;
        if let (Some(token), None) = (&config.environment.token, &select.context) {
            if !token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
                let variable = config.environment.variables.token_name();
                return Err(Error::config(Setting::Token, format!("{variable} holds characters that no token has")));
            }
            return Ok(Session::of_environment(self.handle.clone(), token.clone()));
        }
        let context = self.app().select(select)?;
        Ok(Session::of_context(self.handle.clone(), context))
    }

    /// Returns a session with a valid token for the context that `login` names, or for the selected one, and logs in first if that is
    /// needed.
    ///
    /// Without a terminal ([`Environment::terminal`](crate::config::Environment::terminal)) it does not log in: it returns an error that
    /// [`needs_login`](Error::needs_login). If the server is unreachable, it does not log in either. It returns an
    /// existing login as it is: for other scopes or a step-up, call [`login`](Self::login).
    ///
    /// ```no_run
    /// # fn main() -> hallpass::Result<()> {
    /// # let config = hallpass::Config::new("acme", "https://id.example.com", "acme-cli")?;
    /// use hallpass::{Auth, Login, Terminal};
    ///
    /// let auth = Auth::new(config)?;
    /// let session = auth.session_or_login(Login::new(Terminal::stderr())).wait()?;
    /// # drop(session);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`session_for`](Self::session_for), [`Session::access_token`] and [`login`](Self::login).
    pub fn session_or_login(&self, mut login: Login) -> Job<Session> {
        let select = Selector { context: login.context.clone(), org: login.org.clone() };
        let session = match login.check().and_then(|()| self.session_for(&select)) {
            Ok(session) if session.cached_token(TokenRequest::default()).is_some() => return Job::from(Ok(session)),
            session => session,
        };
        // The new login replaces the one that has ended.
        login.context = login.context.or_else(|| explicitly_chosen(session.as_ref().ok()?));
        let fetching = match &session {
            Ok(session) => session.fetch(TokenRequest::default()),
            Err(error) => Fetching::Done(Err(error.clone())),
        };
        let (handle, cancel) = (self.handle.clone(), login.begin());
        self.spawn(move |app| match fetching.wait_unless_cancelled(&login.cancel) {
            Ok(_) => Ok(None),
            Err(why) => login::run_instead(app, &login, why).map(Some),
        })
        .and_then(|context| match context {
            Some(context) => Ok(Session::of_login(handle, context)),
            None => session,
        })
        .cancelled_on_drop(cancel)
    }

    /// Returns a valid access token for the context that is selected at this call.
    ///
    /// For programs that run for long, such as servers and editors: each call reads one small file, and so finds a login that another
    /// process has made, replaced or switched to since the last call. A [`Session`] keeps to its login, and does not read that file.
    ///
    /// # Errors
    /// Those of [`session`](Self::session) and [`Session::access_token`].
    pub fn access_token(&self) -> Job<AccessToken> {
        match self.session() {
            Ok(session) => session.access_token(),
            Err(error) => Job::from(Err(error)),
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

    /// Returns whether this configuration can use the context: it is of the configuration's issuer, or of an org's issuer
    /// ([`Orgs::ByIssuer`](crate::config::Orgs::ByIssuer)), and of its client. Only such a context is selected if nobody names one.
    pub fn can_use(&self, context: &Context) -> bool {
        self.app().config.owns(&context.account.issuer, &context.client_id)
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
    /// `NoSuchContext`; `Config` if the context is of another issuer or client; `Custody` if the index cannot be read or written.
    pub fn switch(&self, context: &ContextName) -> Job<Context> {
        let name = context.clone();
        self.spawn(move |app| switch::to(app, &name))
    }

    /// Returns the context of another org of the selected account, for [`switch`](Self::switch). Makes it if one login serves all
    /// orgs ([`Orgs`](crate::config::Orgs)) and the server gives a token for this org.
    ///
    /// # Errors
    /// `NotLoggedIn` if the org needs its own login, `Denied` if the server gives no token for it; those of
    /// [`Session::access_token`].
    pub fn context_for_org(&self, org: &Org) -> Job<ContextName> {
        let org = org.clone();
        self.spawn(move |app| switch::context_for_org(app, &org))
    }

    /// Makes this context the selected one in the current folder ([`Environment::folder`](crate::config::Environment::folder)) and below
    /// it, by its real path. The innermost rule wins. All rules are kept in the state folder; nothing in a project is read.
    ///
    /// # Errors
    /// Those of [`switch`](Self::switch), and `Config` if the folder is another user's.
    pub fn pin_folder(&self, context: &ContextName) -> Job<Context> {
        let name = context.clone();
        self.spawn(move |app| switch::pin_folder(app, &name))
    }

    /// Removes the rule of the current folder, and returns the context that it named. Rules of the folders around it stay.
    ///
    /// # Errors
    /// `Config` if there is no current folder; `Custody` if the index cannot be read or written.
    pub fn unpin_folder(&self) -> Job<Option<ContextName>> {
        self.spawn(switch::unpin_folder)
    }

    /// Gives a context another name, and opens its login for that: only its key proves the new name. The default and folder rules
    /// follow; existing sessions are unaffected.
    ///
    /// # Errors
    /// `NoSuchContext`; `Config` if another one has the name; `Custody` if the login's key cannot be read, or
    /// the index cannot be read or written.
    pub fn rename(&self, old: &ContextName, new: &ContextName) -> Job<Context> {
        let (old, new) = (old.clone(), new.clone());
        self.spawn(move |app| switch::rename(app, &old, &new))
    }

    /// Ends logins: revokes them at the server (RFC 7009), then erases them here. If one login cannot be ended, the others still are.
    ///
    /// # Errors
    /// `NotLoggedIn` if nobody is logged in; `NoSuchContext`; `Unreachable` and `AuthorizationServer` if the server could not be asked to revoke:
    /// then the login still exists.
    pub fn logout(&self, logout: Logout) -> Job<Outcomes<LoggedOut>> {
        self.spawn(move |app| logout::run(app, &logout))
    }

    /// Moves the keys of logins to another key store. If it is killed at any step, the logins work, and repeating the move finishes it. If one
    /// key cannot be moved, the others still are.
    ///
    /// # Errors
    /// `NotLoggedIn` if nobody is logged in; `NoSuchContext`; `Config` if the host does not allow the key store; `Custody` if one of the
    /// key stores does not give or take a key: then the key stays in its key store.
    pub fn move_keys(&self, keys: MoveKeys) -> Job<Outcomes<MoveOutcome>> {
        self.spawn(move |app| move_keys::run(app, &keys))
    }

    /// Examines this machine, the key stores, the logins and the server, and reports what works and what does not. Changes
    /// no login, asks nobody, and shows no secret.
    pub fn doctor(&self) -> Job<Report> {
        self.spawn(|app| Ok(doctor::examine(app)))
    }

    /// Repairs what [`doctor`](Self::doctor) calls repairable, and returns what was done and what was not. Closes a state folder that
    /// others can read, unless a variable names it. Takes a name from a record that does not prove it, and names the record anew. Names
    /// logins that the index lost. Removes names without a record, and keys that this folder proves to be unused, in the kernel too.
    ///
    /// # Errors
    /// `Custody` if something cannot be written.
    pub fn repair(&self) -> Job<Repaired> {
        self.spawn(doctor::repair)
    }

    /// Waits until no job of this `Auth` is running, at most `timeout`. Returns whether none is. It does not stop a login that waits for its
    /// person: drop its [`Job`], or cancel it.
    pub fn shutdown(&self, timeout: Duration) -> bool {
        self.app().jobs.shutdown(timeout)
    }

    /// Waits until no job of any `Auth` in this process is running, at most `timeout`. Returns whether none is.
    ///
    /// For the end of `main` in a program that keeps an `Auth` in a `static`, or does not know who keeps one.
    pub fn shutdown_all(timeout: Duration) -> bool {
        Jobs::shutdown_all(timeout)
    }

    /// Starts `work` on its own thread. Only the job holds the handle: the last handle to be dropped waits for the thread (law 4).
    pub(crate) fn spawn<T: Send + 'static>(&self, work: impl FnOnce(&App) -> Result<T> + Send + 'static) -> Job<T> {
        let app = self.handle.app.clone();
        Job::started(self.handle.clone(), self.app().jobs.start(move || work(&app)))
    }

    pub(crate) fn app(&self) -> &App {
        &self.handle.app
    }
}

/// Returns the name of the session's context, if somebody named it. If nobody did, another person may log in.
fn explicitly_chosen(session: &Session) -> Option<ContextName> {
    let context = session.context()?;
    let is_named = !matches!(context.chosen_by, Some(ChosenBy::Default | ChosenBy::Only));
    is_named.then(|| context.name.clone())
}
