//! [`parse`]: what concerns the host's whole command tree, and not `auth` alone.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::error::ErrorKind as Usage;
use clap::{Arg, ArgMatches, Command, Parser, value_parser};
use clap_complete::Shell;

use super::commands::Auth;
use super::help::{filled, groups_and_ours};
use super::lazy_args::Deferred;
use super::man::page;
use super::output::{Output, exit_at_once, say};
use crate::Error;
use crate::prompt::Screen;

/// [`Parser::parse`], and what a tool that people log in to wants besides:
///
/// - `acme auth completions SHELL` prints a script for bash, elvish, fish, PowerShell or zsh; its `--help` says how to install it.
/// - `acme auth man [COMMAND]…` prints the manual page of the whole tool or of one command; packagers run `acme auth man > acme.1`.
/// - The texts of `auth --help` name the tool and its variables: `acme auth login` and `ACME_CONTEXT`, not `<app> auth login` and
///   `<APP>_CONTEXT`.
/// - With `--json` among the arguments, what is wrong with the others is JSON on standard output too, as all errors of
///   [`AuthCommand`](super::AuthCommand) are; the exit code is 2 in any case.
///
/// The name of the command, `#[command(name = "acme")]`, has to be that of the program and the app.
///
/// Completions and manual page are of the host's whole tree, which [`AuthCommand::run`](super::AuthCommand::run) cannot know; so it
/// is done here, where the tree is parsed: a host writes `cli::parse::<Acme>()` for `Acme::parse()`, and no line more. As with
/// `--help`, the process ends here when such a text was printed. Names of logins are not completed: the part of clap_complete that
/// could is not stable.
///
/// `auth` is looked for among the tool's own commands, by whatever name, and not below those.
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
    // Made anew where it is wanted again: a command that is started often parses once.
    let tree = || Tree::of(Host::command());
    let Tree { command, auth, .. } = tree();
    let parsed = command.try_get_matches().and_then(|mut matches| {
        let asked = auth.as_ref().and_then(|auth| matches.subcommand_matches(auth)?.subcommand());
        if let Some((ours @ (COMPLETIONS | MAN), asked)) = asked {
            let text = tree().answered(ours, asked)?;
            tree().print_and_exit(&text);
        }
        Host::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut tree().command))
    });
    parsed.unwrap_or_else(|error| tree().refuse(error))
}

/// The host's commands, and ours that are about all of them.
struct Tree {
    command: Command,
    program: String,
    /// What the host calls `auth`, where ours are.
    auth: Option<String>,
}

impl Tree {
    fn of(mut command: Command) -> Self {
        let program = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
        let auth = command
            .get_subcommands()
            .find(|command| is_of(command, "AuthCommand"))
            .map(|auth| auth.get_name().to_owned());
        if let Some(auth) = &auth {
            command = command.mut_subcommand(auth, |auth| auth.defer(with_ours));
        }
        Self { command, program, auth }
    }

    /// The text that one of our commands is asked for.
    fn answered(self, ours: &str, asked: &ArgMatches) -> Result<String, clap::Error> {
        let (program, mut command) = (self.program.clone(), self.named());
        if ours == MAN {
            let mut of = &command;
            for name in asked.get_many::<String>("man-command").into_iter().flatten() {
                let unknown = || format!("there is no command '{name}': name it as it is run, such as 'auth login'\n");
                let found = of.find_subcommand(name);
                of = found.ok_or_else(|| clap::Error::raw(Usage::InvalidSubcommand, unknown()))?;
            }
            return page(&command, of).map_err(|error| clap::Error::raw(Usage::Io, error));
        }
        let mut script = Vec::new();
        if let Some(shell) = asked.get_one::<Shell>("completions-shell") {
            clap_complete::generate(*shell, &mut command, program, &mut script);
        }
        Ok(String::from_utf8_lossy(&script).into_owned())
    }

    fn print_and_exit(&self, text: &str) -> ! {
        let code = self.output(false).verbatim(text.trim_end());
        exit_at_once(u8::from(code != ExitCode::SUCCESS))
    }

