//! Runs each job (a login, a refresh, a logout) on its own thread, so that it lives as long as it must and not only as long
//! as its caller waits (law 4).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::secret::{STACK_OF_A_JOB, wipe_stack};

/// The running jobs. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Jobs(Arc<Running>);

/// Jobs that several callers share: a caller that wants what a running job fetches waits for that job.
#[derive(Debug)]
pub(crate) struct SharedJobs<K, T>(Arc<Mutex<JobTable<K, T>>>);

impl Jobs {
    /// Runs `job` on its own thread. Dropping the future does not stop the job.
    pub(crate) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let (sender, result) = oneshot::channel();
        self.start(move |running| {
            let outcome = job();
            // Before the result is sent: whoever receives it need not wait for this thread any more.
            drop(running);
            let _ = sender.send(outcome);
        })?;
        result.await.unwrap_or_else(|_| Err(panicked()))
    }

    /// Waits until no job is running, at most `timeout`. Returns whether none is.
    pub(crate) fn settle(&self, timeout: Duration) -> bool {
        let count = self.0.count();
        let (count, _) =
            self.0.ended.wait_timeout_while(count, timeout, |count| *count > 0).unwrap_or_else(PoisonError::into_inner);
        *count == 0
    }

    fn start(&self, work: impl FnOnce(RunningGuard) + Send + 'static) -> Result<()> {
        let running = RunningGuard::new(self.0.clone());
        let thread = std::thread::Builder::new().name("hallpass-job".into()).spawn(move || work(running));
        match thread {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::new(ErrorKind::Custody, "this process can start no thread").because(error)),
        }
    }
}

impl<K: PartialEq + Send + 'static, T: Clone + Send + 'static> SharedJobs<K, T> {
    /// Returns the result of the running job for `key`, or starts `job` if there is none. `job` gets a function that says whether its
    /// callers have all gone; once that has returned true, no caller joins the job any more.
    pub(crate) async fn join(
        &self,
        jobs: &Jobs,
        key: K,
        job: impl FnOnce(&dyn Fn() -> bool) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, result) = oneshot::channel();
        if let Some(id) = self.enter(key, sender) {
            let shared = Self(self.0.clone());
            let work = move |running| {
                let is_abandoned = || shared.is_abandoned(id);
                // A panic reaches everybody who waits, too.
                let outcome = catch_unwind(AssertUnwindSafe(|| job(&is_abandoned))).unwrap_or_else(|_| Err(panicked()));
                drop(running);
                shared.remove(id).into_iter().for_each(|waiting| drop(waiting.send(outcome.clone())));
            };
            jobs.start(work).inspect_err(|_| drop(self.remove(id)))?;
        }
        result.await.unwrap_or_else(|_| Err(panicked()))
    }

    /// Returns whether a job for this key is running.
    pub(crate) fn is_running(&self, key: &K) -> bool {
        self.table().jobs.iter().any(|job| job.key == *key)
    }

    /// Adds a caller to the running job for `key`. Returns the number of a new job if there is none: the caller has to start it.
    fn enter(&self, key: K, caller: oneshot::Sender<Result<T>>) -> Option<u64> {
        let mut table = self.table();
        if let Some(job) = table.jobs.iter_mut().find(|job| job.key == key) {
            job.waiting.push(caller);
            return None;
        }
        table.last_id += 1;
        let id = table.last_id;
        table.jobs.push(SharedJob { id, key, waiting: vec![caller] });
        Some(id)
    }

    fn is_abandoned(&self, id: u64) -> bool {
        let mut table = self.table();
        if table.jobs.iter().any(|job| job.id == id && job.has_callers()) {
            return false;
        }
        // Nobody can join it from here on.
        table.jobs.retain(|job| job.id != id);
        true
    }

    /// Removes a job, and returns who waits for it.
    fn remove(&self, id: u64) -> Vec<oneshot::Sender<Result<T>>> {
        let mut table = self.table();
        match table.jobs.iter().position(|job| job.id == id) {
            Some(position) => table.jobs.swap_remove(position).waiting,
            None => Vec::new(),
        }
    }

    fn table(&self) -> MutexGuard<'_, JobTable<K, T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, T> Default for SharedJobs<K, T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(JobTable { last_id: 0, jobs: Vec::new() })))
    }
}

#[derive(Debug)]
struct JobTable<K, T> {
    last_id: u64,
    jobs: Vec<SharedJob<K, T>>,
}

#[derive(Debug)]
struct SharedJob<K, T> {
    id: u64,
    key: K,
    waiting: Vec<oneshot::Sender<Result<T>>>,
}

impl<K, T> SharedJob<K, T> {
    fn has_callers(&self) -> bool {
        self.waiting.iter().any(|caller| !caller.is_closed())
    }
}

#[derive(Debug, Default)]
struct Running {
    count: Mutex<usize>,
    ended: Condvar,
}

impl Running {
    fn count(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one job as running until it is dropped, after a panic as well.
struct RunningGuard(Arc<Running>);

impl RunningGuard {
    fn new(running: Arc<Running>) -> Self {
        *running.count() += 1;
        Self(running)
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        // The job is over, and leaves no secret on its stack.
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
    fn a_dropped_future_does_not_stop_its_job() {
        let jobs = Jobs::default();
        let (go, wait) = channel::<()>();
        let (sender, receiver) = channel();
        let mut job = Box::pin(jobs.run(move || {
            let _ = wait.recv();
            sender.send("ended").map_err(|_| Error::cancelled())
        }));
        assert!(job.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(job);
        assert!(!jobs.settle(Duration::ZERO));
        drop(go);
        assert_eq!(receiver.recv(), Ok("ended"));
        assert!(jobs.settle(Duration::from_secs(60)));
    }

    #[test]
    fn an_abandoned_shared_job_is_joined_by_nobody() {
        let (jobs, shared) = (Jobs::default(), SharedJobs::<u8, u8>::default());
        let (go, wait) = channel::<()>();
        let (sender, receiver) = channel();
        let mut first = Box::pin(shared.join(&jobs, 7, move |is_abandoned| {
            let _ = wait.recv();
            let _ = sender.send(is_abandoned());
            Ok(1)
        }));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut cx).is_pending());
        drop(first);
        drop(go);
        assert_eq!(receiver.recv(), Ok(true));
        assert_eq!(crate::blocking::wait(shared.join(&jobs, 7, |_| Ok(2))).unwrap(), 2);
        assert!(crate::blocking::wait(shared.join(&jobs, 7, |_| panic!("on purpose"))).is_err());
        assert_eq!(crate::blocking::wait(shared.join(&jobs, 7, |_| Ok(3))).unwrap(), 3);
    }
}
