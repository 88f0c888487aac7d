//! [`Outcomes`]: the answer of what was asked for several logins.

use super::Entry;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::ids::ContextName;

/// What became of each login, where all were asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[must_use = "where all logins were asked for, it may have failed with some"]
pub struct Outcomes<T> {
    /// Those with which it went well.
    pub done: Vec<T>,
    /// Those with which it did not, and why. Where one login was asked for, its error is the error of the call.
    pub failed: Vec<(ContextName, Error)>,
}

impl<T> Default for Outcomes<T> {
    fn default() -> Self {
        Self { done: Vec::new(), failed: Vec::new() }
    }
}

impl<T> Outcomes<T> {
    /// One that fails keeps no other from it.
    pub(crate) fn of(entries: &[Entry], all: bool, act: impl Fn(&Entry) -> Result<T>) -> Result<Self> {
        let mut each = Self::default();
        for entry in entries {
            match act(entry) {
                Ok(done) => each.done.push(done),
                Err(error) if !all => return Err(error.of(entry.name.as_str())),
                Err(error) => {
                    // Who wants to stop is not asked for the next.
                    let stops = error.kind() == ErrorKind::Cancelled;
                    each.failed.push((entry.name.clone(), error.of(entry.name.as_str())));
                    if stops {
                        break;
                    }
                }
            }
        }
        Ok(each)
    }
}
