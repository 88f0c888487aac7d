//! The doctor: what works on this machine, what does not, and what to do about it. It shows no secret.
//!
//! | file | does |
//! | --- | --- |
//! | `report` | `Report`: the findings of one examination |
//! | `checks` | examines this machine |
//! | `orphans` | finds records, names and keys that do not belong together |
//! | `repair` | repairs what the checks call repairable |

mod checks;
pub(crate) mod orphans;
mod repair;
mod report;

pub(crate) use checks::examine;
pub use repair::Repaired;
pub(crate) use repair::repair;
pub use report::{Area, Finding, Report, State};
