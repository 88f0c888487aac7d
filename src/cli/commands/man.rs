//! `auth man`.

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command};

use crate::cli::man::render;

pub(in crate::cli) const NAME: &str = "man";

const COMMAND: &str = "man-command";

pub(in crate::cli) fn with_args(command: Command) -> Command {
    let name = Arg::new(COMMAND).value_name("COMMAND").num_args(0..);
    command
        .about("Print the manual page")
        .arg(name.help("The command whose page to print, instead of that of all"))
        .after_help("Examples:\n  <app> auth man | man -l -\n  <app> auth man > <app>.1")
}

/// Returns the page of the host's whole tree, or of the command that the arguments name.
pub(in crate::cli) fn page(host: &Command, matches: &ArgMatches) -> Result<String, clap::Error> {
    let mut command = host;
    for name in matches.get_many::<String>(COMMAND).into_iter().flatten() {
        command = command.find_subcommand(name).ok_or_else(|| {
            let message = format!("there is no command '{name}': name it as it is run, such as 'auth login'\n");
            clap::Error::raw(ErrorKind::InvalidSubcommand, message)
        })?;
    }
    render(host, command).map_err(|error| clap::Error::raw(ErrorKind::Io, error))
}
