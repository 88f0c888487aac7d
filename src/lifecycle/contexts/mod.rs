//! Contexts: the non-secret index of who is logged in where, and which of them is meant.

mod batch;
mod missing;
mod names;
mod resolve;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::custody::is_key_store_name;
use crate::model::account::Account;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{ClientId, ContextName, GrantId, Org};
use crate::model::sanitize::is_plain;
use crate::model::scopes::Scopes;
use crate::records::grant_files::{GrantFiles, Marked};
use crate::records::open_grant::OpenGrant;
use crate::records::record::Header;
use crate::state_dir::StateDir;
pub use batch::Outcomes;
pub use missing::Missing;
pub use resolve::{ChosenBy, Selector};

/// A named (grant, org): what a person switches between.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Context {
    /// Its name.
    pub name: ContextName,
    /// Whose login it is.
    pub account: Account,
    /// The client that logged in.
    pub client_id: ClientId,
    /// The org that its tokens speak for, if one was chosen.
    pub org: Option<Org>,
    /// What was granted at login.
    pub scopes: Scopes,
    /// The place where its key rests, for example `os`.
    pub key_store: String,
    /// Whether it is the default.
    pub is_default: bool,
    /// By which rule it is the one meant here; `None` where another one is, and for a login that has just been made.
    pub chosen_by: Option<ChosenBy>,
    /// The folders whose rule names it.
    pub folders: Vec<PathBuf>,
    /// The grant behind it.
    pub grant: GrantId,
    /// When the person logged in, UTC; `None` where the record cannot be read.
    pub logged_in_at: Option<SystemTime>,
    /// When the access token expires that was fetched last, UTC: of another org or for fewer scopes, if that was asked for last. `None` if
    /// the server does not say or the record cannot be read.
    pub expires_at: Option<SystemTime>,
    /// Whether the login renews its access token by itself: whether it holds a refresh token. `None` where the record cannot be read.
    pub renews: Option<bool>,
    /// When the login ends by itself, UTC, as the server said last; `None` where that is not known. Some servers move it with each
    /// refresh. A login that does not renew ends with its access token.
    pub session_ends_at: Option<SystemTime>,
    /// Why the last refresh brought no token, where it did not.
    pub refresh_failed: Option<String>,
    /// The server's own words about that, if it said any: see [`Error::server_says`].
    pub server_says: Option<String>,
    /// Whether the login has ended with that refresh: only a new login brings tokens.
    pub has_ended: bool,
    /// What of the login is gone, as far as that can be found out without asking a store or a person.
    pub missing: Option<Missing>,
    /// Name, org and mark as they stand in the index.
    pub(crate) marked: Marked,
}

impl Context {
    /// The context of `entry`, its files unread.
    pub(crate) fn of(entry: &Entry, index: &Index) -> Self {
        let rules = index.folders.iter().filter(|rule| rule.context == entry.name);
        Self {
            name: entry.name.clone(),
            account: entry.account.clone(),
            client_id: entry.client_id.clone(),
            org: entry.asked.clone().or_else(|| entry.org.clone()),
            scopes: entry.scopes.clone(),
            key_store: entry.key_store.clone(),
            is_default: index.default.as_ref() == Some(&entry.name),
            chosen_by: None,
            folders: rules.map(|rule| rule.folder.clone()).collect(),
            grant: entry.grant.clone(),
            logged_in_at: None,
            expires_at: None,
            renews: None,
            session_ends_at: None,
            refresh_failed: None,
            server_says: None,
            has_ended: false,
            missing: None,
            marked: entry.marked(),
        }
    }

    /// With what its files tell without the key.
    pub(crate) fn with(self, files: GrantFiles<'_>) -> Self {
        let (header, failure) = (files.header(), files.last_failure(self.org.as_ref()));
        Self {
            logged_in_at: header.as_ref().map(|header| header.born),
            expires_at: header.as_ref().and_then(|header| header.expires_at),
            renews: header.as_ref().and_then(|header| header.renews),
            session_ends_at: header.as_ref().and_then(Header::session_ends_at),
            has_ended: failure.as_ref().is_some_and(|failure| failure.has_ended),
            server_says: failure.as_ref().and_then(|failure| failure.server_says.clone()),
            refresh_failed: failure.map(|failure| failure.message),
            ..self
        }
    }
}

/// The index file: no secret, and nothing on the way to a token writes it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Index {
    format: u32,
    pub(crate) default: Option<ContextName>,
    pub(crate) contexts: Vec<Entry>,
    /// How many records there are though nobody is named: somebody has deleted the names.
    #[serde(skip)]
    unnamed: usize,
    /// Kept here and never in the folders: who wrote a project does not choose a login for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    folders: Vec<FolderRule>,
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

/// In `folder`, by its real path, and below it, this context is meant.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct FolderRule {
    #[serde(deserialize_with = "plain_path")]
    folder: PathBuf,
    context: ContextName,
}

