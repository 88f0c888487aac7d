//! [`OldFile`]: a file of another program that holds a login. It is read by handle, and replaced whole.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind as Io, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::folder::read_whole;
use super::refused::{Refused, failed};
use super::{FolderHandle, work_tree_around};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::system::clock::{Deadline, pause};
use crate::system::environment::home_of_this_user;
use crate::system::failpoint::reached;

/// A file of another program, in a folder that this user owns and nobody else can write.
#[derive(Debug)]
pub(crate) struct OldFile {
    path: PathBuf,
    name: String,
    folder: FolderHandle,
}

/// The other program's lock. Dropping it frees it.
#[derive(Debug)]
pub(crate) struct OldLock {
    _file: File,
}

impl OldFile {
    /// Opens the folder of the file. Returns `None` if there is no such folder. Refuses a file that others could have written: one in a
    /// work tree, in a folder of another user, or in a folder that others can write (law 16).
    pub(crate) fn at(path: &Path) -> Result<Option<Self>> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
            return Err(refused(path, "it has no file name"));
        };
        // What a relative path means would be decided by whoever made the current folder.
        if !path.is_absolute() {
            return Err(refused(path, "it is not an absolute path"));
        }
        // A home may be a work tree of its user's own settings.
        if let Some(tree) = work_tree_around(folder).filter(|tree| home_of_this_user().as_ref() != Some(tree)) {
            return Err(refused(
                path,
                &format!("it lies in the work tree {}, whose author may have written it", tree.display()),
            ));
        }
        match FolderHandle::open_shared(folder) {
            Ok(folder) => Ok(Some(Self { path: path.to_owned(), name: name.to_owned(), folder })),
            Err(Refused::Io(error)) if error.kind() == Io::NotFound => Ok(None),
            Err(refused) => Err(refused.into_error(folder)),
        }
    }

    /// Reads the whole file into a buffer that is wiped. Returns `None` if the file does not exist. Refuses a symbolic link, a file of another
    /// user and a file that others can write. Others may be able to read it: the token in it will be replaced.
    pub(crate) fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>> {
        match self.folder.unwritable(&self.name) {
            Ok(file) => read_whole(file).map(Some).map_err(|error| failed("read", &self.path, error)),
            Err(Refused::Io(error)) if error.kind() == Io::NotFound => Ok(None),
            Err(Refused::Io(error)) => Err(failed("read", &self.path, error)),
            Err(refused) => Err(refused.into_error(&self.path)),
        }
    }

    /// Returns the file's length and when it was last written; `None` if it does not exist.
    pub(crate) fn stamp(&self) -> Option<(u64, SystemTime)> {
        let metadata = self.folder.read_only(&self.name).ok()?.metadata().ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    }

    /// Replaces the file in one step, durably. It keeps its mode.
    pub(crate) fn replace(&self, bytes: &[u8]) -> Result<()> {
        self.try_replace(bytes).map_err(|error| failed("write", &self.path, error))
    }

    fn try_replace(&self, bytes: &[u8]) -> io::Result<()> {
        // A name that is ours alone.
        let next = format!(".{}.hallpass", self.name);
        let permissions = self.folder.read_only(&self.name)?.metadata()?.permissions();
        let mut file = self.folder.read_write(&next)?;
        file.set_len(0)?;
        file.write_all(bytes)?;
        file.set_permissions(permissions)?;
        file.sync_all()?;
        reached("adoption marker written");
        self.folder.rename(&next, &self.name)?;
        self.folder.sync()
    }

    /// Takes the lock that the other program holds while it uses its file: an advisory lock of the whole file (flock(2), LockFileEx), which
    /// is created if it does not exist.
    pub(crate) fn lock(&self, timeout: Duration) -> Result<OldLock> {
        let file = self.folder.read_write(&self.name).map_err(|error| failed("open", &self.path, error))?;
        let deadline = Deadline::after(timeout);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(OldLock { _file: file }),
                Err(TryLockError::WouldBlock) if !deadline.has_passed() => pause(Duration::from_millis(5)),
                Err(TryLockError::WouldBlock) => {
                    let message =
                        format!("another process holds {} (waited {} s)", self.path.display(), timeout.as_secs());
                    return Err(Error::new(ErrorKind::Custody, message).with(Remedy::OtherProcess { pid: None }));
                }
                Err(TryLockError::Error(error)) => return Err(failed("lock", &self.path, error)),
            }
        }
    }
}

fn refused(path: &Path, why: &str) -> Error {
    let fix = Remedy::FixPath { path: path.to_owned(), mode: None };
    Error::new(ErrorKind::Custody, format!("refusing {}: {why}", path.display())).with(fix)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn old_file(folder: &Path) -> OldFile {
        OldFile::at(&folder.join("old.json")).unwrap().unwrap()
    }

    #[test]
    fn a_file_is_read_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        assert!(old_file(folder.path()).read().unwrap().is_none());
        fs::write(folder.path().join("old.json"), "a long old content").unwrap();
        assert_eq!(old_file(folder.path()).read().unwrap().unwrap().as_slice(), b"a long old content");
        old_file(folder.path()).replace(b"new").unwrap();
        assert_eq!(fs::read(folder.path().join("old.json")).unwrap(), b"new");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_folder_that_does_not_exist_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert!(OldFile::at(&folder.path().join("none/old.json")).unwrap().is_none());
    }

    #[test]
    fn a_path_that_others_decide_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(OldFile::at(Path::new("old.json")).unwrap_err().to_string().contains("absolute"));
        fs::create_dir(folder.path().join(".git")).unwrap();
        let error = OldFile::at(&folder.path().join("old.json")).unwrap_err();
        assert!(error.to_string().contains("work tree"), "{error}");
    }

    #[test]
    fn a_lock_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let held = old_file(folder.path()).lock(Duration::ZERO).unwrap();
        let error = old_file(folder.path()).lock(Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.remedy(), Some(&Remedy::OtherProcess { pid: None }));
        drop(held);
        old_file(folder.path()).lock(Duration::ZERO).unwrap();
    }

    #[cfg(unix)]
    mod unix {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

        use super::*;

        #[test]
        fn a_link_and_a_file_that_others_can_write_are_refused() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("old.json");
            fs::write(folder.path().join("target"), "x").unwrap();
            symlink(folder.path().join("target"), &path).unwrap();
            assert!(old_file(folder.path()).read().unwrap_err().to_string().contains("symbolic link"));
            fs::remove_file(&path).unwrap();
            fs::write(&path, "x").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
            assert!(old_file(folder.path()).read().unwrap_err().to_string().contains("write to it"));
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
            assert!(OldFile::at(&path).unwrap_err().to_string().contains("write to it"));
        }

        #[test]
        fn a_replaced_file_keeps_its_mode() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("old.json");
            fs::write(&path, "x").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            old_file(folder.path()).replace(b"y").unwrap();
            assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o644);
        }
    }
}
