//! [`ScriptedPrompt`]: a person whose every move is written down beforehand, and who remembers what they were told.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::prompt::{Outcome, Prompt, Verification, Wait};

/// A prompt for tests: does what a script says, and keeps what it was told.
///
/// ```
/// use std::sync::Arc;
/// use hallpass::testing::{AuthorizationServer, Cue, ScriptedPrompt};
/// use hallpass::{Auth, LoginRequest, blocking::wait};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (server, home) = (Arc::new(AuthorizationServer::start()?), tempfile::tempdir()?);
/// let (auth, at) = (Auth::new(server.config(home.path())?)?, server.clone());
/// // Refuses as soon as the code is on view.
/// let person = ScriptedPrompt::new(move |cue| {
///     if let Cue::Shown(verification) = cue {
///         at.deny(&verification.user_code);
///     }
/// });
/// # server.set_behaviour(|behaviour| behaviour.interval = Some(1));
/// let refused = wait(auth.login(LoginRequest::default(), person.clone())).unwrap_err();
/// assert_eq!(refused.kind(), hallpass::ErrorKind::Denied);
/// assert_eq!((person.shown().len(), person.waits().len()), (1, 1));
/// # Ok(()) }
/// ```
pub struct ScriptedPrompt {
    script: Box<dyn Fn(Cue<'_>) + Send + Sync>,
    told: Mutex<Told>,
}

/// When a scripted person acts.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Cue<'a> {
    /// The code is on view.
    Shown(&'a Verification),
    /// The login waits, for so many times now: 1, 2, …
    Waits(usize, &'a Wait),
}

#[derive(Default)]
struct Told {
    shown: Vec<Verification>,
    waits: Vec<Wait>,
    ends: Vec<String>,
}

impl ScriptedPrompt {
    /// Calls `script` at each cue, on the login's own thread.
    pub fn new(script: impl Fn(Cue<'_>) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { script: Box::new(script), told: Mutex::default() })
    }

    /// Only keeps what it is told.
    pub fn recording() -> Arc<Self> {
        Self::new(|_| {})
    }

    /// What was shown, one for each login.
    pub fn shown(&self) -> Vec<Verification> {
        self.told().shown.clone()
    }

    /// Every wait before a poll.
    pub fn waits(&self) -> Vec<Wait> {
        self.told().waits.clone()
    }

    /// How the logins ended: each [`Outcome`], as `Debug` tells it.
    pub fn ends(&self) -> Vec<String> {
        self.told().ends.clone()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Prompt for ScriptedPrompt {
    fn show(&self, verification: &Verification) -> io::Result<()> {
        self.told().shown.push(verification.clone());
        (self.script)(Cue::Shown(verification));
        Ok(())
    }

    fn waiting(&self, wait: &Wait) {
        let count = {
            let mut told = self.told();
            told.waits.push(*wait);
            told.waits.len()
        };
        (self.script)(Cue::Waits(count, wait));
    }

    fn done(&self, outcome: &Outcome<'_>) {
        self.told().ends.push(format!("{outcome:?}"));
    }
}

impl fmt::Debug for ScriptedPrompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScriptedPrompt")
    }
}
