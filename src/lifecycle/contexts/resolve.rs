//! Which context is selected, and by which rule. All is read from one index, so a concurrent switch cannot mix two choices.
//!
//! Several configurations can share a state folder. A context of another issuer or client is selected only by its name, and then it is
//! an error before anything is sent (law 16). If nobody names such a context, it does not count.

use std::path::PathBuf;

use super::{Entry, Index};
use crate::lifecycle::config::Config;
use crate::model::account::Account;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{ContextName, Org};
use crate::model::setting::Setting;
use crate::oauth::org_selection::Orgs;
use crate::system::environment::Environment;

/// Selects a context.
///
/// ```no_run
/// # fn main() -> hallpass::Result<()> {
/// # let auth = hallpass::Auth::new(hallpass::Config::new("acme", "https://id.example.com", "acme-cli")?)?;
/// use hallpass::Selector;
///
/// let work = auth.session_for(&Selector::context("work".parse()?))?;
/// let globex = auth.session_for(&Selector::default().org("globex".parse()?))?; // the selected context, in an org
/// # drop((work, globex));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Selector {
    /// The name of the context. Overrides the environment, the rules of folders and the default. The default is none.
    pub context: Option<ContextName>,
    /// The org that tokens are for. Overrides the environment, which overrides the org of the context. The default is none.
    pub org: Option<Org>,
}

impl Selector {
    /// Selects the context of this name.
    pub fn context(name: ContextName) -> Self {
        Self { context: Some(name), org: None }
    }

    /// Selects the org that tokens are for.
    pub fn org(self, org: Org) -> Self {
        Self { org: Some(org), ..self }
    }
}

/// Which logins an operation is about: one, or all. A [`Selector`] converts into one.
///
/// ```no_run
/// # fn main() -> hallpass::Result<()> {
/// # let auth = hallpass::Auth::new(hallpass::Config::new("acme", "https://id.example.com", "acme-cli")?)?;
/// use hallpass::Selector;
/// use hallpass::contexts::Logout;
///
/// let ended = auth.logout(Logout::new(Selector::context("work".parse()?))).wait()?;
/// # drop(ended);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Logins {
    /// The login of one context.
    Selected(Selector),
    /// All logins of this state folder.
    All,
}

impl Default for Logins {
    /// The login of the context that is selected here.
    fn default() -> Self {
        Self::Selected(Selector::default())
    }
}

impl From<Selector> for Logins {
    fn from(selector: Selector) -> Self {
        Self::Selected(selector)
    }
}

/// The rule that selected a context. The rules are tried in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChosenBy {
    /// An argument names it, or [`Selector::context`].
    Argument,
    /// The environment names it ([`Variables::context`](crate::config::Variables::context)).
    Environment,
    /// The rule of this folder names it. Of the folders that have a rule, it is the innermost around the current one.
    Folder(PathBuf),
    /// It is the default.
    Default,
    /// It is the only context of the configuration's issuer and client.
    Only,
}

/// The name of the selected context, which may not exist, and the rule that selected it.
pub(super) type Choice = (ContextName, ChosenBy);

impl ChosenBy {
    /// Returns the name in JSON output, in `snake_case`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Argument => "argument",
            Self::Environment => "environment",
            Self::Folder(_) => "folder",
            Self::Default => "default",
            Self::Only => "only",
        }
    }

    /// Describes the rule for an error; `None` if it is plain to the reader.
    pub(crate) fn describe(&self, environment: &Environment) -> Option<String> {
        match self {
            Self::Environment => {
                Some(format!("named by {}", environment.variables.context.as_deref().unwrap_or("the environment")))
            }
            Self::Folder(folder) => Some(format!("named by the rule of {}", folder.display())),
            Self::Default => Some("the default".into()),
            Self::Argument | Self::Only => None,
        }
    }
}

impl Index {
    /// Returns the selected entry: by argument, by environment, by the rule of this folder, by default, or the only own one.
    pub(crate) fn resolve(&self, selector: &Selector, config: &Config) -> Result<(&Entry, ChosenBy)> {
        self.find(self.choose(selector, config)?, config)
    }

    /// Returns the entry that is selected if no argument names one; `None` also if the environment has a token, which overrides all.
    pub(crate) fn selected_here(&self, config: &Config) -> Option<(&Entry, ChosenBy)> {
        match config.environment.token {
            Some(_) => None,
            None => self.resolve(&Selector::default(), config).ok(),
        }
    }

