//! One trip (a login, a refresh, a logout) on a thread of its own, so that it lives as long as it must and not as long as
//! its caller cares (DESIGN §5, law 4).

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};

/// The trips under way. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workers(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    under_way: Mutex<usize>,
    ended: Condvar,
}

impl Workers {
    /// Runs `trip` on its own thread. Dropping the future does not stop the trip.
    pub(crate) async fn run<T: Send + 'static>(&self, trip: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let (done, result) = oneshot::channel();
        let ticket = Ticket::new(self.0.clone());
        std::thread::Builder::new()
            .name("hallpass-trip".into())
            .spawn(move || {
                let outcome = trip();
                // Before the result is handed over: whoever has it need not wait for this thread any more.
                drop(ticket);
                let _ = done.send(outcome);
            })
            .map_err(|error| Error::new(ErrorKind::Custody, "this process can start no thread").because(error))?;
        result.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Custody, "a thread of hallpass panicked")))
    }

    /// Waits until no trip is under way, at most `patience`; says whether that is so.
    pub(crate) fn settle(&self, patience: Duration) -> bool {
        let under_way = self.0.under_way();
        let (under_way, _) = self
            .0
            .ended
            .wait_timeout_while(under_way, patience, |under_way| *under_way > 0)
            .unwrap_or_else(PoisonError::into_inner);
        *under_way == 0
    }
}

/// One trip under way, counted until it is dropped, by a panic as well.
struct Ticket(Arc<Shared>);

impl Ticket {
    fn new(shared: Arc<Shared>) -> Self {
        *shared.under_way() += 1;
        Self(shared)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        *self.0.under_way() -= 1;
        self.0.ended.notify_all();
    }
}

impl Shared {
    fn under_way(&self) -> MutexGuard<'_, usize> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_dropped_future_does_not_stop_its_trip() {
        let workers = Workers::default();
        let (go, wait) = channel::<()>();
        let (told, tell) = channel();
        let mut trip = Box::pin(workers.run(move || {
            let _ = wait.recv();
            told.send("ended").map_err(|_| Error::cancelled())
        }));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(trip.as_mut().poll(&mut cx).is_pending());
        drop(trip);
        assert!(!workers.settle(Duration::ZERO));
        drop(go);
        assert_eq!(tell.recv(), Ok("ended"));
        assert!(workers.settle(Duration::from_secs(60)));
    }
}
