//! Where the old tokens are.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::tokens::OldTokens;
use crate::lifecycle::config::Config;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::secret::Secret;
use crate::state_dir::OldFile;

pub(super) enum Source {
    File { path: PathBuf, read: Box<Read>, marker: Box<Marker> },
    Memory(OldTokens),
}

/// Finds the tokens in the bytes of a file.
pub(super) type Read = dyn Fn(&[u8]) -> Result<Option<OldTokens>, Box<dyn StdError + Send + Sync>> + Send;

/// Makes the new bytes of a file.
pub(super) type Marker = dyn Fn(&[u8]) -> Vec<u8> + Send;

impl Source {
    /// Returns the old tokens as they are now; `None` if there are none: the file is missing, is empty, or has its marker.
    pub(super) fn tokens(&self) -> Result<Option<OldTokens>> {
        let found = match self {
            Self::File { path, read, .. } => match old_bytes(path)? {
                Some(bytes) => read(&bytes).map_err(|why| unreadable(path, why))?,
                None => None,
            },
            Self::Memory(tokens) => Some(tokens.copy()),
        };
        let Some(tokens) = found else { return Ok(None) };
        tokens.check()?;
        Ok(Some(tokens).filter(|tokens| tokens.main_token().is_some()))
    }

    /// Returns the old tokens, and a copy of the one that the login goes on with.
    pub(super) fn main_token(&self) -> Result<Option<(OldTokens, Secret)>> {
        let tokens = self.tokens()?;
        Ok(tokens.and_then(|tokens| {
            let token = tokens.main_token()?.copy();
            Some((tokens, token))
        }))
    }

    /// Returns a number for the file as it is now, at this server; `None` if there is no file.
    pub(super) fn fingerprint(&self, config: &Config) -> Option<u64> {
        let path = self.path()?;
        let (length, written) = OldFile::at(path).ok()??.stamp()?;
        let written = written.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let (issuer, client) = (&config.issuer, config.client_id.as_str());
        Some(hash(format!("{} {length} {written} {issuer} {client}", path.display()).as_bytes()))
    }

    /// Replaces the old file by its marker, if it still has the login that was adopted. Returns false if it has another login by now.
    pub(super) fn mark(&self, adopted: &Secret) -> Result<bool> {
        let Self::File { path, read, marker } = self else { return Ok(true) };
        let (Some(file), Some(bytes)) = (OldFile::at(path)?, old_bytes(path)?) else { return Ok(true) };
        let now = read(&bytes).map_err(|why| unreadable(path, why))?;
        match now.as_ref().and_then(OldTokens::main_token) {
            Some(now) if now.expose() != adopted.expose() => Ok(false),
            Some(_) => file.replace(&marker(&bytes)).map(|()| true),
            None => Ok(true),
        }
    }

    /// Checks that the host's marker has no token.
    pub(super) fn check_marker(&self) -> Result<()> {
        let Self::File { path, read, marker } = self else { return Ok(()) };
        let Some(bytes) = old_bytes(path)? else { return Ok(()) };
        let left = match &*marker(&bytes) {
            [] => None,
            marked => read(marked).map_err(|why| unreadable(path, why))?,
        };
        match left.as_ref().and_then(OldTokens::main_token) {
            None => Ok(()),
            Some(_) => {
                let message =
                    format!("cannot take over the login in {}: its marker still has the token", path.display());
                Err(Error::new(ErrorKind::Config, message).with(Remedy::Upgrade))
            }
        }
    }

    /// Returns the other program's file.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => Some(path),
            Self::Memory(_) => None,
        }
    }
}

/// Returns a number that every build makes of these bytes: it is kept on disk.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    Sha256::digest(bytes).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn old_bytes(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let bytes = OldFile::at(path)?.map(|file| file.read()).transpose()?.flatten();
    Ok(bytes.filter(|bytes| !bytes.trim_ascii().is_empty()))
}

/// The host's reader may quote the file in its error, so its words are not shown.
fn unreadable(path: &Path, _why: Box<dyn StdError + Send + Sync>) -> Error {
    let message = format!("cannot read the old login in {}: it is not what the old version writes", path.display());
    Error::new(ErrorKind::Custody, message).with(Remedy::FixPath { path: path.to_owned(), mode: None })
}
