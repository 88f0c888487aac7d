//! [`LazyArgs`]: a command of ours in a host's tree, whose options and texts are made only if it runs.

use std::ffi::OsStr;
use std::sync::Arc;

use clap::builder::TypedValueParser;
use clap::{Arg, ArgGroup, ArgMatches, Args, Command, FromArgMatches};

use super::help::Details;
use super::words::Words;
use crate::config::Commands;

/// A command of ours: its options, and what is known of it before they are made.
pub(super) trait Described: Args {
    /// The name in `auth`, by which the command is found in a host's tree, whatever its name there.
    const NAME: &'static str;
    /// The group by which the command is found: it takes no argument.
    const GROUP: &'static str;
    /// The line in a list of commands.
    const ABOUT: &'static str;
    /// The end of its long help.
    const DETAILS: Details;
}

/// Describes the options of a command.
macro_rules! described {
    ($args:ident, $name:literal, $about:literal, $details:expr) => {
        impl crate::cli::lazy_args::Described for $args {
            const NAME: &'static str = $name;
            const GROUP: &'static str = concat!("hallpass-", $name);
            const ABOUT: &'static str = $about;
            const DETAILS: Details = $details;
        }
    };
}

/// A command with the option `--json`, whose options and texts are made only if the command runs.
///
/// If each start made all commands, `acme auth token` would take 3.8 times the instructions: 5.0 M instead of 1.3 M
/// (`benches/start/run --instructions`, key in a file).
#[derive(Debug)]
pub(super) struct LazyArgs<T> {
    pub(super) args: T,
    pub(super) json: bool,
    /// The names of the host's commands, if [`parse`](super::parse()) has found them.
    pub(super) commands: Option<Arc<Commands>>,
}

/// Lets a public struct around [`LazyArgs`] be used as clap's arguments: clap's traits stand in our API, and no generic type does.
macro_rules! as_args {
    ($name:ident($args:ty)) => {
        impl clap::Args for $name {
            fn group_id() -> Option<clap::Id> {
                None
            }

            fn augment_args(command: clap::Command) -> clap::Command {
                <LazyArgs<$args> as clap::Args>::augment_args(command)
            }

            fn augment_args_for_update(command: clap::Command) -> clap::Command {
                <LazyArgs<$args> as clap::Args>::augment_args_for_update(command)
            }
        }

        impl clap::FromArgMatches for $name {
            fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
                LazyArgs::from_arg_matches(matches).map(Self)
            }

            fn from_arg_matches_mut(matches: &mut clap::ArgMatches) -> Result<Self, clap::Error> {
                LazyArgs::from_arg_matches_mut(matches).map(Self)
            }

            fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
                self.0.update_from_arg_matches(matches)
            }
        }
    };
}

pub(super) use {as_args, described};

/// Returns the hidden argument that gives a command the names of the host's commands. Its value is always `commands`, whatever a
/// person types.
pub(super) fn commands_arg(commands: Commands) -> Arg {
    Arg::new(COMMANDS).long(COMMANDS).hide(true).default_value("").value_parser(Constant(Arc::new(commands)))
}

/// Marks a command of ours whose texts [`parse`](super::parse()) makes.
pub(super) fn prepared(command: Command) -> Command {
    command.group(ArgGroup::new(PREPARED))
}

fn is_prepared(command: &Command) -> bool {
    command.get_groups().any(|group| group.get_id() == PREPARED)
}

const PREPARED: &str = "hallpass-prepared";

/// The id of that argument.
pub(super) const COMMANDS: &str = "hallpass-commands";

#[derive(Args)]
#[group(skip)]
struct Format {
    /// Print JSON, errors too
    #[arg(id = "hallpass-json", long = "json")]
    json: bool,
}

impl<T: Described> LazyArgs<T> {
    /// Adds the options and texts to the command.
    pub(super) fn with_args(mut command: Command) -> Command {
        let add = |command| Format::augment_args(T::augment_args(command));
        if command.get_arguments().any(|arg| arg.get_id() != COMMANDS) {
            command = hide_same_names(command, &add(Command::new("")));
        }
        // The host's own texts on our command stay.
        let own = command.get_about().filter(|about| about.to_string() != T::ABOUT).cloned();
        let (own, own_long) = (own, command.get_long_about().cloned());
        let own_details = command.get_after_long_help().cloned();
        let mut command = add(command);
        if let Some(about) = own {
            command = command.long_about(own_long.unwrap_or_else(|| about.clone())).about(about);
        }
        match own_details {
            Some(details) => command.after_long_help(details),
            // `parse` makes this text only for help: made at each start, it took a fifth of `acme auth token`.
            None if is_prepared(&command) => command,
            None => command.after_long_help(T::DETAILS.text_for(T::NAME, &Words::unknown())),
        }
    }

    /// Marks the command as ours.
    fn marked(command: Command) -> Command {
        command.group(ArgGroup::new(T::GROUP)).about(T::ABOUT)
    }
}

impl<T: Described> Args for LazyArgs<T> {
    fn augment_args(command: Command) -> Command {
        Self::marked(command).defer(Self::with_args)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::marked(command).defer(|command| Format::augment_args_for_update(T::augment_args_for_update(command)))
    }
}

impl<T: FromArgMatches> FromArgMatches for LazyArgs<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        // A flag `--json` of the host's own, which stands before our command.
        let of_host = matches.try_get_one::<bool>("json").is_ok_and(|json| json == Some(&true));
        Ok(Self {
            commands: matches.try_remove_one(COMMANDS).ok().flatten(),
            args: T::from_arg_matches_mut(matches)?,
            json: Format::from_arg_matches_mut(matches)?.json || of_host,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.args.update_from_arg_matches(matches)?;
        self.json = Format::from_arg_matches(matches)?.json;
        Ok(())
    }
}

/// Hides the options that clap has handed down from the host, if they have the same name as one of `ours`: below our command the name
/// stands for ours.
fn hide_same_names(mut command: Command, ours: &Command) -> Command {
    let is_ours = |name| ours.get_arguments().any(|arg| arg.get_long() == Some(name));
    let same = command.get_arguments().filter(|arg| arg.get_long().is_some_and(is_ours));
    for id in same.map(|arg| arg.get_id().clone()).collect::<Vec<_>>() {
        // clap takes static names only. A process parses once, and once more for help.
        let name: &'static str = format!("host-{id}").leak();
        command = command.mut_arg(id, |arg| arg.long(name).hide(true));
    }
    command
}

#[derive(Clone)]
struct Constant(Arc<Commands>);

impl TypedValueParser for Constant {
    type Value = Arc<Commands>;

    fn parse_ref(&self, _command: &Command, _arg: Option<&Arg>, _value: &OsStr) -> Result<Arc<Commands>, clap::Error> {
        Ok(self.0.clone())
    }
}
