//! The names of contexts: chosen by the person or made from the account, and unique ignoring case.

use super::{Entry, Index};
use crate::model::account::Account;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{ClientId, ContextName, Org};

impl Index {
    /// The name for a new login. A name stays with its account (law 17): another account takes it only with
    /// `replace`; a name that nobody chose gives way instead.
    pub(crate) fn name_for(
        &self,
        account: &Account,
        client: &ClientId,
        org: Option<&Org>,
        wanted: Option<&ContextName>,
        replace: bool,
    ) -> Result<ContextName> {
        let is_own = |entry: &Entry| entry.is_of(account, client);
        if let Some(name) = wanted {
            return match self.get(name) {
                Some(entry) if !is_own(entry) && !replace => {
                    let (own, server) = (&entry.account, &account.issuer);
                    let at = if own.issuer == *server { String::new() } else { format!(" at {}", own.issuer) };
                    let message = format!("context {name} belongs to {own}{at} and not to {account} at {server}");
                    Err(Error::new(ErrorKind::Config, message).with(Remedy::Replace { context: name.to_string() }))
                }
                _ => Ok(name.clone()),
            };
        }
        // For another org it is another context.
        let is_this = |entry: &&Entry| is_own(entry) && entry.org.as_ref() == org;
        let default = self.default.as_ref().and_then(|name| self.get(name));
        if let Some(entry) = default.into_iter().chain(&self.contexts).find(is_this) {
            return Ok(entry.name.clone());
        }
        Ok(self.free_name(account, org))
    }

    /// A name from the account that no context has.
    pub(crate) fn free_name(&self, account: &Account, org: Option<&Org>) -> ContextName {
        let base = base(account, org);
        // Shortened, so that the number fits into 64 characters as well.
        let numbered = (2..).map(|n| ContextName::derived(&format!("{:.56}-{n}", base.as_str())));
        let free = std::iter::once(base.clone()).chain(numbered).find(|name| self.get(name).is_none());
        free.unwrap_or(base)
    }

    /// Gives a context another name, which default and rules follow.
    pub(crate) fn rename(&mut self, old: &ContextName, new: &ContextName) -> Result<()> {
        // The same name in other letters is its own.
        if let Some(taken) = self.get(new).filter(|_| old != new) {
            let message = format!("the name {} is taken: it is of {}", taken.name, taken.account);
            return Err(Error::new(ErrorKind::Config, message).with(Remedy::ChooseName { taken: new.to_string() }));
        }
        let entries = self.contexts.iter_mut().map(|entry| &mut entry.name);
        let names = entries.chain(&mut self.default).chain(self.folders.iter_mut().map(|rule| &mut rule.context));
        names.filter(|name| *name == old).for_each(|name| name.clone_from(new));
        Ok(())
    }
}

/// `alice@example.com`, and in the org globex `alice@globex`.
fn base(account: &Account, org: Option<&Org>) -> ContextName {
    let known = account.display_name().unwrap_or_default();
    let Some(org) = org else { return ContextName::derived(known) };
    // Both shortened, so that neither takes the other's room.
    match known.split('@').next().filter(|person| !person.is_empty()) {
        Some(person) => ContextName::derived(&format!("{person:.28}@{:.32}", org.as_str())),
        None => ContextName::derived(org.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::tests::{account, entry, index};
    use super::*;

    #[test]
    fn a_name_that_nobody_chose_tells_the_org() {
        let mut globex = entry("alice@globex", Some("alice"));
        globex.org = Some("globex".parse().unwrap());
        let index = index(&[globex]);
        let name = |account: &Account, org: &str| {
            let org = org.parse().unwrap();
            index.name_for(account, &"acme".parse().unwrap(), Some(&org), None, false).unwrap().to_string()
        };
        let alice = account(Some("alice"));
        assert_eq!(name(&alice, "globex"), "alice@globex");
        assert_eq!(name(&alice, "initech"), "alice@initech");
        assert_eq!(name(&account(None), "globex"), "globex");
        assert!(name(&alice, &"x".repeat(99)).starts_with("alice@xxx"));
        assert_eq!(name(&account(Some(&"y".repeat(99))), "org_01"), format!("{}@org_01", "y".repeat(28)));
    }
}
