//! How a command runs to its end.

use std::sync::Arc;

use crate::cli::lazy_args::{Described, LazyArgs};
use crate::cli::output::Output;
use crate::cli::process::run_command;
use crate::cli::signals::Stop;
use crate::config::Commands;
use crate::{Config, Result};

/// What a command does.
pub(super) trait Run: Described {
    /// Whether the command begins nothing that a signal would have to let finish, and listens itself when it does.
    const LISTENS_LATE: bool = false;
    /// Whether the command is a login: with `--json` it answers in events, and once it has succeeded, no signal makes it fail.
    const IS_LOGIN: bool = false;

    /// Runs the command, and returns its exit code.
    fn run(self, output: &Output, config: Config, stop: &Stop) -> Result<u8>;
}

/// Runs a command to its end. `json` and `commands` are those of the command around it.
pub(super) fn run<T: Run>(
    command: LazyArgs<T>,
    json: bool,
    commands: Option<Arc<Commands>>,
    config: Result<Config>,
) -> u8 {
    let stop = if T::LISTENS_LATE { Stop::default() } else { Stop::on_signals() };
    let output = Output::new(json || command.json, T::IS_LOGIN, commands.or(command.commands), &config);
    match run_command(config, &output, &stop, |config| command.args.run(&output, config, &stop)) {
        // A login that was approved before the signal could stop it is saved, and says so.
        0 if T::IS_LOGIN => 0,
        code => stop.exit_code().unwrap_or(code),
    }
}
