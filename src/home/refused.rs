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
    #[error("others may write to it (mode {0})")]
    #[cfg_attr(not(unix), expect(dead_code, reason = "access below %LOCALAPPDATA% is the profile's own"))]
    Writable(String),
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Refused {
    pub(super) fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Io(error) => failed("open", path, error),
            refused => {
                Error::new(ErrorKind::Custody, format!("refusing the state folder {}: {refused}", path.display()))
                    .with(Remedy::FixPath { path: path.to_owned() })
            }
        }
    }
}

pub(super) fn failed(doing: &str, path: &Path, error: io::Error) -> Error {
    let (why, remedy) = match error.kind() {
        Io::StorageFull | Io::QuotaExceeded => (": the disk is full", Remedy::FreeSpace { path: path.to_owned() }),
        Io::ReadOnlyFilesystem => (": the file system is read-only", Remedy::FixPath { path: path.to_owned() }),
        _ => ("", Remedy::FixPath { path: path.to_owned() }),
    };
    Error::new(ErrorKind::Custody, format!("cannot {doing} {}{why}", path.display())).with(remedy).because(error)
}
