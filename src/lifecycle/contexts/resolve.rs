//! Which context is meant, and by which rule: read from one index, so that nobody's switch in between makes half a choice.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::folder_rules::FolderRule;
use super::index_file::{FILE, FORMAT};
use super::{Entry, Index};
use crate::lifecycle::config::Config;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{AppName, ContextName, Org};
use crate::oauth::org_selection::Orgs;
use crate::state_dir::StateDir;

/// Which context is wanted.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Selector {
    /// By name; before `<APP>_CONTEXT`, before the rule of a folder, before the default.
    pub context: Option<ContextName>,
    /// The org that tokens speak for. Overrides `<APP>_ORG`, which overrides the org of the context. The default is none.
    pub org: Option<Org>,
}

impl Selector {
    /// The context of this name.
    pub fn context(name: ContextName) -> Self {
        Self { context: Some(name), org: None }
    }
}

/// By which rule a context is the one that is meant. They are asked in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChosenBy {
    /// Somebody named it: an argument, or [`Selector::context`].
    Argument,
    /// `<APP>_CONTEXT` names it.
    Environment,
    /// The rule of this folder, which is the current one or lies around it: the innermost that has one.
    Folder(PathBuf),
    /// It is the default.
    Default,
    /// It is the only one there is.
    Only,
}

/// A name that is meant, and by which rule.
type Chosen = (ContextName, ChosenBy);

/// An index with its contexts unread.
#[derive(Deserialize)]
struct Outline<'a> {
    format: u32,
    default: Option<ContextName>,
    #[serde(default)]
    folders: Vec<FolderRule>,
    #[serde(borrow)]
    contexts: Vec<&'a RawValue>,
}

impl ChosenBy {
    /// The name in JSON output, in `snake_case`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Argument => "argument",
            Self::Environment => "environment",
            Self::Folder(_) => "folder",
            Self::Default => "default",
            Self::Only => "only",
        }
    }

    /// Who chose, for an error; `None` where whoever reads it knows.
    pub(crate) fn told(&self, app: &AppName) -> Option<String> {
        match self {
            Self::Environment => Some(format!("named by {}", app.variable("CONTEXT"))),
            Self::Folder(folder) => Some(format!("named by the rule of {}", folder.display())),
            Self::Default => Some("the default".into()),
            Self::Argument | Self::Only => None,
        }
    }
}

impl Index {
    /// The entry that is meant: by argument, by environment, by the rule of this folder, by default, or the only one there is.
    pub(crate) fn resolve(&self, select: &Selector, config: &Config) -> Result<(&Entry, ChosenBy)> {
        self.find(self.choose(select, config)?, config)
    }

    /// Reads no more of the index than the entry that is meant, where one is named, as a token is wanted more often than a list;
    /// and who was chosen, for [`find`](Self::find).
    pub(crate) fn read_meant(
        state_dir: Option<&StateDir>,
        select: &Selector,
        config: &Config,
    ) -> Result<(Self, Option<Chosen>)> {
        let Some((state_dir, bytes)) = Self::bytes(state_dir)? else {
            let index = Self::read(state_dir)?;
            let chosen = index.choose(select, config)?;
            return Ok((index, chosen));
        };
        if let Some(skimmed) = Self::skim(&bytes, select, config)? {
            return Ok(skimmed);
        }
        let index = Self::parse(&state_dir.root.path_of(FILE), &bytes)?.with_unnamed(state_dir);
        let chosen = index.choose(select, config)?;
        Ok((index, chosen))
    }

    /// An index with the entry that is meant alone; `None` where the whole one has to be read for it.
    pub(crate) fn skim(bytes: &[u8], select: &Selector, config: &Config) -> Result<Option<(Self, Option<Chosen>)>> {
        // Where each org has a login, that of another org may be the one.
        let is_in_another = (select.org.is_some() || config.environment.org.is_some()) && !config.orgs.is_per_token();
        let is_known = |outline: &Outline<'_>| outline.format == FORMAT && !is_in_another;
        let outline = serde_json::from_slice::<Outline<'_>>(bytes).ok().filter(is_known);
        if let Some(Outline { default, folders, contexts, .. }) = outline {
            let mut index = Self { default, folders, ..Self::empty() };
            let chosen = index.choose(select, config)?;
            let entry = chosen.as_ref().and_then(|(name, _)| {
                // As it is written here. A name in other letters, or another hand's file, is found the long way.
                let start = format!("{{\"name\":\"{name}\",");
                contexts.iter().find(|entry| entry.get().starts_with(&start))
            });
            if let Some(Ok(entry)) = entry.map(|entry| serde_json::from_str(entry.get())) {
                index.contexts.push(entry);
                return Ok(Some((index, chosen)));
            }
        }
        Ok(None)
    }

