//! What is said when a folder or a file is not to be had.

use std::io::{self, ErrorKind as Io};
use std::path::Path;

use crate::error::{Error, ErrorKind, Remedy};

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
        /// The mode that closes it, if it is ours to close.
        closed: Option<u32>,
    },
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Refused {
    pub(super) fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Io(error) => failed("open", path, error),
            Self::Owner(user) => {
                let message =
                    format!("refusing {}: it belongs to {user}, not to the user of this process", path.display());
                Error::new(ErrorKind::Custody, message).with(Remedy::RunAs { user })
            }
            refused => {
                let mode = if let Self::Open { closed, .. } = &refused { *closed } else { None };
                let message = format!("refusing {}: {refused}", path.display());
                Error::new(ErrorKind::Custody, message).with(Remedy::FixPath { path: path.to_owned(), mode })
            }
        }
    }
}

pub(super) fn failed(doing: &str, path: &Path, error: io::Error) -> Error {
    let fix = || Remedy::FixPath { path: path.to_owned(), mode: None };
    let (why, remedy) = match error.kind() {
        Io::StorageFull | Io::QuotaExceeded => (": the disk is full", Remedy::FreeSpace { path: path.to_owned() }),
        Io::ReadOnlyFilesystem => (": the file system is read-only", fix()),
        Io::Unsupported if doing == "lock" => (NO_LOCKS, Remedy::FixConfig { field: "home" }),
        _ if doing == "lock" && error.raw_os_error() == Some(ENOLCK) => (NO_LOCKS, Remedy::FixConfig { field: "home" }),
        _ => ("", fix()),
    };
    Error::new(ErrorKind::Custody, format!("cannot {doing} {}{why}", path.display())).with(remedy).because(error)
}

/// Without locks, two processes would spend one refresh token.
const NO_LOCKS: &str = ": its file system has no locks, and the state folder needs one that has";
const ENOLCK: i32 = 37;
