//! The descriptor that a passphrase comes from.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::machine;
use crate::model::secret::Secret;

/// A descriptor with a passphrase that this process was started with.
#[derive(Debug, Default)]
pub(super) enum PassphraseSource {
    #[default]
    None,
    Unread(File),
    Read(Arc<Secret>),
    Unreadable(String),
}

impl PassphraseSource {
    pub(super) fn open(descriptor: Option<&str>) -> Self {
        let Some(descriptor) = descriptor else { return Self::None };
        // The first three are the terminal, which would show what is typed.
        let number = descriptor.parse().ok().filter(|number| *number > 2);
        match number.ok_or_else(|| io::Error::other("it is no number above 2")).and_then(machine::duplicate) {
            Ok(file) => Self::Unread(file),
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }

    pub(super) fn line(&mut self) -> io::Result<Arc<Secret>> {
        if let Self::Unread(file) = self {
            *self = match machine::first_line(file) {
                Ok(line) => Self::Read(Arc::new(line)),
                Err(error) => Self::Unreadable(error.to_string()),
            };
        }
        match self {
            Self::Read(line) => Ok(line.clone()),
            Self::Unreadable(why) => Err(io::Error::other(why.clone())),
            Self::None | Self::Unread(_) => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
