//! The inventory: every login on this machine, whose it is, how old it is, and what should be done about it.

use std::time::{Duration, SystemTime};

use crate::custody::{KeyStoreName, Protection};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Context, Index};
use crate::model::error::Result;
use crate::oauth::server_quirks::RevocationReach;

/// A login, as an inventory has it. See [`Auth::inventory`](crate::Auth::inventory).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InventoryItem {
    /// The login.
    pub context: Context,
    /// What its key store promises; `None` if this program has no such key store.
    pub protection: Option<Protection>,
    /// What a revocation of it takes along at the server.
    pub reach: RevocationReach,
    /// How often it was refreshed since it was made; `None` if its record cannot be read.
    pub refreshed: Option<u64>,
    /// How often an access token of it was exported since it was made.
    pub exported: u64,
    /// What should be done about it.
    pub warnings: Vec<InventoryWarning>,
}

/// Why something should be done about a login.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InventoryWarning {
    /// It has ended: only a new login gives tokens.
    Ended,
    /// It ends soon, at this time, UTC.
    EndsSoon(SystemTime),
    /// It is older than 90 days. A new login begins with a new refresh token.
    Old {
        /// Its age in days.
        days: u64,
    },
    /// Nobody has used it for 30 days.
    Idle {
        /// Since how many days.
        days: u64,
    },
    /// Its key rests in a file beside the record: whoever copies the folder has both.
    WeakKeyStore,
    /// Nobody answers for it, and other logins here have an owner.
    NoOwner,
}

/// How long before its end a login is due.
pub(crate) const ENDS_SOON: Duration = Duration::from_secs(7 * DAY);

const OLD: u64 = 90;
const IDLE: u64 = 30;
const DAY: u64 = 86_400;

impl InventoryWarning {
    /// Returns the name in JSON output, in `snake_case`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::EndsSoon(_) => "ends_soon",
            Self::Old { .. } => "old",
            Self::Idle { .. } => "idle",
            Self::WeakKeyStore => "weak_key_store",
            Self::NoOwner => "no_owner",
        }
    }
}

/// Returns all logins in the order in which they were made. Asks no key store and no server.
pub(crate) fn inventory(app: &App) -> Result<Vec<InventoryItem>> {
    let Some(state_dir) = app.state_dir()? else { return Ok(Vec::new()) };
    let index = Index::read(Some(&state_dir))?;
    let selected = index.selected_here(&app.config);
    // systemd's credential lies elsewhere.
    let has_key_file = state_dir.root.touched("key").is_some();
    let items = index.contexts.iter().map(|entry| {
        let context = app.context(&state_dir, &index, entry, selected.as_ref());
        let files = app.files(&state_dir, &entry.grant);
        InventoryItem {
            protection: app.key_stores.any(&entry.key_store).ok().map(|key_store| key_store.protection()),
            reach: app.config.quirks.revocation_reach,
            refreshed: context.generation.map(|generation| generation.saturating_sub(1)),
            exported: files.uses().exported,
            warnings: warnings(&context, has_key_file, app.config.clock.now()),
            context,
        }
    });
    let mut items: Vec<_> = items.collect();
    if items.iter().any(|item| item.has_owner()) {
        items
            .iter_mut()
            .filter(|item| !item.has_owner())
            .for_each(|item| item.warnings.push(InventoryWarning::NoOwner));
    }
    Ok(items)
}

impl InventoryItem {
    fn has_owner(&self) -> bool {
        self.context.provenance.as_ref().is_some_and(|provenance| provenance.owner.is_some())
    }
}

/// Returns whether a login that ends then is due. An end that moves with each refresh is near only once the login was idle for most of
/// the time.
fn is_soon(context: &Context, end: SystemTime, now: SystemTime) -> bool {
    let left = end.duration_since(now).unwrap_or_default();
    let window = context.refreshed_at.and_then(|since| end.duration_since(since).ok()).unwrap_or_default();
    left < if context.fixed_end == Some(end) { ENDS_SOON } else { ENDS_SOON.min(window / 4) }
}

fn warnings(context: &Context, has_key_file: bool, now: SystemTime) -> Vec<InventoryWarning> {
    let days = |since: SystemTime| now.duration_since(since).unwrap_or_default().as_secs() / DAY;
    let end = match context.session_ends_at {
        _ if context.has_ended || context.missing.is_some() => Some(InventoryWarning::Ended),
        Some(end) if end <= now => Some(InventoryWarning::Ended),
        Some(end) if context.renews != Some(false) && is_soon(context, end, now) => {
            Some(InventoryWarning::EndsSoon(end))
        }
        _ => None,
    };
    let old = context.logged_in_at.map(days).filter(|days| *days > OLD).map(|days| InventoryWarning::Old { days });
    let idle = context.last_used_at.map(days).filter(|days| *days > IDLE).map(|days| InventoryWarning::Idle { days });
    let is_weak = has_key_file && context.key_store == KeyStoreName::KeyFile;
    let weak = is_weak.then_some(InventoryWarning::WeakKeyStore);
    end.into_iter().chain(old).chain(idle).chain(weak).collect()
}
