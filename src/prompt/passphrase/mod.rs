//! [`AskPassphrase`]: where a passphrase comes from.

#[cfg(feature = "passphrase")]
mod terminal;

use std::fmt;
use std::io;

use crate::model::ids::AppName;
use crate::model::secret::Secret;
use crate::system::environment::Environment;
#[cfg(feature = "passphrase")]
pub use terminal::OnTerminal;

/// The way to a passphrase. Called from the thread of a login or of a token's trip, never while a lock is held.
///
/// Without one of the host's own, the passphrase is what [`Inherited`] finds. With the feature `passphrase` there is one that asks on the
/// terminal, which the `auth` subcommands use.
pub trait AskPassphrase: Send + Sync + fmt::Debug {
    /// Gives the passphrase, or says why there is none: `NotFound` where nobody can be asked, `Interrupted` where the person wants to
    /// stop here, `PermissionDenied` where the only one there is was wrong, `InvalidInput` where the descriptor for it gives none.
    fn ask(&self, question: &Question) -> io::Result<Secret>;
}

/// What is asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Question {
    /// Who asks.
    pub app: AppName,
    /// What for.
    pub purpose: Purpose,
}

/// What a passphrase is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// A new login: the person chooses one, and should have to type it twice.
    Choose,
    /// To open a login.
    Open,
    /// To open a login: the one given before was wrong.
    OpenAgain,
}

/// A passphrase that was handed to the process: on the descriptor in `<APP>_PASSPHRASE_FD`, else in `<APP>_PASSPHRASE`.
#[derive(Debug, Clone)]
pub struct Inherited(pub Environment);

impl AskPassphrase for Inherited {
    fn ask(&self, question: &Question) -> io::Result<Secret> {
        let given = self.0.passphrase()?;
        match question.purpose {
            // There is only the one.
            Purpose::OpenAgain => {
                let from = match &self.0.passphrase_fd {
                    Some(descriptor) => format!("on descriptor {descriptor}"),
                    None => format!("in {}", question.app.variable("PASSPHRASE")),
                };
                Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("the passphrase {from} is wrong")))
            }
            Purpose::Choose | Purpose::Open => given.map(|secret| secret.copy()).ok_or(io::ErrorKind::NotFound.into()),
        }
    }
}

/// The shortest passphrase: who has a copy of the file can try them all, in peace.
#[cfg(feature = "passphrase")]
pub(crate) const SHORTEST: usize = 8;

#[cfg(feature = "passphrase")]
pub(crate) fn is_long_enough(passphrase: &Secret) -> bool {
    passphrase.expose().chars().count() >= SHORTEST
}