    /// Returns the entries of these logins, one for each grant.
    pub(crate) fn select(&self, logins: &Logins, config: &Config) -> Result<Vec<Entry>> {
        match logins {
            // A person who ends all logins believes that none is left.
            Logins::All if self.contexts.is_empty() && self.unnamed_records > 0 => Err(self.no_login()),
            Logins::All => Ok(self.contexts.iter().filter(|entry| self.is_first_of_grant(entry)).cloned().collect()),
            Logins::Selected(selector) => Ok(vec![self.in_org(self.resolve(selector, config)?.0, selector, config)?]),
        }
    }

    /// Returns the chosen entry. If nothing was chosen, or only the default of another issuer or client, returns this configuration's default,
    /// or its only entry.
    pub(crate) fn find(&self, choice: Option<Choice>, config: &Config) -> Result<(&Entry, ChosenBy)> {
        let Some((name, by)) = choice else {
            return match self.own_default(config) {
                Some(entry) => Ok((entry, ChosenBy::Default)),
                None => self.only(config).map(|entry| (entry, ChosenBy::Only)),
            };
        };
        match self.get(&name) {
            Some(entry) if by == ChosenBy::Default && !entry.is_own(config) => self.find(None, config),
            Some(entry) => Ok((entry, by)),
            // It may be one of the records that have lost their names.
            None if self.contexts.is_empty() && self.unnamed_records > 0 => Err(self.no_login()),
            None => {
                let by = by.describe(&config.environment).map(|by| format!(" ({by})")).unwrap_or_default();
                Err(Error::new(self.kind_of_no_context(config), format!("there is no login named {name}{by}"))
                    .with(Remedy::LogIn { context: Some(name.to_string()) }))
            }
        }
    }

    /// Returns the entry for the requested org and the account of `entry`: `entry` itself if one login serves all orgs, otherwise the
    /// login of that org.
    pub(crate) fn in_org(&self, entry: &Entry, selector: &Selector, config: &Config) -> Result<Entry> {
        let Some(org) = requested_org(selector, config)? else { return Ok(entry.clone()) };
        if entry.org.as_ref() == Some(&org) || config.orgs.selection.is_per_token() {
            return Ok(Entry { asked: Some(org), ..entry.clone() });
        }
        let mut of_org = self.contexts.iter().filter(|other| other.org.as_ref() == Some(&org));
        let own = of_org.find(|other| {
            is_same_person(&entry.account, &other.account, &config.orgs.selection)
                && other.client_id == entry.client_id
                && other.is_own(config) == entry.is_own(config)
        });
        own.cloned().ok_or_else(|| not_in_org(entry, &org, &config.orgs.selection))
    }

    /// Restores the default and the rules of folders from `before`, if their contexts are here again. Returns a line for each that is
    /// lost.
    pub(crate) fn restore_selection(&mut self, before: &Self) -> Vec<String> {
        let mut lost: Vec<_> = self.restore_default(before).err().into_iter().collect();
        self.other_defaults = before.other_defaults.iter().filter(|name| self.get(name).is_some()).cloned().collect();
        for rule in &before.folders {
            if self.get(&rule.context).is_none() {
                lost.push(format!("the rule of {} is gone: it named {}", rule.folder.display(), rule.context));
            } else if self.folders.iter().all(|own| own.folder != rule.folder) {
                self.folders.push(rule.clone());
            }
        }
        lost
    }

    fn restore_default(&mut self, before: &Self) -> Result<(), String> {
        match &before.default {
            Some(name) if self.get(name).is_some() => {
                self.default = Some(name.clone());
                return Ok(());
            }
            None if self.contexts.len() == 1 => return Ok(()),
            _ => self.default = None,
        }
        match &before.default {
            Some(name) => Err(format!("no login is the default now: it was {name}")),
            // The names were lost, and the default with them.
            None if before.contexts.is_empty() => Err("no login is the default now".into()),
            None => Ok(()),
        }
    }

    /// Returns the name that an argument, the environment, a folder's rule or the default selects, whether or not it exists.
    pub(super) fn choose(&self, selector: &Selector, config: &Config) -> Result<Option<Choice>> {
        if let Some(name) = &selector.context {
            return Ok(Some((name.clone(), ChosenBy::Argument)));
        }
        if let Some(name) = &config.environment.context {
            return Ok(Some((name.parse()?, ChosenBy::Environment)));
        }
        if let Some(rule) = self.rule_around(config.environment.folder.as_deref()) {
            return Ok(Some((rule.context.clone(), ChosenBy::Folder(rule.folder.clone()))));
        }
        Ok(self.default.as_ref().map(|name| (name.clone(), ChosenBy::Default)))
    }

