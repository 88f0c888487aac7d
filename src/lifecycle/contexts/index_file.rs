//! The index's file: read, and changed under its lock.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::Index;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::GrantId;
use crate::state_dir::StateDir;

pub(super) const FORMAT: u32 = 1;
pub(super) const FILE: &str = "index.json";
const LOCK: &str = "index.lock";

impl Index {
    /// The index as it is; empty where nobody has logged in yet.
    pub(crate) fn read(state_dir: Option<&StateDir>) -> Result<Self> {
        match Self::bytes(state_dir)? {
            Some((state_dir, bytes)) => Ok(Self::parse(&state_dir.root.path_of(FILE), &bytes)?.with_unnamed(state_dir)),
            None => Ok(state_dir.map_or_else(Self::empty, |state_dir| Self::empty().with_unnamed(state_dir))),
        }
    }

    /// The file; `None` where nobody has logged in yet.
    pub(super) fn bytes(state_dir: Option<&StateDir>) -> Result<Option<(&StateDir, Vec<u8>)>> {
        let Some(state_dir) = state_dir else { return Ok(None) };
        let bytes = state_dir.root.read(FILE)?;
        // No secret: to wipe it would take as long as to read it.
        Ok(bytes.map(|mut bytes| (state_dir, std::mem::take(&mut *bytes))))
    }

    /// What the file at `path` holds.
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let wrong = |why: &str, remedy| {
            // Damaged is not empty: the logins are there, only their names are not.
            Err(Error::new(ErrorKind::Custody, format!("cannot use {}: {why}", path.display())).with(remedy))
        };
        let index = serde_json::from_slice::<Self>(bytes);
        // A newer one need not have what this one has.
        let format = match &index {
            Ok(index) => Ok(index.format),
            Err(_) => serde_json::from_slice(bytes).map(|Format { format }| format),
        };
        match (index, format) {
            (_, Ok(format)) if format > FORMAT => {
                wrong("it was written by a newer version of this program", Remedy::Upgrade)
            }
            (Ok(index), _) => Ok(index),
            (Err(_), _) => wrong("it is damaged", Remedy::SetAside { path: path.to_owned() }),
        }
    }

    /// Changes the index under its lock: what `change` sees is what it changes. Order: a grant's lock first, then this one.
    pub(crate) fn change<T>(
        state_dir: &StateDir,
        timeout: Duration,
        change: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let lock = state_dir.root.lock(LOCK, timeout)?;
        let _lock = lock.ok_or_else(|| state_dir.root.still_locked(LOCK, timeout, None))?;
        let mut index = Self::read(Some(state_dir))?;
        let changed = change(&mut index)?;
        index.write(state_dir)?;
        Ok(changed)
    }

    /// Makes sure that the index can be written.
    pub(crate) fn try_write(state_dir: &StateDir, timeout: Duration) -> Result<()> {
        if state_dir.root.read(FILE)?.is_none() { Ok(()) } else { Self::change(state_dir, timeout, |_| Ok(())) }
    }

    /// Makes sure that there are locks where the index is.
    pub(crate) fn try_lock(state_dir: &StateDir) -> Result<()> {
        state_dir.root.try_lock(LOCK).map(drop)
    }

    /// Where a damaged index is kept.
    pub(crate) const DAMAGED: &str = "index.json.damaged";

    /// Moves a damaged index out of the way, unless somebody has done it.
    pub(crate) fn set_aside(state_dir: &StateDir, timeout: Duration) -> Result<()> {
        let lock = state_dir.root.lock(LOCK, timeout)?;
        let _lock = lock.ok_or_else(|| state_dir.root.still_locked(LOCK, timeout, None))?;
        if Self::read(Some(state_dir)).is_ok() { Ok(()) } else { state_dir.root.publish(FILE, Self::DAMAGED) }
    }

    pub(super) fn with_unnamed(mut self, state_dir: &StateDir) -> Self {
        if self.contexts.is_empty() {
            let names = state_dir.grants.names().unwrap_or_default();
            self.unnamed = names.iter().filter(|name| name.parse::<GrantId>().is_ok()).count();
        }
        self
    }

    fn write(&self, state_dir: &StateDir) -> Result<()> {
        state_dir.root.write("index.json.new", &self.to_bytes()?)?;
        state_dir.root.publish("index.json.new", FILE)
    }

    /// What [`parse`](Self::parse) reads.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self)
            .map_err(|error| Error::new(ErrorKind::Custody, format!("{FILE} cannot be written down")).because(error))
    }
}
