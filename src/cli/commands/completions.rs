//! `auth completions`.

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::{Shell, generate};

pub(in crate::cli) const NAME: &str = "completions";
pub(in crate::cli) const ABOUT: &str = "Print a script that completes commands and options in your shell";

const SHELL: &str = "completions-shell";

pub(in crate::cli) fn with_args(command: Command) -> Command {
    let shell = Arg::new(SHELL).value_name("SHELL").required(true).value_parser(value_parser!(Shell));
    command.about(ABOUT).arg(shell.help("The shell"))
}

/// Returns the end of its help. `own` is the command as a person types it.
pub(in crate::cli) fn how_to_install(own: &str) -> String {
    format!(
        "To install it, put a line into a file that your shell reads when it starts:\n  \
         ~/.bashrc    source <({own} bash)\n  \
         ~/.zshrc     source <({own} zsh), below compinit\n  \
         config.fish  {own} fish | source\n  \
         $PROFILE     {own} powershell | Out-String | iex"
    )
}

/// Returns the script for the host's whole tree.
pub(in crate::cli) fn script(host: &Command, program: String, matches: &ArgMatches) -> String {
    let mut script = Vec::new();
    // A shell completes the first word, and the generators cannot do with more.
    let program = if program.contains(' ') { host.get_name().to_owned() } else { program };
    if let Some(shell) = matches.get_one::<Shell>(SHELL) {
        generate(*shell, &mut visible(host), program, &mut script);
    }
    String::from_utf8_lossy(&script).into_owned()
}

/// Copies a command that is built, without its hidden arguments: the generators of some shells show these too.
fn visible(command: &Command) -> Command {
    // clap takes static names only; nothing is done after the script.
    let owned = |name: &str| -> &'static str { name.to_owned().leak() };
    let about = command.get_about().cloned().unwrap_or_default();
    let aliases = command.get_visible_aliases().map(owned).collect::<Vec<_>>();
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    // A built command has those that were handed down.
    let shown = shown.map(|arg| arg.clone().global(false));
    Command::new(owned(command.get_name()))
        .version("")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .about(about)
        .hide(command.is_hide_set())
        .visible_aliases(aliases)
        .args(shown)
        .subcommands(command.get_subcommands().map(visible))
}
