//! `auth man`.

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command};

use crate::cli::man::render;
use crate::cli::words::Words;

pub(in crate::cli) const NAME: &str = "man";

const COMMAND: &str = "man-command";

pub(in crate::cli) fn with_args(command: Command) -> Command {
    let name = Arg::new(COMMAND).value_name("COMMAND").num_args(0..);
    command.about("Print the manual page").arg(name.help("The command whose page to print, instead of that of all"))
}

/// Returns the end of its help. `own` is the command as a person types it.
pub(in crate::cli) fn examples(own: &str, program: &str) -> String {
    format!("Examples:\n  {own} | man -l -\n  {own} > {program}.1")
}

/// Returns the page of the host's whole tree, or of the command that the arguments name.
pub(in crate::cli) fn page(host: &Command, matches: &ArgMatches, words: &Words) -> Result<String, clap::Error> {
    let mut command = host;
    for name in matches.get_many::<String>(COMMAND).into_iter().flatten() {
        command = command.find_subcommand(name).ok_or_else(|| {
            let example = words.line("login").unwrap_or_default();
            let example = example.strip_prefix(words.program.as_str()).unwrap_or_default().trim_start();
            let message = format!("there is no command '{name}': name it as it is run, such as '{example}'\n");
            clap::Error::raw(ErrorKind::InvalidSubcommand, message)
        })?;
    }
    render(host, command, words).map_err(|error| clap::Error::raw(ErrorKind::Io, error))
}
