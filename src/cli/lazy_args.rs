//! [`LazyArgs`]: the options and texts of a command, made only if that command runs.

use clap::{ArgMatches, Args, Command, FromArgMatches};

/// A command with the option `--json`, whose options and texts are made only if the command runs.
///
/// If each start made all commands, `acme auth token` would take 3.8 times the instructions: 5.0 M instead of 1.3 M
/// (`benches/start/run --instructions`, key in a file).
#[derive(Debug)]
pub(super) struct LazyArgs<T> {
    pub(super) args: T,
    pub(super) json: bool,
}

#[derive(Args)]
#[group(skip)]
struct Format {
    /// Print JSON, errors too
    #[arg(id = "hallpass-json", long = "json")]
    json: bool,
}

impl<T: Args> Args for LazyArgs<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(Self::with_args)
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(|command| Format::augment_args_for_update(T::augment_args_for_update(command)))
    }
}

impl<T: Args> LazyArgs<T> {
    /// Adds the options and texts to the command.
    pub(super) fn with_args(mut command: Command) -> Command {
        let add = |command| Format::augment_args(T::augment_args(command));
        if command.get_arguments().next().is_some() {
            command = hide_same_names(command, &add(Command::new("")));
        }
        match command.get_after_long_help().cloned() {
            // The host's own text on our command.
            Some(text) => add(command).after_long_help(text),
            None => add(command),
        }
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

impl<T: FromArgMatches> FromArgMatches for LazyArgs<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self { args: T::from_arg_matches_mut(matches)?, json: Format::from_arg_matches_mut(matches)?.json })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.args.update_from_arg_matches(matches)?;
        self.json = Format::from_arg_matches(matches)?.json;
        Ok(())
    }
}
