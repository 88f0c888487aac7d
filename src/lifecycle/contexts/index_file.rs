//! The index's file: read, and changed under its lock.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::index::{FORMAT, Index};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::GrantId;
use crate::state_dir::{Lock, StateDir};

const FILE: &str = "index.json";
const NEW_FILE: &str = "index.json.new";
const LOCK: &str = "index.lock";

impl Index {
    /// The name of a damaged index that was set aside.
    pub(crate) const DAMAGED: &str = "index.json.damaged";

    /// Returns the index, or an empty one if nobody has logged in yet.
    pub(crate) fn read(state_dir: Option<&StateDir>) -> Result<Self> {
        Self::parse_file(state_dir, read_file(state_dir)?.as_deref())
    }

    /// Returns the index from the bytes of its file, or an empty one if there is no file.
    pub(super) fn parse_file(state_dir: Option<&StateDir>, bytes: Option<&[u8]>) -> Result<Self> {
        let Some(state_dir) = state_dir else { return Ok(Self::empty()) };
        let parsed = bytes.map(|bytes| Self::parse(&state_dir.root.path_of(FILE), bytes)).transpose()?;
        let mut index = parsed.unwrap_or_else(Self::empty);
        if index.contexts.is_empty() {
            index.unnamed_records = count_records(state_dir);
        }
        Ok(index)
    }

    /// Parses the content of the file at `path`.
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let index = serde_json::from_slice::<Self>(bytes);
        let format = match &index {
            Ok(index) => Some(index.format),
            // A newer format may lack what this one requires.
            Err(_) => format_alone(bytes),
        };
        match index {
            _ if format.is_some_and(|format| format > FORMAT) => {
                Err(unusable(path, "it was written by a newer version of this program", Remedy::Upgrade))
            }
            // An older index is rewritten by its next change.
            Ok(index) => Ok(Self { format: FORMAT, ..index }),
            // Damaged is not empty: the logins are there, only their names are not.
            Err(_) => Err(unusable(path, "it is damaged", Remedy::SetAside { path: path.to_owned() })),
        }
    }

    /// Returns what [`parse`](Self::parse) reads.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self)
            .map_err(|error| Error::new(ErrorKind::Custody, format!("{FILE} cannot be written down")).caused_by(error))
    }

    /// Changes the index under its lock: `change` gets the index as it is under the lock. A grant's lock is taken before this lock.
    pub(crate) fn change<T>(
        state_dir: &StateDir,
        timeout: Duration,
        change: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let _lock = lock(state_dir, timeout)?;
        let mut index = Self::read(Some(state_dir))?;
        let changed = change(&mut index)?;
        state_dir.root.write(NEW_FILE, &index.to_bytes()?)?;
        state_dir.root.publish(NEW_FILE, FILE)?;
        Ok(changed)
    }

    /// Makes sure that the index can be written.
    pub(crate) fn try_write(state_dir: &StateDir, timeout: Duration) -> Result<()> {
        if state_dir.root.read(FILE)?.is_none() { Ok(()) } else { Self::change(state_dir, timeout, |_| Ok(())) }
    }

    /// Makes sure that the file system of the index supports locks.
    pub(crate) fn try_lock(state_dir: &StateDir) -> Result<()> {
        state_dir.root.try_lock(LOCK).map(drop)
    }

    /// Moves a damaged index out of the way. Another process may have done so already.
    pub(crate) fn set_aside(state_dir: &StateDir, timeout: Duration) -> Result<()> {
        let _lock = lock(state_dir, timeout)?;
        if Self::read(Some(state_dir)).is_ok() { Ok(()) } else { state_dir.root.publish(FILE, Self::DAMAGED) }
    }
}

/// Reads the file, if it exists.
pub(super) fn read_file(state_dir: Option<&StateDir>) -> Result<Option<Vec<u8>>> {
    let Some(state_dir) = state_dir else { return Ok(None) };
    // It holds no secret, and wiping it would take as long as reading it.
    Ok(state_dir.root.read(FILE)?.map(|mut bytes| std::mem::take(&mut *bytes)))
}

fn lock(state_dir: &StateDir, timeout: Duration) -> Result<Lock> {
    state_dir.root.lock(LOCK, timeout)?.ok_or_else(|| state_dir.root.still_locked(LOCK, timeout, None))
}

fn count_records(state_dir: &StateDir) -> usize {
    let names = state_dir.grants.names().unwrap_or_default();
    names.iter().filter(|name| name.parse::<GrantId>().is_ok()).count()
}

fn format_alone(bytes: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    serde_json::from_slice(bytes).ok().map(|Format { format }| format)
}

fn unusable(path: &Path, why: &str, remedy: Remedy) -> Error {
    Error::new(ErrorKind::Custody, format!("cannot use {}: {why}", path.display())).with(remedy)
}
