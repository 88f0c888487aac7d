//! [`parse`]: what concerns the host's whole command tree, and not `auth` alone.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand};
use clap::{Arg, ArgMatches, Command, Parser, value_parser};

use super::commands::{AuthArgs, completions, man};
use super::help::{auth_help_with_completions, fill_in_program};
use super::lazy_args::LazyArgs;
use super::output::{Output, exit_at_once, say};
use crate::Error;
use crate::config::Setting;
use crate::prompt::Screen;

/// [`Parser::parse`] for a tool that people log in to. It adds:
///
/// - `acme auth completions SHELL` prints a script for bash, elvish, fish, PowerShell or zsh; its `--help` says how to install it.
/// - `acme auth man [COMMAND]…` prints the manual page of the whole tool or of one command; packagers run `acme auth man > acme.1`.
/// - The texts of `auth --help` name the tool and its variables: `acme auth login` and `ACME_CONTEXT`, not `<app> auth login` and
///   `<APP>_CONTEXT`.
/// - With `--json` among the arguments, an error in the others is JSON on standard output, as all errors of
///   [`AuthCommand`](super::AuthCommand) are. The exit code is 2 in any case.
///
/// The name of the command, `#[command(name = "acme")]`, has to be the name of the program and of the app.
///
/// Completions and manual page need the host's whole tree, which [`AuthCommand::run`](super::AuthCommand::run) does not know. So a host
/// writes `cli::parse::<Acme>()` for `Acme::parse()`, and no line more. As with `--help`, the process ends here after it has printed such a
/// text. Names of logins are not completed: that part of clap_complete is not stable.
///
/// `auth` may have any name, but has to be one of the tool's top-level commands.
///
/// ```no_run
/// # use std::process::ExitCode;
/// # use hallpass::{Config, cli};
/// #[derive(clap::Parser)]
/// #[command(name = "acme", version)]
/// enum Acme {
///     Auth(cli::AuthCommand),
/// }
///
/// fn main() -> ExitCode {
///     match cli::parse() {
///         Acme::Auth(auth) => auth.run(Config::new("acme", "https://id.example.com", "acme-cli")),
///     }
/// }
/// ```
pub fn parse<Host: Parser>() -> Host {
    let mut tree = CommandTree::of(Host::command());
    let parsed = tree.command.clone().try_get_matches().and_then(|mut matches| {
        if let Some((name @ (completions::NAME | man::NAME), matches)) = tree.subcommand_of_auth(&matches) {
            let text = tree.clone().text_of(name, matches)?;
            print_and_exit(tree.program.clone(), &text);
        }
        Host::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut tree.command))
    });
    parsed.unwrap_or_else(|error| tree.exit_with(error))
}

/// The host's commands, with `auth completions` and `auth man`.
#[derive(Clone)]
struct CommandTree {
    command: Command,
    program: String,
    /// The host's name for `auth`, if it has that command.
    auth: Option<String>,
}

impl CommandTree {
    fn of(mut command: Command) -> Self {
        let program = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
        let auth = command.get_subcommands().find(|command| has_args_of(command, "AuthCommand"));
        let auth = auth.map(|auth| auth.get_name().to_owned());
        if let Some(auth) = &auth {
            command = command.mut_subcommand(auth, |auth| auth.defer(with_completions_and_man));
        }
        Self { command, program, auth }
    }

    fn subcommand_of_auth<'m>(&self, matches: &'m ArgMatches) -> Option<(&'m str, &'m ArgMatches)> {
        matches.subcommand_matches(self.auth.as_ref()?)?.subcommand()
    }

    /// Returns what `auth completions` or `auth man` prints.
    fn text_of(self, name: &str, matches: &ArgMatches) -> Result<String, clap::Error> {
        let (program, mut host) = (self.program.clone(), self.with_help_texts());
        match name {
            man::NAME => man::page(&host, matches),
            _ => Ok(completions::script(&mut host, program, matches)),
        }
    }

    /// Prints clap's error, or the help or version that was asked for, and ends the process as clap does.
    fn exit_with(self, mut error: clap::Error) -> ! {
        let (program, auth) = (self.program.clone(), self.auth.clone());
        if matches!(error.kind(), DisplayHelp | DisplayHelpOnMissingArgumentOrSubcommand) {
            // Parsed again with the texts of help: made at each start, the template alone took 9 % of `acme auth token`.
            error = self.with_help_texts().try_get_matches().err().unwrap_or(error);
        }
        if !error.use_stderr() {
            error.exit()
        }
        let text = error.to_string();
        if is_argument("--json") {
            // A login answers in events, to its end.
            let events = auth.as_deref().is_some_and(is_argument) && is_argument("login");
            let _ = Output::without_config(program, true, events).print_error(&arguments_error(&text));
            exit_at_once(2)
        }
        if Screen::stderr().render(&text) == text {
            error.exit()
        }
        // The window would break a line, or the text quotes an argument that a terminal would obey.
        say(text.trim_end());
        exit_at_once(2)
    }

    fn with_help_texts(mut self) -> Command {
        // Makes the commands that were deferred, and with them their texts.
        self.command.build();
        let is_auth = |command: &Command| self.auth.as_deref() == Some(command.get_name());
        let command = self.command.mut_subcommands(|command| match is_auth(&command) {
            true => command.help_template(auth_help_with_completions()),
            false => command,
        });
        fill_in_texts(command, &self.program, false)
    }
}

