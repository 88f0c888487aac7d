//! `auth` and its subcommands. Each file is one command: its clap struct, its help text and what it does.
//!
//! | file | command, or what several commands share |
//! | --- | --- |
//! | `auth` | `auth`: the everyday commands, or all |
//! | `login` | `auth login` |
//! | `token` | `auth token` |
//! | `status` | `auth status` |
//! | `list` | `auth list`, `auth list --orgs` |
//! | `switch` | `auth switch` |
//! | `rename` | `auth rename` |
//! | `doctor` | `auth doctor`, `--repair` and `--move-to` |
//! | `logout` | `auth logout` |
//! | `whoami` | `whoami` |
//! | `completions` | `auth completions`, which [`parse`](super::parse) adds |
//! | `man` | `auth man`, which [`parse`](super::parse) adds |
//! | `args` | scopes, and the variables that help names |
//! | `outcomes` | the answer of a command that does something to several logins |
//!
//! Each option has an id that no host uses: clap hands the values of a host's global options down to all commands by id.

mod args;
mod auth;
pub(super) mod completions;
mod doctor;
mod list;
mod login;
mod logout;
pub(super) mod man;
mod outcomes;
mod rename;
mod status;
mod switch;
mod token;
mod whoami;

use std::process::ExitCode;

pub(super) use self::auth::AuthArgs;
pub use self::auth::{AuthCommand, FullAuthCommand};
use self::doctor::DoctorArgs;
use self::list::ListArgs;
use self::login::LoginArgs;
use self::logout::LogoutArgs;
use self::rename::RenameArgs;
use self::status::StatusArgs;
use self::switch::SwitchArgs;
use self::token::TokenArgs;
use self::whoami::WhoamiArgs;
use super::help::Details;
use super::lazy_args::{Described, LazyArgs, as_args};
use super::output::Output;
use super::process::run_command;
use super::signals::Stop;
use crate::config::Commands;
use crate::{Config, Result};

/// Declares the commands that a host can mount by themselves.
macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident($args:ty);)*) => {$(
        $(#[$doc])*
        ///
        /// A host mounts it under any name, at any depth of its clap tree.
        #[derive(Debug)]
        #[non_exhaustive]
        pub struct $name(LazyArgs<$args>);

        as_args!($name($args));

        impl $name {
            /// Runs the command to its end, as [`AuthCommand::run`] does.
            pub fn run(self, config: Result<Config>) -> ExitCode {
                self.run_code(config).into()
            }

            /// Runs the command to its end, and returns the exit code: for a host that has something left to do.
            pub fn run_code(self, config: Result<Config>) -> u8 {
                run(self.0, false, None, config)
            }
        }
    )*

        /// Returns the name of a command of ours, and the end of its long help.
        pub(super) fn details(name: &str) -> Option<(&'static str, Details)> {
            match name {
                AuthArgs::NAME => Some((AuthArgs::NAME, AuthArgs::DETAILS)),
                $(<$args>::NAME => Some((<$args>::NAME, <$args>::DETAILS)),)*
                _ => None,
            }
        }
    };
}

commands! {
    /// Logs a person in: `auth login`.
    Login(LoginArgs);
    /// Logs out: `auth logout`.
    Logout(LogoutArgs);
    /// Prints an access token: `auth token`.
    Token(TokenArgs);
    /// Says who is logged in, as this machine knows it: `auth status`.
    Status(StatusArgs);
    /// Lists the logins, or the orgs of one: `auth list`.
    List(ListArgs);
    /// Chooses which login is used: `auth switch`.
    Switch(SwitchArgs);
    /// Gives a login another name: `auth rename`.
    Rename(RenameArgs);
    /// Examines and repairs this machine: `auth doctor`.
    Doctor(DoctorArgs);
    /// Says who is logged in, as the authorization server knows it: `whoami`.
    Whoami(WhoamiArgs);
}

/// What a command does.
trait Run: Described {
    /// Whether the command begins nothing that a signal would have to let finish, and listens itself when it does.
    const LISTENS_LATE: bool = false;
    /// Whether the command is a login: with `--json` it answers in events, and once it has succeeded, no signal makes it fail.
    const IS_LOGIN: bool = false;

    /// Runs the command, and returns its exit code.
    fn run(self, output: &Output, config: Config, stop: &Stop) -> Result<u8>;
}

/// Runs a command to its end. `json` and `commands` are those of the command around it.
fn run<T: Run>(command: LazyArgs<T>, json: bool, commands: Option<Commands>, config: Result<Config>) -> u8 {
    let stop = if T::LISTENS_LATE { Stop::default() } else { Stop::on_signals() };
    let output = Output::new(json || command.json, T::IS_LOGIN, commands.or(command.commands), &config);
    match run_command(config, &output, &stop, |config| command.args.run(&output, config, &stop)) {
        // A login that was approved before the signal could stop it is saved, and says so.
        0 if T::IS_LOGIN => 0,
        code => stop.exit_code().unwrap_or(code),
    }
}
