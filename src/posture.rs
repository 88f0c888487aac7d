//! [`Posture`]: what a place promises.

use std::borrow::Cow;
use std::fmt;

/// What a place promises: how long it keeps a key, and who can have it there. All known places are software; the OS's store may rest
/// on hardware and does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Posture {
    /// How long it keeps a key.
    pub lasts: Lasts,
    /// Who can have the key without the person's doing, in a few words.
    pub readable_by: Cow<'static, str>,
}

/// How long a key is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lasts {
    /// Until it is erased.
    #[default]
    UntilErased,
    /// Until the machine is started again.
    UntilReboot,
    /// Until the login session ends, for example that of an SSH connection.
    UntilSessionEnds,
    /// Until this process ends.
    UntilProcessEnds,
}

impl Posture {
    /// For a custody of the host's own.
    pub fn new(lasts: Lasts, readable_by: impl Into<Cow<'static, str>>) -> Self {
        Self { lasts, readable_by: readable_by.into() }
    }
}

impl Default for Posture {
    fn default() -> Self {
        Self::new(Lasts::default(), "whoever this place lets")
    }
}

impl Lasts {
    /// The name in JSON output, in `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::UntilErased => "until_erased",
            Self::UntilReboot => "until_reboot",
            Self::UntilSessionEnds => "until_session_ends",
            Self::UntilProcessEnds => "until_process_ends",
        }
    }
}

/// The end of a sentence: "the key stays there …".
impl fmt::Display for Lasts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UntilErased => "until logout",
            Self::UntilReboot => "until the next reboot",
            Self::UntilSessionEnds => "until this login session ends",
            Self::UntilProcessEnds => "until this process ends",
        })
    }
}
