//! Folders by path, where the system has no handles to reach files through. On Windows the home lies under
//! `%LOCALAPPDATA%`, which the profile keeps to its user.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::system::clock::{Deadline, pause};

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

    /// Windows has no one owner of a folder to compare: what lies there is where its user went.
    pub(super) fn other_owner(path: &Path) -> io::Result<Option<String>> {
        fs::symlink_metadata(path).map(|_| None)
    }

    pub(super) fn create(path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    /// Windows has no root, who could write into any profile.
    pub(super) fn host_of(_path: &Path) -> Option<String> {
        None
    }

    pub(super) fn read_only(&self, name: &str) -> io::Result<File> {
        with_retries(&[SHARING_VIOLATION], || File::open(self.0.join(name)))
    }

    /// What the profile keeps to its user, no other user reads.
    pub(super) fn private(&self, name: &str) -> Result<File, Refused> {
        Ok(self.read_only(name)?)
    }

    /// As [`private`](Self::private).
    pub(super) fn tighten(_path: &Path) -> Result<Vec<PathBuf>, Refused> {
        Ok(Vec::new())
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
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
        with_retries(&[SHARING_VIOLATION], || options.open(self.0.join(name)))
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        with_retries(&[SHARING_VIOLATION, ACCESS_DENIED], || fs::rename(self.0.join(from), self.0.join(to)))
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        with_retries(&[SHARING_VIOLATION], || fs::remove_file(self.0.join(name)))
    }

    pub(super) fn takes_room(_file: &File, _length: u64) -> io::Result<bool> {
        Ok(false)
    }

    /// Windows has no way to flush a folder; a rename is in the file system's journal.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// How long a file is asked for again, which others have open.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// Windows: another program (a virus scanner, a backup) shares the file with nobody.
const SHARING_VIOLATION: i32 = 32;

/// Windows: what a rename over a file that somebody reads can meet, before Windows 10 or off NTFS. Anywhere else it is final.
const ACCESS_DENIED: i32 = 5;

fn with_retries<T>(passing: &[i32], mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let deadline = Deadline::after(LOCK_TIMEOUT);
    loop {
        match act() {
            Err(error)
                if error.raw_os_error().is_some_and(|code| passing.contains(&code)) && !deadline.has_passed() =>
            {
                pause(Duration::from_millis(1));
            }
            done => return done,
        }
    }
}

#[cfg(test)]
#[cfg(windows)]
mod tests {
    use std::os::windows::fs::OpenOptionsExt;

    use super::*;

    /// What is done while another reads the file `x`, which it shares as `shared` says, for a while.
    fn during<T>(shared: u32, act: impl FnOnce(&Handle) -> io::Result<T>) -> T {
        let folder = tempfile::tempdir().unwrap();
        let handle = Handle(folder.path().to_owned());
        fs::write(folder.path().join("x"), "old").unwrap();
        fs::write(folder.path().join("new"), "new").unwrap();
        let held = OpenOptions::new().read(true).share_mode(shared).open(folder.path().join("x")).unwrap();
        let reader = std::thread::spawn(move || {
            pause(Duration::from_millis(50));
            drop(held);
        });
        let done = act(&handle).unwrap();
        reader.join().unwrap();
        done
    }

    #[test]
    fn a_file_that_another_has_open_is_waited_for() {
        for shared in [0, 1, 7] {
            during(shared, |handle| handle.rename("new", "x"));
            during(shared, |handle| handle.read_only("x"));
            during(shared, |handle| handle.read_write("x"));
            during(shared, |handle| handle.remove("x"));
        }
    }
}
