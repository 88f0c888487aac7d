//! Folders by path, where the system has no handles to reach files through. On Windows the home lies under
//! `%LOCALAPPDATA%`, which the profile keeps to its user.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind as Io};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::pause;

use super::refused::Refused;

#[derive(Debug)]
pub(super) struct Handle(PathBuf);

impl Handle {
    pub(super) fn open(path: &Path) -> Result<Self, Refused> {
        let there = fs::symlink_metadata(path)?;
        match (there.file_type().is_symlink(), there.is_dir()) {
            (true, _) => Err(Refused::Symlink),
            (_, false) => Err(Refused::NotAFolder),
            _ => Ok(Self(path.to_owned())),
        }
    }

    pub(super) fn open_inner(&self, _name: &str, path: &Path) -> Result<Self, Refused> {
        Self::open(path)
    }

    pub(super) fn create_inner(&self, name: &str) -> io::Result<()> {
        fs::create_dir_all(self.0.join(name))
    }

    pub(super) fn create(path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    pub(super) fn read_only(&self, name: &str) -> io::Result<File> {
        File::open(self.0.join(name))
    }

    /// What the profile keeps to its user, no other user reads.
    pub(super) fn private(&self, name: &str) -> Result<File, Refused> {
        Ok(self.read_only(name)?)
    }

    pub(super) fn names(&self, path: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    pub(super) fn open_credentials(path: &Path) -> Result<Self, Refused> {
        Self::open(path)
    }

    pub(super) fn credential(&self, name: &str) -> Result<File, Refused> {
        self.private(name)
    }

    pub(super) fn read_write(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(self.0.join(name))
    }

    /// A reader that has the target open can make a rename fail on Windows, so it is tried for half a second.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut tries = 50;
        loop {
            match fs::rename(self.0.join(from), self.0.join(to)) {
                Err(error) if error.kind() == Io::PermissionDenied && tries > 0 => {
                    tries -= 1;
                    pause(Duration::from_millis(10));
                }
                done => return done,
            }
        }
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    pub(super) fn takes_room(_file: &File, _length: u64) -> io::Result<bool> {
        Ok(false)
    }

    /// Windows has no way to flush a folder; a rename is in the file system's journal.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
