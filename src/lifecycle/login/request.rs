//! [`LoginRequest`]: what a host asks for, and what follows from it with the configuration.

use std::time::Duration;

use crate::lifecycle::config::Config;
use crate::lifecycle::contexts::Index;
use crate::model::error::{Error, Remedy, Result};
use crate::model::ids::{ContextName, Org};
use crate::model::scopes::Scopes;
use crate::oauth::org_selection::Orgs;
use crate::system::clock::Cancel;

/// What a login is for, and how the person logs in.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LoginRequest {
    /// The name of the context. The default is the account's name here, else one made of its e-mail address or name.
    pub context: Option<ContextName>,
    /// The org that its tokens are for; it overrides `<APP>_ORG`. An error if the server has no orgs.
    pub org: Option<Org>,
    /// Who logs in, as a hint for the server's page (`login_hint`, OpenID Connect Core §3.1.2.1).
    pub login_hint: Option<String>,
    /// What the server's page asks even if it knows the answer: `login`, `consent`, `select_account` (`prompt`, OpenID Connect Core
    /// §3.1.2.1).
    pub prompt: Option<String>,
    /// Further parameters of the device authorization request, each a name and a value.
    pub parameters: Vec<(String, String)>,
    /// The scopes. The default is the configuration's.
    pub scopes: Option<Scopes>,
    /// Allows the context to pass from another account to this one. The default is false.
    pub replace: bool,
    /// How the person authenticates, in the server's words, best first and separated by spaces (`acr_values`, OpenID
    /// Connect Core §3.1.2.1).
    pub acr_values: Option<String>,
    /// How long ago the person may have authenticated at most (`max_age`, OpenID Connect Core §3.1.2.1).
    pub max_age: Option<Duration>,
    /// Keeps the key only until this login session ends, or this process: for a machine that is not the person's own. The default is false.
    pub ephemeral: bool,
    /// Refuses a key store that forgets the key when this process ends, before anything is asked: for a login that other processes use. The
    /// default is false.
    pub lasting: bool,
    /// Cancels the login. After the person has approved it has no effect: what was granted is kept.
    pub cancel: Cancel,
}

impl LoginRequest {
    /// Returns the name that the login is asked to have.
    pub(super) fn context_name(&self, config: &Config) -> Result<Option<ContextName>> {
        match (&self.context, &config.environment.context) {
            (Some(name), _) => Ok(Some(name.clone())),
            (None, Some(text)) => text.parse().map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Returns the org that the login is asked to be for. A context that is logged in to again stays one of its org.
    pub(super) fn org(&self, config: &Config, name: Option<&ContextName>, index: &Index) -> Result<Option<Org>> {
        let in_environment = || config.environment.org.as_ref().map(|text| text.parse());
        match self.org.clone().map(Ok).or_else(in_environment).transpose()? {
            Some(org) if config.orgs == Orgs::None => {
                Err(Error::config("org", format!("the org {org} was asked for, and {} has none", config.issuer.host())))
            }
            Some(org) => Ok(Some(org)),
            None if config.orgs == Orgs::None || self.replace => Ok(None),
            None => Ok(name.and_then(|name| index.get(name)).and_then(|entry| entry.org.clone())),
        }
    }

    /// Returns the parameters of the authorization request that have no field of their own, by name.
    pub(super) fn further_parameters<'a>(
        &'a self,
        config: &'a Config,
        org: Option<&'a Org>,
    ) -> Vec<(&'a str, &'a str)> {
        let hints = [("login_hint", &self.login_hint), ("prompt", &self.prompt)];
        let hints = hints.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let by_hand = config.login_parameters.iter().chain(&self.parameters);
        let by_hand = by_hand.map(|(name, value)| (name.as_str(), value.as_str()));
        hints.chain(config.orgs.login_parameter(org)).chain(by_hand).collect()
    }

    pub(super) fn check_cancelled(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// Makes the remedy of a failed login that of this request: its scopes are not in the configuration, and the next try is for the same
    /// name.
    pub(super) fn with_own_remedy(&self, error: Error) -> Error {
        match (error.remedy(), &self.context) {
            (Some(Remedy::FixConfig { field: "scopes" }), _) if self.scopes.is_some() => {
                error.with(Remedy::FixConfig { field: "scope" })
            }
            (Some(Remedy::LogIn { context: None }), Some(name)) => {
                error.with(Remedy::LogIn { context: Some(name.to_string()) })
            }
            _ => error,
        }
    }
}
