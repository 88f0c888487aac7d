//! What `--help` and the manual page say beyond the options: exit codes, variables, examples.
//!
//! A derive's texts are made before anybody knows in whose tool they stand: `<app>` and `<APP>` are its name, which
//! [`parse`](super::parse) fills in.

use std::fmt::Write as _;

use clap::Command;
use clap::builder::Styles;

/// What a command ends with.
pub(super) const EXIT_CODES: &[(u8, &str)] = &[
    (0, "done"),
    (1, "refused by the server or the person, or the doctor found a problem"),
    (2, "wrong arguments or a wrong configuration"),
    (4, "nobody is logged in, or the login has ended: log in"),
    (5, "the server is away"),
    (6, "the secure store or the state folder cannot be used"),
    (129, "the terminal was closed"),
    (130, "Ctrl-C"),
    (143, "SIGTERM"),
];

/// What the tool's own variables choose.
pub(super) const VARIABLES: &[(&str, &str)] = &[
    ("CONTEXT", "which login, by its name"),
    ("ORG", "which org tokens speak for"),
    ("TOKEN", "an access token to use as it is, and no login"),
    ("CUSTODY", "where a new login's key goes: auto, or a place"),
    ("PASSPHRASE_FD", "a descriptor, 3 or above, that has the passphrase"),
    ("PASSPHRASE", "the passphrase; other programs can read it"),
    ("HOME", "the state folder"),
    ("NO_BROWSER", "if set, the address is shown and no browser opens"),
];

/// The subcommands as a person looks for them; `help_template` has no groups of its own.
const GROUPS: &[(&str, &[&str])] = &[
    ("Log in and out", &["login", "logout"]),
    ("Use a login", &["token", "status"]),
    ("Several logins", &["list", "switch", "rename"]),
    ("When something is wrong", &["doctor"]),
];

/// The end of a command's long help: of the exit codes and variables those that it can meet.
pub(super) fn after(codes: &[u8], variables: &[&str], examples: &[&str]) -> String {
    let mut text = "Exit codes:\n".to_owned();
    for (code, meaning) in EXIT_CODES.iter().filter(|(code, _)| codes.contains(code)) {
        let _ = writeln!(text, "  {code:<3}  {meaning}");
    }
    let variables: Vec<_> = VARIABLES.iter().filter(|(name, _)| variables.contains(name)).collect();
    if !variables.is_empty() {
        text += "\nEnvironment:\n";
    }
    let width = variables.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, meaning) in variables {
        let _ = writeln!(text, "  <APP>_{name:width$}  {meaning}");
    }
    text += "\nExamples:";
    examples.iter().for_each(|example| text += &format!("\n  <app> {example}"));
    text
}

/// The help of a command with these subcommands, in groups.
pub(super) fn groups(commands: &Command) -> String {
    let styles = Styles::styled();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut text = "{before-help}{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for (group, names) in GROUPS {
        let _ = write!(text, "\n{header}{group}:{header:#}\n");
        for command in names.iter().filter_map(|name| commands.find_subcommand(name)) {
            let (name, about) = (command.get_name(), command.get_about().map(ToString::to_string).unwrap_or_default());
            let _ = writeln!(text, "  {literal}{name:8}{literal:#}{about}");
        }
    }
    let _ = write!(text, "\n{header}Options:{header:#}\n{{options}}{{after-help}}");
    text
}

/// Fills the tool's name in.
pub(super) fn filled(text: &str, program: &str) -> String {
    text.replace("<app>", program).replace("<APP>", &program.to_ascii_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use clap::Subcommand;

    use super::*;
    use crate::cli::args::Action;

    #[test]
    fn every_command_is_in_a_group() {
        let commands = Action::augment_subcommands(Command::new("auth"));
        let grouped: Vec<_> = GROUPS.iter().flat_map(|(_, names)| *names).collect();
        assert_eq!(commands.get_subcommands().count(), grouped.len());
        assert!(commands.get_subcommands().all(|command| grouped.contains(&&command.get_name())));
    }
}
