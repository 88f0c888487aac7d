//! What keeps this user from a path: which folder or file does, and whose it is.

use std::path::Path;

use crate::model::error::Remedy;
#[cfg(not(unix))]
pub(super) use other::{blocked, has_no_inodes};
#[cfg(unix)]
pub(super) use unix::{blocked, has_no_inodes};

#[cfg(unix)]
mod unix {
    use std::fs::{self, Metadata};
    use std::io::ErrorKind as Io;
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::{Access, access, statvfs};
    use rustix::process::geteuid;

    use super::*;
    use crate::system::environment::name_of_user;

    /// Finds the folder or file that keeps this user from `path`, in words, and what helps.
    pub(crate) fn blocked(path: &Path) -> (String, Remedy) {
        let mut outermost_first: Vec<&Path> = path.ancestors().collect();
        outermost_first.reverse();
        // A folder that lets nobody in does not let them look at what is in it.
        let is_hidden =
            |inner: &Path| inner.symlink_metadata().is_err_and(|error| error.kind() == Io::PermissionDenied);
        let shut = outermost_first.windows(2).find(|pair| is_hidden(pair[1])).map(|pair| pair[0]);
        let innermost = path.ancestors().find(|there| there.symlink_metadata().is_ok());
        // The folder around a file decides whether it is replaced.
        let suspects = shut.into_iter().chain(innermost.into_iter().flat_map(|there| there.ancestors().take(2)));
        let keeps_out = |suspect: &&Path| access(*suspect, Access::READ_OK | Access::WRITE_OK).is_err();
        let blocker = suspects.into_iter().find(|suspect| Some(*suspect) == shut || keeps_out(suspect));
        match blocker.and_then(|blocker| Some((blocker, fs::metadata(blocker).ok()?))) {
            Some((blocker, there)) => told(blocker, &there),
            None => {
                let why = "its owner and mode allow it, and something else forbids it, such as a sandbox, SELinux, AppArmor or a \
                           file that is immutable";
                (why.into(), Remedy::FixConfig { field: "state_dir" })
            }
        }
    }

    fn told(blocker: &Path, there: &Metadata) -> (String, Remedy) {
        let (path, mode) = (blocker.display(), there.mode() & 0o777);
        if there.uid() == geteuid().as_raw() {
            let mode_for_owner = if there.is_dir() { 0o700 } else { 0o600 };
            let remedy = Remedy::FixPath { path: blocker.to_owned(), mode: Some(mode_for_owner) };
            return (format!("{path} is closed to its owner, who is the user of this process (mode {mode:o})"), remedy);
        }
        let user = name_of_user(there.uid());
        let why = format!("{path} belongs to {user} and is closed to the user of this process (mode {mode:o})");
        // Nobody should become root for a login.
        let is_of_root = there.uid() == 0;
        (why, if is_of_root { Remedy::FixConfig { field: "state_dir" } } else { Remedy::RunAs { user } })
    }

    /// Whether the file system of `path` has room for bytes but not for another file.
    pub(crate) fn has_no_inodes(path: &Path) -> bool {
        let there = path.ancestors().find(|there| there.symlink_metadata().is_ok());
        // File systems that make inodes as they are needed say 0 of 0.
        there.and_then(|there| statvfs(there).ok()).is_some_and(|disk| disk.f_files > 0 && disk.f_favail == 0)
    }
}

#[cfg(not(unix))]
mod other {
    use super::*;

    /// Owner and mode say little here: access lists decide.
    pub(crate) fn blocked(path: &Path) -> (String, Remedy) {
        ("the system denies access".into(), Remedy::FixPath { path: path.to_owned(), mode: None })
    }

    /// The file system makes room for a file's entry as it is needed.
    pub(crate) fn has_no_inodes(_path: &Path) -> bool {
        false
    }
}
