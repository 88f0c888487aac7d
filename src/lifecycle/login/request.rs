//! [`Login`]: what a host asks for, and what follows from it with the configuration.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::custody::Lifetime;
use crate::lifecycle::config::Config;
use crate::lifecycle::contexts::Index;
use crate::model::error::{Error, Remedy, Result};
use crate::model::ids::{ContextName, EnvironmentName, Org};
use crate::model::provenance::Owner;
use crate::model::sanitize::quoted;
use crate::model::scopes::Scopes;
use crate::model::setting::Setting;
use crate::oauth::org_selection::Orgs;
use crate::prompt::Prompt;
use crate::system::clock::Cancel;

/// A login to make: how the person is asked, and what for. Each method sets one thing; the configuration decides the rest.
///
/// ```no_run
/// # fn main() -> hallpass::Result<()> {
/// # let auth = hallpass::Auth::new(hallpass::Config::new("acme", "https://id.example.com", "acme-cli")?)?;
/// use hallpass::{Login, Terminal};
///
/// let session = auth.login(Login::new(Terminal::stderr()).context("work").scopes("openid deploy")).wait()?;
/// # drop(session);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Login {
    pub(crate) prompt: Arc<dyn Prompt>,
    pub(crate) context: Option<ContextName>,
    pub(crate) org: Option<Org>,
    pub(in crate::lifecycle) scopes: Option<Scopes>,
    /// Of the device authorization request, by name.
    parameters: Vec<(String, String)>,
    pub(super) acr_values: Option<String>,
    pub(super) max_age: Option<Duration>,
    pub(in crate::lifecycle) lifetime: Lifetime,
    pub(in crate::lifecycle) replace: bool,
    pub(in crate::lifecycle) environment: Option<EnvironmentName>,
    pub(super) owner: Option<Owner>,
    pub(super) ticket: Option<String>,
    pub(super) reason: Option<String>,
    /// Whether a browser may open.
    pub(super) browser: bool,
    pub(crate) cancel: Cancel,
    /// The first value that could not be read.
    invalid: Option<Error>,
}

impl Login {
    /// Makes a login that shows the person its code through `prompt`: [`Terminal`](crate::Terminal), or one of [`prompt`](crate::prompt).
    /// A prompt holds no [`Auth`](crate::Auth): it would keep the app alive, and its last drop waits for no job.
    pub fn new(prompt: impl Prompt + 'static) -> Self {
        Self {
            prompt: Arc::new(prompt),
            context: None,
            org: None,
            scopes: None,
            parameters: Vec::new(),
            acr_values: None,
            max_age: None,
            lifetime: Lifetime::Usual,
            replace: false,
            environment: None,
            owner: None,
            ticket: None,
            reason: None,
            browser: true,
            cancel: Cancel::new(),
            invalid: None,
        }
    }

    /// Names the context: takes a [`ContextName`] or its text. The default is the name that the account has here, else a name that is made
    /// of its e-mail address or name.
    ///
    /// An invalid text is a `Config` error of the login.
    pub fn context(mut self, name: impl TryInto<ContextName, Error: Into<Error>>) -> Self {
        self.context = self.read(name);
        self
    }

    /// Names the org that the tokens are for. Overrides the environment. If the server has no orgs, that is a `Config` error of the login.
    pub fn org(mut self, org: impl TryInto<Org, Error: Into<Error>>) -> Self {
        self.org = self.read(org);
        self
    }

    /// Asks for these scopes instead of the configuration's: takes [`Scopes`] or their text, separated by spaces.
    pub fn scopes(mut self, scopes: impl TryInto<Scopes, Error: Into<Error>>) -> Self {
        self.scopes = self.read(scopes);
        self
    }

    /// Names the person to the server's page, as a hint (`login_hint`, OpenID Connect Core §3.1.2.1).
    pub fn login_hint(self, login_hint: &str) -> Self {
        self.parameter("login_hint", login_hint)
    }

