//! The rules of folders: a rule selects a context in its folder and below.

use serde_json::Map;
use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use super::index::{FolderRule, Index};
use crate::model::ids::ContextName;
use crate::state_dir::{canonical_folder, other_owner};

impl Index {
    /// Selects `context` in this folder, a real path, and below it.
    pub(crate) fn pin(&mut self, folder: PathBuf, context: ContextName) {
        self.unpin(&folder);
        self.folders.push(FolderRule { folder, context, unknown: Map::new() });
    }

    /// Removes the rule of this folder, and returns the context that it named.
    pub(crate) fn unpin(&mut self, folder: &Path) -> Option<ContextName> {
        let at = self.folders.iter().position(|rule| rule.folder == folder)?;
        Some(self.folders.remove(at).context)
    }

    /// Returns the rule of the innermost folder around `current` that has a rule. A folder that
    /// another user owns now has no rule: somebody who can replace a person's folder must not
    /// select that person's login.
    pub(super) fn rule_around(&self, current: Option<&Path>) -> Option<&FolderRule> {
        if self.folders.is_empty() {
            return None;
        }
        let current = canonical_folder(current?).ok()?;
        let mut around: Vec<_> = self.folders.iter().filter(|rule| current.starts_with(&rule.folder)).collect();
        around.sort_by_key(|rule| Reverse(rule.folder.as_os_str().len()));
        around.into_iter().find(|rule| matches!(other_owner(&rule.folder), Ok(None)))
    }
}
