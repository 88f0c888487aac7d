//! The app's state folder. The only place that names the file system.
//!
//! Folders are opened once and checked by handle; files are then reached through the handle, so that nobody can swap the
//! folder between the check and the use. A folder that is not ours alone is refused by name, never replaced by another.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the one place that may touch the disk"
)]

mod blocked;
mod refused;
#[cfg(unix)]
mod unix;
#[cfg(not(unix))]
mod windows;

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind as Io, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::system::clock::{Deadline, pause};
use crate::system::failpoint::reached;
use refused::{Refused, failed};
#[cfg(unix)]
use unix::Handle;
#[cfg(not(unix))]
use windows::Handle;

/// The largest file that is read, in bytes.
const LIMIT: u64 = 4 << 20;

/// The digits of any `u64`.
const DIGITS: usize = 20;

/// An app's state folder, checked.
#[derive(Debug)]
pub(crate) struct StateDir {
    pub(crate) root: Folder,
    pub(crate) grants: Folder,
}

/// One folder, held open.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    handle: Handle,
}

/// A held lock; dropping it, or the death of the process, frees it. Its file can hold a number, for whoever holds it next.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl StateDir {
    /// Opens the home, or answers `None` where there is none yet: reading creates nothing.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>> {
        let Some(root) = Self::root(path)? else { return Ok(None) };
        match root.inner("grants")? {
            Some(grants) => Ok(Some(Self { root, grants })),
            // Damaged is not empty.
            None if root.read("index.json")?.is_some() => {
                Err(failed("open", &path.join("grants"), Io::NotFound.into()))
            }
            None => Ok(None),
        }
    }

    /// Opens the home, and creates what is missing, readable by this user alone.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let root = match Self::root(path)? {
            Some(root) => root,
            None => {
                Handle::create(path).map_err(|error| failed("create", path, error))?;
                if let Some(Some(parent)) = path.parent().map(|parent| Handle::open(parent).ok()) {
                    // So that a power cut leaves no key without its home; where the parent is not ours, the system cares.
                    let _ = parent.sync();
                }
                Folder::open(path)?.ok_or_else(|| failed("create", path, Io::NotFound.into()))?
            }
        };
        let inner = path.join("grants");
        if root.inner("grants")?.is_none() {
            root.handle.create_inner("grants").map_err(|error| failed("create", &inner, error))?;
            // A folder that ends up in a work tree is not committed with it.
            if root.read(".gitignore")?.is_none() {
                root.write(".gitignore", b"*\n")?;
            }
        }
        let grants = root.inner("grants")?.ok_or_else(|| failed("create", &inner, Io::NotFound.into()))?;
        Ok(Self { root, grants })
    }

    /// The folder itself; refused where root would be the one to create it below another user's.
    fn root(path: &Path) -> Result<Option<Folder>> {
        match Folder::open(path)? {
            None => Handle::host_of(path).map_or(Ok(None), |host| Err(Refused::Guest(host).into_error(path))),
            there => Ok(there),
        }
    }

    /// Closes what other users may read of the home at `path`, where they may not write it. Says what that was.
    pub(crate) fn tighten(path: &Path) -> Result<Vec<PathBuf>> {
        let mut closed = Vec::new();
        for folder in [path.to_owned(), path.join("grants")] {
            match Handle::tighten(&folder) {
                Ok(open) => closed.extend(open),
                Err(Refused::Io(error)) if error.kind() == Io::NotFound => {}
                Err(refused) => return Err(refused.into_error(&folder)),
            }
        }
        Ok(closed)
    }
}

impl Lock {
    /// The number that the last holder left.
    pub(crate) fn number(&self) -> Option<u64> {
        let mut text = String::new();
        (&self.file).seek(SeekFrom::Start(0)).ok()?;
        (&self.file).take(DIGITS as u64).read_to_string(&mut text).ok()?;
        text.parse().ok()
    }

    /// Leaves a number. Not through to the disk, and no error where it cannot be left: after a crash it may be an older one.
    pub(crate) fn leave(&self, number: u64) {
        let leave = || -> io::Result<()> {
            (&self.file).seek(SeekFrom::Start(0))?;
            (&self.file).write_all(format!("{number:0DIGITS$}").as_bytes())
        };
        let _ = leave();
    }
}

/// The real path of a folder: no link on it, and spelt as the disk spells it.
pub(crate) fn real_folder(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|error| failed("find", path, error))
}

/// The work tree that `path` lies in, there or not: the innermost folder around it that a version control system keeps.
pub(crate) fn work_tree_around(path: &Path) -> Option<PathBuf> {
    // By its real path: a link may lead into one.
    let real = path.ancestors().find_map(|folder| folder.canonicalize().ok())?;
    let is_kept = |folder: &&Path| KEPT_BY.iter().any(|name| folder.join(name).symlink_metadata().is_ok());
    real.ancestors().find(is_kept).map(Path::to_owned)
}

