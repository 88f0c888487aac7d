//! [`KeyStoreName`]: the key stores that hallpass knows, by name.

use std::fmt;
use std::str::FromStr;

use crate::model::error::{Error, Result};
use crate::model::sanitize::quoted;
use crate::model::setting::Setting;

/// The key stores that hallpass knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyStoreName {
    /// The OS's secure store: Secret Service, Keychain, Credential Manager.
    Os,
    /// The kernel's keyring of the user (Linux): until the next reboot.
    Kernel,
    /// The kernel's keyring of the login session (Linux): until that ends.
    Session,
    /// A file that a passphrase opens.
    Passphrase,
    /// A file that a key file opens: one in the state folder, or systemd's credential `<app>.key`.
    KeyFile,
    /// This process's memory: the login ends with the process.
    Memory,
}

impl KeyStoreName {
    pub(super) const ALL: [Self; 6] =
        [Self::Os, Self::Kernel, Self::Session, Self::Passphrase, Self::KeyFile, Self::Memory];

    /// Returns whether this system has such a key store at all.
    pub(super) fn is_here(self) -> bool {
        cfg!(target_os = "linux") || !matches!(self, Self::Kernel | Self::Session)
    }

    /// Returns whether a key there ends with the login session, or sooner.
    pub(super) fn forgets(self) -> bool {
        matches!(self, Self::Session | Self::Memory)
    }

    /// Returns the name in output, in the index and in `<APP>_CUSTODY`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Os => "os",
            Self::Kernel => "kernel",
            Self::Session => "session",
            Self::Passphrase => "passphrase",
            Self::KeyFile => "keyfile",
            Self::Memory => "memory",
        }
    }
}

impl fmt::Display for KeyStoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyStoreName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Error::config(
                Setting::RequestedCustody,
                format!("there is no custody \"{}\": there are auto, {known}", quoted(text)),
            )
        })
    }
}

/// Returns whether `name` can name a key store in the index: 1 to 64 visible ASCII characters, no path.
pub(crate) fn is_key_store_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b'\\')
}
