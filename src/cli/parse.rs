//! [`parse`], [`prepare`] and [`answer`]: what concerns the host's whole command tree, and not one command alone.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand};
use clap::{Arg, ArgMatches, Command, CommandFactory, Parser, value_parser};

use super::commands::{AuthArgs, FullAuthArgs, admin, completions, details, man};
use super::help::auth_help_that_fits;
use super::lazy_args::{COMMANDS, LazyArgs, commands_arg, prepared};
use super::output::{Output, exit_at_once, say};
use super::words::{Words, is_auth, name_of};
use crate::Error;
use crate::config::{Commands, Setting, Variables};
use crate::prompt::Screen;

/// [`Parser::parse`] for a tool that people log in to. It finds the commands of hallpass in the host's tree, whatever their names and
/// wherever they are, and adds:
///
/// - Hints and `--help` name these commands as the host has them, and the host's variables: `railway login` and `RAILWAY_CONTEXT`, not
///   `<app> auth login` and `<APP>_CONTEXT`.
/// - `completions SHELL` below [`AuthCommand`](super::AuthCommand) prints a script for bash, elvish, fish, PowerShell or zsh; its `--help`
///   says how to install it.
/// - `man [COMMAND]…` below it prints the manual page of the whole tool or of one command; packagers run `acme auth man > acme.1`.
/// - With `--json` among the arguments, an error in the others is JSON on standard output, as all errors of these commands are. The exit
///   code is 2 in any case.
///
/// The name of the root command, `#[command(name = "acme")]`, has to be the name of the program and of the app. A host that has renamed its
/// variables calls [`parse_with`].
///
/// As with `--help`, the process ends here after it has printed such a text. Names of logins are not completed: that part of clap_complete
/// is not stable.
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
    parse_tree(CommandTree::of(Host::command(), None))
}

/// [`parse`] for a host whose variables have other names than [`Variables::prefixed`] with the program's name gives them. Give the
/// configuration the same names: [`Config::set_variables`](crate::Config::set_variables).
pub fn parse_with<Host: Parser>(variables: &Variables) -> Host {
    parse_tree(CommandTree::of(Host::command(), Some(variables.clone())))
}

/// Prepares a clap tree as [`parse`] does, for a host that does not derive its tree or parses it by itself. Give the matches to
/// [`answer`] first.
///
/// Makes all commands and texts at once, which takes a millisecond or two; [`parse`] makes them only for `--help`.
///
/// ```no_run
/// use clap::{Args, Command, FromArgMatches};
/// use hallpass::{Config, cli};
///
/// # fn main() -> std::process::ExitCode {
/// let login = cli::Login::augment_args(Command::new("login"));
/// let auth = cli::AuthCommand::augment_args(Command::new("auth"));
/// let railway = cli::prepare(Command::new("railway").subcommands([login, auth]));
/// let matches = railway.clone().get_matches();
/// if let Some(code) = cli::answer(&railway, &matches) {
///     return code;
/// }
/// let config = Config::new("railway", "https://id.example.com", "railway-cli");
/// match matches.subcommand() {
///     Some(("login", login)) => cli::Login::from_arg_matches(login).unwrap_or_else(|error| error.exit()).run(config),
///     Some(("auth", auth)) => cli::AuthCommand::from_arg_matches(auth).unwrap_or_else(|error| error.exit()).run(config),
///     _ => std::process::ExitCode::SUCCESS,
/// }
/// # }
/// ```
pub fn prepare(host: Command) -> Command {
    CommandTree::of(host, None).with_help_texts()
}

/// [`prepare`] for a host whose variables have other names, as [`parse_with`].
pub fn prepare_with(host: Command, variables: &Variables) -> Command {
    CommandTree::of(host, Some(variables.clone())).with_help_texts()
}

/// Runs `completions` or `man` below [`AuthCommand`](super::AuthCommand) if the matches ask for it, and returns the exit code. Returns
/// `None` for every other command. `host` comes from [`prepare`].
pub fn answer(host: &Command, matches: &ArgMatches) -> Option<ExitCode> {
    let Asked { name, matches, commands } = asked(matches)?;
    let words = Words::of(host, Some(commands.variables().clone()));
    let output = Output::without_config(words.commands(), false, false);
    Some(match text_of(name, host, matches, &words) {
        Ok(text) => output.print_unfiltered(text.trim_end()).into(),
        Err(error) => {
            say(error.to_string().trim_end());
            ExitCode::from(2)
        }
    })
}