/// What version control systems keep at the root of a work tree.
const KEPT_BY: [&str; 8] = [".git", ".hg", ".jj", ".svn", ".sl", ".bzr", ".pijul", "_darcs"];

/// Who owns a folder, where that is not the user of this process.
pub(crate) fn other_owner(path: &Path) -> Result<Option<String>> {
    Handle::other_owner(path).map_err(|error| failed("look at", path, error))
}

/// A credential that the system hands to a service, from a folder that is not ours: `None` where there is none. Refused where others
/// could have put it there, or can read it.
pub(crate) fn read_credential(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(None);
    };
    let file = match Handle::open_credentials(folder) {
        Ok(handle) => handle.credential(name),
        Err(refused) => Err(refused),
    };
    match file {
        Ok(file) => read_whole(file).map(Some).map_err(|error| failed("read", path, error)),
        Err(Refused::Io(error)) if error.kind() == Io::NotFound => Ok(None),
        Err(refused) => Err(refused.into_error(path)),
    }
}

impl Folder {
    fn open(path: &Path) -> Result<Option<Self>> {
        match Handle::open(path) {
            Ok(handle) => Ok(Some(Self { path: path.to_owned(), handle })),
            Err(Refused::Io(error)) if error.kind() == Io::NotFound => Ok(None),
            Err(refused) => Err(refused.into_error(path)),
        }
    }

    /// A folder within this one, reached through it.
    fn inner(&self, name: &str) -> Result<Option<Self>> {
        let path = self.path.join(name);
        match self.handle.open_inner(name, &path) {
            Ok(handle) => Ok(Some(Self { path, handle })),
            Err(Refused::Io(error)) if error.kind() == Io::NotFound => Ok(None),
            Err(refused) => Err(refused.into_error(&path)),
        }
    }