    /// Makes the server's page ask even if it knows the answer: `login`, `consent`, `select_account` (`prompt`, OpenID Connect Core
    /// §3.1.2.1).
    pub fn oidc_prompt(self, prompt: &str) -> Self {
        self.parameter("prompt", prompt)
    }

    /// Adds a parameter to the device authorization request, instead of one of that name in
    /// [`Config::login_parameters`](crate::Config::login_parameters). A parameter that the protocol sets is an error of the login.
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Says how the person authenticates, in the server's words, best first and separated by spaces (`acr_values`, OpenID
    /// Connect Core §3.1.2.1).
    pub fn acr_values(mut self, acr_values: &str) -> Self {
        self.acr_values = Some(acr_values.to_owned());
        self
    }

    /// Limits how long ago the person may have authenticated, in whole seconds (`max_age`, OpenID Connect Core §3.1.2.1).
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Says how long the key is kept. The default is [`Lifetime::Usual`].
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Allows this login to take the name of a context that belongs to another account. Otherwise that is an error.
    pub fn replace(mut self) -> Self {
        self.replace = true;
        self
    }

    /// Says what the login is for, such as `sandbox` or `production`: takes an [`EnvironmentName`] or its text. It stays so for all the life
    /// of the login: a login for another environment is another login. The default is that of the context's login before, else none.
    pub fn environment(mut self, environment: impl TryInto<EnvironmentName, Error: Into<Error>>) -> Self {
        self.environment = self.read(environment);
        self
    }

    /// Says who answers for the login: takes an [`Owner`] or its text, such as `team:payments`. The default is the owner of the
    /// context's login before, else none. [`Auth::change_owner`](crate::Auth::change_owner) changes it.
    pub fn owner(mut self, owner: impl TryInto<Owner, Error: Into<Error>>) -> Self {
        self.owner = self.read(owner);
        self
    }

    /// Names the ticket that asked for the login. Only the first 200 visible characters are kept.
    pub fn ticket(mut self, ticket: &str) -> Self {
        self.ticket = Some(quoted(ticket)).filter(|ticket| !ticket.is_empty());
        self
    }

    /// Says why the login is made. Only the first 200 visible characters are kept.
    pub fn reason(mut self, reason: &str) -> Self {
        self.reason = Some(quoted(reason)).filter(|reason| !reason.is_empty());
        self
    }

    /// Says whether a browser may open. The default is true: it opens if the person would see it.
    pub fn browser(mut self, browser: bool) -> Self {
        self.browser = browser;
        self
    }

    /// Lets `cancel` end the login until the person has approved. An approved login is kept.
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    fn read<T>(&mut self, value: impl TryInto<T, Error: Into<Error>>) -> Option<T> {
        match value.try_into() {
            Ok(value) => Some(value),
            Err(error) => {
                self.invalid.get_or_insert_with(|| error.into());
                None
            }
        }
    }

    /// Gives the login that begins now a `cancel` of its own, which follows the host's: dropping its job ends no other login.
    pub(crate) fn begin(&mut self) -> Cancel {
        self.cancel = self.cancel.follower();
        self.cancel.clone()
    }

    /// Returns the error of a value that could not be read.
    pub(crate) fn check(&self) -> Result<()> {
        self.invalid.clone().map_or(Ok(()), Err)
    }

