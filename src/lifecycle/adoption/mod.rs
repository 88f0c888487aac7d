//! Takes over a login that another program made: an older version of this tool, or a library that has its own code exchange.
//!
//! | file | has |
//! | --- | --- |
//! | `mod` | what a host asks for |
//! | `tokens` | the old tokens |
//! | `source` | where they are: in a file, or in memory |
//! | `run` | one adoption: under its locks, and again if the old token was replaced meanwhile |
//! | `steps` | the steps, each of which a crash may follow |
//! | `pending` | the grant that has the old token until it is exchanged |
//! | `note` | how far the adoption has come, for the next process |

mod note;
mod pending;
mod run;
mod source;
mod steps;
mod tokens;

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;

pub(crate) use self::run::{has_old_login, run};
use self::source::{Source, hash};
pub use self::tokens::OldTokens;
use crate::custody::Lifetime;
use crate::lifecycle::contexts::Selector;
use crate::lifecycle::login::Login;
use crate::model::error::Error;
use crate::model::ids::{ContextName, Org};
use crate::prompt::Prompt;

/// A login to take over with [`Auth::adopt`](crate::Auth::adopt). Each method sets one thing.
///
/// ```no_run
/// # fn main() -> hallpass::Result<()> {
/// # let auth = hallpass::Auth::new(hallpass::Config::new("acme", "https://id.example.com", "acme-cli")?)?;
/// use hallpass::Terminal;
/// use hallpass::adoption::{Adoption, OldTokens};
/// use serde_json::{Value, json};
///
/// # let home = std::path::PathBuf::from("/home/alice");
/// // `{"refresh_token": "…", "theme": "dark"}`
/// let old = Adoption::of_file(
///     Terminal::stderr(),
///     home.join(".config/acme/config.json"),
///     |bytes| {
///         let config: Value = serde_json::from_slice(bytes)?;
///         Ok(config["refresh_token"].as_str().map(|token| OldTokens::new().refresh_token(token)))
///     },
///     |bytes| {
///         let mut config: Value = serde_json::from_slice(bytes).unwrap_or_default();
///         config["refresh_token"] = json!(null);
///         config.to_string().into_bytes()
///     },
/// );
/// let session = auth.adopt(old).wait()?;
/// # drop(session);
/// # Ok(()) }
/// ```
pub struct Adoption {
    pub(super) login: Login,
    source: Source,
    lock: Option<PathBuf>,
}

impl Adoption {
    /// Takes over the login in another program's file. `prompt` shows whose login it is.
    ///
    /// `read` returns the tokens in the file's bytes, or `None` if the file has none. Its error text is not shown, as it may quote a
    /// token. `marker` returns the file's new content: everything but the tokens, so that the old version asks for a login.
    ///
    /// The path must be absolute. [`Auth::adopt`](crate::Auth::adopt) refuses a symbolic link, a file or folder that another user owns
    /// or can write, and a file in a work tree (except if the home itself is the work tree): another person could have written a
    /// login there.
    pub fn of_file(
        prompt: impl Prompt + 'static,
        path: impl Into<PathBuf>,
        read: impl Fn(&[u8]) -> Result<Option<OldTokens>, Box<dyn StdError + Send + Sync>> + Send + 'static,
        marker: impl Fn(&[u8]) -> Vec<u8> + Send + 'static,
    ) -> Self {
        Self::new(prompt, Source::File { path: path.into(), read: Box::new(read), marker: Box::new(marker) })
    }

    /// Takes over tokens that this program has in memory, for example of another library's code exchange. The caller drops its own copy, and
    /// does not ask again with a token that was refused: unlike a file, it is not remembered.
    pub fn of_tokens(prompt: impl Prompt + 'static, tokens: OldTokens) -> Self {
        Self::new(prompt, Source::Memory(tokens))
    }

    /// Holds the other program's lock during the adoption, so that both cannot refresh at the same time: an advisory lock of this whole
    /// file (flock(2) on Unix, `LockFileEx` on Windows). The rules for the path are those of the old file. The lock file is created if
    /// it does not exist; without its folder no lock is taken. Waits up to [`Config::lock_timeout`](crate::Config::lock_timeout). The
    /// default is no lock.
    pub fn lock(mut self, path: impl Into<PathBuf>) -> Self {
        self.lock = Some(path.into());
        self
    }

    /// Names the context, as [`Login::context`] does. The default is the name that a login would get.
    pub fn context(mut self, name: impl TryInto<ContextName, Error: Into<Error>>) -> Self {
        self.login = self.login.context(name);
        self
    }

    /// Names the org of the tokens, as [`Login::org`] does. The default is the environment's org, or none.
    pub fn org(mut self, org: impl TryInto<Org, Error: Into<Error>>) -> Self {
        self.login = self.login.org(org);
        self
    }

    /// Allows the login to replace a context of another account. The default is a `Config` error: the old token is already spent, so the
    /// login is kept under another name. A server that names no subject never says that two accounts are the same: under a name that exists,
    /// its logins need this.
    pub fn replace(mut self) -> Self {
        self.login = self.login.replace();
        self
    }

    /// Says how long the key is kept. The default is [`Lifetime::Usual`].
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.login = self.login.lifetime(lifetime);
        self
    }

    /// Returns the name of the lock and of the note of this source.
    fn source_name(&self) -> String {
        let name = match self.source.path() {
            Some(path) => format!("file {}", path.display()),
            None => format!("context {}", self.login.context.as_ref().map_or("", ContextName::as_str)),
        };
        format!("adoption-{:016x}", hash(name.as_bytes()))
    }

    /// Returns what selects the login afterwards.
    pub(crate) fn selector(&self) -> Selector {
        Selector { context: self.login.context.clone(), org: self.login.org.clone() }
    }

    fn new(prompt: impl Prompt + 'static, source: Source) -> Self {
        Self { login: Login::new(prompt), source, lock: None }
    }
}

impl fmt::Debug for Adoption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adoption").field("login", &self.login).field("lock", &self.lock).finish_non_exhaustive()
    }
}
