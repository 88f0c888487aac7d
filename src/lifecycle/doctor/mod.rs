//! [`Report`]: what is well on this machine and what is not, with what to do about it. Never a secret.

mod checks;
pub(crate) mod orphans;
mod repair;
mod report;

pub(crate) use checks::examine;
pub use repair::Repaired;
pub(crate) use repair::repair;
pub use report::{Finding, Report, State};