    /// The entry of what was chosen, or the only one there is.
    pub(crate) fn find(&self, chosen: Option<Chosen>, config: &Config) -> Result<(&Entry, ChosenBy)> {
        let Some((name, by)) = chosen else { return self.only().map(|entry| (entry, ChosenBy::Only)) };
        match self.get(&name) {
            Some(entry) => Ok((entry, by)),
            // It may be one of those that have lost their names.
            None if self.contexts.is_empty() && self.unnamed > 0 => Err(self.nobody()),
            None => {
                let by = by.told(&config.app).map(|by| format!(" ({by})")).unwrap_or_default();
                Err(Error::new(ErrorKind::NotLoggedIn, format!("there is no login named {name}{by}"))
                    .with(Remedy::LogIn { context: Some(name.to_string()) }))
            }
        }
    }

    /// What speaks for the org that is meant with the account of `entry`: its own login where that serves all orgs, else the one
    /// of that org.
    pub(crate) fn in_org(&self, entry: &Entry, select: &Selector, config: &Config) -> Result<Entry> {
        let (variable, by) = (&config.environment.org, &config.orgs);
        let org = select.org.clone().map(Ok).or_else(|| variable.as_ref().map(|text| text.parse()));
        let Some(org) = org.transpose()? else { return Ok(entry.clone()) };
        if entry.org.as_ref() == Some(&org) || by.is_per_token() {
            return Ok(Entry { asked: Some(org), ..entry.clone() });
        }
        let is_it = |other: &&Entry| {
            let (own, others) = (&entry.account, &other.account);
            // A subject is its issuer's own: of another one the address must be the same too.
            let is_same_person = match by {
                Orgs::ByIssuer(_) => own.email.is_some() && own.email == others.email,
                _ => others.is(own),
            };
            other.org.as_ref() == Some(&org) && is_same_person && other.client_id == entry.client_id
        };
        self.contexts.iter().find(is_it).cloned().ok_or_else(|| match by {
            Orgs::None => Error::config("org", format!("the login {} has no orgs to choose from", entry.name)),
            _ => {
                let message = format!("{} is not logged in to the org {org}", entry.account);
                Error::new(ErrorKind::NotLoggedIn, message).with(Remedy::LogInTo { org: org.to_string() })
            }
        })
    }

    /// The entries that are meant, all or one.
    pub(crate) fn meant(&self, all: bool, select: &Selector, config: &Config) -> Result<Vec<Entry>> {
        match all {
            // Who ends all logins believes that none is left.
            true if self.contexts.is_empty() && self.unnamed > 0 => Err(self.nobody()),
            // A login once, however many contexts it serves.
            true => {
                let is_first =
                    |entry: &&Entry| self.of_grant(&entry.grant).is_some_and(|first| first.name == entry.name);
                Ok(self.contexts.iter().filter(is_first).cloned().collect())
            }
            false => Ok(vec![self.in_org(self.resolve(select, config)?.0, select, config)?]),
        }
    }

    /// Chooses as `before`, where its names are there again; says what is not chosen any more.
    pub(crate) fn choose_as(&mut self, before: &Self) -> Vec<String> {
        let mut lost = Vec::new();
        self.default = match &before.default {
            Some(name) if self.get(name).is_some() => Some(name.clone()),
            Some(name) => {
                lost.push(format!("no login is the default now: it was {name}"));
                None
            }
            None if self.contexts.len() == 1 => self.default.take(),
            None => {
                // The names were lost, and the choice with them.
                if before.contexts.is_empty() {
                    lost.push("no login is the default now".into());
                }
                None
            }
        };
        for rule in &before.folders {
            if self.get(&rule.context).is_none() {
                lost.push(format!("the rule of {} is gone: it named {}", rule.folder.display(), rule.context));
            } else if self.folders.iter().all(|there| there.folder != rule.folder) {
                self.folders.push(rule.clone());
            }
        }
        lost
    }

