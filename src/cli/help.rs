//! The texts of `--help` beyond the options: exit codes, variables, examples.
//!
//! A derive makes its texts before the host is known. They say `<app>` and `<APP>`, and [`parse`](super::parse) makes them anew with the
//! host's own words.

use clap::builder::Styles;

use super::words::Words;
use crate::prompt::Screen;

/// The exit codes and their meaning.
pub(super) const EXIT_CODES: &[(u8, &str)] = &[
    (0, "done"),
    (1, "refused by the server or the person, or a check found a problem"),
    (2, "wrong arguments or a wrong configuration"),
    (4, "nobody is logged in, or the login has ended: log in"),
    (5, "the server is away"),
    (6, "the secure store or the state folder cannot be used"),
    (7, "something should be done about a login: list --due, admin report"),
    (129, "the terminal was closed"),
    (130, "Ctrl-C"),
    (143, "SIGTERM"),
];

/// The tool's own variables and what they choose.
pub(super) const VARIABLES: &[(&str, &str)] = &[
    ("CONTEXT", "which login, by its name"),
    ("ORG", "which org tokens speak for"),
    ("TOKEN", "an access token to use as it is, and no login"),
    ("CUSTODY", "where a new login's key goes: auto, or a place"),
    #[cfg(feature = "passphrase")]
    ("PASSPHRASE_FD", "a descriptor, 3 or above, that has the passphrase"),
    #[cfg(feature = "passphrase")]
    ("PASSPHRASE", "the passphrase; other programs can read it"),
    ("HOME", "the state folder"),
    ("NO_BROWSER", "if set, the address is shown and no browser opens"),
    ("PLAIN", "if set, no line of a login is written over"),
];

/// The subcommands of `auth`, grouped by what a person wants to do: clap has no groups. Copied, because the commands' own texts are not
/// yet made when clap asks for this one.
const AUTH_COMMANDS: &[(&str, &[(&str, &str)])] = &[
    (
        "Log in and out",
        &[
            ("login", "Log in: approve in a browser, here or on another device"),
            ("logout", "Log out: revoke the login at the server and forget it here"),
        ],
    ),
    (
        "Use a login",
        &[
            ("token", "Print a valid access token and nothing else"),
            ("status", "Say who is logged in, where, and until when, as this machine knows it"),
        ],
    ),
    (
        "Several logins",
        &[
            ("list", "List all logins on this machine"),
            ("switch", "Choose which login is used, everywhere or in this folder and below"),
            ("rename", "Give a login another name"),
        ],
    ),
    ("On this machine", &[("doctor", "Say what is well on this machine and what is not, and repair it")]),
];

/// The command that `FullAuthCommand` has beside them, in the last group.
const ADMIN: (&str, &str) = ("admin", "Say what happened to credentials and whose they are");

/// Returns the help template of `auth`; `is_full`: of `FullAuthCommand`.
pub(super) fn auth_help(is_full: bool) -> String {
    auth_help_of(is_full, |name, about| format!("{:1$}{about}", "", 8 - name.len()))
}

/// Returns the same template with lines that fit the window, because clap does not wrap the lines of a template.
pub(super) fn auth_help_that_fits(is_full: bool) -> String {
    let screen = Screen::stdout();
    auth_help_of(is_full, |name, about| {
        let line = screen.entry(&format!("  {name:6}  "), about);
        line[2 + name.len()..].to_owned()
    })
}

/// `after_name` returns what stands behind a name, which is bold.
fn auth_help_of(is_full: bool, after_name: impl Fn(&str, &str) -> String) -> String {
    let styles = Styles::styled();
    let (heading, bold) = (styles.get_header(), styles.get_literal());
    let mut text = "{before-help}{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    let line = |(name, about): &(&str, &str)| format!("  {bold}{name}{bold:#}{}\n", after_name(name, about));
    for (group, commands) in AUTH_COMMANDS {
        text += &format!("\n{heading}{group}:{heading:#}\n");
        text.extend(commands.iter().map(line));
    }
    text.extend(is_full.then_some(&ADMIN).map(line));
    text + &format!("\n{heading}Options:{heading:#}\n{{options}}{{after-help}}")
}

/// The end of a command's long help.
pub(super) struct Details {
    /// The variables that the command reads; `None`: all of them.
    pub(super) variables: Option<&'static [&'static str]>,
    /// Examples; `{}` stands for the command.
    pub(super) examples: &'static [&'static str],
}

impl Details {
    /// Returns the text for the command of this name: exit codes, the variables that it reads, examples.
    pub(super) fn text_for(&self, name: &str, words: &Words) -> String {
        let own = words.line(name).unwrap_or_else(|| words.program.clone());
        let (mut text, screen) = (String::with_capacity(1536), Screen::stdout());
        text += "Exit codes:\n";
        for (code, meaning) in EXIT_CODES {
            aligned(&mut text, screen, &code.to_string(), 3, meaning);
        }
        let read = VARIABLES.iter().filter(|(name, _)| self.variables.is_none_or(|names| names.contains(name)));
        let named: Vec<_> = read.filter_map(|(name, meaning)| Some((words.variable(name)?, meaning))).collect();
        let width = named.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        if !named.is_empty() {
            text += "\nEnvironment:\n";
        }
        for (name, meaning) in named {
            aligned(&mut text, screen, name, width, meaning);
        }
        text += "\nExamples:";
        for example in self.examples {
            text += "\n  ";
            text += &example.replace("{}", &own);
        }
        text
    }
}

fn aligned(text: &mut String, screen: Screen, name: &str, width: usize, meaning: &str) {
    *text += &screen.entry(&format!("  {name:width$}  "), meaning);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command};

    use super::*;
    use crate::cli::commands::FullAuthArgs;

    #[test]
    fn help_of_auth_lists_every_command_with_its_text() {
        let mut auth = FullAuthArgs::augment_args(Command::new("auth").disable_help_subcommand(true));
        auth.build();
        let text = |command: &Command| (command.get_name().to_owned(), command.get_about().unwrap().to_string());
        let mut commands: Vec<_> = auth.get_subcommands().map(text).collect();
        let listed = AUTH_COMMANDS.iter().flat_map(|(_, commands)| *commands).chain([&ADMIN]);
        let mut listed: Vec<_> = listed.map(|(name, about)| ((*name).to_owned(), (*about).to_owned())).collect();
        commands.sort();
        listed.sort();
        assert_eq!(commands, listed);
    }
}
