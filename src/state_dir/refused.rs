//! [`Refused`] and [`failed`]: errors of folders and files, with the words and remedies for causes of the operating system.

use std::io::{self, ErrorKind as Io};
use std::path::Path;

use super::blocked::{blocked, has_no_inodes};
use crate::model::error::{Error, ErrorKind, Remedy};
use crate::model::setting::Setting;
use crate::system::environment::is_out_of_files;

/// Why a folder is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("it is a symbolic link")]
    Symlink,
    #[error("it is not a folder")]
    NotAFolder,
    #[error("it belongs to {0}, not to the user of this process")]
    #[cfg_attr(not(unix), expect(dead_code, reason = "access below %LOCALAPPDATA% is the profile's own"))]
    Owner(String),
    #[error("it belongs to {0}, neither to the user of this process nor to the system")]
    #[cfg_attr(not(unix), expect(dead_code, reason = "access below %LOCALAPPDATA% is the profile's own"))]
    Foreign(String),
    #[error("others may {may} it (mode {mode})")]
    #[cfg_attr(not(unix), expect(dead_code, reason = "access below %LOCALAPPDATA% is the profile's own"))]
    Open {
        may: &'static str,
        mode: String,
        /// The mode that makes it private, if it is ours to change.
        private_mode: Option<u32>,
    },
    #[error("root would keep its own files in a folder of {0}")]
    RootInUsersFolder(String),
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Refused {
    pub(super) fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Io(error) => failed("open", path, error),
            Self::Owner(ref user) | Self::RootInUsersFolder(ref user) => {
                let message = format!("refusing {}: {self}", path.display());
                Error::new(ErrorKind::Custody, message).with(Remedy::RunAs { user: user.clone() })
            }
            refused => {
                let mode = if let Self::Open { private_mode, .. } = &refused { *private_mode } else { None };
                let is_for_all = mode.is_none() && matches!(refused, Self::Open { .. }) && path.is_dir();
                let fix = Remedy::FixPath { path: path.to_owned(), mode };
                let message = format!("refusing {}: {refused}", path.display());
                Error::new(ErrorKind::Custody, message).with(if is_for_all { ELSEWHERE } else { fix })
            }
        }
    }
}

/// Returns the error of an operation on `path`.
pub(super) fn failed(doing: &str, path: &Path, error: io::Error) -> Error {
    let (why, remedy) = match error.kind() {
        Io::Unsupported if doing == "lock" => (NO_LOCKS.into(), ELSEWHERE),
        _ if doing == "lock" && error.raw_os_error() == Some(ENOLCK) => (NO_LOCKS.into(), ELSEWHERE),
        _ => cause(path, &error)
            .unwrap_or_else(|| (String::new(), Remedy::FixPath { path: path.to_owned(), mode: None })),
    };
    let colon = if why.is_empty() { "" } else { ": " };
    let message = format!("cannot {doing} {}{colon}{why}", path.display());
    let failed = Error::new(ErrorKind::Custody, message).with(remedy);
    // The message already contains an error of our own.
    if error.get_ref().is_some() { failed } else { failed.caused_by(error) }
}

/// Returns what an error of the operating system means for the person, and what helps.
fn cause(path: &Path, error: &io::Error) -> Option<(String, Remedy)> {
    let free_space = Remedy::FreeSpace { path: path.to_owned() };
    let fix_path = Remedy::FixPath { path: path.to_owned(), mode: None };
    let (why, remedy) = match error.kind() {
        // ENOSPC has two meanings with different remedies.
        Io::StorageFull if has_no_inodes(path) => ("the file system has no inodes left for another file", free_space),
        Io::StorageFull => ("the disk is full", free_space),
        Io::QuotaExceeded => ("the disk quota of this user is used up", free_space),
        Io::ReadOnlyFilesystem => ("the file system is read-only", ELSEWHERE),
        Io::InvalidFilename => ("the path is too long", ELSEWHERE),
        Io::PermissionDenied => return Some(blocked(path)),
        _ if is_link(path) => ("it is a symbolic link", fix_path),
        _ if error.raw_os_error() == Some(ELOOP) => ("the symbolic links in the path lead in a circle", ELSEWHERE),
        Io::NotADirectory => ("a part of the path is not a folder", ELSEWHERE),
        _ if is_out_of_files(error) => ("too many files are open", Remedy::RaiseLimit),
        _ => return error.get_ref().map(|own| (own.to_string(), fix_path)),
    };
    Some((why.into(), remedy))
}

/// Another state folder helps.
const ELSEWHERE: Remedy = Remedy::FixConfig { setting: Setting::StateDir };

/// Without locks, two processes would send one refresh token.
const NO_LOCKS: &str = "its file system has no locks, and the state folder needs one that has";
const ENOLCK: i32 = 37;

const ELOOP: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|there| there.file_type().is_symlink())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn each_cause_of_the_system_has_its_own_words_and_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for (errno, why, remedy) in [
            (Errno::NOSPC, "the disk is full", "free_space"),
            (Errno::DQUOT, "the disk quota of this user is used up", "free_space"),
            (Errno::ROFS, "the file system is read-only", "fix_config"),
            (Errno::NAMETOOLONG, "the path is too long", "fix_config"),
            (Errno::LOOP, "the symbolic links in the path lead in a circle", "fix_config"),
            (Errno::NOTDIR, "a part of the path is not a folder", "fix_config"),
            (Errno::MFILE, "too many files are open", "raise_limit"),
            // Nothing denies this user access to the folder.
            (Errno::PERM, "its owner and mode allow it, and something else forbids it", "fix_config"),
        ] {
            let error = failed("write", &path, errno.into());
            let message = error.to_string();
            assert!(message.starts_with(&format!("cannot write {}: {why}", path.display())), "{message}");
            assert_eq!(error.remedy().map(Remedy::name), Some(remedy), "{message}");
            assert!(std::error::Error::source(&error).is_some(), "{message}: what the system says is told too");
        }
        let odd = failed("write", &path, Errno::IO.into());
        assert_eq!(odd.to_string(), format!("cannot write {}", path.display()));
        assert_eq!(odd.remedy(), Some(&Remedy::FixPath { path, mode: None }));
    }
}
