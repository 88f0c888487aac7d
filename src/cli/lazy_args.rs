//! [`Deferred`]: a command that costs nothing where another is meant.

use clap::{ArgMatches, Args, Command, FromArgMatches};

/// A command whose options and texts are made when it is the one that is meant: a tool that is started often pays for no other.
#[derive(Debug)]
pub(super) struct Deferred<T> {
    pub(super) options: T,
    pub(super) json: bool,
}

#[derive(Args)]
#[group(skip)]
struct Format {
    /// Print JSON, errors too
    #[arg(id = "hallpass-json", long = "json")]
    json: bool,
}

impl<T: Args> Args for Deferred<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(Self::made)
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(|command| Format::augment_args_for_update(T::augment_args_for_update(command)))
    }
}

impl<T: Args> Deferred<T> {
    /// The command with its options. A host's global ones were handed down to it by now: where one has the name of one of ours, ours
    /// is meant here.
    pub(super) fn made(mut command: Command) -> Command {
        let own = |command| Format::augment_args(T::augment_args(command));
        if command.get_arguments().next().is_some() {
            let ours = own(Command::new(""));
            let is_ours = |long| ours.get_arguments().any(|own| own.get_long() == Some(long));
            let theirs = command.get_arguments().filter(|arg| arg.get_long().is_some_and(is_ours));
            for id in theirs.map(|arg| arg.get_id().clone()).collect::<Vec<_>>() {
                // clap takes names that last; a tool parses once.
                let name: &'static str = format!("host-{id}").leak();
                command = command.mut_arg(id, |arg| arg.long(name).hide(true));
            }
        }
        match command.get_after_long_help().cloned() {
            // A host's own words on our command.
            Some(theirs) => own(command).after_long_help(theirs),
            None => own(command),
        }
    }
}

impl<T: FromArgMatches> FromArgMatches for Deferred<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self { options: T::from_arg_matches_mut(matches)?, json: Format::from_arg_matches_mut(matches)?.json })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.options.update_from_arg_matches(matches)?;
        self.json = Format::from_arg_matches(matches)?.json;
        Ok(())
    }
}
