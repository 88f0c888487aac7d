//! `auth admin`: for the people who answer for credentials.
//!
//! | file | command, or what several of them share |
//! | --- | --- |
//! | `events` | `admin events` |
//! | `owner` | `admin owner` |
//! | `report` | `admin report` |
//! | `verification` | what a verification of the trail has found, in words and JSON |

pub(super) mod events;
pub(super) mod owner;
pub(super) mod report;
mod verification;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Command, Subcommand};

use super::mounted::{Events, Owner, Report};
use super::run::run;
use crate::cli::help::Details;
use crate::cli::lazy_args::{LazyArgs, as_args, described, prepared};
use crate::config::Commands;
use crate::{Config, Result};

/// The commands for those who answer for credentials: `events`, `owner` and `report`.
///
/// [`FullAuthCommand`](super::FullAuthCommand) has them below `admin`; a host can mount the group elsewhere, and each of them by itself.
#[derive(Debug)]
#[non_exhaustive]
pub struct Admin(pub(super) LazyArgs<AdminArgs>);

as_args!(Admin(AdminArgs));

impl Admin {
    /// Runs the command to its end, as [`AuthCommand::run`](super::AuthCommand::run) does.
    pub fn run(self, config: Result<Config>) -> ExitCode {
        self.run_code(config).into()
    }

    /// Runs the command as `run` does, and returns the exit code as a number, which a host can compare.
    pub fn run_code(self, config: Result<Config>) -> u8 {
        run_subcommand(self.0, false, None, config)
    }
}

/// Say what happened to credentials and whose they are
///
/// For those who answer for them: the trail of events, whether it can be believed, who owns which login.
#[derive(Debug, Args)]
#[group(skip)]
#[command(max_term_width = 100)]
pub(in crate::cli) struct AdminArgs {
    #[command(subcommand)]
    command: AdminSubcommand,
}

#[derive(Debug, Subcommand)]
enum AdminSubcommand {
    Events(Events),
    Owner(Owner),
    Report(Report),
}

described!(
    AdminArgs,
    "admin",
    "Say what happened to credentials and whose they are",
    Details { variables: None, examples: &["{} events", "{} events --verify", "{} report"] }
);

/// Runs one of them. `json` and `commands` are those of the command around.
pub(super) fn run_subcommand(
    admin: LazyArgs<AdminArgs>,
    json: bool,
    commands: Option<Arc<Commands>>,
    config: Result<Config>,
) -> u8 {
    let (json, commands) = (json || admin.json, commands.or(admin.commands));
    match admin.args.command {
        AdminSubcommand::Events(events) => run(events.0, json, commands, config),
        AdminSubcommand::Owner(owner) => run(owner.0, json, commands, config),
        AdminSubcommand::Report(report) => run(report.0, json, commands, config),
    }
}

/// Replaces what `admin` defers: the texts of its commands are made with the host's words.
pub(in crate::cli) fn with_args(admin: Command) -> Command {
    LazyArgs::<AdminArgs>::with_args(admin).mut_subcommands(prepared)
}
