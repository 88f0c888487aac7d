//! The names of contexts: chosen by the person or derived from the account, and unique ignoring case.

use super::{Entry, Index};
use crate::lifecycle::config::Config;
use crate::model::account::Account;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{ClientId, ContextName, EnvironmentName, Org};

/// What makes a login one of its own: two that differ in any of these are two contexts.
#[derive(Clone, Copy)]
pub(crate) struct LoginOf<'a> {
    pub(crate) account: &'a Account,
    pub(crate) client: &'a ClientId,
    pub(crate) org: Option<&'a Org>,
    pub(crate) environment: Option<&'a EnvironmentName>,
}

impl Index {
    /// Returns the names of the entries that this configuration can use.
    pub(crate) fn own_names(&self, config: &Config) -> Vec<String> {
        self.own(config).iter().map(|entry| entry.name.to_string()).collect()
    }

    /// Returns the kind of the error that there is no context of a name: where nobody is logged in at all, no other name would do.
    pub(crate) fn kind_of_no_context(&self, config: &Config) -> ErrorKind {
        if self.own(config).is_empty() { ErrorKind::NotLoggedIn } else { ErrorKind::NoSuchContext }
    }

    /// Returns the name for a new login. A name stays with its account (law 17): another account takes it only with `replace`. A
    /// derived name is never taken from another account.
    pub(crate) fn name_for(
        &self,
        login: &LoginOf<'_>,
        wanted: Option<&ContextName>,
        replace: bool,
    ) -> Result<ContextName> {
        let LoginOf { account, client, org, environment } = *login;
        if let Some(name) = wanted {
            return match self.get(name) {
                Some(entry) if !entry.is_of(account, client) && !replace => {
                    Err(belongs_to_another(entry, account, name))
                }
                Some(entry) if entry.environment.as_ref() != environment && !replace => {
                    Err(is_for_another(entry, environment, name))
                }
                _ => Ok(name.clone()),
            };
        }
        let default = self.default.as_ref().and_then(|name| self.get(name));
        let mut own = default.into_iter().chain(&self.contexts).filter(|entry| entry.is_of(account, client));
        // A login for another org or environment is another context.
        match own.find(|entry| entry.org.as_ref() == org && entry.environment.as_ref() == environment) {
            Some(entry) => Ok(entry.name.clone()),
            None => Ok(self.derive_name(account, org, environment)),
        }
    }

    /// Derives a name from the account that no context has.
    pub(crate) fn derive_name(
        &self,
        account: &Account,
        org: Option<&Org>,
        environment: Option<&EnvironmentName>,
    ) -> ContextName {
        let base = base_name(account, org, environment);
        // Shortened, so that the number fits into 64 characters as well.
        let numbered = (2..).map(|n| ContextName::derived(&format!("{:.56}-{n}", base.as_str())));
        let free = std::iter::once(base.clone()).chain(numbered).find(|name| self.get(name).is_none());
        free.unwrap_or(base)
    }

    /// Gives a context another name. The default and the rules of folders follow.
    pub(crate) fn rename(&mut self, old: &ContextName, new: &ContextName) -> Result<()> {
        // A context may change the case of its own name.
        if let Some(taken) = self.get(new).filter(|_| old != new) {
            let message = format!("the name {} is taken: it is of {}", taken.name, taken.account);
            return Err(Error::new(ErrorKind::Config, message).with(Remedy::ChooseName { taken: new.to_string() }));
        }
        let entries = self.contexts.iter_mut().map(|entry| &mut entry.name);
        let names = entries
            .chain(&mut self.default)
            .chain(&mut self.other_defaults)
            .chain(self.folders.iter_mut().map(|rule| &mut rule.context));
        names.filter(|name| *name == old).for_each(|name| name.clone_from(new));
        Ok(())
    }
}

