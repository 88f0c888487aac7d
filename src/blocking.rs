//! Waits for hallpass's futures on the calling thread, for hosts without an executor.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::model::error::{Error, Result};
use crate::system::clock::Cancel;

/// Waits for `future`.
///
/// hallpass's futures need no runtime: each waits for a thread that does the work.
///
/// ```no_run
/// # fn main() -> hallpass::Result<()> {
/// let auth = hallpass::Auth::new(hallpass::Config::new("acme", "https://id.example.com", "acme-cli")?)?;
/// let token = hallpass::blocking::wait(auth.session()?.access_token())?;
/// # Ok(()) }
/// ```
pub fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Waits for `future`, or until `cancel`, which drops it.
///
/// A refresh that has begun goes on all the same: dropping the last `Auth` or `Session` waits for it. For a login, use [`wait`] with
/// the `cancel` in [`LoginRequest`](crate::LoginRequest) instead, which takes into account whether the person has approved.
///
/// # Errors
/// Those of the future, and `Cancelled`.
pub fn wait_unless_cancelled<T>(future: impl Future<Output = Result<T>>, cancel: &Cancel) -> Result<T> {
    let (mut future, mut cancelled) = (pin!(future), pin!(cancel.cancelled()));
    wait(poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(result),
        Poll::Pending => cancelled.as_mut().poll(cx).map(|()| Err(Error::cancelled())),
    }))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
