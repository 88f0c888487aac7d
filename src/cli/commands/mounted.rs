//! Each command as a public struct, which a host can mount by itself.

use std::process::ExitCode;

use super::admin::events::EventsArgs;
use super::admin::owner::OwnerArgs;
use super::admin::report::ReportArgs;
use super::doctor::DoctorArgs;
use super::list::ListArgs;
use super::login::LoginArgs;
use super::logout::LogoutArgs;
use super::rename::RenameArgs;
use super::run::run;
use super::status::StatusArgs;
use super::switch::SwitchArgs;
use super::token::TokenArgs;
use super::whoami::WhoamiArgs;
use crate::cli::lazy_args::{LazyArgs, as_args};
use crate::{Config, Result};

/// Declares the commands that a host can mount by themselves.
macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident($args:ty);)*) => {$(
        $(#[$doc])*
        ///
        /// A host mounts it under any name, at any depth of its clap tree. `completions` and `man` exist only below
        /// [`AuthCommand`](super::AuthCommand).
        #[derive(Debug)]
        #[non_exhaustive]
        pub struct $name(pub(super) LazyArgs<$args>);

        as_args!($name($args));

        impl $name {
            /// Runs the command to its end, as [`AuthCommand::run`](super::AuthCommand::run) does.
            pub fn run(self, config: Result<Config>) -> ExitCode {
                self.run_code(config).into()
            }

            /// Runs the command as `run` does, and returns the exit code as a number, which a host can compare.
            pub fn run_code(self, config: Result<Config>) -> u8 {
                run(self.0, false, None, config)
            }
        }
    )*};
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
    /// Shows what happened to credentials, or checks the trail: `auth admin events`.
    Events(EventsArgs);
    /// Changes who answers for a login: `auth admin owner`.
    Owner(OwnerArgs);
    /// Prints inventory, trail and findings for an auditor: `auth admin report`.
    Report(ReportArgs);
    /// Says who is logged in, as the authorization server knows it: `whoami`.
    Whoami(WhoamiArgs);
}
