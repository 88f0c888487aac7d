//! [`ScriptedPrompt`]: a person who follows a script, and records what the login shows.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::prompt::{Outcome, Prompt, Verification, Wait};

/// A prompt for tests: runs a script, and records what the login shows.
///
/// ```
/// use std::sync::Arc;
/// use hallpass::testing::{AuthorizationServer, Cue, ScriptedPrompt};
/// use hallpass::{Auth, Login};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (server, folder) = (Arc::new(AuthorizationServer::start()?), tempfile::tempdir()?);
/// let (auth, at) = (Auth::new(server.config(folder.path())?)?, server.clone());
/// // Denies as soon as the code is shown.
/// let person = ScriptedPrompt::new(move |cue| {
///     if let Cue::Shown(verification) = cue {
///         at.deny(&verification.user_code);
///     }
/// });
/// # server.set_behaviour(|behaviour| behaviour.interval = Some(1));
/// let refused = auth.login(Login::new(person.clone())).wait().unwrap_err();
/// assert_eq!(refused.kind(), hallpass::ErrorKind::Denied);
/// assert_eq!((person.shown().len(), person.waits().len()), (1, 1));
/// # Ok(()) }
/// ```
pub struct ScriptedPrompt {
    script: Box<dyn Fn(Cue<'_>) + Send + Sync>,
    recorded: Mutex<RecordedPrompt>,
}

/// When a scripted person acts.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Cue<'a> {
    /// The code is shown.
    Shown(&'a Verification),
    /// The login waits. The number counts the waits: 1, 2, …
    Waits(usize, &'a Wait),
}

#[derive(Default)]
struct RecordedPrompt {
    shown: Vec<Verification>,
    waits: Vec<Wait>,
    ends: Vec<String>,
}

impl ScriptedPrompt {
    /// Calls `script` at each cue, on the login's own thread.
    pub fn new(script: impl Fn(Cue<'_>) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { script: Box::new(script), recorded: Mutex::default() })
    }

    /// Only records.
    pub fn recording() -> Arc<Self> {
        Self::new(|_| {})
    }

    /// Returns what was shown, one for each login.
    pub fn shown(&self) -> Vec<Verification> {
        self.recorded().shown.clone()
    }

    /// Returns every wait before a poll.
    pub fn waits(&self) -> Vec<Wait> {
        self.recorded().waits.clone()
    }

    /// Returns how the logins ended: the `Debug` text of each [`Outcome`].
    pub fn ends(&self) -> Vec<String> {
        self.recorded().ends.clone()
    }

    fn recorded(&self) -> MutexGuard<'_, RecordedPrompt> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Prompt for ScriptedPrompt {
    fn show(&self, verification: &Verification) -> io::Result<()> {
        self.recorded().shown.push(verification.clone());
        (self.script)(Cue::Shown(verification));
        Ok(())
    }

    fn waiting(&self, wait: &Wait) {
        let count = {
            let mut recorded = self.recorded();
            recorded.waits.push(*wait);
            recorded.waits.len()
        };
        (self.script)(Cue::Waits(count, wait));
    }

    fn done(&self, outcome: &Outcome<'_>) {
        self.recorded().ends.push(format!("{outcome:?}"));
    }
}

impl fmt::Debug for ScriptedPrompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScriptedPrompt")
    }
}