fn print_and_exit(program: String, text: &str) -> ! {
    let code = Output::without_config(program, false, false).print_unfiltered(text.trim_end());
    exit_at_once(u8::from(code != ExitCode::SUCCESS))
}

/// Returns clap's error as ours: what is wrong, and clap's tip, without the usage for a person.
fn arguments_error(text: &str) -> Error {
    let is_usage = |text: &str| text.starts_with("Usage:") || text.starts_with("For more information");
    let paragraphs = text.split("\n\n").take_while(|paragraph| !is_usage(paragraph.trim_start())).take(2);
    let paragraphs = paragraphs.map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    let message = paragraphs.collect::<Vec<_>>().join(": ");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    match message.split_once(": ") {
        Some((what, why)) => Error::config(Setting::Arguments, what).caused_by(why),
        None => Error::config(Setting::Arguments, message),
    }
}

/// Replaces what `AuthCommand` defers.
fn with_completions_and_man(auth: Command) -> Command {
    let completions = Command::new(completions::NAME).defer(completions::with_args);
    let man = Command::new(man::NAME).defer(man::with_args).hide(true);
    LazyArgs::<AuthArgs>::with_args(auth).subcommands([completions, man])
}

/// Fills the program's name into the texts of our commands. The host's own texts stay as the host wrote them.
fn fill_in_texts(command: Command, program: &str, is_ours: bool) -> Command {
    let is_ours = is_ours || has_args_of(&command, "AuthCommand") || has_args_of(&command, "Whoami");
    if !is_ours {
        return command.mut_subcommands(|command| fill_in_texts(command, program, false));
    }
    let fill = |text: Option<&StyledStr>| {
        let text = text.map(|text| text.ansi().to_string());
        text.filter(|text| text.contains("<app>") || text.contains("<APP>")).map(|text| fill_in_program(&text, program))
    };
    let (about, help) = (fill(command.get_long_about()), fill(command.get_after_help()));
    let long_help = fill(command.get_after_long_help());
    let mut command = command.mut_subcommands(|command| fill_in_texts(command, program, true));
    if let Some(text) = about {
        command = command.long_about(text);
    }
    if let Some(text) = help {
        command = command.after_help(text);
    }
    if let Some(text) = long_help {
        command = command.after_long_help(text);
    }
    command
}

/// Whether the command takes the arguments of this struct: clap's derive makes a group with the name of the struct.
fn has_args_of(command: &Command, name: &str) -> bool {
    command.get_groups().any(|group| group.get_id() == name)
}

/// Returns whether `argument` is among the arguments of the process, read by a clap command that
/// accepts anything.
fn is_argument(argument: &str) -> bool {
    let all = Arg::new("all").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
    let command = Command::new("").disable_help_flag(true).disable_version_flag(true);
    let matches = command.arg(all.value_parser(value_parser!(OsString))).try_get_matches();
    matches.is_ok_and(|all| all.get_many::<OsString>("all").into_iter().flatten().any(|one| one == argument))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn ours_are_where_the_host_has_put_auth_and_nowhere_else() {
        #[derive(Parser)]
        enum Host {
            #[command(name = "account")]
            Auth(crate::cli::AuthCommand),
        }
        let mut tree = CommandTree::of(Host::command());
        assert_eq!(tree.auth.as_deref(), Some("account"));
        tree.command.build();
        assert!(tree.command.find_subcommand("account").unwrap().find_subcommand(completions::NAME).is_some());
        let deploy = Command::new("deploy").after_help("Takes <app> down for a second");
        let named = CommandTree::of(Host::command().subcommand(deploy)).with_help_texts();
        let help = |name| named.find_subcommand(name).unwrap().clone().render_long_help().to_string();
        assert!(help("deploy").contains("<app>") && !help("account").contains("<app>"), "its words are its own");
        let tree = CommandTree::of(Command::new("acme").subcommand(Command::new("deploy")));
        assert!(tree.auth.is_none() && tree.command.get_subcommands().count() == 1);
    }
}
