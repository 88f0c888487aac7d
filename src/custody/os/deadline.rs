//! [`under_deadline`]: a call into a store, left behind if it takes too long. The stores' crates have no timeouts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::custody::KeyStoreError;

/// How long a store may take until it [runs](Sign::Runs). A dead bus, or a bus that first has to start the store, is not waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a running store may take for its first answer: hundreds of processes at once keep gnome-keyring busy for seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one call may take once the store answers. The keychain asks a person by itself, for example after an upgrade.
const CALL_TIMEOUT: Duration = Duration::from_secs(if cfg!(target_os = "macos") { 60 } else { 10 });

/// Runs `call` on its own thread, and leaves it behind if it takes too long: a dead D-Bus has blocked programs for minutes.
pub(super) fn under_deadline<T: Send + 'static>(
    call: impl FnOnce(&CallContext) -> Result<T, KeyStoreError> + Send + 'static,
) -> Result<T, KeyStoreError> {
    let (sign_sender, signs) = channel();
    let (outcome_sender, outcome) = channel();
    let abandoned = Arc::new(AtomicBool::new(false));
    let connected = CallContext { signs: sign_sender, abandoned: abandoned.clone() };
    std::thread::Builder::new()
        .name("hallpass-store".into())
        .spawn(move || {
            let outcome = call(&connected);
            // Before the outcome: a call that ends without a sign ends the first wait as well.
            drop(connected);
            let _ = outcome_sender.send(outcome);
        })
        .map_err(|error| KeyStoreError::Unavailable(error.to_string()))?;
    let mut timeout = CONNECT_TIMEOUT;
    loop {
        match signs.recv_timeout(timeout) {
            Ok(Progress::Runs) => timeout = ANSWER_TIMEOUT,
            Ok(Progress::Answers) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                abandoned.store(true, Ordering::SeqCst);
                return Err(KeyStoreError::Silent);
            }
        }
    }
    outcome.recv_timeout(CALL_TIMEOUT).unwrap_or_else(|error| {
        abandoned.store(true, Ordering::SeqCst);
        if error == RecvTimeoutError::Disconnected {
            return Err(KeyStoreError::Failed("the call into it broke off".into()));
        }
        // Not silence: a store that answers may only be waiting for a person.
        Err(KeyStoreError::Failed(format!("it took more than {} s", CALL_TIMEOUT.as_secs())))
    })
}

/// What a call and its waiter know of each other.
pub(super) struct CallContext {
    signs: Sender<Progress>,
    abandoned: Arc<AtomicBool>,
}

/// A sign of life of a store.
pub(super) enum Progress {
    /// It runs, and may be busy.
    #[cfg_attr(any(windows, target_os = "macos"), expect(dead_code, reason = "a part of the system runs, and answers"))]
    Runs,
    /// It has answered something, perhaps not yet the call.
    Answers,
}

impl CallContext {
    pub(super) fn report(&self, sign: Progress) {
        let _ = self.signs.send(sign);
    }

    /// Returns whether nobody waits any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::SeqCst)
    }
}
