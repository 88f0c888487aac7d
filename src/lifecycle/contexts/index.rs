//! [`Index`]: the contexts of a state folder, the default and the rules of folders. It has no secret.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};

use crate::custody::KeyStoreName;
use crate::lifecycle::config::Config;
use crate::model::account::Account;
use crate::model::error::Result;
use crate::model::ids::{ClientId, ContextName, EnvironmentName, GrantId, Org};
use crate::model::sanitize::is_plain;
use crate::model::scopes::Scopes;
use crate::records::grant_files::NameProof;
use crate::records::open_grant::OpenGrant;
use crate::records::record::Record;

/// Who is logged in here, by which names. It has no secret, and no path to a token writes it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Index {
    pub(super) format: u32,
    pub(crate) default: Option<ContextName>,
    /// The defaults of other issuers and clients, one of each: configurations that share a state folder do not move each other's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) other_defaults: Vec<ContextName>,
    pub(crate) contexts: Vec<Entry>,
    /// How many records there are, if the index has no names: somebody has deleted the names.
    #[serde(skip)]
    pub(super) unnamed_records: usize,
    /// Kept here and never in the folders: a project's files cannot select your login.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) folders: Vec<FolderRule>,
    #[serde(flatten)]
    pub(super) unknown: Map<String, Value>,
}

/// One context, as the index has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: ContextName,
    pub(crate) grant: GrantId,
    pub(crate) org: Option<Org>,
    pub(crate) account: Account,
    pub(crate) client_id: ClientId,
    /// What the login is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<EnvironmentName>,
    pub(crate) scopes: Scopes,
    #[serde(rename = "custody")]
    pub(crate) key_store: KeyStoreName,
    /// Proves that the grant has this name for this org. Only the grant's key can make it, so an editor of the index cannot swap names
    /// (law 16).
    #[serde(default)]
    pub(crate) mark: String,
    /// The org of this request, if it is another one and the login serves all orgs.
    #[serde(skip)]
    pub(crate) asked: Option<Org>,
    /// What a later version of this format has added, which must survive.
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}

/// Selects `context` in `folder`, a real path, and below it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FolderRule {
    #[serde(deserialize_with = "printable_path")]
    pub(super) folder: PathBuf,
    pub(super) context: ContextName,
    #[serde(flatten)]
    pub(super) unknown: Map<String, Value>,
}

/// The newest format that this version reads, and the one that it writes. Format 1 had no environments.
pub(super) const FORMAT: u32 = 2;

impl Entry {
    /// Returns an entry for the grant of `record`, not yet marked by the grant's key.
    pub(crate) fn of_record(
        name: ContextName,
        grant: &GrantId,
        org: Option<Org>,
        record: &Record,
        key_store: KeyStoreName,
    ) -> Self {
        Self {
            name,
            grant: grant.clone(),
            org,
            account: record.account.clone(),
            client_id: record.destination.client_id.clone(),
            environment: record.provenance.environment.clone(),
            scopes: record.scopes.clone(),
            key_store,
            mark: String::new(),
            asked: None,
            unknown: Map::new(),
        }
    }

    /// Returns whether the entry is a login of this account, by this client.
    pub(crate) fn is_of(&self, account: &Account, client: &ClientId) -> bool {
        self.account.is(account) && self.client_id == *client
    }

    /// Returns whether this configuration can use the entry: its issuer and client are the configuration's.
    pub(crate) fn is_own(&self, config: &Config) -> bool {
        config.owns(&self.account.issuer, &self.client_id)
    }

    /// Returns the claim that the grant's key has to prove.
    pub(crate) fn marked(&self) -> NameProof {
        NameProof {
            name: self.name.clone(),
            org: self.org.clone(),
            environment: self.environment.clone(),
            mark: self.mark.clone(),
        }
    }
}

