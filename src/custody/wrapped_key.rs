//! [`WrappedKey`]: a sealing key in its own file, `<grant>.<app>.<store>`, sealed by a wrapping key. The wrapping key is derived
//! from a passphrase, or lies in a key file.
//!
//! The first line is JSON, the second its checksum. The checksum distinguishes a damaged file from
//! a file that another key has sealed.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{Item, KeyStoreError, KeyStoreName};
use crate::custody::sealing_key::{SealingKey, checksum};
use crate::model::error::{Error, Remedy};
use crate::model::ids::{AppName, GrantId};
use crate::model::secret::Secret;
use crate::state_dir::StateDir;

/// The files of one key store.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) state_dir: PathBuf,
    pub(super) store: KeyStoreName,
}

/// The content of a file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WrappedKey {
    format: u32,
    app: AppName,
    grant: GrantId,
    /// How to get the wrapping key.
    #[serde(rename = "way")]
    pub(super) wrapped_by: WrappedBy,
    /// The fingerprint of the wrapping key.
    opened_by: String,
    sealed: String,
}

/// How to get a wrapping key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrappedBy {
    /// From a passphrase, by Argon2id (RFC 9106) of version 1.3.
    Argon2id { memory_kib: u32, passes: u32, lanes: u32, salt: String },
    /// From the key file in the state folder.
    File,
    /// From a credential that systemd provides.
    Credential,
}

const FORMAT: u32 = 1;

impl WrappedKey {
    /// Returns the key, or `None` if another key than `wrapping_key` sealed it.
    pub(super) fn open(&self, wrapping_key: &SealingKey) -> Result<Option<Secret>, KeyStoreError> {
        if wrapping_key.fingerprint() != self.opened_by {
            return Ok(None);
        }
        match self.unseal(wrapping_key) {
            Some(key) => Ok(Some(key)),
            None => Err(KeyStoreError::Refused {
                why: "the key in it is damaged".into(),
                remedy: Remedy::LogIn { context: None },
            }),
        }
    }

    fn unseal(&self, wrapping_key: &SealingKey) -> Option<Secret> {
        let sealed = URL_SAFE_NO_PAD.decode(&self.sealed).ok()?;
        let mut plain = wrapping_key.open(&sealed, associated_data(&self.app, &self.grant).as_bytes()).ok()?;
        Secret::from_bytes(std::mem::take(&mut *plain))
    }
}

impl Files {
    pub(super) fn write(
        &self,
        item: &Item<'_>,
        wrapped_by: WrappedBy,
        wrapping_key: &SealingKey,
        key: &Secret,
    ) -> Result<(), KeyStoreError> {
        let associated_data = associated_data(item.app, item.grant);
        let sealed = wrapping_key.seal(key.expose().as_bytes(), associated_data.as_bytes()).map_err(refused)?;
        let wrapped = WrappedKey {
            format: FORMAT,
            app: item.app.clone(),
            grant: item.grant.clone(),
            wrapped_by,
            opened_by: wrapping_key.fingerprint(),
            sealed: URL_SAFE_NO_PAD.encode(sealed),
        };
        let line = serde_json::to_string(&wrapped).map_err(|error| KeyStoreError::Failed(error.to_string()))?;
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
        match parse(&bytes, item) {
            Ok(wrapped) => Ok(Some(wrapped)),
            Err(unusable) => Err(KeyStoreError::Refused {
                why: format!("{} {unusable}", state_dir.grants.path_of(&name).display()),
                remedy: match unusable {
                    Unusable::Newer => Remedy::Upgrade,
                    Unusable::Damaged | Unusable::OtherItem => Remedy::LogIn { context: None },
                },
            }),
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

    /// Returns whether `wrapping_key` opens a file here, of any app. Returns an error if a file that it may open cannot be read.
    pub(super) fn has_sealed(&self, wrapping_key: &SealingKey) -> Result<bool, KeyStoreError> {
        let Some(state_dir) = StateDir::open(&self.state_dir).map_err(refused)? else { return Ok(false) };
        let ending = format!(".{}", self.store);
        for name in state_dir.grants.names().map_err(refused)? {
            let Some((grant, app)) = name.strip_suffix(&ending).and_then(|name| name.split_once('.')) else { continue };
            let (Ok(app), Ok(grant)) = (app.parse(), grant.parse()) else { continue };
            match self.read(&Item::new(&app, &grant)) {
                Ok(Some(wrapped))
                    if wrapped.wrapped_by == WrappedBy::File && matches!(wrapped.open(wrapping_key), Ok(Some(_))) =>
                {
                    return Ok(true);
                }
                // No key opens a damaged file.
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

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("is damaged")]
    Damaged,
    #[error("was written by a newer version of this program")]
    Newer,
    #[error("belongs to another app or login")]
    OtherItem,
}

fn parse(bytes: &[u8], item: &Item<'_>) -> Result<WrappedKey, Unusable> {
    let text = std::str::from_utf8(bytes).map_err(|_| Unusable::Damaged)?;
    let (line, sum) = text.split_once('\n').ok_or(Unusable::Damaged)?;
    if sum.trim_end() != checksum(line.as_bytes()) {
        return Err(Unusable::Damaged);
    }
    // The format first, alone: a newer file need not have the members of this one.
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    if serde_json::from_str(line).is_ok_and(|Format { format }| format > FORMAT) {
        return Err(Unusable::Newer);
    }
    let wrapped: WrappedKey = serde_json::from_str(line).map_err(|_| Unusable::Damaged)?;
    let is_of_item = wrapped.app == *item.app && wrapped.grant == *item.grant;
    if is_of_item { Ok(wrapped) } else { Err(Unusable::OtherItem) }
}

/// Converts an error of the state folder to an error of a key store.
pub(super) fn refused(error: Error) -> KeyStoreError {
    KeyStoreError::StateFolder { why: error.to_string(), because: error.because(), remedy: error.remedy().cloned() }
}

/// Binds a sealed key to its login: moved to another login, it does not open.
fn associated_data(app: &AppName, grant: &GrantId) -> String {
    format!("sealing key of {app} {grant}")
}