    /// Returns the name that the host or the environment gives the login.
    pub(in crate::lifecycle) fn context_name(&self, config: &Config) -> Result<Option<ContextName>> {
        match (&self.context, &config.environment.context) {
            (Some(name), _) => Ok(Some(name.clone())),
            (None, Some(text)) => text.parse().map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Returns the org that the host or the environment gives the login. A new login of an existing context is for the same org.
    pub(in crate::lifecycle) fn requested_org(
        &self,
        config: &Config,
        name: Option<&ContextName>,
        index: &Index,
    ) -> Result<Option<Org>> {
        let in_environment = || config.environment.org.as_ref().map(|text| text.parse());
        match self.org.clone().map(Ok).or_else(in_environment).transpose()? {
            Some(org) if config.orgs.selection == Orgs::None => Err(Error::config(
                Setting::Org,
                format!("the org {org} was asked for, and {} has none", config.issuer.host()),
            )),
            Some(org) => Ok(Some(org)),
            None if config.orgs.selection == Orgs::None || self.replace => Ok(None),
            None => Ok(name.and_then(|name| index.get(name)).and_then(|entry| entry.org.clone())),
        }
    }

    /// Returns what the login is for. A new login of an existing context is for the same.
    pub(in crate::lifecycle) fn requested_environment(
        &self,
        name: Option<&ContextName>,
        index: &Index,
    ) -> Option<EnvironmentName> {
        let of_context = || index.get(name?).filter(|_| !self.replace)?.environment.clone();
        self.environment.clone().or_else(of_context)
    }

    /// Returns the further parameters of the device authorization request, by name.
    pub(super) fn further_parameters<'a>(
        &'a self,
        config: &'a Config,
        org: Option<&'a Org>,
    ) -> Vec<(&'a str, &'a str)> {
        // RFC 6749 §3.2: "Request and response parameters MUST NOT be included more than once."
        let is_replaced = |name: &str| self.parameters.iter().any(|(own, _)| own == name);
        let configured = config.login_parameters.iter().filter(|(name, _)| !is_replaced(name));
        let by_hand = configured.chain(&self.parameters);
        let by_hand = by_hand.map(|(name, value)| (name.as_str(), value.as_str()));
        config.orgs.selection.login_parameter(org).into_iter().chain(by_hand).collect()
    }

    pub(in crate::lifecycle) fn check_cancelled(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// Fits the remedy of a failed login to this request: these scopes are not in the configuration, and the next try is for the same name.
    pub(in crate::lifecycle) fn with_own_remedy(&self, error: Error) -> Error {
        match (error.remedy(), &self.context) {
            (Some(Remedy::FixConfig { setting: Setting::Scopes }), _) if self.scopes.is_some() => {
                error.with(Remedy::FixConfig { setting: Setting::Scope })
            }
            (Some(Remedy::LogIn { context: None }), Some(name)) => {
                error.with(Remedy::LogIn { context: Some(name.to_string()) })
            }
            _ => error,
        }
    }
}

/// How a person has to authenticate again, because an API asks for it (RFC 9470). It comes with
/// [`AfterRefusal::StepUp`](crate::AfterRefusal::StepUp).
///
/// ```no_run
/// # fn call(auth: hallpass::Auth, after: hallpass::AfterRefusal) -> hallpass::Result<()> {
/// use hallpass::{AfterRefusal, Terminal};
///
/// if let AfterRefusal::StepUp(step_up) = after {
///     let session = auth.login(step_up.login(Terminal::stderr())).wait()?; // go on with this session
/// #   drop(session);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StepUp {
    /// How the person authenticates, in the server's words, best first and separated by spaces.
    pub acr_values: Option<String>,
    /// How long ago the person may have authenticated at most.
    pub max_age: Option<Duration>,
    pub(crate) context: ContextName,
    pub(crate) org: Option<Org>,
    pub(crate) scopes: Option<Scopes>,
}

impl StepUp {
    /// Makes the login that the API asks for. It replaces the login of the session, with the same org and scopes: an API does not
    /// choose what a person approves.
    pub fn login(self, prompt: impl Prompt + 'static) -> Login {
        Login {
            context: Some(self.context),
            org: self.org,
            scopes: self.scopes,
            acr_values: self.acr_values,
            max_age: self.max_age,
            ..Login::new(prompt)
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { context, org, scopes, lifetime, replace, .. } = self;
        f.debug_struct("Login")
            .field("context", context)
            .field("org", org)
            .field("scopes", scopes)
            .field("lifetime", lifetime)
            .field("replace", replace)
            .finish_non_exhaustive()
    }
}
