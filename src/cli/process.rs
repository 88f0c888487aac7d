//! How the process of a command begins and ends.

use super::output::Output;
use super::signals::Stop;
#[cfg(feature = "passphrase")]
use crate::prompt::passphrase::PassphraseFromTerminal;
use crate::secret::harden_process;
use crate::{Config, Result};

/// Hardens the process, runs the command, and prints its error.
pub(super) fn run_command(
    config: Result<Config>,
    output: &Output,
    stop: &Stop,
    command: impl FnOnce(Config) -> Result<u8>,
) -> u8 {
    let done = config.and_then(|config| {
        harden_process();
        command(with_passphrase_prompt(config, stop))
    });
    done.unwrap_or_else(|error| stop.print_last(|| output.print_error(&error)))
}

/// Lets a command ask for a passphrase on the terminal, if the host has no way of its own.
#[cfg(feature = "passphrase")]
fn with_passphrase_prompt(mut config: Config, stop: &Stop) -> Config {
    if config.custody.passphrase.is_none() {
        let prompt = PassphraseFromTerminal::new(config.environment.clone(), stop.cancel.clone());
        config.custody.passphrase = Some(std::sync::Arc::new(prompt));
    }
    config
}

#[cfg(not(feature = "passphrase"))]
fn with_passphrase_prompt(config: Config, _stop: &Stop) -> Config {
    config
}
