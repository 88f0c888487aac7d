//! [`Prompt`]: how the person is shown the code and the wait, with three ready ones: [`Terminal`], [`JsonLines`],
//! [`Silent`]; and [`Screen`]: what a terminal can show.

mod countdown;
mod json_lines;
mod keys;
mod messages;
pub mod passphrase;
#[cfg(feature = "qr")]
mod qr;
mod terminal;

use std::io;
use std::time::{Duration, SystemTime};

use url::Url;

use crate::model::account::Account;
use crate::model::error::Error;
use crate::model::ids::{AppName, ContextName, Org};
use crate::model::protection::Protection;
use crate::model::scopes::Scopes;
pub use crate::system::environment::Screen;
pub use json_lines::JsonLines;
pub use terminal::Terminal;

/// How a login speaks to the person. Called from the login's own thread.
///
/// - `show` is called once, before the first poll. An error ends the login: nobody can approve what nobody saw.
/// - `waiting` is called before every wait, and `approved` after the last, where the person has approved.
/// - `done` is called once, at the end of every login, whether it began to show something or not.
///
/// Everything handed over is safe to print: URLs are re-serialised, codes are checked, a server's words are filtered.
pub trait Prompt: Send + Sync {
    /// Shows the person where to go and which code to compare (RFC 8628 §3.3).
    fn show(&self, verification: &Verification) -> io::Result<()>;
    /// Says that the login waits, and why.
    fn waiting(&self, _wait: &Wait) {}
    /// Says that the person has approved: what is left is to keep the login, which may take a moment.
    fn approved(&self) {}
    /// Says that a login is needed, as the one that there was has ended: from [`Auth::session_or_login`](crate::Auth::session_or_login).
    fn login_has_ended(&self, _why: &Error) {}
    /// Says how the login ended.
    fn done(&self, _outcome: &Outcome<'_>) {}
}

/// What the person needs in order to approve.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verification {
    /// Who asks.
    pub app: AppName,
    /// The page to open: https (or allowed loopback), without user information.
    pub verification_uri: Url,
    /// The same page with the code filled in, where the server gives one.
    pub verification_uri_complete: Option<Url>,
    /// The code to type or to compare: at most 40 letters, digits, spaces and hyphens.
    pub user_code: String,
    /// When the code runs out, UTC.
    pub expires_at: SystemTime,
    /// The time between two polls at the start.
    pub interval: Duration,
    /// Whether a browser that opens here would be seen by the person.
    pub browser: bool,
    /// Whether no browser can be here at all, as on the other end of an SSH connection: the person takes another device.
    pub headless: bool,
    /// Whether the person wants plain lines, none of which is ever written over.
    pub plain: bool,
    /// The place where the key will rest, for example `os`.
    pub key_store: String,
    /// What that place promises.
    pub protection: Protection,
    /// Why the key does not go to a better place, where one was tried.
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
    /// What is left of the code's life, by the clock of the configuration.
    pub left: Duration,
    /// When the code runs out, UTC.
    pub expires_at: SystemTime,
}

/// What the last poll brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitReason {
    /// The person has not answered yet.
    Pending,
    /// The server asked to be polled less often.
    SlowedDown,
    /// The server did not answer, or is overloaded; it is asked again.
    Unreachable,
}

/// How a login ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// The person is logged in.
    #[non_exhaustive]
    LoggedIn {
        /// The context that the login is kept under.
        context: &'a ContextName,
        /// Whose it is.
        account: &'a Account,
        /// The org that tokens speak for, if one was chosen.
        org: Option<&'a Org>,
        /// What was granted.
        scopes: &'a Scopes,
        /// The place where the key rests, for example `os`.
        key_store: &'a str,
        /// What that place promises.
        protection: &'a Protection,
        /// Until when the access token is valid, UTC, where the server says so.
        expires_at: Option<SystemTime>,
        /// Whether there is a refresh token, so that it is renewed by itself.
        renews: bool,
        /// Why the login that this one takes the place of may still live at the server, where it may.
        left_alive: Option<&'a str>,
    },
    /// It failed.
    Failed(&'a Error),
}

/// Says nothing: for tests, and for hosts that show the code by other means.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Prompt for Silent {
    fn show(&self, _verification: &Verification) -> io::Result<()> {
        Ok(())
    }
}

impl Verification {
    /// The one address to show, to open and to draw: with the code filled in where the server gives such a one.
    pub fn page(&self) -> &Url {
        self.verification_uri_complete.as_ref().unwrap_or(&self.verification_uri)
    }
}
