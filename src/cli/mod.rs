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
mod render;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::clock::Cancel;
use crate::{Config, ContextName, Result};
use render::Output;

/// Log in and out, and get tokens.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct AuthCommand {
    #[command(subcommand)]
    action: Action,
}

/// Say who is logged in, as the authorization server knows it.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct Whoami {
    /// The login to ask with
    #[arg(long, value_name = "NAME")]
    context: Option<ContextName>,
    /// Print the server's claims as JSON
    #[arg(long)]
    json: bool,
}

impl AuthCommand {
    /// Runs the command to its end. Ctrl-C cancels a login, and lets anything else finish what it began; a second one ends
    /// the process at once.
    pub fn run(self, config: Result<Config>) -> ExitCode {
        let output = Output::new(self.action.json(), &config);
        with_ctrl_c(|cancel| match self.action {
            Action::Login(login) => actions::login(&output, config, login, cancel),
            Action::Token(token) => actions::token(&output, config, token),
            Action::Status(status) => actions::status(&output, config, status),
            Action::List(_) => actions::list(&output, config),
            Action::Logout(logout) => actions::logout(&output, config, logout),
        })
    }
}

impl Whoami {
    /// Runs the command to its end.
    pub fn run(self, config: Result<Config>) -> ExitCode {
        let output = Output::new(self.json, &config);
        with_ctrl_c(|_| actions::whoami(&output, config, self))
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Log in: approve in a browser, here or on another device
    Login(Login),
    /// Print a valid access token and nothing else
    Token(Token),
    /// Say who is logged in, where, and until when
    Status(Status),
    /// List all logins on this machine
    List(List),
    /// Log out: revoke the login at the server and forget it here
    Logout(Logout),
}

impl Action {
    fn json(&self) -> bool {
        match self {
            Self::Login(login) => login.json,
            Self::Token(token) => token.json,
            Self::Status(status) => status.json,
            Self::List(list) => list.json,
            Self::Logout(logout) => logout.json,
        }
    }
}

#[derive(Debug, Args)]
struct Login {
    /// The name to keep this login under
    #[arg(long, value_name = "NAME")]
    context: Option<ContextName>,
    /// A scope to ask for, instead of the usual ones; can be repeated
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// Show the address only
    #[arg(long)]
    no_browser: bool,
    /// Let the name pass from another account to this one
    #[arg(long)]
    replace: bool,
    /// Wait for the approval even where there is no terminal
    #[arg(long)]
    wait: bool,
    /// Print what happens as JSON, one object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Token {
    /// The login to use
    #[arg(long, value_name = "NAME")]
    context: Option<ContextName>,
    /// How long the token must still be valid, in seconds
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    min_validity: Option<Duration>,
    /// Fetch a new token even if the one at hand is good
    #[arg(long)]
    refresh: bool,
    /// Print the token with its type, expiry, context and scopes as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Status {
    /// The login to show
    #[arg(long, value_name = "NAME")]
    context: Option<ContextName>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Logout {
    /// The login to end
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    context: Option<ContextName>,
    /// End all logins
    #[arg(long)]
    all: bool,
    /// Forget on this machine only; the server is not told
    #[arg(long)]
    local_only: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

/// Runs `command` with Ctrl-C as a request to stop. A host that has a handler of its own keeps it.
fn with_ctrl_c(command: impl FnOnce(&Cancel) -> ExitCode) -> ExitCode {
    let cancel = Cancel::new();
    let asked = cancel.clone();
    let _ = ctrlc::set_handler(move || {
        if asked.is_cancelled() {
            render::exit_at_once();
        }
        asked.cancel();
    });
    let code = command(&cancel);
    match cancel.is_cancelled() {
        true => ExitCode::from(render::INTERRUPTED),
        false => code,
    }
}