/// Returns how the commands of hallpass are called in the host's tree, for [`Error::hint`] and [`report`](super::report) in the host's own
/// commands. The variables are those of [`Variables::of_program`]; a host that has named its own adds
/// [`Commands::with_variables`].
pub fn commands<Host: CommandFactory>() -> Commands {
    Words::of(&Host::command(), None).commands()
}

fn parse_tree<Host: Parser>(mut tree: CommandTree) -> Host {
    let parsed = tree.command.clone().try_get_matches().and_then(|mut matches| {
        if let Some(Asked { name, matches, .. }) = asked(&matches) {
            let words = tree.words.clone();
            print_and_exit(&words, &text_of(name, &tree.clone().with_help_texts(), matches, &words)?);
        }
        Host::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut tree.command))
    });
    parsed.unwrap_or_else(|error| tree.exit_with(error))
}

/// The host's commands, with `completions` and `man` below `auth`.
#[derive(Clone)]
struct CommandTree {
    command: Command,
    words: Words,
}

impl CommandTree {
    fn of(command: Command, variables: Option<Variables>) -> Self {
        let words = Words::of(&command, variables);
        Self { command: with_commands(command, &words, ""), words }
    }

    /// Prints clap's error, or the help or version that was asked for, and ends the process as clap does.
    fn exit_with(self, mut error: clap::Error) -> ! {
        let words = self.words.clone();
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
            let login = words.line("login");
            let path = login.as_deref().and_then(|login| login.strip_prefix(&*words.program));
            let events = path.is_some_and(|path| path.split_whitespace().all(is_argument));
            let _ = Output::without_config(words.commands(), true, events).print_error(&arguments_error(&text));
            exit_at_once(2)
        }
        if Screen::stderr().render(&text) == text {
            error.exit()
        }
        // The window would break a line, or the text quotes an argument that a terminal would obey.
        say(text.trim_end());
        exit_at_once(2)
    }

    /// Makes the commands that were deferred, and their texts with the host's own words.
    fn with_help_texts(mut self) -> Command {
        self.command.build();
        with_texts(self.command, &self.words)
    }
}

/// Gives each command of ours the names of the host's commands, and adds `completions` and `man` to `auth`.
fn with_commands(command: Command, words: &Words, place: &str) -> Command {
    let arg = || commands_arg(words.commands_near(place));
    let command = match name_of(&command) {
        Some("auth") => {
            let auth = |auth| with_completions_and_man(LazyArgs::<AuthArgs>::with_args(auth));
            prepared(command.defer(auth).arg(arg()))
        }
        Some("full_auth") => {
            let auth = |auth| with_completions_and_man(LazyArgs::<FullAuthArgs>::with_args(auth));
            prepared(command.defer(auth).arg(arg()))
        }
        Some("admin") => prepared(command.defer(admin::with_args).arg(arg())),
        Some(_) => prepared(command.arg(arg())),
        None => command,
    };
    command.mut_subcommands(|below| {
        let place = format!("{place} {}", below.get_name());
        with_commands(below, words, place.trim_start())
    })
}

/// Adds what an `AuthCommand` has only below [`parse`]. Its own commands have been made.
fn with_completions_and_man(auth: Command) -> Command {
    let completions = Command::new(completions::NAME).defer(completions::with_args);
    let man = Command::new(man::NAME).defer(man::with_args).hide(true);
    let prepare = |below: Command| match name_of(&below) {
        Some("admin") => prepared(below.defer(admin::with_args)),
        _ => prepared(below),
    };
    auth.mut_subcommands(prepare).subcommands([completions, man])
}

/// Makes the texts of our commands with the host's words. A text that the host wrote on a command of ours stays.
fn with_texts(command: Command, words: &Words) -> Command {
    let (is_auth, is_full) = (is_auth(&command), name_of(&command) == Some("full_auth"));
    let mut command = command.mut_subcommands(|below| {
        let added = if is_auth { with_added_texts(below, words) } else { below };
        with_texts(added, words)
    });
    let text = name_of(&command).and_then(|name| Some(details(name)?.text_for(name, words)));
    if let Some(text) = text.filter(|_| command.get_after_long_help().is_none()) {
        command = command.after_long_help(text);
    }
    if is_auth { command.help_template(auth_help_that_fits(is_full)) } else { command }
}

