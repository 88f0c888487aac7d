//! [`Protection`]: what a key store promises.

use std::borrow::Cow;
use std::fmt;

/// What a key store promises: how long it keeps a key, and who can read it there. All known key stores are software; the OS's store may use
/// hardware, and does not say so.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Protection {
    /// How long it keeps a key.
    pub lasts: KeptUntil,
    /// Who can read the key without the person's help, in a few words.
    pub readable_by: Cow<'static, str>,
}

/// How long a key is kept; the longest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum KeptUntil {
    /// Until it is erased.
    #[default]
    Erased,
    /// Until the machine restarts.
    Reboot,
    /// Until the login session ends, for example that of an SSH connection.
    SessionEnd,
    /// Until this process ends.
    ProcessEnd,
}

impl Protection {
    /// Describes a key store of the host's own.
    pub fn new(lasts: KeptUntil, readable_by: impl Into<Cow<'static, str>>) -> Self {
        Self { lasts, readable_by: readable_by.into() }
    }
}

impl Default for Protection {
    fn default() -> Self {
        Self::new(KeptUntil::default(), "whoever this place lets")
    }
}

impl KeptUntil {
    /// Returns the name in JSON output, in `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Erased => "until_erased",
            Self::Reboot => "until_reboot",
            Self::SessionEnd => "until_session_end",
            Self::ProcessEnd => "until_process_end",
        }
    }
}

/// Writes the end of a sentence: "the key stays there …".
impl fmt::Display for KeptUntil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Erased => "until logout",
            Self::Reboot => "until the next reboot",
            Self::SessionEnd => "until this login session ends",
            Self::ProcessEnd => "until this process ends",
        })
    }
}