/// Refuses a name that another account has (law 17).
fn belongs_to_another(entry: &Entry, account: &Account, name: &ContextName) -> Error {
    let (owner, server) = (&entry.account, &account.issuer);
    let at = if owner.issuer == *server { String::new() } else { format!(" at {}", owner.issuer) };
    let message = format!("context {name} belongs to {owner}{at} and not to {account} at {server}");
    Error::new(ErrorKind::Config, message).with(Remedy::Replace { context: name.to_string() })
}

/// Refuses a name whose login is for another environment (law 17).
fn is_for_another(entry: &Entry, environment: Option<&EnvironmentName>, name: &ContextName) -> Error {
    let of = |environment: Option<&EnvironmentName>| match environment {
        Some(environment) => format!("for the environment {environment}"),
        None => "for no environment".into(),
    };
    let message = format!("context {name} is a login {} and not {}", of(entry.environment.as_ref()), of(environment));
    Error::new(ErrorKind::Config, message).with(Remedy::Replace { context: name.to_string() })
}

/// Returns `alice@example.com`, or `alice@globex` in the org globex, `alice@sandbox` in that environment, `alice@globex.sandbox` in both.
fn base_name(account: &Account, org: Option<&Org>, environment: Option<&EnvironmentName>) -> ContextName {
    let known = account.display_name().unwrap_or_default();
    let place = match (org, environment) {
        (None, None) => return ContextName::derived(known),
        (Some(org), None) => org.to_string(),
        (None, Some(environment)) => environment.to_string(),
        (Some(org), Some(environment)) => format!("{:.16}.{environment:.15}", org.as_str()),
    };
    // Both are shortened, so that both fit into 64 characters.
    match known.split('@').next().filter(|person| !person.is_empty()) {
        Some(person) => ContextName::derived(&format!("{person:.28}@{place:.32}")),
        None => ContextName::derived(&place),
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::tests::{account, entry, index};
    use super::*;

    #[test]
    fn a_name_stays_with_its_account() {
        let index = index(&[entry("work", Some("alice")), entry("nobody", None)]);
        let client = "acme".parse().unwrap();
        let name = |account: &Account, wanted: Option<&str>, replace| {
            let wanted = wanted.map(|name| name.parse().unwrap());
            let login = LoginOf { account, client: &client, org: None, environment: None };
            index.name_for(&login, wanted.as_ref(), replace).map(|name| name.to_string())
        };
        let (alice, bob, unnamed) = (account(Some("alice")), account(Some("bob")), account(None));
        assert_eq!(name(&alice, None, false).unwrap(), "work");
        assert_eq!(name(&alice, Some("work"), false).unwrap(), "work");
        assert_eq!(name(&bob, None, false).unwrap(), "bob@x.example");
        let refused = name(&bob, Some("work"), false).unwrap_err();
        assert_eq!(refused.remedy(), Some(&Remedy::Replace { context: "work".into() }));
        assert_eq!(name(&bob, Some("work"), true).unwrap(), "work");
        assert!(name(&unnamed, Some("nobody"), false).is_err(), "two unnamed accounts may be two persons");
        assert_eq!(name(&unnamed, None, false).unwrap(), "default");
    }

    #[test]
    fn a_derived_name_contains_the_org() {
        let mut globex = entry("alice@globex", Some("alice"));
        globex.org = Some("globex".parse().unwrap());
        let index = index(&[globex]);
        let name = |account: &Account, org: &str| {
            let (org, client) = (org.parse().unwrap(), "acme".parse().unwrap());
            let login = LoginOf { account, client: &client, org: Some(&org), environment: None };
            index.name_for(&login, None, false).unwrap().to_string()
        };
        let alice = account(Some("alice"));
        assert_eq!(name(&alice, "globex"), "alice@globex");
        assert_eq!(name(&alice, "initech"), "alice@initech");
        assert_eq!(name(&account(None), "globex"), "globex");
        assert!(name(&alice, &"x".repeat(99)).starts_with("alice@xxx"));
        assert_eq!(name(&account(Some(&"y".repeat(99))), "org_01"), format!("{}@org_01", "y".repeat(28)));
    }
}