    fn only(&self, config: &Config) -> Result<&Entry> {
        match self.own(config).as_slice() {
            [only] => Ok(only),
            [] if self.contexts.is_empty() => Err(self.no_login()),
            [] => {
                let (issuer, client) = (&config.issuer, &config.client_id);
                let message = format!(
                    "nobody is logged in to {issuer} with the client {client}; the logins here are of other servers or clients"
                );
                Err(Error::new(ErrorKind::NotLoggedIn, message).with(Remedy::LogIn { context: None }))
            }
            _ => Err(Error::new(ErrorKind::NotLoggedIn, "there are several logins and no default")
                .with(Remedy::ChooseContext { contexts: self.own_names(config) })),
        }
    }

    /// Returns whether no earlier entry has the same grant.
    fn is_first_of_grant(&self, entry: &Entry) -> bool {
        self.of_grant(&entry.grant).is_some_and(|first| first.name == entry.name)
    }

    fn no_login(&self) -> Error {
        let (message, remedy) = match self.unnamed_records {
            0 => ("nobody is logged in".to_owned(), Remedy::LogIn { context: None }),
            1 => ("no login has a name, and there is the record of one that has lost it".to_owned(), Remedy::Repair),
            several => (
                format!("no login has a name, and there are the records of {several} that have lost theirs"),
                Remedy::Repair,
            ),
        };
        Error::new(ErrorKind::NotLoggedIn, message).with(remedy)
    }
}

fn requested_org(selector: &Selector, config: &Config) -> Result<Option<Org>> {
    match (&selector.org, &config.environment.org) {
        (Some(org), _) => Ok(Some(org.clone())),
        (None, Some(text)) => Ok(Some(text.parse()?)),
        (None, None) => Ok(None),
    }
}

fn is_same_person(one: &Account, other: &Account, orgs: &Orgs) -> bool {
    match orgs {
        // Each org has its own issuer, and a subject is unique within its issuer only: the address decides.
        Orgs::ByIssuer(_) => one.email.is_some() && one.email == other.email,
        _ => other.is(one),
    }
}

fn not_in_org(entry: &Entry, org: &Org, orgs: &Orgs) -> Error {
    match orgs {
        Orgs::None => Error::config(Setting::Org, format!("the login {} has no orgs to choose from", entry.name)),
        _ => Error::new(ErrorKind::NotLoggedIn, format!("{} is not logged in to the org {org}", entry.account))
            .with(Remedy::LogInTo { org: org.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::tests::{entry, index};
    use super::*;
    use crate::model::variables::Variables;
    use crate::state_dir::canonical_folder;

    #[test]
    fn argument_environment_folder_default_only_one_in_this_order() {
        let folder = tempfile::tempdir().unwrap();
        let real = canonical_folder(folder.path()).unwrap();
        let mut index = index(&[entry("a", Some("a")), entry("b", Some("b")), entry("c", Some("c"))]);
        let mut config = Config::new("acme", "https://a.example", "acme").unwrap();
        config.environment = crate::config::Environment::default();
        let name = |index: &Index, config: &Config, select: &Selector| {
            index.resolve(select, config).map(|(entry, by)| (entry.name.to_string(), by))
        };
        let (none, b) = (Selector::default(), Selector::context("B".parse().unwrap()));
        assert_eq!(name(&index, &config, &none).unwrap(), ("a".into(), ChosenBy::Default));
        index.pin(real.clone(), "b".parse().unwrap());
        config.environment.folder = Some(folder.path().to_owned());
        assert_eq!(name(&index, &config, &none).unwrap(), ("b".into(), ChosenBy::Folder(real)));
        config.environment.variables = Variables::prefixed("ACME");
        config.environment.context = Some("c".into());
        assert_eq!(name(&index, &config, &none).unwrap(), ("c".into(), ChosenBy::Environment));
        assert_eq!(name(&index, &config, &b).unwrap(), ("b".into(), ChosenBy::Argument));
        config.environment.context = Some("d".into());
        let missing = name(&index, &config, &none).unwrap_err();
        assert_eq!(missing.to_string(), "there is no login named d (named by ACME_CONTEXT)");
        config.environment = crate::config::Environment::default();
        index.remove(&"a".parse().unwrap());
        let remedy = Remedy::ChooseContext { contexts: vec!["b".into(), "c".into()] };
        assert_eq!(name(&index, &config, &none).unwrap_err().remedy(), Some(&remedy));
        index.remove(&"b".parse().unwrap());
        assert_eq!(name(&index, &config, &none).unwrap(), ("c".into(), ChosenBy::Only));
    }
}
