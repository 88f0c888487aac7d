//! The `auth` subcommands for a host's own clap parser.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use clap::Parser;
//! use hallpass::{Config, cli};
//!
//! #[derive(Parser)]
//! enum Acme {
//!     /// Log in and out
//!     Auth(cli::AuthCommand),
//!     /// Say who is logged in
//!     Whoami(cli::Whoami),
//! }
//!
//! fn main() -> ExitCode {
//!     let config = Config::new("acme", "https://id.example.com", "acme-cli");
//!     match Acme::parse() {
//!         Acme::Auth(auth) => auth.run(config),
//!         Acme::Whoami(whoami) => whoami.run(config),
//!     }
//! }
//! ```
//!
//! Standard output carries data only, standard error the conversation. With `--json` every answer is JSON, errors too, on
//! standard output: `kind`, `remedy`, `message`. The exit code is [`ErrorKind::exit_code`](crate::ErrorKind::exit_code).

mod actions;
mod args;
mod render;

use std::process::ExitCode;

use crate::clock::Cancel;
use crate::{AppName, Config, Error, Result};
use args::Action;
pub use args::{AuthCommand, Whoami};
use render::Output;

impl AuthCommand {
    /// Runs the command to its end. Ctrl-C cancels a login, and lets anything else finish what it began; a second one ends
    /// the process at once.
    pub fn run(self, config: Result<Config>) -> ExitCode {
        let is_login = matches!(self.action, Action::Login(_));
        let cancel = on_ctrl_c(!is_login);
        let output = Output::new(self.json, is_login, &config);
        let done = config.and_then(|config| match self.action {
            Action::Login(login) => actions::login(&output, config, login, &cancel),
            Action::Token(token) => actions::token(&output, config, token),
            Action::Status(status) => actions::status(&output, config, status),
            Action::List => actions::list(&output, config),
            Action::Logout(logout) => actions::logout(&output, config, logout),
        });
        let code = done.unwrap_or_else(|error| output.fail(&error));
        match is_login {
            // It knows of the cancel itself: one that was approved before Ctrl-C could stop it is kept, and says so.
            true => code,
            false => unless_cancelled(code, &cancel),
        }
    }
}

impl Whoami {
    /// Runs the command to its end.
    pub fn run(self, config: Result<Config>) -> ExitCode {
        let cancel = on_ctrl_c(true);
        let output = Output::new(self.json, false, &config);
        let done = config.and_then(|config| actions::whoami(&output, config, self.context));
        unless_cancelled(done.unwrap_or_else(|error| output.fail(&error)), &cancel)
    }
}

/// Prints `error` and what to do about it to standard error, with the app's own command names, and gives the exit code: for a
/// host's own commands.
pub fn report(app: &AppName, error: &Error) -> ExitCode {
    Output { json: false, events: false, program: app.to_string() }.fail(error)
}

/// Ctrl-C as a request to stop. A host that has a handler of its own keeps it.
fn on_ctrl_c(finishes: bool) -> Cancel {
    let cancel = Cancel::new();
    let asked = cancel.clone();
    let _ = ctrlc::try_set_handler(move || {
        if asked.is_cancelled() {
            render::exit_at_once();
        }
        asked.cancel();
        if finishes {
            render::say("finishing what was begun; Ctrl-C again to stop at once");
        }
    });
    cancel
}

fn unless_cancelled(code: ExitCode, cancel: &Cancel) -> ExitCode {
    match cancel.is_cancelled() {
        true => ExitCode::from(render::INTERRUPTED),
        false => code,
    }
}
