//! Where the old tokens are.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Adoption, Marker, OldTokens, Read};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::state_dir::OldFile;

pub(super) enum Source {
    File { path: PathBuf, read: Box<Read>, marker: Box<Marker> },
    Memory(OldTokens),
}

impl Adoption {
    /// Returns the old tokens as they are now; `None` if there are none: the file is missing, is empty, or has its marker.
    pub(super) fn tokens(&self) -> Result<Option<OldTokens>> {
        let found = match &self.source {
            Source::File { path, read, .. } => match old_bytes(path)? {
                Some(bytes) => read(&bytes).map_err(|why| unreadable(path, why))?,
                None => None,
            },
            Source::Memory(tokens) => Some(tokens.copy()),
        };
        match found {
            Some(OldTokens { invalid: Some(error), .. }) => Err(error),
            found => Ok(found.filter(|tokens| tokens.main_token().is_some())),
        }
    }

    /// Replaces the old file by its marker.
    pub(super) fn mark(&self) -> Result<()> {
        let Source::File { path, marker, .. } = &self.source else { return Ok(()) };
        let (Some(file), Some(bytes)) = (OldFile::at(path)?, old_bytes(path)?) else { return Ok(()) };
        file.replace(&marker(&bytes))
    }

    /// Takes the other program's lock, if the host names one.
    pub(super) fn lock_old_program(&self, timeout: Duration) -> Result<Option<File>> {
        let Some(path) = &self.lock else { return Ok(None) };
        OldFile::at(path)?.map(|file| file.lock(timeout)).transpose()
    }

    /// Returns the other program's file.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::File { path, .. } => Some(path),
            Source::Memory(_) => None,
        }
    }
}

impl OldTokens {
    fn copy(&self) -> Self {
        Self {
            refresh_token: self.refresh_token.as_ref().map(|token| token.copy()),
            access_token: self.access_token.as_ref().map(|token| token.copy()),
            expires_at: self.expires_at,
            scopes: self.scopes.clone(),
            invalid: self.invalid.clone(),
        }
    }
}

fn old_bytes(path: &Path) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>> {
    let bytes = OldFile::at(path)?.map(|file| file.read()).transpose()?.flatten();
    Ok(bytes.filter(|bytes| !bytes.trim_ascii().is_empty()))
}

/// The host's reader may quote the file in its error, so its words are not shown.
fn unreadable(path: &Path, _why: Box<dyn std::error::Error + Send + Sync>) -> Error {
    let message = format!("cannot read the old login in {}: it is not what the old version writes", path.display());
    Error::new(ErrorKind::Custody, message).with(Remedy::FixPath { path: path.to_owned(), mode: None })
}
