//! `Job`: the work begins at the call, and ends as it must.
//!
//! | file | tests |
//! | --- | --- |
//! | `dropped` | jobs that nobody waits for any more |
//! | `shutdown` | the end of a process |
//! | `started` | jobs that begin, are stored, waited for, polled |
//! | `threads` | how many threads jobs take, and a process that can start none |

mod dropped;
mod shutdown;
mod started;
mod threads;
