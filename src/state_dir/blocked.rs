//! [`blocked`]: which folder or file denies this user access to a path, and whose it is.

use std::path::Path;

use crate::model::error::Remedy;
#[cfg(not(unix))]
pub(super) use elsewhere::{blocked, has_no_inodes};
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
    use crate::model::setting::Setting;
    use crate::system::environment::name_of_user;

    /// Describes the folder or file that denies this user access to `path`, and returns what helps.
    pub(crate) fn blocked(path: &Path) -> (String, Remedy) {
        match blocker(path).and_then(|blocker| Some((blocker, fs::metadata(blocker).ok()?))) {
            Some((blocker, metadata)) => describe(blocker, &metadata),
            None => {
                let why = "its owner and mode allow it, and something else forbids it, such as a sandbox, SELinux, AppArmor or a \
                           file that is immutable";
                (why.into(), Remedy::FixConfig { setting: Setting::StateDir })
            }
        }
    }

    fn blocker(path: &Path) -> Option<&Path> {
        let mut outermost_first: Vec<&Path> = path.ancestors().collect();
        outermost_first.reverse();
        let closed = outermost_first.windows(2).find(|pair| is_hidden(pair[1])).map(|pair| pair[0]);
        // The folder around a file decides whether it can be replaced.
        let innermost = path.ancestors().find(|path| path.symlink_metadata().is_ok());
        let around_innermost = innermost.into_iter().flat_map(|path| path.ancestors().take(2));
        closed.or_else(|| around_innermost.into_iter().find(|path| denies_access(path)))
    }

    /// A folder that nobody may enter hides what is in it.
    fn is_hidden(path: &Path) -> bool {
        path.symlink_metadata().is_err_and(|error| error.kind() == Io::PermissionDenied)
    }

    fn denies_access(path: &Path) -> bool {
        access(path, Access::READ_OK | Access::WRITE_OK).is_err()
    }

    fn describe(blocker: &Path, metadata: &Metadata) -> (String, Remedy) {
        let (path, mode) = (blocker.display(), metadata.mode() & 0o777);
        if metadata.uid() == geteuid().as_raw() {
            let mode_for_owner = if metadata.is_dir() { 0o700 } else { 0o600 };
            let remedy = Remedy::FixPath { path: blocker.to_owned(), mode: Some(mode_for_owner) };
            return (format!("{path} is closed to its owner, who is the user of this process (mode {mode:o})"), remedy);
        }
        let user = name_of_user(metadata.uid());
        let why = format!("{path} belongs to {user} and is closed to the user of this process (mode {mode:o})");
        // Nobody should become root for a login.
        let is_of_root = metadata.uid() == 0;
        (why, if is_of_root { Remedy::FixConfig { setting: Setting::StateDir } } else { Remedy::RunAs { user } })
    }

    /// Returns whether the file system of `path` has room for bytes but not for another file.
    pub(crate) fn has_no_inodes(path: &Path) -> bool {
        let existing = path.ancestors().find(|path| path.symlink_metadata().is_ok());
        // File systems that create inodes when they are needed report 0 of 0.
        existing.and_then(|path| statvfs(path).ok()).is_some_and(|disk| disk.f_files > 0 && disk.f_favail == 0)
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use super::*;

    /// Owner and mode say little here: access lists decide.
    pub(crate) fn blocked(path: &Path) -> (String, Remedy) {
        ("the system denies access".into(), Remedy::FixPath { path: path.to_owned(), mode: None })
    }

    /// The file system makes room for a file's entry when it is needed.
    pub(crate) fn has_no_inodes(_path: &Path) -> bool {
        false
    }
}