const FORMAT: u32 = 1;
const FILE: &str = "index.json";
const LOCK: &str = "index.lock";

impl Index {
    /// The index as it is; empty where nobody has logged in yet.
    pub(crate) fn read(state_dir: Option<&StateDir>) -> Result<Self> {
        match Self::bytes(state_dir)? {
            Some((state_dir, bytes)) => Ok(Self::parse(&state_dir.root.path_of(FILE), &bytes)?.with_unnamed(state_dir)),
            None => Ok(state_dir.map_or_else(Self::empty, |state_dir| Self::empty().with_unnamed(state_dir))),
        }
    }

    /// The file; `None` where nobody has logged in yet.
    fn bytes(state_dir: Option<&StateDir>) -> Result<Option<(&StateDir, Vec<u8>)>> {
        let Some(state_dir) = state_dir else { return Ok(None) };
        let bytes = state_dir.root.read(FILE)?;
        // No secret: to wipe it would take as long as to read it.
        Ok(bytes.map(|mut bytes| (state_dir, std::mem::take(&mut *bytes))))
    }

    /// What the file at `path` holds.
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let wrong = |why: &str, remedy| {
            // Damaged is not empty: the logins are there, only their names are not.
            Err(Error::new(ErrorKind::Custody, format!("cannot use {}: {why}", path.display())).with(remedy))
        };
        let index = serde_json::from_slice::<Self>(bytes);
        // A newer one need not have what this one has.
        let format = match &index {
            Ok(index) => Ok(index.format),
            Err(_) => serde_json::from_slice(bytes).map(|Format { format }| format),
        };
        match (index, format) {
            (_, Ok(format)) if format > FORMAT => {
                wrong("it was written by a newer version of this program", Remedy::Upgrade)
            }
            (Ok(index), _) => Ok(index),
            (Err(_), _) => wrong("it is damaged", Remedy::SetAside { path: path.to_owned() }),
        }
    }

    /// Changes the index under its lock: what `change` sees is what it changes. Order: a grant's lock first, then this one.
    pub(crate) fn change<T>(
        state_dir: &StateDir,
        timeout: Duration,
        change: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let lock = state_dir.root.lock(LOCK, timeout)?;
        let _lock = lock.ok_or_else(|| state_dir.root.still_locked(LOCK, timeout, None))?;
        let mut index = Self::read(Some(state_dir))?;
        let changed = change(&mut index)?;
        index.write(state_dir)?;
        Ok(changed)
    }

    /// Makes sure that the index can be written.
    pub(crate) fn try_write(state_dir: &StateDir, timeout: Duration) -> Result<()> {
        if state_dir.root.read(FILE)?.is_none() { Ok(()) } else { Self::change(state_dir, timeout, |_| Ok(())) }
    }

    /// Makes sure that there are locks where the index is.
    pub(crate) fn try_lock(state_dir: &StateDir) -> Result<()> {
        state_dir.root.try_lock(LOCK).map(drop)
    }

    /// Where a damaged index is kept.
    pub(crate) const DAMAGED: &str = "index.json.damaged";

    /// Moves a damaged index out of the way, unless somebody has done it.
    pub(crate) fn set_aside(state_dir: &StateDir, timeout: Duration) -> Result<()> {
        let lock = state_dir.root.lock(LOCK, timeout)?;
        let _lock = lock.ok_or_else(|| state_dir.root.still_locked(LOCK, timeout, None))?;
        if Self::read(Some(state_dir)).is_ok() { Ok(()) } else { state_dir.root.publish(FILE, Self::DAMAGED) }
    }

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

    fn with_unnamed(mut self, state_dir: &StateDir) -> Self {
        if self.contexts.is_empty() {
            let names = state_dir.grants.names().unwrap_or_default();
            self.unnamed = names.iter().filter(|name| name.parse::<GrantId>().is_ok()).count();
        }
        self
    }

    fn write(&self, state_dir: &StateDir) -> Result<()> {
        state_dir.root.write("index.json.new", &self.to_bytes()?)?;
        state_dir.root.publish("index.json.new", FILE)
    }

    /// What [`parse`](Self::parse) reads.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self)
            .map_err(|error| Error::new(ErrorKind::Custody, format!("{FILE} cannot be written down")).because(error))
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

/// As `switch` writes them: it is shown wherever the rule is (law 12).
fn plain_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
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

    pub(super) fn account(subject: Option<&str>) -> Account {
        let email = subject.map(|subject| format!("{subject}@x.example"));
        Account::new("https://a.example".parse().unwrap(), subject.map(str::to_owned), None, email)
    }

    pub(super) fn entry(name: &str, subject: Option<&str>) -> Entry {
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

    pub(super) fn index(entries: &[Entry]) -> Index {
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