    /// The whole file, in a buffer that is wiped, or `None` where there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        match self.handle.read_only(name).and_then(read_whole) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == Io::NotFound => Ok(None),
            Err(error) => Err(failed("read", &self.path.join(name), error)),
        }
    }

    /// As [`read`](Self::read), and refuses a file that others can read.
    pub(crate) fn read_private(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let path = self.path.join(name);
        match self.handle.private(name) {
            Ok(file) => read_whole(file).map(Some).map_err(|error| failed("read", &path, error)),
            Err(Refused::Io(error)) if error.kind() == Io::NotFound => Ok(None),
            Err(Refused::Io(error)) => Err(failed("read", &path, error)),
            Err(refused) => Err(refused.into_error(&path)),
        }
    }

    /// The names of the files, in no order.
    pub(crate) fn names(&self) -> Result<Vec<String>> {
        self.handle.names(&self.path).map_err(|error| failed("read", &self.path, error))
    }

    /// Writes the file in place and through to the disk. Room that the file already takes is room that the new content has: it
    /// is cut to the new length, never emptied. Cut first, so that whatever is written whole is nothing but itself.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.write_with_room(name, bytes, 0)
    }

    /// As [`write`](Self::write), and takes room for `room` bytes in all: what the file has beyond its content reads as zeros.
    pub(crate) fn write_with_room(&self, name: &str, bytes: &[u8], room: usize) -> Result<()> {
        let write = || -> io::Result<()> {
            let length = bytes.len().max(room) as u64;
            if length > LIMIT {
                return Err(io::Error::new(Io::FileTooLarge, "larger than what could be read again"));
            }
            let mut file = self.handle.read_write(name)?;
            let before = file.metadata()?.len();
            if before > length {
                file.set_len(length)?;
            }
            reached("opened");
            // Two pieces, so that a test can die between them as a power cut would.
            let (half, rest) = bytes.split_at(bytes.len() / 2);
            file.write_all(half)?;
            reached("half written");
            file.write_all(rest)?;
            if room > bytes.len() && !Handle::takes_room(&file, length)? {
                // Zeros take room everywhere.
                io::copy(&mut io::repeat(0).take(length - bytes.len() as u64), &mut file)?;
            }
            reached("written");
            file.sync_all()?;
            if before == 0 {
                // A file that was not there may be gone after a power cut, however well its content was written.
                self.handle.sync()?;
            }
            reached("synced");
            Ok(())
        };
        write().map_err(|error| failed("write", &self.path.join(name), error))
    }

    /// Moves `from` over `to` in one step, and the fact through to the disk.
    pub(crate) fn publish(&self, from: &str, to: &str) -> Result<()> {
        let publish = || -> io::Result<()> {
            self.handle.rename(from, to)?;
            reached("renamed");
            self.handle.sync()?;
            reached("published");
            Ok(())
        };
        publish().map_err(|error| failed("write", &self.path.join(to), error))
    }

    /// Removes the file; says whether there was one.
    pub(crate) fn remove(&self, name: &str) -> Result<bool> {
        match self.handle.remove(name) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == Io::NotFound => Ok(false),
            Err(error) => Err(failed("remove", &self.path.join(name), error)),
        }
    }

    /// Takes the lock if it is free. Lock files are never unlinked: two processes must always meet at one file.
    pub(crate) fn try_lock(&self, name: &str) -> Result<Option<Lock>> {
        let path = || self.path.join(name);
        let file = self.handle.read_write(name).map_err(|error| failed("open", &path(), error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed("lock", &path(), error)),
        }
    }

    /// Takes the lock, waiting at most `timeout`; `None` where another process has it all the while.
    pub(crate) fn lock(&self, name: &str, timeout: Duration) -> Result<Option<Lock>> {
        let deadline = Deadline::after(timeout);
        loop {
            match self.try_lock(name)? {
                None if !deadline.has_passed() => pause(Duration::from_millis(5)),
                done => return Ok(done),
            }
        }
    }

    /// The error of a wait that came to its end. `known`: the process that was last seen at work, and what it began.
    pub(crate) fn still_locked(&self, name: &str, timeout: Duration, known: Option<(u32, String)>) -> Error {
        let (path, waited) = (self.path.join(name), timeout.as_secs());
        let (pid, told) = known.map_or((None, String::new()), |(pid, told)| (Some(pid), format!("; {told}")));
        let message = format!("another process holds {} (waited {waited} s{told}): is it stopped?", path.display());
        Error::new(ErrorKind::Custody, message).with(Remedy::OtherProcess { pid })
    }

    /// Sets the file's time to `now`, unless that was done within the last hour. A mark that cannot be made is no error.
    pub(crate) fn mark(&self, name: &str, now: SystemTime) {
        let mark = || -> io::Result<()> {
            let last = self.handle.read_only(name)?.metadata()?.modified()?;
            match last <= now && now <= last + Duration::from_secs(3600) {
                true => Ok(()),
                false => self.handle.read_write(name)?.set_modified(now),
            }
        };
        let _ = mark();
    }

    /// Where a file of this folder lies, for messages.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn read_whole(file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(file.metadata()?.len().min(LIMIT) as usize + 1));
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 <= LIMIT {
        true => Ok(bytes),
        false => Err(io::Error::new(Io::FileTooLarge, "larger than anything hallpass writes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state_dir() -> (tempfile::TempDir, StateDir) {
        let folder = tempfile::tempdir().unwrap();
        let state_dir = StateDir::create(&folder.path().join("state/acme")).unwrap();
        (folder, state_dir)
    }

    #[test]
    fn nothing_is_created_by_reading() {
        let folder = tempfile::tempdir().unwrap();
        assert!(StateDir::open(&folder.path().join("acme")).unwrap().is_none());
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn files_are_replaced_whole_and_removed() {
        let (_folder, state_dir) = state_dir();
        assert!(state_dir.root.read("x").unwrap().is_none());
        state_dir.root.write("x.new", b"first, and longer").unwrap();
        state_dir.root.publish("x.new", "x").unwrap();
        state_dir.root.write("x.new", b"second").unwrap();
        assert_eq!(state_dir.root.read("x").unwrap().unwrap().as_slice(), b"first, and longer");
        state_dir.root.publish("x.new", "x").unwrap();
        assert_eq!(state_dir.root.read("x").unwrap().unwrap().as_slice(), b"second");
        assert!(state_dir.root.remove("x").unwrap());
        assert!(!state_dir.root.remove("x").unwrap());
    }

    #[test]
    fn a_lock_is_held_by_one_and_the_wait_for_it_is_bounded() {
        let (_folder, state_dir) = state_dir();
        let lock = state_dir.grants.lock("g.lock", Duration::ZERO).unwrap().unwrap();
        assert!(state_dir.grants.try_lock("g.lock").unwrap().is_none());
        assert!(state_dir.grants.lock("g.lock", Duration::from_millis(20)).unwrap().is_none());
        drop(lock);
        assert!(state_dir.grants.try_lock("g.lock").unwrap().is_some());
    }

    #[cfg(unix)]
    mod unix {
        use std::os::unix::fs::{MetadataExt, symlink};

        use super::*;

        #[test]
        fn files_and_folders_are_for_their_owner_alone() {
            let (folder, state_dir) = state_dir();
            state_dir.grants.write("g", b"x").unwrap();
            let mode = |path: &str| folder.path().join(path).metadata().unwrap().mode() & 0o777;
            assert_eq!(mode("state/acme"), 0o700);
            assert_eq!(mode("state/acme/grants"), 0o700);
            assert_eq!(mode("state/acme/grants/g"), 0o600);
        }

        #[test]
        fn a_symlink_in_place_of_a_file_is_not_followed() {
            let (folder, state_dir) = state_dir();
            std::fs::write(folder.path().join("target"), "precious").unwrap();
            symlink(folder.path().join("target"), folder.path().join("state/acme/grants/g")).unwrap();
            assert!(state_dir.grants.read("g").is_err());
            assert!(state_dir.grants.write("g", b"x").is_err());
            assert_eq!(std::fs::read(folder.path().join("target")).unwrap(), b"precious");
        }
    }
}
