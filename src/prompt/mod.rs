//! [`Prompt`]: how the person is shown the code and the wait, and three ready prompts: [`Terminal`](crate::Terminal), [`JsonLines`], [`Silent`].
//!
//! | file | has |
//! | --- | --- |
//! | `terminal` | the prompt for a person |
//! | `countdown` | the last line of a terminal, which counts down, and the keys that it listens for |
//! | `keys` | single keys, without Enter and without an echo |
//! | `messages` | every sentence of a login on a terminal |
//! | `qr` | the page as a QR code |
//! | `json_lines` | the prompt for a program |
//! | `passphrase/` | where a passphrase comes from |

mod countdown;
mod json_lines;
mod keys;
mod messages;
pub mod passphrase;
#[cfg(feature = "qr")]
mod qr;
pub(crate) mod terminal;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use url::Url;

use crate::model::account::Account;
use crate::model::error::Error;
use crate::model::ids::{AppName, ContextName, Org};
use crate::model::key_store_name::KeyStoreName;
use crate::model::protection::Protection;
use crate::model::scopes::Scopes;
#[cfg(feature = "browser")]
pub use crate::system::browser::open_page;
pub use crate::system::environment::Screen;
pub use json_lines::JsonLines;

/// How a login talks to the person. Called from the login's own thread.
///
/// - `show` is called once, before the first poll. An error ends the login: nobody can approve a code that nobody saw.
/// - `waiting` is called before every wait, and `approved` after the last, if the person has approved.
/// - `done` is called once, at the end of every login, even if `show` was not called.
///
/// All arguments are safe to print: URLs are re-serialised, codes are checked, a server's words are filtered.
pub trait Prompt: Send + Sync {
    /// Shows the person where to go and which code to compare (RFC 8628 §3.3).
    fn show(&self, verification: &Verification) -> io::Result<()>;
    /// Says that the login waits, and why.
    fn waiting(&self, _wait: &Wait) {}
    /// Says that the person has approved. Storing the login is left, which may take a moment.
    fn approved(&self) {}
    /// Says that a login is needed, as the existing login has ended: from [`Auth::session_or_login`](crate::Auth::session_or_login).
    fn login_has_ended(&self, _why: &Error) {}
    /// Says how the login ended.
    fn done(&self, _outcome: &Outcome<'_>) {}
}

impl<P: Prompt + ?Sized> Prompt for Arc<P> {
    fn show(&self, verification: &Verification) -> io::Result<()> {
        (**self).show(verification)
    }

    fn waiting(&self, wait: &Wait) {
        (**self).waiting(wait);
    }

    fn approved(&self) {
        (**self).approved();
    }

    fn login_has_ended(&self, why: &Error) {
        (**self).login_has_ended(why);
    }

    fn done(&self, outcome: &Outcome<'_>) {
        (**self).done(outcome);
    }
}

/// What the person needs in order to approve.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verification {
    /// The app that asks.
    pub app: AppName,
    /// The page to open: https (or allowed loopback), without user information.
    pub verification_uri: Url,
    /// The same page with the code filled in, if the server provides it.
    pub verification_uri_complete: Option<Url>,
    /// The code to type or to compare: at most 40 letters, digits, spaces and hyphens.
    pub user_code: String,
    /// When the code expires, UTC.
    pub expires_at: SystemTime,
    /// The time between two polls at the start.
    pub interval: Duration,
    /// Whether a browser that opens here would be seen by the person.
    pub browser: bool,
    /// Whether no browser can open here at all, as on the other end of an SSH connection: the person takes another device.
    pub headless: bool,
    /// Whether the person wants plain lines that are never overwritten.
    pub plain: bool,
    /// The key store that the key will be put into.
    pub key_store: KeyStoreName,
    /// What that key store promises.
    pub protection: Protection,
    /// Why the key does not go to a better key store, if one was tried.
    pub instead_of: Option<String>,
    /// What the person should know before they approve, such as a clock that is wrong.
    pub warnings: Vec<String>,
}

/// Why a login waits.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Wait {
    /// What happened last.
    pub reason: WaitReason,
    /// The time until the next poll.
    pub duration: Duration,
    /// The time until the code expires, by the clock of the configuration.
    pub left: Duration,
    /// When the code expires, UTC.
    pub expires_at: SystemTime,
}

/// The outcome of the last poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitReason {
    /// The person has not answered yet.
    Pending,
    /// The server asked to be polled less often.
    SlowedDown,
    /// The server did not answer, or is overloaded; it will be polled again.
    Unreachable,
}

/// How a login ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// The person is logged in.
    #[non_exhaustive]
    LoggedIn {
        /// The login's context.
        context: &'a ContextName,
        /// The account that is logged in.
        account: &'a Account,
        /// The org that tokens speak for, if one was chosen.
        org: Option<&'a Org>,
        /// What was granted.
        scopes: &'a Scopes,
        /// The key store that has the key.
        key_store: &'a KeyStoreName,
        /// What that key store promises.
        protection: &'a Protection,
        /// Until when the access token is valid, UTC, if the server says so.
        expires_at: Option<SystemTime>,
        /// Whether the login has a refresh token, so that the access token is renewed automatically.
        renews: bool,
        /// Why the login that this one replaces may still live at the server, if it may.
        left_alive: Option<&'a str>,
    },
    /// The login of another program was taken over.
    #[non_exhaustive]
    Adopted {
        /// The login's context.
        context: &'a ContextName,
        /// The account that is logged in.
        account: &'a Account,
        /// The org that tokens speak for, if one was chosen.
        org: Option<&'a Org>,
        /// The key store that has the key.
        key_store: &'a KeyStoreName,
        /// The other program's file, if the login came from one.
        from: Option<&'a Path>,
        /// What is left to do, if anything: the file may still have its old token, and the login that this one replaces may still live.
        warnings: &'a [String],
    },
    /// It failed.
    Failed(&'a Error),
}

/// Shows nothing: for tests, and for hosts that show the code by other means.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Prompt for Silent {
    fn show(&self, _verification: &Verification) -> io::Result<()> {
        Ok(())
    }
}

impl Verification {
    /// Returns the one address to show, to open and to draw: with the code filled in, if the server provides that.
    pub fn page(&self) -> &Url {
        self.verification_uri_complete.as_ref().unwrap_or(&self.verification_uri)
    }
}
