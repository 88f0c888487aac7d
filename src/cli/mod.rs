//! The `auth` subcommands for a host's own clap parser.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use clap::Parser;
//! use hallpass::{Config, cli};
//!
//! #[derive(Parser)]
//! #[command(name = "acme", version)]
//! enum Acme {
//!     /// Log in and out
//!     Auth(cli::AuthCommand),
//!     /// Say who is logged in
//!     Whoami(cli::Whoami),
//! }
//!
//! fn main() -> ExitCode {
//!     let config = Config::new("acme", "https://id.example.com", "acme-cli");
//!     match cli::parse() {
//!         Acme::Auth(auth) => auth.run(config),
//!         Acme::Whoami(whoami) => whoami.run(config),
//!     }
//! }
//! ```
//!
//! [`parse`] is clap's own, and brings `acme auth completions` and `acme auth man`, and the tool's name in the texts of `--help`, where
//! `Acme::parse()` says `<app>`. What is below a command of ours is made when that is the one that is meant: who looks into the tree,
//! as a generator of manual pages does, calls [`clap::Command::build`] first.
//!
//! Standard output carries data only, standard error the conversation. With `--json` every answer is JSON, errors too, on
//! standard output, as [`manual::json`](crate::manual::json) describes it. The exit code is [`ErrorKind::exit_code`](crate::ErrorKind::exit_code), and after a signal 128 and
//! its number.

mod commands;
mod context_view;
mod help;
mod hints;
mod lazy_args;
mod man;
mod output;
mod parse;
mod signals;

use std::process::ExitCode;

#[cfg(feature = "passphrase")]
use crate::prompt::passphrase::PassphraseFromTerminal;
use crate::{AppName, Config, Error, Result, harden_process};
use commands::{Action, Who, login as actions, switch as switching};
pub use commands::{AuthCommand, Whoami};
use lazy_args::Deferred;
use output::Output;
pub use parse::parse;
use signals::Stop;

impl AuthCommand {
    /// Runs the command to its end. Ctrl-C, SIGTERM and the end of the terminal cancel a login, and let anything else finish what it
    /// began, for some seconds; a second signal ends the process at once.
    pub fn run(self, config: Result<Config>) -> ExitCode {
        let (json, action) = (self.json(), self.auth.options.action);
        let is_login = matches!(action, Action::Login(_));
        let stop = match action {
            // Begins nothing where a token is at hand, and listens where none is.
            Action::Token(_) => Stop::default(),
            _ => Stop::on_signals(),
        };
        let output = Output::new(json, is_login, &config);
        let done = config.map(|config| prepared(config, &stop)).and_then(|config| match action {
            Action::Login(Deferred { options: login, .. }) => actions::login(&output, config, login, &stop.cancel),
            Action::Token(Deferred { options: token, .. }) => actions::token(&output, config, token, &stop),
            Action::Status(Deferred { options: status, .. }) => actions::status(&output, config, status),
            Action::List(Deferred { options: list, .. }) => switching::list(&output, config, list, &stop.cancel),
            Action::Switch(Deferred { options: switch, .. }) => {
                switching::switch(&output, config, switch, &stop.cancel)
            }
            Action::Rename(Deferred { options: rename, .. }) => switching::rename(&output, config, rename),
            Action::Doctor(Deferred { options: doctor, .. }) => actions::doctor(&output, config, doctor),
            Action::Logout(Deferred { options: logout, .. }) => actions::logout(&output, config, logout),
        });
        match done.unwrap_or_else(|error| stop.last_words(|| output.fail(&error))) {
            // A login that was approved before the signal could stop it is kept, and says so.
            kept @ ExitCode::SUCCESS if is_login => kept,
            code => stop.exit_code().unwrap_or(code),
        }
    }
}

impl Whoami {
    /// Runs the command to its end, as [`AuthCommand::run`] does.
    pub fn run(self, config: Result<Config>) -> ExitCode {
        let Deferred { options: Who { context, org }, json } = self.whoami;
        let stop = Stop::on_signals();
        let output = Output::new(json, false, &config);
        let done = config
            .map(|config| prepared(config, &stop))
            .and_then(|config| actions::whoami(&output, config, context, org, &stop.cancel));
        let code = done.unwrap_or_else(|error| stop.last_words(|| output.fail(&error)));
        stop.exit_code().unwrap_or(code)
    }
}

/// A command hardens its process, and can ask on the terminal.
#[cfg_attr(not(feature = "passphrase"), expect(unused_mut, unused_variables, reason = "nothing is asked then"))]
fn prepared(mut config: Config, stop: &Stop) -> Config {
    harden_process();
    #[cfg(feature = "passphrase")]
    if config.passphrase.is_none() {
        let asker = PassphraseFromTerminal::new(config.environment.clone(), stop.cancel.clone());
        config.passphrase = Some(std::sync::Arc::new(asker));
    }
    config
}

/// Prints `error` and what to do about it to standard error, with the app's own command names, and gives the exit code: for a
/// host's own commands.
pub fn report(app: &AppName, error: &Error) -> ExitCode {
    Output::of(app.to_string(), false, false).fail(error)
}
