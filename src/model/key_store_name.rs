//! [`KeyStoreName`]: the names of the key stores.
//!
//! `custody/key_store_name` parses the names. That file makes errors, and errors name key stores, so parsing here would be a circle.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The name of a key store: one of hallpass's own, or one of the host's.
///
/// It is written as [`as_str`](Self::as_str) gives it, in output and in the index, and parsed from that.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    /// A key store of a host's own: [`custom`](Self::custom) makes its name.
    Custom(CustomName),
}

/// The name of a host's own key store, valid: [`KeyStoreName::custom`] makes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CustomName(Arc<str>);

impl KeyStoreName {
    /// Returns the name in output, in the index and in the environment.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Os => "os",
            Self::Kernel => "kernel",
            Self::Session => "session",
            Self::Passphrase => "passphrase",
            Self::KeyFile => "keyfile",
            Self::Memory => "memory",
            Self::Custom(CustomName(name)) => name,
        }
    }

    /// The names of hallpass's own key stores.
    pub(crate) const KNOWN: [Self; 6] =
        [Self::Os, Self::Kernel, Self::Session, Self::Passphrase, Self::KeyFile, Self::Memory];

    /// Returns the name of hallpass's own key store that is called `text`.
    pub(crate) fn known(text: &str) -> Option<Self> {
        Self::KNOWN.into_iter().find(|name| name.as_str() == text)
    }

    /// Returns whether people would take `text` for a name of hallpass's own, or for the choice `auto`.
    pub(crate) fn is_reserved(text: &str) -> bool {
        let own = Self::KNOWN;
        own.iter().map(Self::as_str).chain(["auto"]).any(|name| name.eq_ignore_ascii_case(text))
    }

    /// Returns the name of a host's own key store if `text` is valid and no key store of hallpass has it: no path, and nothing that a
    /// terminal obeys (law 12).
    pub(crate) fn of_a_host(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/' && byte != b'\\';
        let is_valid = (1..=64).contains(&text.len()) && text.bytes().all(is_plain) && Self::known(text).is_none();
        is_valid.then(|| Self::Custom(CustomName(text.into())))
    }

    /// Returns the names as a list in a sentence.
    pub(crate) fn join(names: &[Self]) -> String {
        names.iter().map(Self::as_str).collect::<Vec<_>>().join(", ")
    }

    /// Returns whether hallpass has such a key store on this system.
    pub(crate) fn is_here(&self) -> bool {
        let is_of_linux = matches!(self, Self::Kernel | Self::Session);
        !matches!(self, Self::Custom(_)) && (cfg!(target_os = "linux") || !is_of_linux)
    }

    /// Returns whether a key there ends with the login session, or sooner.
    pub(crate) fn forgets(&self) -> bool {
        matches!(self, Self::Session | Self::Memory)
    }

    /// Names the key store in a sentence.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Os => "the OS's secure store".into(),
            Self::Kernel => "the kernel's keyring".into(),
            Self::Session => "the kernel's keyring of this login session".into(),
            Self::Passphrase => "the file that a passphrase opens".into(),
            Self::KeyFile => "the file that a key file opens".into(),
            Self::Memory => "this process's memory".into(),
            Self::Custom(CustomName(name)) => format!("custody \"{name}\""),
        }
    }
}

impl fmt::Display for KeyStoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for KeyStoreName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
