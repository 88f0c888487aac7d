//! One trip (a login, a refresh, a logout) on a thread of its own, so that it lives as long as it must and not as long as
//! its caller cares (law 4).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::secret::{STACK_OF_A_JOB, wipe_stack};

/// The trips under way. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workers(Arc<UnderWay>);

/// Trips that several callers share: who wants what somebody is fetching already waits for that.
#[derive(Debug)]
pub(crate) struct Shared<K, T>(Arc<Mutex<SharedJobs<K, T>>>);

impl Workers {
    /// Runs `job` on its own thread. Dropping the future does not stop the trip.
    pub(crate) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let (done, result) = oneshot::channel();
        self.start(move |ticket| {
            let outcome = job();
            // Before the result is handed over: whoever has it need not wait for this thread any more.
            drop(ticket);
            let _ = done.send(outcome);
        })?;
        result.await.unwrap_or_else(|_| Err(panicked()))
    }

    /// Waits until no trip is under way, at most `timeout`; says whether that is so.
    pub(crate) fn settle(&self, timeout: Duration) -> bool {
        let under_way = self.0.count();
        let (under_way, _) = self
            .0
            .ended
            .wait_timeout_while(under_way, timeout, |under_way| *under_way > 0)
            .unwrap_or_else(PoisonError::into_inner);
        *under_way == 0
    }

    fn start(&self, work: impl FnOnce(Ticket) + Send + 'static) -> Result<()> {
        let ticket = Ticket::new(self.0.clone());
        let started = std::thread::Builder::new().name("hallpass-trip".into()).spawn(move || work(ticket));
        let failed = |error| Error::new(ErrorKind::Custody, "this process can start no thread").because(error);
        started.map(drop).map_err(failed)
    }
}

impl<K: PartialEq + Send + 'static, T: Clone + Send + 'static> Shared<K, T> {
    /// What the trip for `key` brings: the one that is under way, else `job`. It is told how to ask whether nobody waits for it
    /// any more; once that is answered with yes, nobody will.
    pub(crate) async fn join(
        &self,
        workers: &Workers,
        key: K,
        job: impl FnOnce(&dyn Fn() -> bool) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (done, result) = oneshot::channel();
        if let Some(id) = self.enter(key, done) {
            let shared = Self(self.0.clone());
            let work = move |ticket| {
                let is_abandoned = || shared.is_abandoned(id);
                // Whoever waits learns of a panic too.
                let outcome = catch_unwind(AssertUnwindSafe(|| job(&is_abandoned))).unwrap_or_else(|_| Err(panicked()));
                drop(ticket);
                shared.leave(id).into_iter().for_each(|done| drop(done.send(outcome.clone())));
            };
            workers.start(work).inspect_err(|_| drop(self.leave(id)))?;
        }
        result.await.unwrap_or_else(|_| Err(panicked()))
    }

    /// Whether a trip for this key is under way.
    pub(crate) fn are_under_way(&self, key: &K) -> bool {
        self.jobs().under_way.iter().any(|job| job.key == *key)
    }

    /// The number of the trip that has to be begun, if there is none for this key.
    fn enter(&self, key: K, done: oneshot::Sender<Result<T>>) -> Option<u64> {
        let mut jobs = self.jobs();
        if let Some(job) = jobs.under_way.iter_mut().find(|job| job.key == key) {
            job.waiting.push(done);
            return None;
        }
        jobs.begun += 1;
        let id = jobs.begun;
        jobs.under_way.push(SharedJob { id, key, waiting: vec![done] });
        Some(id)
    }

    fn is_abandoned(&self, id: u64) -> bool {
        let mut jobs = self.jobs();
        let waits = |job: &SharedJob<K, T>| job.waiting.iter().any(|done| !done.is_closed());
        if jobs.under_way.iter().any(|job| job.id == id && waits(job)) {
            return false;
        }
        // Nobody can join it from here on.
        jobs.under_way.retain(|job| job.id != id);
        true
    }

    fn leave(&self, id: u64) -> Vec<oneshot::Sender<Result<T>>> {
        let mut jobs = self.jobs();
        let position = jobs.under_way.iter().position(|job| job.id == id);
        position.map_or_else(Vec::new, |position| jobs.under_way.swap_remove(position).waiting)
    }

    fn jobs(&self) -> MutexGuard<'_, SharedJobs<K, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, T> Default for Shared<K, T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(SharedJobs { begun: 0, under_way: Vec::new() })))
    }
}

#[derive(Debug)]
struct SharedJobs<K, T> {
    begun: u64,
    under_way: Vec<SharedJob<K, T>>,
}

#[derive(Debug)]
struct SharedJob<K, T> {
    id: u64,
    key: K,
    waiting: Vec<oneshot::Sender<Result<T>>>,
}

#[derive(Debug, Default)]
struct UnderWay {
    count: Mutex<usize>,
    ended: Condvar,
}

impl UnderWay {
    fn count(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One trip under way, counted until it is dropped, by a panic as well.
struct Ticket(Arc<UnderWay>);

impl Ticket {
    fn new(under_way: Arc<UnderWay>) -> Self {
        *under_way.count() += 1;
        Self(under_way)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // The trip is over, and leaves no secret on its stack.
        wipe_stack::<STACK_OF_A_JOB>();
        *self.0.count() -= 1;
        self.0.ended.notify_all();
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Custody, "a thread of hallpass panicked")
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::sync::mpsc::channel;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_dropped_future_does_not_stop_its_trip() {
        let workers = Workers::default();
        let (go, wait) = channel::<()>();
        let (told, tell) = channel();
        let mut job = Box::pin(workers.run(move || {
            let _ = wait.recv();
            told.send("ended").map_err(|_| Error::cancelled())
        }));
        assert!(job.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(job);
        assert!(!workers.settle(Duration::ZERO));
        drop(go);
        assert_eq!(tell.recv(), Ok("ended"));
        assert!(workers.settle(Duration::from_secs(60)));
    }

    #[test]
    fn a_shared_trip_knows_when_nobody_waits_and_nobody_joins_it_then() {
        let (workers, shared) = (Workers::default(), Shared::<u8, u8>::default());
        let (go, wait) = channel::<()>();
        let (told, tell) = channel();
        let mut first = Box::pin(shared.join(&workers, 7, move |is_abandoned| {
            let _ = wait.recv();
            let _ = told.send(is_abandoned());
            Ok(1)
        }));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut cx).is_pending());
        drop(first);
        drop(go);
        assert_eq!(tell.recv(), Ok(true));
        assert_eq!(crate::blocking::wait(shared.join(&workers, 7, |_| Ok(2))).unwrap(), 2);
        assert!(crate::blocking::wait(shared.join(&workers, 7, |_| panic!("on purpose"))).is_err());
        assert_eq!(crate::blocking::wait(shared.join(&workers, 7, |_| Ok(3))).unwrap(), 3);
    }
}
