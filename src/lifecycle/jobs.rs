//! Runs each job (a login, a refresh, a logout) on its own thread, so that it lives as long as it must and not only as long
//! as its caller waits (law 4).

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::secret::{STACK_OF_A_JOB, wipe_stack};
use crate::system::clock::Cancel;

/// The running jobs of one app.
#[derive(Debug, Default)]
pub(crate) struct Jobs(Arc<Running>);

/// Jobs that several callers share: a caller that wants what a running job fetches waits for that job.
#[derive(Debug)]
pub(crate) struct SharedJobs<K, T>(Arc<Mutex<JobTable<K, T>>>);

/// The result of a job that was started. Dropping it does not stop the job.
#[derive(Debug)]
pub(crate) struct Started<T>(oneshot::Receiver<Result<T>>);

impl Jobs {
    /// Starts `job` on its own thread.
    pub(crate) fn start<T: Send + 'static>(&self, job: impl FnOnce() -> Result<T> + Send + 'static) -> Started<T> {
        let (sender, result) = oneshot::channel();
        let thread = self.spawn(move |running| {
            let outcome = job();
            // Before the result is sent: whoever receives it need not wait for this thread any more.
            drop(running);
            let _ = sender.send(outcome);
        });
        match thread {
            Ok(()) => Started(result),
            Err(error) => Started::failed(error),
        }
    }

    /// Waits until no job of this app is running, at most `timeout`. Returns whether none is.
    pub(crate) fn shutdown(&self, timeout: Duration) -> bool {
        self.0.wait_for_none(timeout)
    }

    /// Waits until no job of this process is running, at most `timeout`. Returns whether none is.
    pub(crate) fn shutdown_all(timeout: Duration) -> bool {
        OF_THIS_PROCESS.wait_for_none(timeout)
    }

    fn spawn(&self, work: impl FnOnce(RunningGuard) + Send + 'static) -> Result<()> {
        let running = RunningGuard::new(self.0.clone());
        let thread = thread::Builder::new().name(NAME_OF_A_JOB.into()).spawn(move || work(running));
        match thread {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::new(ErrorKind::Custody, "this process can start no thread").caused_by(error)),
        }
    }
}

impl<K: PartialEq + Send + 'static, T: Clone + Send + 'static> SharedJobs<K, T> {
    /// Returns the result of the running job for `key`, or starts `job` if there is none. `job` gets a function that says whether its
    /// callers have all gone; once that has returned true, no caller joins the job any more.
    pub(crate) fn join(
        &self,
        jobs: &Jobs,
        key: K,
        job: impl FnOnce(&dyn Fn() -> bool) -> Result<T> + Send + 'static,
    ) -> Started<T> {
        let (sender, result) = oneshot::channel();
        let Some(id) = self.enter(key, sender) else { return Started(result) };
        let shared = Self(self.0.clone());
        let thread = jobs.spawn(move |running| {
            let is_abandoned = || shared.is_abandoned(id);
            // A panic reaches everybody who waits, too.
            let outcome = catch_unwind(AssertUnwindSafe(|| job(&is_abandoned))).unwrap_or_else(|_| Err(panicked()));
            drop(running);
            shared.end(id, &outcome);
        });
        if let Err(error) = thread {
            self.end(id, &Err(error));
        }
        Started(result)
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

    /// Removes a job, and gives everybody who waits for it the outcome.
    fn end(&self, id: u64, outcome: &Result<T>) {
        let mut table = self.table();
        let Some(position) = table.jobs.iter().position(|job| job.id == id) else { return };
        let job = table.jobs.swap_remove(position);
        drop(table);
        job.waiting.into_iter().for_each(|caller| drop(caller.send(outcome.clone())));
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

impl<T> Started<T> {
    fn failed(error: Error) -> Self {
        let (sender, result) = oneshot::channel();
        let _ = sender.send(Err(error));
        Self(result)
    }
}

impl<T> Future for Started<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|result| result.unwrap_or_else(|_| Err(panicked())))
    }
}

/// Waits for `future` on this thread.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    // Inside a task of tokio, its budget of polls would run out, and be given back only by the task that waits here.
    let mut future = pin!(tokio::task::unconstrained(future));
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Waits for `future` on this thread, or until `cancel`, which drops it.
pub(crate) fn wait_unless_cancelled<T>(future: impl Future<Output = Result<T>>, cancel: &Cancel) -> Result<T> {
    // Its waker goes with it: `cancel` may live as long as the process.
    let cancel = cancel.follower();
    let (mut future, mut cancelled) = (pin!(future), pin!(cancel.cancelled()));
    wait(poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(result),
        Poll::Pending => cancelled.as_mut().poll(cx).map(|()| Err(Error::cancelled())),
    }))
}

/// Returns whether this thread is a job's own.
pub(crate) fn is_a_job() -> bool {
    thread::current().name() == Some(NAME_OF_A_JOB)
}

const NAME_OF_A_JOB: &str = "hallpass-job";

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
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

/// The running jobs of all apps: an app in a static is never dropped, and its host may not know of it.
static OF_THIS_PROCESS: Running = Running { count: Mutex::new(0), ended: Condvar::new() };

#[derive(Debug, Default)]
struct Running {
    count: Mutex<usize>,
    ended: Condvar,
}

impl Running {
    fn wait_for_none(&self, timeout: Duration) -> bool {
        let count = self.count();
        let (count, _) =
            self.ended.wait_timeout_while(count, timeout, |count| *count > 0).unwrap_or_else(PoisonError::into_inner);
        *count == 0
    }

    fn begin(&self) {
        *self.count() += 1;
    }

    fn end(&self) {
        *self.count() -= 1;
        self.ended.notify_all();
    }

    fn count(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts one job as running until it is dropped, after a panic as well.
struct RunningGuard(Arc<Running>);

impl RunningGuard {
    fn new(running: Arc<Running>) -> Self {
        running.begin();
        OF_THIS_PROCESS.begin();
        Self(running)
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        // The job is over, and leaves no secret on its stack.
        wipe_stack::<STACK_OF_A_JOB>();
        self.0.end();
        OF_THIS_PROCESS.end();
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Custody, "a thread of hallpass panicked")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_dropped_result_does_not_stop_its_job() {
        let jobs = Jobs::default();
        let (go, waits) = channel::<()>();
        let (sender, receiver) = channel();
        drop(jobs.start(move || {
            let _ = waits.recv();
            sender.send("ended").map_err(|_| Error::cancelled())
        }));
        assert!(!jobs.shutdown(Duration::ZERO));
        assert!(!Jobs::shutdown_all(Duration::ZERO));
        drop(go);
        assert_eq!(receiver.recv(), Ok("ended"));
        assert!(jobs.shutdown(Duration::from_secs(60)));
    }

    #[test]
    fn an_abandoned_shared_job_is_joined_by_nobody() {
        let (jobs, shared) = (Jobs::default(), SharedJobs::<u8, u8>::default());
        let (go, waits) = channel::<()>();
        let (sender, receiver) = channel();
        drop(shared.join(&jobs, 7, move |is_abandoned| {
            let _ = waits.recv();
            let _ = sender.send(is_abandoned());
            Ok(1)
        }));
        drop(go);
        assert_eq!(receiver.recv(), Ok(true));
        assert_eq!(wait(shared.join(&jobs, 7, |_| Ok(2))).unwrap(), 2);
        assert!(wait(shared.join(&jobs, 7, |_| panic!("on purpose"))).is_err());
        assert_eq!(wait(shared.join(&jobs, 7, |_| Ok(3))).unwrap(), 3);
    }
}
