//! `auth`: the commands of a login, as one command.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::admin::{self, Admin};
use super::mounted::{Doctor, List, Login, Logout, Rename, Status, Switch, Token};
use super::run::run;
use crate::cli::help::{Details, auth_help};
use crate::cli::lazy_args::{LazyArgs, as_args, described};
use crate::config::Commands;
use crate::{Config, Result};

/// The commands that every tool needs: `login`, `logout`, `token`, `status`, `list`, `switch`, `rename` and `doctor`.
///
/// A host mounts it under any name, `auth` as a rule. Each of these commands can also be mounted by itself: [`Login`], [`Logout`] and so on.
#[derive(Debug)]
#[non_exhaustive]
pub struct AuthCommand(LazyArgs<AuthArgs>);

/// [`AuthCommand`] with the commands for those who answer for credentials: `admin events`, `admin owner` and `admin report`.
#[derive(Debug)]
#[non_exhaustive]
pub struct FullAuthCommand(LazyArgs<FullAuthArgs>);

as_args!(AuthCommand(AuthArgs));
as_args!(FullAuthCommand(FullAuthArgs));

impl AuthCommand {
    /// Runs the command to its end, and prints the error of `config` as its own. Ctrl-C, SIGTERM and the end of the terminal cancel a login, and let anything else finish what it
    /// began, for some seconds; a second signal ends the process at once.
    pub fn run(self, config: Result<Config>) -> ExitCode {
        self.run_code(config).into()
    }

    /// Runs the command as `run` does, and returns the exit code as a number, which a host can compare.
    pub fn run_code(self, config: Result<Config>) -> u8 {
        let LazyArgs { args, json, commands } = self.0;
        run_subcommand(args.command, json, commands, config)
    }
}

impl FullAuthCommand {
    /// Runs the command to its end, as [`AuthCommand::run`] does.
    pub fn run(self, config: Result<Config>) -> ExitCode {
        self.run_code(config).into()
    }

    /// Runs the command as `run` does, and returns the exit code as a number, which a host can compare.
    pub fn run_code(self, config: Result<Config>) -> u8 {
        let LazyArgs { args, json, commands } = self.0;
        match args.command {
            FullAuthSubcommand::Everyday(command) => run_subcommand(command, json, commands, config),
            FullAuthSubcommand::Admin(admin) => admin::run_subcommand(admin.0, json, commands, config),
        }
    }
}

/// Log in and out, and get tokens.
///
/// Data goes to standard output, conversation to standard error. With --json every answer is JSON, errors too, on standard
/// output: `kind`, `remedy`, `message`, and what to do next.
#[derive(Debug, Args)]
#[group(skip)]
#[command(max_term_width = 100, help_template = auth_help(false))]
pub(in crate::cli) struct AuthArgs {
    #[command(subcommand)]
    command: AuthSubcommand,
}

/// Log in and out, and get tokens.
///
/// Data goes to standard output, conversation to standard error. With --json every answer is JSON, errors too, on standard
/// output: `kind`, `remedy`, `message`, and what to do next.
#[derive(Debug, Args)]
#[group(skip)]
#[command(max_term_width = 100, help_template = auth_help(true))]
pub(in crate::cli) struct FullAuthArgs {
    #[command(subcommand)]
    command: FullAuthSubcommand,
}

#[derive(Debug, Subcommand)]
enum FullAuthSubcommand {
    #[command(flatten)]
    Everyday(AuthSubcommand),
    Admin(Admin),
}

#[derive(Debug, Subcommand)]
enum AuthSubcommand {
    Login(Login),
    Token(Token),
    Status(Status),
    List(List),
    Switch(Switch),
    Rename(Rename),
    Doctor(Doctor),
    Logout(Logout),
}

described!(
    AuthArgs,
    "auth",
    "Log in and out, and get tokens",
    Details { variables: None, examples: &["{} login", "{} token", "{} help token"] }
);

described!(
    FullAuthArgs,
    "full_auth",
    "Log in and out, and get tokens",
    Details { variables: None, examples: &["{} login", "{} token", "{} help token"] }
);

fn run_subcommand(command: AuthSubcommand, json: bool, commands: Option<Arc<Commands>>, config: Result<Config>) -> u8 {
    use AuthSubcommand as Sub;
    match command {
        Sub::Login(login) => run(login.0, json, commands, config),
        Sub::Token(token) => run(token.0, json, commands, config),
        Sub::Status(status) => run(status.0, json, commands, config),
        Sub::List(list) => run(list.0, json, commands, config),
        Sub::Switch(switch) => run(switch.0, json, commands, config),
        Sub::Rename(rename) => run(rename.0, json, commands, config),
        Sub::Doctor(doctor) => run(doctor.0, json, commands, config),
        Sub::Logout(logout) => run(logout.0, json, commands, config),
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
        let AuthSubcommand::List(list) = hosts::Auth::from_arg_matches(&parsed).unwrap().inner.0.args.command else {
            panic!("another command")
        };
        assert!(list.0.json);
        command = command.mut_subcommand("auth", |auth| auth.after_long_help("the host's words"));
        command.build();
        let auth = command.find_subcommand("auth").unwrap();
        assert_eq!(auth.get_after_long_help().unwrap().to_string(), "the host's words");
    }

    #[test]
    fn a_global_json_of_the_host_counts_wherever_it_stands() {
        #[derive(Parser)]
        struct Host {
            #[arg(long, global = true)]
            json: bool,
            #[command(subcommand)]
            command: HostCommand,
        }
        for text in ["acme --json auth list", "acme auth --json list", "acme auth list --json", "acme auth list"] {
            let Host { json, command: HostCommand::Auth(auth) } = Host::parse_from(text.split(' '));
            let AuthSubcommand::List(List(list)) = auth.0.args.command else { panic!("{text}") };
            assert_eq!(json || auth.0.json || list.json, text.contains("--json"), "{text}");
            assert_eq!(auth.0.json || list.json, text.contains("--json"), "{text}");
        }
    }

    #[test]
    fn a_host_option_with_our_name_is_ours_below_auth() {
        Host::command().debug_assert();
        let parsed = |text: &str| {
            let Host { context, region, json, command: HostCommand::Auth(auth) } = Host::parse_from(text.split(' '));
            assert!(region.is_none() && json.is_none());
            let AuthSubcommand::Token(Token(token)) = auth.0.args.command else { panic!("{text}") };
            (context, token.json, token.args.context.map(|name| name.to_string()))
        };
        let work = Some("work".to_owned());
        assert_eq!(parsed("acme auth token --context work --json"), (None, true, work.clone()));
        assert_eq!(parsed("acme --context 7 auth token --context work"), (Some(7), false, work));
        assert_eq!(parsed("acme --context 7 auth token"), (Some(7), false, None));
    }
}
