//! Reads the selected entry of the index alone: a token is wanted more often than a list.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::index::{FORMAT, FolderRule, Index};
use super::index_file::read_file;
use super::resolve::{Choice, ChosenBy};
use super::{Entry, Selector};
use crate::lifecycle::config::Config;
use crate::model::error::Result;
use crate::model::ids::ContextName;
use crate::state_dir::StateDir;

/// An index whose contexts are not parsed yet.
#[derive(Deserialize)]
struct RawIndex<'a> {
    format: u32,
    default: Option<ContextName>,
    #[serde(default)]
    folders: Vec<FolderRule>,
    #[serde(borrow)]
    contexts: Vec<&'a RawValue>,
}

impl Index {
    /// Reads the index, with the selected entry alone if that suffices, and the choice for [`find`](Self::find).
    ///
    /// With 200 logins a session takes 0.09 ms instead of the 0.7 ms that [`read`](Self::read) takes: `by default` of
    /// `cargo bench --bench contexts --all-features`, without LTO, with each in turn.
    pub(crate) fn read_selected(
        state_dir: Option<&StateDir>,
        selector: &Selector,
        config: &Config,
    ) -> Result<(Self, Option<Choice>)> {
        let bytes = read_file(state_dir)?;
        if let Some(bytes) = &bytes
            && let Some(selected) = Self::parse_selected(bytes, selector, config)?
        {
            return Ok(selected);
        }
        // The same bytes: a switch in between must not mix two choices.
        let index = Self::parse_file(state_dir, bytes.as_deref())?;
        let choice = index.choose(selector, config)?;
        Ok((index, choice))
    }

    /// Parses the selected entry alone; `None` if the whole index has to be parsed to find it.
    pub(crate) fn parse_selected(
        bytes: &[u8],
        selector: &Selector,
        config: &Config,
    ) -> Result<Option<(Self, Option<Choice>)>> {
        let asks_for_an_org = selector.org.is_some() || config.environment.org.is_some();
        // If each org has its own login, the login of another org may be the selected one.
        if asks_for_an_org && !config.orgs.selection.is_per_token() {
            return Ok(None);
        }
        let Ok(raw) = serde_json::from_slice::<RawIndex<'_>>(bytes) else { return Ok(None) };
        if !(1..=FORMAT).contains(&raw.format) {
            return Ok(None);
        }
        let mut index = Self { default: raw.default, folders: raw.folders, ..Self::empty() };
        let Some(choice) = index.choose(selector, config)? else { return Ok(None) };
        // As we write it. A name in another case, or a file that was written by hand, needs the whole index.
        let start = format!("{{\"name\":\"{}\",", choice.0);
        let entry = raw.contexts.iter().find(|entry| entry.get().starts_with(&start));
        let Some(Ok(entry)) = entry.map(|entry| serde_json::from_str::<Entry>(entry.get())) else { return Ok(None) };
        // A default of another issuer or client does not count, and then the others decide.
        if choice.1 == ChosenBy::Default && !entry.is_own(config) {
            return Ok(None);
        }
        index.contexts.push(entry);
        Ok(Some((index, Some(choice))))
    }
}