impl Index {
    /// Marks `name` as one of this grant's names. Other names stay unmarked: an editor of the index may have added them.
    pub(crate) fn mark(&mut self, grant: &OpenGrant<'_>, name: &ContextName) -> Result<()> {
        // The first alone, which is the one that is used: an editor may have added another one of this name, for another org.
        if let Some(entry) = self.contexts.iter_mut().find(|entry| entry.name == *name && entry.grant == *grant.id()) {
            entry.mark = grant.mark(&entry.name, entry.org.as_ref(), entry.environment.as_ref())?;
        }
        Ok(())
    }

    /// Returns the entries that `grant` has marked, each under the name that its mark proves.
    /// Another entry may have that name now.
    pub(crate) fn marked_by(&self, grant: &OpenGrant<'_>) -> Vec<Entry> {
        let mut marked = Vec::new();
        for entry in &self.contexts {
            for Entry { name, .. } in &self.contexts {
                let renamed = Entry { name: name.clone(), ..entry.clone() };
                if grant.proves_name(&renamed.marked()) {
                    marked.push(renamed);
                }
            }
        }
        marked
    }

    /// Records that the key of `grant` is in `store` now.
    pub(crate) fn set_key_store(&mut self, grant: &GrantId, store: &KeyStoreName) {
        let of_grant = self.contexts.iter_mut().filter(|entry| entry.grant == *grant);
        of_grant.for_each(|entry| entry.key_store = store.clone());
    }

    /// Returns the first entry of `grant`.
    pub(crate) fn of_grant(&self, grant: &GrantId) -> Option<&Entry> {
        self.contexts.iter().find(|entry| entry.grant == *grant)
    }

    /// Returns the entry of this name.
    pub(crate) fn get(&self, name: &ContextName) -> Option<&Entry> {
        self.contexts.iter().find(|entry| entry.name == *name)
    }

    /// Returns the entries that this configuration can use.
    pub(crate) fn own(&self, config: &Config) -> Vec<&Entry> {
        self.contexts.iter().filter(|entry| entry.is_own(config)).collect()
    }

    /// Returns the default of this configuration.
    pub(crate) fn own_default(&self, config: &Config) -> Option<&Entry> {
        let defaults = self.default.iter().chain(&self.other_defaults);
        defaults.filter_map(|name| self.get(name)).find(|default| default.is_own(config))
    }

    /// Returns whether the context is the default of its issuer and client.
    pub(crate) fn is_default(&self, name: &ContextName) -> bool {
        self.default.as_ref() == Some(name) || self.other_defaults.contains(name)
    }

    /// Makes `name`, one of its own, the default of this configuration. Those of other configurations stay.
    pub(crate) fn set_default(&mut self, name: &ContextName, config: &Config) {
        // Spelled as the entry spells it: then a token needs no other entry parsed.
        let name = self.get(name).map_or_else(|| name.clone(), |entry| entry.name.clone());
        let before = self.default.replace(name.clone()).into_iter().chain(std::mem::take(&mut self.other_defaults));
        let others = before.filter(|other| *other != name);
        self.other_defaults =
            others.filter(|other| self.get(other).is_some_and(|entry| !entry.is_own(config))).collect();
    }

    /// Puts the entry of a new login under its name, as [`put`](Self::put) does. A login without a name becomes the default of this
    /// configuration, unless it is to keep the default that there is.
    pub(crate) fn put_login(&mut self, entry: Entry, keeps_default: bool, config: &Config) -> Option<Entry> {
        let (name, has_default) = (entry.name.clone(), self.own_default(config).is_some());
        let replaced = self.put(entry, false);
        if !keeps_default || !has_default {
            self.set_default(&name, config);
        }
        replaced
    }