    /// The entry that is meant where nobody names one; `None` also where a token from the environment goes before all.
    pub(crate) fn meant_here(&self, config: &Config) -> Option<(&Entry, ChosenBy)> {
        match config.environment.token {
            Some(_) => None,
            None => self.resolve(&Selector::default(), config).ok(),
        }
    }

    /// The name that is meant, if anything names one, whether or not it is there.
    fn choose(&self, select: &Selector, config: &Config) -> Result<Option<Chosen>> {
        if let Some(name) = &select.context {
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

    fn nobody(&self) -> Error {
        let (message, remedy) = match self.unnamed {
            0 => ("nobody is logged in".to_owned(), Remedy::LogIn { context: None }),
            1 => ("no login has a name, and there is the record of one that has lost it".to_owned(), Remedy::Repair),
            several => (
                format!("no login has a name, and there are the records of {several} that have lost theirs"),
                Remedy::Repair,
            ),
        };
        Error::new(ErrorKind::NotLoggedIn, message).with(remedy)
    }

    /// Returns the error of a command that ends logins and finds none to end: "already logged out", or `error` with the logins to choose from.
    pub(crate) fn other_than(&self, error: Error) -> Error {
        match self.contexts.is_empty() {
            true => Error::new(ErrorKind::NotLoggedIn, "already logged out"),
            false => error.with(Remedy::ChooseContext { contexts: self.names() }),
        }
    }

    fn names(&self) -> Vec<String> {
        self.contexts.iter().map(|entry| entry.name.to_string()).collect()
    }

    fn only(&self) -> Result<&Entry> {
        match self.contexts.as_slice() {
            [only] => Ok(only),
            [] => Err(self.nobody()),
            _ => Err(Error::new(ErrorKind::NotLoggedIn, "there are several logins and no default")
                .with(Remedy::ChooseContext { contexts: self.names() })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::tests::{entry, index};
    use super::*;
    use crate::state_dir::real_folder;

    #[test]
    fn argument_environment_folder_default_and_the_only_one_in_this_order() {
        let folder = tempfile::tempdir().unwrap();
        let real = real_folder(folder.path()).unwrap();
        let mut index = index(&[entry("a", Some("a")), entry("b", Some("b")), entry("c", Some("c"))]);
        let mut config = Config::new("acme", "https://a.example", "acme").unwrap();
        config.environment = crate::Environment::default();
        let name = |index: &Index, config: &Config, select: &Selector| {
            index.resolve(select, config).map(|(entry, by)| (entry.name.to_string(), by))
        };
        let (none, b) = (Selector::default(), Selector::context("B".parse().unwrap()));
        assert_eq!(name(&index, &config, &none).unwrap(), ("a".into(), ChosenBy::Default));
        index.bind(real.clone(), "b".parse().unwrap());
        config.environment.folder = Some(folder.path().to_owned());
        assert_eq!(name(&index, &config, &none).unwrap(), ("b".into(), ChosenBy::Folder(real)));
        config.environment.context = Some("c".into());
        assert_eq!(name(&index, &config, &none).unwrap(), ("c".into(), ChosenBy::Environment));
        assert_eq!(name(&index, &config, &b).unwrap(), ("b".into(), ChosenBy::Argument));
        config.environment.context = Some("d".into());
        let missing = name(&index, &config, &none).unwrap_err();
        assert_eq!(missing.to_string(), "there is no login named d (named by ACME_CONTEXT)");
        config.environment = crate::Environment::default();
        index.remove(&"a".parse().unwrap());
        let remedy = Remedy::ChooseContext { contexts: vec!["b".into(), "c".into()] };
        assert_eq!(name(&index, &config, &none).unwrap_err().remedy(), Some(&remedy));
        index.remove(&"b".parse().unwrap());
        assert_eq!(name(&index, &config, &none).unwrap(), ("c".into(), ChosenBy::Only));
    }
}
