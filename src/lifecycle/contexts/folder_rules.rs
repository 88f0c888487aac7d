//! The rules of folders: in a folder, and below it, a context is selected.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, de};

use super::Index;
use crate::model::ids::ContextName;
use crate::model::sanitize::is_plain;
use crate::state_dir::{other_owner, real_folder};

/// In `folder`, by its real path, and below it, this context is meant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FolderRule {
    #[serde(deserialize_with = "plain_path")]
    pub(super) folder: PathBuf,
    pub(super) context: ContextName,
}

impl Index {
    /// Makes `context` the one that is meant in this folder, by its real path, and below it.
    pub(crate) fn bind(&mut self, folder: PathBuf, context: ContextName) {
        self.unbind(&folder);
        self.folders.push(FolderRule { folder, context });
    }

    /// Takes the rule of this folder away; says which context it named.
    pub(crate) fn unbind(&mut self, folder: &Path) -> Option<ContextName> {
        let at = self.folders.iter().position(|rule| rule.folder == folder)?;
        Some(self.folders.remove(at).context)
    }

    /// The rule of the innermost folder around `current` that has one. A folder that became another user's has none: who can
    /// put a folder where mine was does not choose my login.
    pub(super) fn rule_around(&self, current: Option<&Path>) -> Option<&FolderRule> {
        if self.folders.is_empty() {
            return None;
        }
        let real = real_folder(current?).ok()?;
        let is_around = |rule: &&FolderRule| {
            // By its letters first, which takes no time, and then by its parts.
            let (real_bytes, bytes) = (real.as_os_str().as_encoded_bytes(), rule.folder.as_os_str().as_encoded_bytes());
            real_bytes.starts_with(bytes) && real.starts_with(&rule.folder)
        };
        let mut around: Vec<_> = self.folders.iter().filter(is_around).collect();
        around.sort_by_key(|rule| Reverse(rule.folder.as_os_str().len()));
        around.into_iter().find(|rule| matches!(other_owner(&rule.folder), Ok(None)))
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
