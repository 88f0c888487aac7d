// The files of this folder:
//
// | file | has |
// | --- | --- |
// | `commands/` | one file a command: its clap struct, its help text and what it does |
// | `parse` | the host's command tree, with completions, manual page and the host's words in help |
// | `words` | where the host has our commands, and what its variables are called |
// | `lazy_args` | the options of a command, made only if it runs |
// | `help` | the help text: exit codes, variables, examples, and the groups of `auth --help` |
// | `man` | the manual page |
// | `process` | how the process of a command begins and ends; the codes are in `ErrorKind::exit_code` |
// | `signals` | Ctrl-C, SIGTERM and the end of the terminal |
// | `output` | answers, notes and errors, in text and JSON |
// | `hints` | the words of each remedy, with the options of our commands |
// | `next_steps` | each remedy as JSON steps: who does it, which command |
// | `context_view` | how several commands show a context |
// | `inventory_view` | how several commands show the inventory |

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
//! [`parse`] is clap's own, and adds `acme auth completions` and `acme auth man`. It finds our commands in the host's tree, so that help and hints
//! name them as the host has them; `Acme::parse()` says `<app> auth login` there. The options of our commands are made only if the command
//! runs: a program that looks into the tree, such as a generator of manual pages, calls [`clap::Command::build`] first.
//!
//! [`AuthCommand`] has the everyday commands, [`FullAuthCommand`] all. Each command can also be mounted by itself, anywhere in the tree and
//! under any name: [`Login`], [`Logout`], [`Whoami`] and so on. `examples/top_level_commands.rs` does that.
//!
//! Standard output carries data only, standard error the conversation. With `--json` every answer is JSON, errors too, on
//! standard output, as [`manual::json`](crate::manual::json) describes it. The exit code is [`ErrorKind::exit_code`](crate::ErrorKind::exit_code), and after a signal 128 and
//! its number.

mod commands;
mod context_view;
mod help;
mod hints;
mod inventory_view;
mod lazy_args;
mod man;
mod next_steps;
mod output;
mod parse;
mod process;
mod signals;
mod words;

use std::process::ExitCode;

use self::output::Output;
use crate::Error;
use crate::config::Commands;
pub use commands::{
    Admin, AuthCommand, Doctor, Events, FullAuthCommand, List, Login, Logout, Owner, Rename, Report, Status, Switch,
    Token, Whoami,
};
pub use parse::{answer, commands, parse, parse_with, prepare, prepare_with};

/// Prints an error and its hint to standard error, and returns the exit code: for a host's own commands.
///
/// `commands` says what the hint may name: the host's name stands for `AuthCommand` below `auth`; other hosts give
/// [`commands`] of their tree, or [`Config::commands`](crate::Config::commands).
///
/// ```no_run
/// # fn deploy() -> hallpass::Result<()> { Ok(()) }
/// # fn main() -> std::process::ExitCode {
/// match deploy() {
///     Ok(()) => std::process::ExitCode::SUCCESS,
///     Err(error) => hallpass::cli::report("acme", &error),
/// }
/// # }
/// ```
pub fn report(commands: impl Into<Commands>, error: &Error) -> ExitCode {
    Output::of_host(commands.into(), false).print_error(error).into()
}

/// Prints an error as JSON to standard output, with `ok: false` and the next steps, and returns the exit code: for a host's own `--json`.
/// [`manual::json`](crate::manual::json) describes the object.
pub fn report_json(commands: impl Into<Commands>, error: &Error) -> ExitCode {
    Output::of_host(commands.into(), true).print_error(error).into()
}
