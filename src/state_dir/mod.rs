//! The app's state folder, and the only code that reads and writes the state folder.
//!
//! | file | has |
//! | --- | --- |
//! | `mod` | the state folder: opened, created, checked; and questions about paths |
//! | `folder` | one folder, held open: its files are read, written, published and locked |
//! | `log` | a file that only grows, by whole lines |
//! | `unix` | a folder by handle (Unix) |
//! | `windows` | a folder by path, on systems without such handles |
//! | `old_file` | a file of another program that holds a login |
//! | `refused` | errors: why a folder or a file cannot be used |
//! | `blocked` | which folder or file denies this user access, and whose it is |
//!
//! Folders are opened once and checked by handle. Files are then reached through the handle, so that nobody can swap the folder between
//! the check and the use. A folder that others can write or read is refused by name, never replaced by another one.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the one folder that may write to the disk"
)]

mod blocked;
mod folder;
mod log;
mod old_file;
mod refused;
#[cfg(unix)]
mod unix;
#[cfg(not(unix))]
mod windows;

use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::model::error::Result;
pub(crate) use folder::{Folder, Lock};
pub(crate) use log::Log;
pub(crate) use old_file::{OldFile, OldLock};
use refused::{Refused, failed};
#[cfg(unix)]
use unix::FolderHandle;
#[cfg(not(unix))]
use windows::FolderHandle;

/// An app's state folder, checked.
#[derive(Debug)]
pub(crate) struct StateDir {
    pub(crate) root: Folder,
    pub(crate) grants: Folder,
}

impl StateDir {
    /// Opens the state folder, or returns `None` if it does not exist: reading creates nothing.
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

    /// Opens the state folder, and creates what is missing, for this user alone.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let root = match Self::root(path)? {
            Some(root) => root,
            None => {
                FolderHandle::create(path).map_err(|error| failed("create", path, error))?;
                if let Some(Some(parent)) = path.parent().map(|parent| FolderHandle::open(parent).ok()) {
                    // So that a power cut leaves no key without its state folder. If the parent is not ours, the system syncs it.
                    let _ = parent.sync();
                }
                Folder::open(path)?.ok_or_else(|| failed("create", path, Io::NotFound.into()))?
            }
        };
        let grants_path = path.join("grants");
        if root.inner("grants")?.is_none() {
            root.handle.create_inner("grants").map_err(|error| failed("create", &grants_path, error))?;
            // A folder that ends up in a work tree is not committed with it.
            if root.read(".gitignore")?.is_none() {
                root.write(".gitignore", b"*\n")?;
            }
        }
        let grants = root.inner("grants")?.ok_or_else(|| failed("create", &grants_path, Io::NotFound.into()))?;
        Ok(Self { root, grants })
    }

    /// Opens the folder itself. Refuses to let root create it in another user's folder.
    fn root(path: &Path) -> Result<Option<Folder>> {
        match Folder::open(path)? {
            None => match FolderHandle::other_owner_above(path) {
                Some(host) => Err(Refused::RootInUsersFolder(host).into_error(path)),
                None => Ok(None),
            },
            root => Ok(root),
        }
    }

    /// Makes everything in the state folder at `path` private that other users can read but not write. Returns what that was.
    pub(crate) fn tighten(path: &Path) -> Result<Vec<PathBuf>> {
        let mut closed = Vec::new();
        for folder in [path.to_owned(), path.join("grants")] {
            match FolderHandle::tighten(&folder) {
                Ok(open) => closed.extend(open),
                Err(Refused::Io(error)) if error.kind() == Io::NotFound => {}
                Err(refused) => return Err(refused.into_error(&folder)),
            }
        }
        Ok(closed)
    }
}

/// Returns the canonical path of a folder: without links, and spelt as on the disk.
pub(crate) fn canonical_folder(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|error| failed("find", path, error))
}

/// Returns the work tree that `path` lies in, even if `path` does not exist: the innermost folder around it that a version control system
/// keeps.
pub(crate) fn work_tree_around(path: &Path) -> Option<PathBuf> {
    // By the canonical path: a link may lead into a work tree.
    let real = path.ancestors().find_map(|folder| folder.canonicalize().ok())?;
    real.ancestors().find(|folder| is_work_tree(folder)).map(Path::to_owned)
}

fn is_work_tree(folder: &Path) -> bool {
    VERSION_CONTROL.iter().any(|name| folder.join(name).symlink_metadata().is_ok())
}

/// What version control systems keep at the root of a work tree.
const VERSION_CONTROL: [&str; 8] = [".git", ".hg", ".jj", ".svn", ".sl", ".bzr", ".pijul", "_darcs"];

/// Returns the owner of a folder, if that is not the user of this process.
pub(crate) fn other_owner(path: &Path) -> Result<Option<String>> {
    FolderHandle::other_owner(path).map_err(|error| failed("look at", path, error))
}

/// Reads a credential that the system provides to a service, from a folder that is not ours. Returns `None` if it does not exist. Refuses
/// a credential that others could have put there, or can read.
pub(crate) fn read_credential(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(None);
    };
    let file = match FolderHandle::open_credentials(folder) {
        Ok(handle) => handle.credential(name),
        Err(refused) => Err(refused),
    };
    match file {
        Ok(file) => folder::read_whole(file).map(Some).map_err(|error| failed("read", path, error)),
        Err(Refused::Io(error)) if error.kind() == Io::NotFound => Ok(None),
        Err(refused) => Err(refused.into_error(path)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
