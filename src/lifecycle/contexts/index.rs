//! [`Index`]: who is logged in here, by which names. No secret.

use serde::{Deserialize, Deserializer, Serialize, de};

use super::folder_rules::FolderRule;
use super::index_file::FORMAT;
use crate::custody::is_key_store_name;
use crate::model::error::Result;
use crate::model::ids::{Account, ClientId, ContextName, GrantId, Org, Scopes};
use crate::records::grant_files::Marked;
use crate::records::open_grant::OpenGrant;

/// The index file: no secret, and nothing on the way to a token writes it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Index {
    pub(super) format: u32,
    pub(crate) default: Option<ContextName>,
    pub(crate) contexts: Vec<Entry>,
    /// How many records there are though nobody is named: somebody has deleted the names.
    #[serde(skip)]
    pub(super) unnamed: usize,
    /// Kept here and never in the folders: who wrote a project does not choose a login for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) folders: Vec<FolderRule>,
}

/// One context, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: ContextName,
    pub(crate) grant: GrantId,
    pub(crate) org: Option<Org>,
    pub(crate) account: Account,
    pub(crate) client_id: ClientId,
    pub(crate) scopes: Scopes,
    #[serde(rename = "custody", deserialize_with = "plain_name")]
    pub(crate) key_store: String,
    /// Proves that the grant has this name, for this org: only the grant's key makes it, so that an editor of the index cannot swap
    /// names (law 16).
    #[serde(default)]
    pub(crate) mark: String,
    /// Another org that is asked for this time, of a login that serves all.
    #[serde(skip)]
    pub(crate) asked: Option<Org>,
}

impl Entry {
    /// Whether it is a login of this account, by this client.
    pub(crate) fn is_of(&self, account: &Account, client: &ClientId) -> bool {
        self.account.is(account) && self.client_id == *client
    }

    /// What its grant's key has to prove.
    pub(crate) fn marked(&self) -> Marked {
        Marked { name: self.name.clone(), org: self.org.clone(), mark: self.mark.clone() }
    }
}

impl Index {
    /// Marks `name` as one of this grant's names; no other, as who edits the index may have added it.
    pub(crate) fn mark(&mut self, grant: &OpenGrant<'_>, name: &ContextName) -> Result<()> {
        let own = self.contexts.iter_mut().find(|entry| entry.name == *name && entry.grant == *grant.id());
        own.map_or(Ok(()), |entry| {
            entry.mark = grant.mark(&entry.name, entry.org.as_ref())?;
            Ok(())
        })
    }

    /// The entries that `grant` has marked as its own, by the names that it has marked, whatever entry has a name now.
    pub(crate) fn marked_by(&self, grant: &OpenGrant<'_>) -> Vec<Entry> {
        let named = |entry: &Entry, name: &ContextName| Entry { name: name.clone(), ..entry.clone() };
        let names = || self.contexts.iter().map(|entry| &entry.name);
        let all = self.contexts.iter().flat_map(|entry| names().map(|name| named(entry, name)));
        all.filter(|entry| grant.has_marked(&entry.marked())).collect()
    }

    /// Says that the key of `grant` rests in `store` now.
    pub(crate) fn move_to(&mut self, grant: &GrantId, store: &str) {
        let of_grant = self.contexts.iter_mut().filter(|entry| entry.grant == *grant);
        of_grant.for_each(|entry| entry.key_store = store.to_owned());
    }

    /// An entry whose grant it is.
    pub(crate) fn of_grant(&self, grant: &GrantId) -> Option<&Entry> {
        self.contexts.iter().find(|entry| entry.grant == *grant)
    }

    pub(crate) fn get(&self, name: &ContextName) -> Option<&Entry> {
        self.contexts.iter().find(|entry| entry.name == *name)
    }

    /// Puts `entry` under its name; gives back the one that it replaces, where nobody names its grant any more. Contexts of the same
    /// grant, for other orgs of the account, follow.
    pub(crate) fn put(&mut self, entry: Entry, make_default: bool) -> Option<Entry> {
        if make_default || self.default.is_none() {
            self.default = Some(entry.name.clone());
        }
        let Some(there) = self.contexts.iter_mut().find(|there| there.name == entry.name) else {
            self.contexts.push(entry);
            return None;
        };
        let old = std::mem::replace(there, entry.clone());
        // Another account inherits nothing.
        if old.is_of(&entry.account, &entry.client_id) {
            for there in self.contexts.iter_mut().filter(|there| there.grant == old.grant) {
                let Marked { name, org, mark } = there.marked();
                *there = Entry { name, org, mark, ..entry.clone() };
            }
        }
        Some(old).filter(|old| self.of_grant(&old.grant).is_none())
    }