    /// Ends the process, as clap does.
    fn refuse(self, error: clap::Error) -> ! {
        match (error.kind(), error.use_stderr()) {
            // The version needs none of our texts, which are dear.
            (Usage::DisplayVersion, _) => error.exit(),
            // Help, with the tool's name in it.
            (_, false) => self.named().try_get_matches().err().unwrap_or(error).exit(),
            (_, true) if !is_said("--json") => {
                let text = error.to_string();
                if Screen::stderr().render(&text) == text {
                    error.exit();
                }
                // The window would break it, or it quotes an argument that a terminal would obey.
                say(text.trim_end());
                exit_at_once(2)
            }
            _ => {}
        }
        // What is wrong, and clap's tip; then comes the usage, for a person.
        let text = error.to_string();
        let is_usage = |text: &str| text.starts_with("Usage:") || text.starts_with("For more information");
        let told = text.split("\n\n").take_while(|paragraph| !is_usage(paragraph.trim_start()));
        let told = told.take(2).map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
        let told = told.collect::<Vec<_>>().join(": ");
        let told = told.strip_prefix("error: ").unwrap_or(&told);
        let (message, because) = told.split_once(": ").map_or((told, None), |(what, why)| (what, Some(why)));
        let mut error = Error::config("arguments", message);
        if let Some(because) = because {
            error = error.because(because);
        }
        // A login speaks in events, to its end.
        let events = self.auth.as_deref().is_some_and(is_said) && is_said("login");
        let _ = Output::of(self.program.clone(), true, events).fail(&error);
        exit_at_once(2)
    }

    fn named(mut self) -> Command {
        // The texts are made with their commands.
        self.command.build();
        named(self.command, &self.program, false)
    }

    fn output(&self, json: bool) -> Output {
        Output::of(self.program.clone(), json, false)
    }
}

/// In the place of what `AuthCommand` defers.
fn with_ours(auth: Command) -> Command {
    let ours = [Command::new(COMPLETIONS).defer(completions), Command::new(MAN).defer(man).hide(true)];
    Deferred::<Auth>::made(auth).subcommands(ours).help_template(groups_and_ours())
}

const COMPLETIONS: &str = "completions";
const MAN: &str = "man";

fn completions(command: Command) -> Command {
    let shell = Arg::new("completions-shell").value_name("SHELL").required(true).value_parser(value_parser!(Shell));
    command
        .about("Print a script that completes commands and options in your shell")
        .arg(shell.help("The shell"))
        .after_help(
            "To install it, put a line into a file that your shell reads when it starts:\n  \
             ~/.bashrc    source <(<app> auth completions bash)\n  \
             ~/.zshrc     source <(<app> auth completions zsh), below compinit\n  \
             config.fish  <app> auth completions fish | source\n  \
             $PROFILE     <app> auth completions powershell | Out-String | iex",
        )
}

fn man(command: Command) -> Command {
    let name = Arg::new("man-command").value_name("COMMAND").num_args(0..);
    command
        .about("Print the manual page")
        .arg(name.help("The command whose page to print, instead of that of all"))
        .after_help("Examples:\n  <app> auth man | man -l -\n  <app> auth man > <app>.1")
}

/// Fills the tool's name into the texts of our commands: what is written so in the host's own is the host's.
fn named(command: Command, program: &str, is_ours: bool) -> Command {
    let is_ours = is_ours || is_of(&command, "AuthCommand") || is_of(&command, "Whoami");
    if !is_ours {
        return command.mut_subcommands(|command| named(command, program, false));
    }
    let fill = |text: Option<&StyledStr>| {
        let text =
            text.map(|text| text.ansi().to_string()).filter(|text| text.contains("<app>") || text.contains("<APP>"));
        text.map(|text| filled(&text, program))
    };
    let (about, help) = (fill(command.get_long_about()), fill(command.get_after_help()));
    let long_help = fill(command.get_after_long_help());
    let mut command = command.mut_subcommands(|command| named(command, program, true));
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

/// Whether it takes the arguments of this struct, after which clap's derive names a group.
fn is_of(command: &Command, arguments: &str) -> bool {
    command.get_groups().any(|group| group.get_id() == arguments)
}

/// Whether this is among the arguments. It is clap that reads those: a command that takes whatever comes tells.
fn is_said(argument: &str) -> bool {
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
        let mut tree = Tree::of(Host::command());
        assert_eq!(tree.auth.as_deref(), Some("account"));
        tree.command.build();
        assert!(tree.command.find_subcommand("account").unwrap().find_subcommand(COMPLETIONS).is_some());
        let deploy = Command::new("deploy").after_help("Takes <app> down for a second");
        let named = Tree::of(Host::command().subcommand(deploy)).named();
        let help = |name| named.find_subcommand(name).unwrap().clone().render_long_help().to_string();
        assert!(help("deploy").contains("<app>") && !help("account").contains("<app>"), "its words are its own");
        let tree = Tree::of(Command::new("acme").subcommand(Command::new("deploy")));
        assert!(tree.auth.is_none() && tree.command.get_subcommands().count() == 1);
    }
}
