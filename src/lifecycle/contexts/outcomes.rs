//! [`Outcomes`]: the results of one operation on several logins.

use super::{Entry, Logins};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::ids::ContextName;

/// The results of one operation on one login or on all.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[must_use = "an operation on all logins may have failed for some"]
pub struct Outcomes<T> {
    /// The logins that succeeded.
    pub done: Vec<T>,
    /// The logins that failed, with their errors. If only one login was selected, its error is the error of the call.
    pub failed: Vec<(ContextName, Error)>,
}

impl<T> Default for Outcomes<T> {
    fn default() -> Self {
        Self { done: Vec::new(), failed: Vec::new() }
    }
}

impl<T> Outcomes<T> {
    /// Runs `act` for the entry of each of these logins. If all were selected, a failure does not stop the others.
    pub(crate) fn of(logins: &Logins, entries: &[Entry], act: impl Fn(&Entry) -> Result<T>) -> Result<Self> {
        let mut outcomes = Self::default();
        for entry in entries {
            match act(entry) {
                Ok(done) => outcomes.done.push(done),
                Err(error) if matches!(logins, Logins::Selected(_)) => return Err(error.of(entry.name.as_str())),
                Err(error) => {
                    // A person who cancels is not asked about the other logins.
                    let is_cancelled = error.kind() == ErrorKind::Cancelled;
                    outcomes.failed.push((entry.name.clone(), error.of(entry.name.as_str())));
                    if is_cancelled {
                        break;
                    }
                }
            }
        }
        Ok(outcomes)
    }
}
