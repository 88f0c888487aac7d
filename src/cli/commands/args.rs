//! What several commands take.

use crate::config::Setting;
use crate::ids::Scopes;
use crate::{Error, Result};

/// The variables that a command with a login reads: they select the login, and open its key.
pub(super) const LOGIN_VARIABLES: &[&str] = &["CONTEXT", "ORG", "TOKEN", "PASSPHRASE_FD", "PASSPHRASE", "HOME"];

/// Returns the scopes of the options `--scope`, `None` if there is no such option.
pub(super) fn scopes(options: &[String]) -> Result<Option<Scopes>> {
    let scopes: Scopes = options.join(" ").parse()?;
    match (options.is_empty(), scopes.is_empty()) {
        (true, _) => Ok(None),
        // `--scope ""`: without scopes the server would grant its usual ones, which nobody asked for.
        (false, true) => Err(Error::config(Setting::Scope, "--scope names no scope")),
        (false, false) => Ok(Some(scopes)),
    }
}
