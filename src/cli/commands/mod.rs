//! `auth` and its subcommands. Each file is one command: its clap struct, its help text and what it does.
//!
//! | file | command, or what several commands share |
//! | --- | --- |
//! | `auth` | `auth`, with its subcommands |
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
//! | `admin/` | `auth admin`, with its subcommands |
//! | `mounted` | each of them as a public struct, which a host can mount by itself |
//! | `run` | how a command runs to its end |
//! | `args` | scopes, and the variables that a command with a login reads |
//! | `outcomes` | the answer of a command that does something to several logins |
//!
//! Each option has an id that no host uses: clap hands the values of a host's global options down to all commands by id.

pub(super) mod admin;
mod args;
mod auth;
pub(super) mod completions;
mod doctor;
mod list;
mod login;
mod logout;
pub(super) mod man;
mod mounted;
mod outcomes;
mod rename;
mod run;
mod status;
mod switch;
mod token;
mod whoami;

pub use self::admin::Admin;
pub(super) use self::auth::{AuthArgs, FullAuthArgs};
pub use self::auth::{AuthCommand, FullAuthCommand};
pub use self::mounted::{Doctor, Events, List, Login, Logout, Owner, Rename, Report, Status, Switch, Token, Whoami};
use super::help::Details;
use super::lazy_args::Described;

/// Returns the end of the long help of a command of ours, by its name in `auth`.
pub(super) fn details(name: &str) -> Option<Details> {
    fn one<T: Described>(name: &str) -> Option<Details> {
        (T::NAME == name).then_some(T::DETAILS)
    }
    let all = [
        one::<AuthArgs>,
        one::<FullAuthArgs>,
        one::<admin::AdminArgs>,
        one::<admin::events::EventsArgs>,
        one::<admin::owner::OwnerArgs>,
        one::<admin::report::ReportArgs>,
        one::<doctor::DoctorArgs>,
        one::<list::ListArgs>,
        one::<login::LoginArgs>,
        one::<logout::LogoutArgs>,
        one::<rename::RenameArgs>,
        one::<status::StatusArgs>,
        one::<switch::SwitchArgs>,
        one::<token::TokenArgs>,
        one::<whoami::WhoamiArgs>,
    ];
    all.iter().find_map(|one| one(name))
}
