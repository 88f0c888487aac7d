//! A call into a store under a deadline: none of them has a timeout of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::custody::KeyStoreError;

/// How long a store may take to show that it is there: a bus that is dead, or has to start the store first, is not waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a store that runs may take for its first answer: hundreds of processes at once keep gnome-keyring busy for seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a store that answers may take for one call. The keychain asks a person by itself, after an upgrade for example.
const CALL_TIMEOUT: Duration = Duration::from_secs(if cfg!(target_os = "macos") { 60 } else { 10 });

/// Runs `call` on a thread of its own and leaves it behind when it takes too long: no call into a store has a timeout, and
/// a dead D-Bus has held programs for minutes.
pub(super) fn under_deadline<T: Send + 'static>(
    call: impl FnOnce(&Connected) -> Result<T, KeyStoreError> + Send + 'static,
) -> Result<T, KeyStoreError> {
    let (shown, signs) = channel();
    let (done, result) = channel();
    let abandoned = Arc::new(AtomicBool::new(false));
    let told = Connected(shown, abandoned.clone());
    std::thread::Builder::new()
        .name("hallpass-store".into())
        .spawn(move || {
            let outcome = call(&told);
            // Before the result: a call that ends without ever having connected ends the first wait as well.
            drop(told);
            let _ = done.send(outcome);
        })
        .map_err(|error| KeyStoreError::Unavailable(error.to_string()))?;
    let mut timeout = CONNECT_TIMEOUT;
    loop {
        match signs.recv_timeout(timeout) {
            Ok(Sign::Runs) => timeout = ANSWER_TIMEOUT,
            Ok(Sign::Answers) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                abandoned.store(true, Ordering::SeqCst);
                return Err(KeyStoreError::Silent);
            }
        }
    }
    result.recv_timeout(CALL_TIMEOUT).unwrap_or_else(|error| {
        abandoned.store(true, Ordering::SeqCst);
        if error == RecvTimeoutError::Disconnected {
            return Err(KeyStoreError::Failed("the call into it broke off".into()));
        }
        // Not silence: a store that answers may only be waiting for a person.
        Err(KeyStoreError::Failed(format!("it took more than {} s", CALL_TIMEOUT.as_secs())))
    })
}

/// What a call and the one who waits for it know of each other.
pub(super) struct Connected(Sender<Sign>, Arc<AtomicBool>);

/// What a store has shown of itself.
pub(super) enum Sign {
    /// It is there, and may be busy.
    #[cfg_attr(any(windows, target_os = "macos"), expect(dead_code, reason = "a part of the system runs, and answers"))]
    Runs,
    /// It has answered, if not yet the call.
    Answers,
}

impl Connected {
    pub(super) fn tell(&self, sign: Sign) {
        let _ = self.0.send(sign);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.1.load(Ordering::SeqCst)
    }
}
