//! [`Uses`]: what was told of a grant's use, and what was only counted, in `<id>.uses`.
//!
//! Nothing in it is secret or proved: it saves lines of the trail, and an editor of it can only have more of them written, or fewer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::records::grant_files::GrantFiles;
use crate::state_dir::Lock;

/// What is known of a grant's uses. It is read, changed and written back under its own lock.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Uses {
    /// The newest generation that a line of the trail tells of.
    #[serde(default)]
    pub(crate) told: u64,
    /// How often an access token was exported since the login.
    #[serde(default)]
    pub(crate) exported: u64,
    /// The day on which a person was last told that the login ends, in days since 1970.
    #[serde(default)]
    pub(crate) reminded: u64,
    #[serde(default)]
    windows: Vec<Window>,
}

/// The hour after a use that was told, in which others of the same kind are only counted.
#[derive(Debug, Serialize, Deserialize)]
struct Window {
    what: String,
    /// When it began, in seconds since 1970.
    since: u64,
    count: u64,
}

/// How long uses of the same kind are only counted.
const WINDOW: u64 = 3600;

/// The most windows that are kept: the oldest goes, and its next use is told.
const MAX_WINDOWS: usize = 32;

/// How long another process is waited for: it holds the lock for as long as a line is written.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

impl Uses {
    /// Returns how many uses of this kind were only counted since the last one that was told, if this one has to be told; `None` if it is only
    /// counted.
    pub(crate) fn count(&mut self, what: &str, now: SystemTime) -> Option<u64> {
        let now = seconds(now);
        match self.windows.iter_mut().find(|window| window.what == what) {
            // A clock that was set back must not silence the trail.
            Some(window) if (window.since..window.since + WINDOW).contains(&now) => {
                window.count += 1;
                None
            }
            Some(window) => {
                let counted = std::mem::take(&mut window.count);
                window.since = now;
                Some(counted)
            }
            None => {
                if self.windows.len() == MAX_WINDOWS {
                    let oldest = (0..MAX_WINDOWS).min_by_key(|at| self.windows[*at].since);
                    self.windows.swap_remove(oldest.unwrap_or_default());
                }
                self.windows.push(Window { what: what.to_owned(), since: now, count: 0 });
                Some(0)
            }
        }
    }

    /// Takes back what [`count`](Self::count) has said, as no line could be written: the next use of this kind is told.
    pub(crate) fn tell_next(&mut self, what: &str, counted: u64) {
        for window in self.windows.iter_mut().filter(|window| window.what == what) {
            (window.since, window.count) = (0, counted + 1);
        }
    }
}

impl GrantFiles<'_> {
    /// Changes what is known of the uses. Where the file cannot be had, `change` gets what is known of a new grant, and nothing is kept.
    pub(crate) fn change_uses<T>(self, change: impl FnOnce(&mut Uses) -> T) -> T {
        // A login that was forgotten meanwhile gets no file any more.
        let is_there = self.folder().touched(self.id.as_str()).is_some();
        let lock = is_there.then(|| self.folder().lock(&self.uses_name(), LOCK_TIMEOUT).ok().flatten()).flatten();
        let before = lock.as_ref().and_then(Lock::read_text).unwrap_or_default();
        let mut uses: Uses = serde_json::from_str(&before).unwrap_or_default();
        let changed = change(&mut uses);
        let after = serde_json::to_string(&uses).unwrap_or_default();
        if let Some(lock) = lock.filter(|_| after != before) {
            lock.write_text(&after);
        }
        changed
    }

    /// Returns whether nobody was told today that the login ends, and notes that somebody is now.
    pub(crate) fn is_first_reminder_today(self, now: SystemTime) -> bool {
        let today = seconds(now) / 86_400;
        self.change_uses(|uses| std::mem::replace(&mut uses.reminded, today) != today)
    }

    /// Returns what is known of the uses, as it is now.
    pub(crate) fn uses(self) -> Uses {
        let bytes = self.folder().read(&self.uses_name()).ok().flatten();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    fn uses_name(self) -> String {
        format!("{}.uses", self.id)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_use_of_an_hour_is_told_and_others_count() {
        let (mut uses, start) = (Uses::default(), UNIX_EPOCH + Duration::from_secs(1_000_000));
        let mut at = |seconds: u64, what: &str| uses.count(what, start + Duration::from_secs(seconds));
        assert_eq!(at(0, "stdout"), Some(0));
        assert_eq!((at(1, "stdout"), at(3599, "stdout")), (None, None));
        assert_eq!(at(5, "file"), Some(0), "another destination");
        assert_eq!(at(3600, "stdout"), Some(2));
        assert_eq!(at(3601, "stdout"), None);
        assert_eq!(at(100, "stdout"), Some(1), "the clock was set back");
        for other in 0..100 {
            assert_eq!(at(200, &other.to_string()), Some(0));
        }
        assert!(uses.windows.len() <= MAX_WINDOWS);
    }
}
