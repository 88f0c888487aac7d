//! [`AskPassphrase`]: where a passphrase comes from.
//!
//! | file | has |
//! | --- | --- |
//! | `mod` | the trait; a passphrase from a descriptor or a variable |
//! | `terminal` | a passphrase from the person at the terminal |

#[cfg(feature = "passphrase")]
mod terminal;

use std::fmt;
use std::io;

use crate::model::ids::AppName;
use crate::model::secret::Secret;
use crate::system::environment::Environment;
#[cfg(feature = "passphrase")]
pub use terminal::PassphraseFromTerminal;

/// Provides a passphrase. Called from the thread of a login or of another job, never while a lock is held.
///
/// The default is [`PassphraseFromEnvironment`]. With the feature `passphrase`, another implementation asks on the terminal; the `auth` subcommands use it.
pub trait AskPassphrase: Send + Sync + fmt::Debug {
    /// Returns the passphrase.
    ///
    /// # Errors
    /// `NotFound` if nobody can be asked, `Interrupted` if the person cancels, `PermissionDenied` if the only passphrase is incorrect,
    /// `InvalidInput` if its descriptor provides none.
    fn ask(&self, question: &Question) -> io::Result<Secret>;
}

/// A question for a passphrase.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Question {
    /// The app that asks.
    pub app: AppName,
    /// What the passphrase is for.
    pub purpose: Purpose,
}

/// What a passphrase is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// For a new login: the person chooses a passphrase, and should have to type it twice.
    Choose,
    /// To open a login.
    Open,
    /// To open a login: the passphrase before was incorrect.
    OpenAgain,
}

/// Provides the passphrase that the process was started with: on a descriptor, else in a variable
/// ([`Variables`](crate::config::Variables)).
#[derive(Debug, Clone)]
pub struct PassphraseFromEnvironment(pub Environment);

impl AskPassphrase for PassphraseFromEnvironment {
    fn ask(&self, question: &Question) -> io::Result<Secret> {
        let given = self.0.passphrase()?;
        match question.purpose {
            // The environment has no other passphrase.
            Purpose::OpenAgain => {
                let from = match &self.0.passphrase_fd {
                    Some(descriptor) => format!("on descriptor {descriptor}"),
                    None => format!("in {}", self.0.passphrase_name()),
                };
                Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("the passphrase {from} is wrong")))
            }
            Purpose::Choose | Purpose::Open => given.map(|secret| secret.copy()).ok_or(io::ErrorKind::NotFound.into()),
        }
    }
}

/// The minimum length of a passphrase, in characters: whoever has a copy of the file can try passphrases without limit.
#[cfg(feature = "passphrase")]
pub(crate) const MIN_LENGTH: usize = 8;

#[cfg(feature = "passphrase")]
pub(crate) fn is_long_enough(passphrase: &Secret) -> bool {
    passphrase.expose().chars().count() >= MIN_LENGTH
}
