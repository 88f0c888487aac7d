//! [`Prompt`]: how the person is shown the code and the wait, with three ready ones: [`Terminal`], [`JsonLines`],
//! [`Silent`].

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use url::Url;

use crate::error::Error;
use crate::id::{Account, AppName, ContextName, Org, Scopes, host_of};
use crate::posture::{Posture, Until};

/// How a login speaks to the person. Called from the login's own thread.
///
/// - `show` is called once, before the first poll. An error ends the login: nobody can approve what nobody saw.
/// - `waiting` is called before every wait.
/// - `done` is called once, at the end of every login, whether it began to show something or not.
///
/// Everything handed over is safe to print: URLs are re-serialised, codes are checked, a server's words are filtered.
pub trait Prompt: Send + Sync {
    /// Shows the person where to go and which code to compare (RFC 8628 §3.3).
    fn show(&self, verification: &Verification) -> io::Result<()>;
    /// Says that the login waits, and why.
    fn waiting(&self, _wait: &Wait) {}
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
    /// The place where the key will rest, for example `os`.
    pub custody: String,
    /// What that place promises.
    pub posture: Posture,
    /// Why the key does not go to a better place, where one was tried.
    pub instead_of: Option<String>,
}

/// Why a login waits.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Wait {
    /// What happened last.
    pub reason: WaitReason,
    /// The time until the next poll.
    pub duration: Duration,
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
        custody: &'a str,
        /// What that place promises.
        posture: &'a Posture,
    },
    /// It failed.
    Failed(&'a Error),
}

/// Plain lines for a person, on standard error or any other writer; opens a browser where one would be seen.
pub struct Terminal {
    out: Mutex<Box<dyn Write + Send>>,
    opens_browser: bool,
    told: Mutex<Option<WaitReason>>,
}

impl Terminal {
    /// Writes to standard error, so that standard output stays data.
    pub fn stderr() -> Self {
        Self::to(Box::new(io::stderr()))
    }

    /// Writes to `out`.
    pub fn to(out: Box<dyn Write + Send>) -> Self {
        Self { out: Mutex::new(out), opens_browser: cfg!(feature = "browser"), told: Mutex::new(None) }
    }

    /// Shows the page's address only.
    pub fn without_browser(mut self) -> Self {
        self.opens_browser = false;
        self
    }

    fn say(&self, text: &str) -> io::Result<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

impl Prompt for Terminal {
    fn show(&self, verification: &Verification) -> io::Result<()> {
        if let Some(why) = &verification.instead_of {
            let (custody, lasts) = (&verification.custody, verification.posture.lasts);
            self.say(&format!("note: {why}; this login's key will rest in custody \"{custody}\" instead, {lasts}\n"))?;
        }
        // One string for what is shown and what is opened, so that nothing opens that was not shown (law 12).
        let page = verification.page();
        // RFC 8628 §3.3.1: "Clients MUST still display the "user_code", as the authorization server will require the
        // user to confirm it to disambiguate devices or as remote phishing mitigation".
        self.say(&format!(
            "{app} wants to log you in.\n\n  Page   {page}\n  Host   {host}\n  Code   {code}\n\n\
             Open the page and compare the code. Only continue if you started this.\n",
            app = verification.app,
            host = host_of(page),
            code = verification.user_code,
        ))?;
        #[cfg(feature = "browser")]
        if self.opens_browser && verification.browser {
            // A browser that does not open is a note, never a failure: the person has the address.
            self.say(match crate::browser::open_page(&verification.app, page) {
                Ok(()) => "Asked your browser to open the page.\n",
                Err(_) => "No browser could be opened here: open the page yourself.\n",
            })?;
        }
        Ok(())
    }

    fn waiting(&self, wait: &Wait) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.replace(wait.reason) != Some(wait.reason) {
            // A line that cannot be written must not end a login that can still succeed.
            let _ = self.say(match wait.reason {
                WaitReason::Pending => "Waiting for your approval …\n",
                WaitReason::SlowedDown => "The server asked to be polled less often; still waiting …\n",
                WaitReason::Unreachable => "The server does not answer; trying again …\n",
            });
        }
    }

    fn done(&self, outcome: &Outcome<'_>) {
        if let Outcome::LoggedIn { context, account, org, custody, posture, .. } = outcome {
            let issuer = account.issuer.host();
            let until = match posture.lasts {
                Until::Erased => String::new(),
                lasts => format!(", {lasts}"),
            };
            let org = org.map(|org| format!(" in {org}")).unwrap_or_default();
            let _ = self.say(&format!(
                "Logged in at {issuer} as {account}{org} (context {context}, key in {custody}{until}).\n"
            ));
        }
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").field("opens_browser", &self.opens_browser).finish_non_exhaustive()
    }
}

/// One JSON object a line, for a program that drives the login.
pub struct JsonLines(Mutex<Box<dyn Write + Send>>);

impl JsonLines {
    /// Writes to standard output.
    pub fn stdout() -> Self {
        Self::to(Box::new(io::stdout()))
    }

    /// Writes to `out`.
    pub fn to(out: Box<dyn Write + Send>) -> Self {
        Self(Mutex::new(out))
    }

    fn line(&self, object: &Value) -> io::Result<()> {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(out, "{object}")?;
        out.flush()
    }
}

impl Prompt for JsonLines {
    fn show(&self, verification: &Verification) -> io::Result<()> {
        self.line(&json!({
            "event": "device_authorization",
            "verification_uri": verification.verification_uri,
            "verification_uri_complete": verification.verification_uri_complete,
            "user_code": verification.user_code,
            "expires_at": rfc3339(verification.expires_at),
            "interval": verification.interval.as_secs(),
            "custody": verification.custody,
            "lasts": verification.posture.lasts.name(),
            "instead_of": verification.instead_of,
        }))
    }

    fn done(&self, outcome: &Outcome<'_>) {
        // A reader that went away must not undo a login that is already kept.
        let _ = self.line(&match outcome {
            Outcome::LoggedIn { context, account, org, scopes, custody, posture } => json!({
                "event": "logged_in",
                "context": context,
                "account": account,
                "org": org,
                "scopes": scopes.iter().collect::<Vec<_>>(),
                "custody": custody,
                "lasts": posture.lasts.name(),
            }),
            Outcome::Failed(error) => json!({
                "event": "error",
                "kind": error.kind().name(),
                "remedy": error.remedy().map(|remedy| remedy.name()),
                "message": error.to_string(),
            }),
        });
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonLines")
    }
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

/// RFC 3339, UTC, whole seconds.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}
