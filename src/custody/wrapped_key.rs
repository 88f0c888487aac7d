//! A sealing key that rests in a file of its own, `<grant>.<app>.<store>`, sealed by another key: one that a passphrase makes, or that lies
//! in a key file.
//!
//! The first line is JSON, the second its checksum: what was damaged is told apart from what another key has sealed.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{Item, KeyStoreError};
use crate::custody::sealing_key::{SealingKey, checksum, text};
use crate::model::error::{Error, Remedy};
use crate::model::ids::{AppName, GrantId};
use crate::model::secret::Secret;
use crate::state_dir::StateDir;

/// The files of one place.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) state_dir: PathBuf,
    pub(super) store: &'static str,
}

/// What a file says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WrappedKey {
    format: u32,
    app: AppName,
    grant: GrantId,
    /// How the other key is had again.
    pub(super) way: WrappedBy,
    /// The fingerprint of the other key.
    opened_by: String,
    sealed: String,
}

/// How the other key is had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrappedBy {
    /// From a passphrase, by Argon2id (RFC 9106) of version 1.3.
    Argon2id { memory_kib: u32, passes: u32, lanes: u32, salt: String },
    /// From the key file in the home.
    File,
    /// From a credential that systemd hands over.
    Credential,
}

const FORMAT: u32 = 1;

impl WrappedKey {
    /// The key, or `None` where `other` is not the one that sealed it.
    pub(super) fn open(&self, other: &SealingKey) -> Result<Option<Secret>, KeyStoreError> {
        if other.fingerprint() != self.opened_by {
            return Ok(None);
        }
        let opened = || {
            let sealed = URL_SAFE_NO_PAD.decode(&self.sealed).ok()?;
            let mut plain = other.open(&sealed, beside(&self.app, &self.grant).as_bytes()).ok()?;
            text(std::mem::take(&mut *plain))
        };
        let damaged = || KeyStoreError::Refused {
            why: "the key in it is damaged".into(),
            remedy: Remedy::LogIn { context: None },
        };
        opened().map(Some).ok_or_else(damaged)
    }
}

impl Files {
    pub(super) fn write(
        &self,
        item: &Item<'_>,
        way: WrappedBy,
        other: &SealingKey,
        key: &Secret,
    ) -> Result<(), KeyStoreError> {
        let sealed = other.seal(key.expose().as_bytes(), beside(item.app, item.grant).as_bytes()).map_err(refused)?;
        let slip = WrappedKey {
            format: FORMAT,
            app: item.app.clone(),
            grant: item.grant.clone(),
            way,
            opened_by: other.fingerprint(),
            sealed: URL_SAFE_NO_PAD.encode(sealed),
        };
        let line = serde_json::to_string(&slip).map_err(|error| KeyStoreError::Failed(error.to_string()))?;
        let state_dir = StateDir::create(&self.state_dir).map_err(refused)?;
        let (name, new) = (self.name(item), format!("{}.new", self.name(item)));
        let bytes = format!("{line}\n{}\n", checksum(line.as_bytes()));
        state_dir
            .grants
            .write(&new, bytes.as_bytes())
            .and_then(|()| state_dir.grants.publish(&new, &name))
            .map_err(refused)
    }

    pub(super) fn read(&self, item: &Item<'_>) -> Result<Option<WrappedKey>, KeyStoreError> {
        let Some(state_dir) = StateDir::open(&self.state_dir).map_err(refused)? else { return Ok(None) };
        let name = self.name(item);
        let Some(bytes) = state_dir.grants.read(&name).map_err(refused)? else { return Ok(None) };
        let cannot = |why: &str, remedy| KeyStoreError::Refused {
            why: format!("{} {why}", state_dir.grants.path_of(&name).display()),
            remedy,
        };
        let damaged = || cannot("is damaged", Remedy::LogIn { context: None });
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        let (line, sum) = text.split_once('\n').ok_or_else(damaged)?;
        if sum.trim_end() != checksum(line.as_bytes()) {
            return Err(damaged());
        }
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        if serde_json::from_str(line).is_ok_and(|Format { format }| format > FORMAT) {
            return Err(cannot("was written by a newer version of this program", Remedy::Upgrade));
        }
        let slip: WrappedKey = serde_json::from_str(line).map_err(|_| damaged())?;
        match slip.app == *item.app && slip.grant == *item.grant {
            true => Ok(Some(slip)),
            false => Err(cannot("belongs to another app or login", Remedy::LogIn { context: None })),
        }
    }

    pub(super) fn remove(&self, item: &Item<'_>) -> Result<bool, KeyStoreError> {
        match StateDir::open(&self.state_dir).map_err(refused)? {
            Some(state_dir) => state_dir.grants.remove(&self.name(item)).map_err(refused),
            None => Ok(false),
        }
    }

    pub(super) fn list(&self, app: &AppName) -> Result<Option<Vec<GrantId>>, KeyStoreError> {
        let Some(state_dir) = StateDir::open(&self.state_dir).map_err(refused)? else { return Ok(Some(Vec::new())) };
        let names = state_dir.grants.names().map_err(refused)?;
        let ending = format!(".{app}.{}", self.store);
        Ok(Some(names.iter().filter_map(|name| name.strip_suffix(&ending)?.parse().ok()).collect()))
    }

    /// Whether a file here, of whatever app, opens with `other`. An error where one that may do so cannot be read.
    pub(super) fn has_sealed(&self, other: &SealingKey) -> Result<bool, KeyStoreError> {
        let Some(state_dir) = StateDir::open(&self.state_dir).map_err(refused)? else { return Ok(false) };
        let ending = format!(".{}", self.store);
        for name in state_dir.grants.names().map_err(refused)? {
            let Some((grant, app)) = name.strip_suffix(&ending).and_then(|name| name.split_once('.')) else { continue };
            let (Ok(app), Ok(grant)) = (app.parse(), grant.parse()) else { continue };
            match self.read(&Item::new(&app, &grant)) {
                Ok(Some(slip)) if slip.way == WrappedBy::File && matches!(slip.open(other), Ok(Some(_))) => {
                    return Ok(true);
                }
                // What is damaged opens with nothing.
                Ok(_) | Err(KeyStoreError::Refused { remedy: Remedy::LogIn { .. }, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn name(&self, item: &Item<'_>) -> String {
        format!("{}.{}.{}", item.grant, item.app, self.store)
    }
}

/// An error of the home, for a place.
pub(super) fn refused(error: Error) -> KeyStoreError {
    KeyStoreError::StateFolder { why: error.to_string(), because: error.cause_text(), remedy: error.remedy().cloned() }
}

/// What a key is sealed beside: moved to another login it does not open.
fn beside(app: &AppName, grant: &GrantId) -> String {
    format!("sealing key of {app} {grant}")
}
