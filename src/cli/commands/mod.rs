//! `auth` and its subcommands. Each file is one command: its clap struct, its help text and what it does.
//!
//! | file | command, or what several commands share |
//! | --- | --- |
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

use clap::{Args, Subcommand};

use self::doctor::DoctorArgs;
use self::list::ListArgs;
use self::login::LoginArgs;
use self::logout::LogoutArgs;
use self::rename::RenameArgs;
use self::status::StatusArgs;
use self::switch::SwitchArgs;
use self::token::TokenArgs;
pub use self::whoami::Whoami;
use crate::cli::help::{auth_help, details};
use crate::cli::lazy_args::LazyArgs;
use crate::cli::output::Output;
use crate::cli::process::run_command;
use crate::cli::signals::Stop;
use crate::{Config, Result};

/// Log in and out, and get tokens.
///
/// Data goes to standard output, conversation to standard error. With --json every answer is JSON, errors too, on standard
/// output: `kind`, `remedy`, `message`, and what to do next.
#[derive(Debug, Args)]
#[command(max_term_width = 100, help_template = auth_help())]
#[non_exhaustive]
pub struct AuthCommand {
    #[command(flatten)]
    auth: LazyArgs<AuthArgs>,
}

// A doc comment would become the text of `--help`, in the place of the command's own.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_long_help = details(None, &["auth login", "auth token", "auth help token"]))]
pub(super) struct AuthArgs {
    #[command(subcommand)]
    command: AuthSubcommand,
}

#[derive(Debug, Subcommand)]
enum AuthSubcommand {
    Login(LazyArgs<LoginArgs>),
    Token(LazyArgs<TokenArgs>),
    Status(LazyArgs<StatusArgs>),
    List(LazyArgs<ListArgs>),
    Switch(LazyArgs<SwitchArgs>),
    Rename(LazyArgs<RenameArgs>),
    Doctor(LazyArgs<DoctorArgs>),
    Logout(LazyArgs<LogoutArgs>),
}

use AuthSubcommand::{Doctor, List, Login, Logout, Rename, Status, Switch, Token};

impl AuthCommand {
    /// Runs the command to its end. Ctrl-C, SIGTERM and the end of the terminal cancel a login, and let anything else finish what it
    /// began, for some seconds; a second signal ends the process at once.
    pub fn run(self, config: Result<Config>) -> ExitCode {
        let (json, command) = (self.json(), self.auth.args.command);
        let is_login = matches!(command, Login(_));
        let stop = match command {
            // A cached token begins nothing that a signal would have to let finish; the command listens before a refresh.
            Token(_) => Stop::default(),
            _ => Stop::on_signals(),
        };
        let output = Output::new(json, is_login, &config);
        let code = run_command(config, &output, &stop, |config| match command {
            Login(login) => login.args.run(&output, config, &stop.cancel),
            Token(token) => token.args.run(&output, config, &stop),
            Status(status) => status.args.run(&output, config),
            List(list) => list.args.run(&output, config, &stop.cancel),
            Switch(switch) => switch.args.run(&output, config, &stop.cancel),
            Rename(rename) => rename.args.run(&output, config),
            Doctor(doctor) => doctor.args.run(&output, config),
            Logout(logout) => logout.args.run(&output, config),
        });
        match code {
            // A login that was approved before the signal could stop it is saved, and says so.
            ExitCode::SUCCESS if is_login => code,
            code => stop.exit_code().unwrap_or(code),
        }
    }

    /// Returns whether `--json` stands before or after the command.
    pub(super) fn json(&self) -> bool {
        let (Login(LazyArgs { json, .. })
        | Token(LazyArgs { json, .. })
        | Status(LazyArgs { json, .. })
        | List(LazyArgs { json, .. })
        | Switch(LazyArgs { json, .. })
        | Rename(LazyArgs { json, .. })
        | Doctor(LazyArgs { json, .. })
        | Logout(LazyArgs { json, .. })) = &self.auth.args.command;
        self.auth.json || *json
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory, FromArgMatches, Parser};

    use super::*;

    /// A host with options that are handed down to all commands, and named as some of ours.
    #[derive(Parser)]
    struct Host {
        #[arg(long, global = true)]
        context: Option<u32>,
        #[arg(long = "org", global = true, conflicts_with = "context")]
        region: Option<String>,
        #[arg(long, global = true)]
        json: Option<String>,
        #[command(subcommand)]
        command: HostCommand,
    }

    #[derive(Subcommand)]
    enum HostCommand {
        Auth(AuthCommand),
    }

    /// A host that has our command in a struct of its own, by whatever name.
    mod hosts {
        #[derive(clap::Args)]
        pub(super) struct Auth {
            #[command(flatten)]
            pub(super) inner: super::AuthCommand,
        }
    }

    #[test]
    fn what_a_host_names_and_says_stays() {
        let mut command = Command::new("acme").subcommand(hosts::Auth::augment_args(Command::new("auth")));
        command.clone().debug_assert();
        let parsed = hosts::Auth::augment_args(Command::new("auth")).get_matches_from(["auth", "list", "--json"]);
        assert!(hosts::Auth::from_arg_matches(&parsed).unwrap().inner.json());
        command = command.mut_subcommand("auth", |auth| auth.after_long_help("the host's words"));
        command.build();
        let auth = command.find_subcommand("auth").unwrap();
        assert_eq!(auth.get_after_long_help().unwrap().to_string(), "the host's words");
    }

    #[test]
    fn a_host_option_with_our_name_is_ours_below_auth() {
        Host::command().debug_assert();
        let parsed = |text: &str| {
            let Host { context, region, json, command: HostCommand::Auth(auth) } = Host::parse_from(text.split(' '));
            assert!(region.is_none() && json.is_none());
            let own = auth.json();
            let AuthSubcommand::Token(token) = auth.auth.args.command else { panic!("{text}") };
            (context, own, token.args.context.map(|name| name.to_string()))
        };
        let work = Some("work".to_owned());
        assert_eq!(parsed("acme auth token --context work --json"), (None, true, work.clone()));
        assert_eq!(parsed("acme --context 7 auth token --context work"), (Some(7), false, work));
        assert_eq!(parsed("acme --context 7 auth token"), (Some(7), false, None));
    }
}
