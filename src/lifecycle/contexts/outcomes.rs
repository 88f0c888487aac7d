//! [`Outcomes`]: the results of one operation on several logins.

use super::{Entry, Logins};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::ids::ContextName;

/// The results of one operation on one login or on all.
///
/// ```no_run
/// # fn main() -> hallpass::Result<()> {
/// # let auth = hallpass::Auth::new(hallpass::Config::new("acme", "https://id.example.com", "acme-cli")?)?;
/// use hallpass::contexts::{Logins, Logout};
///
/// for outcome in auth.logout(Logout::new(Logins::All)).wait()? {
///     match outcome {
///         Ok(login) => eprintln!("{}: {}", login.account, login.ended.name()),
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// # Ok(()) }
/// ```
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
    /// Returns the logins that succeeded.
    ///
    /// # Errors
    /// The first error, if a login failed.
    pub fn into_result(self) -> Result<Vec<T>> {
        match self.failed.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(self.done),
        }
    }

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

/// One result for each login: those that succeeded, then the errors, each of which names its login.
impl<T> IntoIterator for Outcomes<T> {
    type Item = Result<T>;
    type IntoIter = std::vec::IntoIter<Result<T>>;

    fn into_iter(self) -> Self::IntoIter {
        let failed = self.failed.into_iter().map(|(_, error)| Err(error));
        self.done.into_iter().map(Ok).chain(failed).collect::<Vec<_>>().into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_login_is_one_result() {
        let error = Error::new(ErrorKind::Unreachable, "no reply");
        let outcomes = || Outcomes { done: vec![1, 2], failed: vec![("work".parse().unwrap(), error.clone())] };
        let results: Vec<_> = outcomes().into_iter().map(|result| result.map_err(|error| error.kind())).collect();
        assert_eq!(results, [Ok(1), Ok(2), Err(ErrorKind::Unreachable)]);
        assert_eq!(outcomes().into_result().unwrap_err().kind(), ErrorKind::Unreachable);
        assert_eq!(Outcomes { failed: Vec::new(), ..outcomes() }.into_result().unwrap(), [1, 2]);
    }
}
