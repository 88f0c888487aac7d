//! [`Job`]: a result that is ready, or that a thread is working on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::lifecycle::app::AppHandle;
use crate::lifecycle::jobs::{Started, wait, wait_unless_cancelled};
use crate::model::error::Result;
use crate::system::clock::Cancel;

/// The result of a call that may take its time: it is ready at once, or a thread has been working on it **since the call**.
///
/// A `Job` is a future on any executor, and [`wait`](Self::wait) is for programs without one. It can be named and stored, and it borrows
/// nothing. A failure to start is an error that comes out of it. Like most futures, it panics if it is polled after it gave its result.
///
/// Dropping a `Job` does not stop its work, and the result is kept: a token that the server has just rotated must not be lost. Two
/// things end with their job: a login that nobody has approved yet, and a refresh that has sent nothing yet.
///
/// ```no_run
/// # async fn call(auth: hallpass::Auth) -> hallpass::Result<()> {
/// let session = auth.session()?;
/// let refresh = session.access_token(); // runs already
/// let token = refresh.await?; // or `refresh.wait()?`
/// # Ok(()) }
/// ```
#[must_use = "the result may be an error, and dropping a login cancels it"]
pub struct Job<T> {
    on_drop: CancelOnDrop,
    state: State<T>,
    /// The last field, because fields are dropped in this order: the last handle to be dropped waits for the thread (law 4), and by then the
    /// thread has to know that nobody waits for it.
    handle: Option<Arc<AppHandle>>,
}

/// Cancels a login that nobody waits for any more.
struct CancelOnDrop(Option<Cancel>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(cancel) = &self.0 {
            cancel.cancel();
        }
    }
}

enum State<T> {
    Ready(Option<Result<T>>),
    Started(Pin<Box<dyn Future<Output = Result<T>> + Send>>),
}

impl<T> Job<T> {
    /// Waits for the result on this thread. Needs no executor; in an async program, `.await` the job instead.
    ///
    /// # Errors
    /// Those of the call that returned the job.
    pub fn wait(mut self) -> Result<T> {
        if let State::Ready(result) = &mut self.state
            && let Some(result) = result.take()
        {
            return result;
        }
        wait(self)
    }

    /// Waits for the result on this thread, or until `cancel`, which drops the job.
    ///
    /// For a login, give the `cancel` to [`Login::cancel`](crate::Login::cancel) and [`wait`](Self::wait) instead, which takes into
    /// account whether the person has approved.
    ///
    /// # Errors
    /// Those of the call that returned the job, and `Cancelled`.
    pub fn wait_unless_cancelled(self, cancel: &Cancel) -> Result<T> {
        wait_unless_cancelled(self, cancel)
    }

    /// Cancels the work if this is dropped before the result is there.
    pub(crate) fn cancelled_on_drop(self, cancel: Cancel) -> Self {
        Self { on_drop: CancelOnDrop(Some(cancel)), ..self }
    }
}

impl<T: Send + 'static> Job<T> {
    /// Makes the job of work that a thread has started.
    pub(crate) fn started(handle: Arc<AppHandle>, started: Started<T>) -> Self {
        Self { on_drop: CancelOnDrop(None), state: State::Started(Box::pin(started)), handle: Some(handle) }
    }

    /// Converts the result, on the thread that waits for it.
    pub(crate) fn and_then<U>(self, convert: impl FnOnce(T) -> Result<U> + Send + 'static) -> Job<U> {
        let state = match self.state {
            State::Ready(result) => State::Ready(result.map(|result| result.and_then(convert))),
            State::Started(work) => State::Started(Box::pin(async move { work.await.and_then(convert) })),
        };
        Job { on_drop: self.on_drop, state, handle: self.handle }
    }
}

/// A job that is done, for tests and for hosts that have a result already.
impl<T> From<Result<T>> for Job<T> {
    fn from(result: Result<T>) -> Self {
        Self { on_drop: CancelOnDrop(None), state: State::Ready(Some(result)), handle: None }
    }
}

/// Panics if it is polled again after it gave its result.
impl<T> Future for Job<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match &mut self.state {
            State::Ready(result) => result.take(),
            State::Started(work) => match work.as_mut().poll(cx) {
                Poll::Ready(result) => Some(result),
                Poll::Pending => return Poll::Pending,
            },
        };
        self.on_drop.0 = None;
        match result {
            Some(result) => Poll::Ready(result),
            None => panic!("a job was polled again after it gave its result"),
        }
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.state {
            State::Ready(_) => "Job(ready)",
            State::Started(_) => "Job(started)",
        })
    }
}

impl<T> Unpin for Job<T> {}