    /// Takes all contexts of `grant` out; says which those were.
    pub(crate) fn forget(&mut self, grant: &GrantId) -> Vec<ContextName> {
        let of_grant = self.contexts.iter().filter(|entry| entry.grant == *grant);
        let names: Vec<_> = of_grant.map(|entry| entry.name.clone()).collect();
        names.iter().for_each(|name| drop(self.remove(name)));
        names
    }

    /// Takes the entry out; a default that is gone is no default, and no folder's rule names it any more.
    pub(crate) fn remove(&mut self, name: &ContextName) -> Option<Entry> {
        if self.default.as_ref() == Some(name) {
            self.default = None;
        }
        self.folders.retain(|rule| rule.context != *name);
        let at = self.contexts.iter().position(|entry| entry.name == *name)?;
        Some(self.contexts.remove(at))
    }

    pub(crate) fn empty() -> Self {
        Self { format: FORMAT, default: None, contexts: Vec::new(), folders: Vec::new(), unnamed: 0 }
    }
}

fn plain_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    match is_key_store_name(&name) {
        true => Ok(name),
        false => Err(de::Error::custom("not a custody's name")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::model::error::Remedy;

    pub(crate) fn account(subject: Option<&str>) -> Account {
        let email = subject.map(|subject| format!("{subject}@x.example"));
        Account::new("https://a.example".parse().unwrap(), subject.map(str::to_owned), None, email)
    }

    pub(crate) fn entry(name: &str, subject: Option<&str>) -> Entry {
        Entry {
            name: name.parse().unwrap(),
            grant: GrantId::random().unwrap(),
            org: None,
            account: account(subject),
            client_id: "acme".parse().unwrap(),
            scopes: Scopes::default(),
            key_store: "memory".into(),
            mark: String::new(),
            asked: None,
        }
    }

    pub(crate) fn index(entries: &[Entry]) -> Index {
        let mut index = Index::empty();
        entries.iter().for_each(|entry| drop(index.put(entry.clone(), false)));
        index
    }

    #[test]
    fn a_grant_is_given_back_only_when_no_other_context_names_it() {
        let (a, mut b) = (entry("a", Some("a")), entry("b", Some("a")));
        b.grant = a.grant.clone();
        let mut index = index(&[a.clone(), b.clone()]);
        assert!(index.put(entry("a", Some("b")), false).is_none(), "another account inherits nothing");
        assert_eq!(index.put(entry("b", Some("a")), false).unwrap().grant, b.grant);
    }

    #[test]
    fn a_name_stays_with_its_account() {
        let index = index(&[entry("work", Some("alice")), entry("nobody", None)]);
        let client = "acme".parse().unwrap();
        let name = |account: &Account, wanted: Option<&str>, replace| {
            let wanted = wanted.map(|name| name.parse().unwrap());
            index.name_for(account, &client, None, wanted.as_ref(), replace).map(|name| name.to_string())
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

    proptest! {
        #[test]
        fn names_are_unique_and_what_names_one_names_one_that_is_there(
            steps in prop::collection::vec((0..5_u8, "[abAB]{1,2}", "[abAB]{1,2}"), 0..40)
        ) {
            let mut index = Index::empty();
            for (step, one, other) in steps {
                let (name, new): (ContextName, ContextName) = (one.parse().unwrap(), other.parse().unwrap());
                let is_there = index.get(&name).is_some();
                match step {
                    0 => drop(index.put(entry(&one, Some(&other)), other.len() == 1)),
                    1 => drop(index.remove(&name)),
                    2 => drop(index.rename(&name, &new)),
                    3 if is_there => index.default = Some(name),
                    4 if is_there => index.bind(PathBuf::from("/").join(other.to_lowercase()), name),
                    _ => drop(index.unbind(&PathBuf::from("/").join(other.to_lowercase()))),
                }
                let names: BTreeSet<_> = index.contexts.iter().map(|entry| entry.name.as_str().to_lowercase()).collect();
                let folders: BTreeSet<_> = index.folders.iter().map(|rule| &rule.folder).collect();
                prop_assert_eq!((names.len(), folders.len()), (index.contexts.len(), index.folders.len()));
                let mut named = index.default.iter().chain(index.folders.iter().map(|rule| &rule.context));
                prop_assert!(named.all(|name| index.get(name).is_some()));
                let kept: Index = serde_json::from_slice(&serde_json::to_vec(&index).unwrap()).unwrap();
                prop_assert_eq!(format!("{kept:?}"), format!("{index:?}"));
            }
        }
    }
}