fn with_added_texts(command: Command, words: &Words) -> Command {
    let own = words.line(command.get_name()).unwrap_or_default();
    match command.get_name() {
        completions::NAME => command.after_help(completions::how_to_install(&own)),
        man::NAME => command.after_help(man::examples(&own, &words.program)),
        _ => command,
    }
}

/// A question for what [`parse`] adds below an `AuthCommand`.
struct Asked<'m> {
    name: &'m str,
    matches: &'m ArgMatches,
    /// The names that the `AuthCommand` around it was given.
    commands: &'m Commands,
}

fn asked(mut matches: &ArgMatches) -> Option<Asked<'_>> {
    loop {
        let (name, below) = matches.subcommand()?;
        let commands = matches.try_get_one::<Arc<Commands>>(COMMANDS).ok().flatten();
        if let Some(commands) = commands.filter(|_| matches!(name, completions::NAME | man::NAME)) {
            return Some(Asked { name, matches: below, commands });
        }
        matches = below;
    }
}

/// Returns what `completions` or `man` prints. `host` has all its texts.
fn text_of(name: &str, host: &Command, matches: &ArgMatches, words: &Words) -> Result<String, clap::Error> {
    match name {
        man::NAME => man::page(host, matches, words),
        _ => Ok(completions::script(host, words.program.clone(), matches)),
    }
}

fn print_and_exit(words: &Words, text: &str) -> ! {
    exit_at_once(Output::without_config(words.commands(), false, false).print_unfiltered(text.trim_end()))
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
        let mut tree = CommandTree::of(Host::command(), None);
        assert_eq!(tree.words.line("auth").as_deref().and_then(|line| line.split(' ').nth(1)), Some("account"));
        tree.command.build();
        assert!(tree.command.find_subcommand("account").unwrap().find_subcommand(completions::NAME).is_some());
        let deploy = Command::new("deploy").after_help("Takes <app> down for a second");
        let named = CommandTree::of(Host::command().subcommand(deploy), None).with_help_texts();
        let help = |name| named.find_subcommand(name).unwrap().clone().render_long_help().to_string();
        assert!(help("deploy").contains("<app>") && !help("account").contains("<app>"), "its words are its own");
        let tree = CommandTree::of(Command::new("acme").subcommand(Command::new("deploy")), None);
        assert!(tree.words.line("auth").is_none() && tree.command.get_subcommands().count() == 1);
    }

    fn auth(name: &'static str) -> Command {
        <crate::cli::AuthCommand as clap::Args>::augment_args(Command::new(name))
    }

    #[test]
    fn of_two_auths_each_names_its_own_commands() {
        let below = |name: &'static str| Command::new(name).subcommand(auth("auth"));
        let tree = CommandTree::of(Command::new("acme").subcommands([below("prod"), below("staging")]), None);
        for place in ["prod", "staging"] {
            let words = ["acme", place, "auth", "man"];
            let matches = tree.command.clone().get_matches_from(words);
            let Asked { name, commands, .. } = asked(&matches).unwrap();
            let login = commands.line(crate::config::Command::Login, &[]).unwrap();
            assert_eq!((name, login), (man::NAME, format!("acme {place} auth login")));
        }
    }

    #[test]
    fn a_program_of_two_words_is_two_words() {
        let host = Command::new("acme").bin_name("cargo acme").subcommand(auth("auth"));
        let tree = CommandTree::of(host, None);
        assert_eq!(tree.words.line("login").unwrap(), "cargo acme auth login");
        assert_eq!(tree.words.variable("TOKEN"), Some("ACME_TOKEN"));
        let argv = tree.words.commands().argv(crate::config::Command::Login, &[]).unwrap();
        assert_eq!(argv, ["cargo", "acme", "auth", "login"]);
        let matches = tree.command.clone().get_matches_from(["acme", "auth", "completions", "bash"]);
        let Asked { name, matches, .. } = asked(&matches).unwrap();
        let words = tree.words.clone();
        assert!(text_of(name, &tree.with_help_texts(), matches, &words).unwrap().contains("auth"));
    }
}
