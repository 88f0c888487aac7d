//! [`FolderHandle`]: a folder by path, on systems where files cannot be reached through a handle. On Windows the state folder lies under
//! `%LOCALAPPDATA%`, which the profile keeps private.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::system::clock::{Deadline, pause};

use super::refused::Refused;

#[derive(Debug)]
pub(super) struct FolderHandle(PathBuf);

impl FolderHandle {
    pub(super) fn open(path: &Path) -> Result<Self, Refused> {
        let metadata = fs::symlink_metadata(path)?;
        if metadata.file_type().is_symlink() {
            return Err(Refused::Symlink);
        }
        if metadata.is_dir() { Ok(Self(path.to_owned())) } else { Err(Refused::NotAFolder) }
    }

    /// Opens a folder as [`open`](Self::open) does: access lists say who else can use it.
    pub(super) fn open_shared(path: &Path) -> Result<Self, Refused> {
        Self::open(path)
    }

    pub(super) fn open_inner(&self, _name: &str, path: &Path) -> Result<Self, Refused> {
        Self::open(path)
    }

    pub(super) fn create_inner(&self, name: &str) -> io::Result<()> {
        fs::create_dir_all(self.0.join(name))
    }

    /// Returns no owner: Windows folders have access lists instead of one owner to compare.
    pub(super) fn other_owner(path: &Path) -> io::Result<Option<String>> {
        fs::symlink_metadata(path).map(|_| None)
    }

    pub(super) fn create(path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    /// Returns no user: Windows has no root, who could write into any profile.
    pub(super) fn other_owner_above(_path: &Path) -> Option<String> {
        None
    }

    pub(super) fn read_only(&self, name: &str) -> io::Result<File> {
        with_retries(&[SHARING_VIOLATION], || File::open(self.0.join(name)))
    }

    /// Refuses nothing: no other user reads what the profile keeps private.
    pub(super) fn private(&self, name: &str) -> Result<File, Refused> {
        Ok(self.read_only(name)?)
    }

    /// Changes nothing, as [`private`](Self::private) says.
    pub(super) fn tighten(_path: &Path) -> Result<Vec<PathBuf>, Refused> {
        Ok(Vec::new())
    }

    /// Refuses a symbolic link, and nothing else, as [`private`](Self::private) says.
    pub(super) fn unwritable(&self, name: &str) -> Result<File, Refused> {
        match fs::symlink_metadata(self.0.join(name))?.file_type().is_symlink() {
            true => Err(Refused::Symlink),
            false => self.private(name),
        }
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

/// How long to wait for a file that another program has open.
const SHARING_TIMEOUT: Duration = Duration::from_millis(500);

/// Windows: another program (a virus scanner, a backup) has the file open and does not share it.
const SHARING_VIOLATION: i32 = 32;

/// Windows: a rename over a file that somebody reads may return it, before Windows 10 or off NTFS. Anywhere else it is final.
const ACCESS_DENIED: i32 = 5;

fn with_retries<T>(temporary: &[i32], mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let deadline = Deadline::after(SHARING_TIMEOUT);
    loop {
        match act() {
            Err(error)
                if error.raw_os_error().is_some_and(|code| temporary.contains(&code)) && !deadline.has_passed() =>
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

    /// Calls `act` while another handle has the file `x` open for a while, which it shares as `shared` says.
    fn while_open<T>(shared: u32, act: impl FnOnce(&FolderHandle) -> io::Result<T>) -> T {
        let folder = tempfile::tempdir().unwrap();
        let handle = FolderHandle(folder.path().to_owned());
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
            while_open(shared, |handle| handle.rename("new", "x"));
            while_open(shared, |handle| handle.read_only("x"));
            while_open(shared, |handle| handle.read_write("x"));
            while_open(shared, |handle| handle.remove("x"));
        }
    }
}