    /// Puts `entry` under its name. Other contexts of the replaced grant, which are for other orgs of the account, move to the new
    /// grant. Returns the replaced entry if no context has its grant any more.
    pub(crate) fn put(&mut self, entry: Entry, make_default: bool) -> Option<Entry> {
        if make_default || self.default.is_none() {
            self.default = Some(entry.name.clone());
        }
        let Some(existing) = self.contexts.iter_mut().find(|existing| existing.name == entry.name) else {
            self.contexts.push(entry);
            return None;
        };
        let old = std::mem::replace(existing, entry.clone());
        // Another account inherits nothing.
        if old.is_of(&entry.account, &entry.client_id) {
            for sibling in self.contexts.iter_mut().filter(|sibling| sibling.grant == old.grant) {
                let NameProof { name, org, mark, .. } = sibling.marked();
                *sibling = Entry { name, org, mark, ..entry.clone() };
            }
        }
        Some(old).filter(|old| self.of_grant(&old.grant).is_none())
    }

    /// Removes all contexts of `grant`, and returns their names.
    pub(crate) fn forget(&mut self, grant: &GrantId) -> Vec<ContextName> {
        let of_grant = self.contexts.iter().filter(|entry| entry.grant == *grant);
        let names: Vec<_> = of_grant.map(|entry| entry.name.clone()).collect();
        names.iter().for_each(|name| drop(self.remove(name)));
        names
    }

    /// Removes the entry, and the default and the rules of folders that name it.
    pub(crate) fn remove(&mut self, name: &ContextName) -> Option<Entry> {
        if self.default.as_ref() == Some(name) {
            self.default = None;
        }
        self.other_defaults.retain(|other| other != name);
        self.folders.retain(|rule| rule.context != *name);
        let at = self.contexts.iter().position(|entry| entry.name == *name)?;
        Some(self.contexts.remove(at))
    }

    /// Returns an index without contexts.
    pub(crate) fn empty() -> Self {
        Self {
            format: FORMAT,
            default: None,
            other_defaults: Vec::new(),
            contexts: Vec::new(),
            folders: Vec::new(),
            unnamed_records: 0,
            unknown: Map::new(),
        }
    }
}

/// Refuses what `switch` does not write: the path is shown wherever the rule is (law 12).
fn printable_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let path = String::deserialize(deserializer)?;
    match is_plain(&path) {
        true => Ok(path.into()),
        false => Err(de::Error::custom("not a folder's path")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

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
            environment: None,
            scopes: Scopes::default(),
            key_store: KeyStoreName::Memory,
            mark: String::new(),
            asked: None,
            unknown: Map::new(),
        }
    }

    pub(crate) fn index(entries: &[Entry]) -> Index {
        let mut index = Index::empty();
        entries.iter().for_each(|entry| drop(index.put(entry.clone(), false)));
        index
    }

    #[test]
    fn a_replaced_grant_is_returned_once_no_context_has_it() {
        let (a, mut b) = (entry("a", Some("a")), entry("b", Some("a")));
        b.grant = a.grant.clone();
        let mut index = index(&[a.clone(), b.clone()]);
        assert!(index.put(entry("a", Some("b")), false).is_none(), "another account inherits nothing");
        assert_eq!(index.put(entry("b", Some("a")), false).unwrap().grant, b.grant);
    }

    proptest! {
        #[test]
        fn names_are_unique_and_references_lead_to_entries(
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
                    4 if is_there => index.pin(PathBuf::from("/").join(other.to_lowercase()), name),
                    _ => drop(index.unpin(&PathBuf::from("/").join(other.to_lowercase()))),
                }
                let names: BTreeSet<_> = index.contexts.iter().map(|entry| entry.name.as_str().to_lowercase()).collect();
                let folders: BTreeSet<_> = index.folders.iter().map(|rule| &rule.folder).collect();
                prop_assert_eq!((names.len(), folders.len()), (index.contexts.len(), index.folders.len()));
                let mut named = index.default.iter().chain(&index.other_defaults).chain(index.folders.iter().map(|rule| &rule.context));
                prop_assert!(named.all(|name| index.get(name).is_some()));
                let kept: Index = serde_json::from_slice(&serde_json::to_vec(&index).unwrap()).unwrap();
                prop_assert_eq!(format!("{kept:?}"), format!("{index:?}"));
            }
        }
    }
}
