//! What `--help` and the manual page say beyond the options: exit codes, variables, examples.
//!
//! A derive's texts are made before anybody knows in whose tool they stand: `<app>` and `<APP>` are its name, which
//! [`parse`](super::parse) fills in.

use crate::prompt::Screen;

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
    #[cfg(feature = "passphrase")]
    ("PASSPHRASE_FD", "a descriptor, 3 or above, that has the passphrase"),
    #[cfg(feature = "passphrase")]
    ("PASSPHRASE", "the passphrase; other programs can read it"),
    ("HOME", "the state folder"),
    ("NO_BROWSER", "if set, the address is shown and no browser opens"),
    ("PLAIN", "if set, no line of a login is written over"),
];

/// The help of `auth`, with its subcommands as a person looks for them: clap has no groups of its own. As it is, and not made of
/// the commands, since every start of a tool would pay for that.
pub(super) const GROUPS: &str = "\
{before-help}{about-with-newline}
{usage-heading} {usage}

\u{1b}[1m\u{1b}[4mLog in and out:\u{1b}[0m
  \u{1b}[1mlogin\u{1b}[0m   Log in: approve in a browser, here or on another device
  \u{1b}[1mlogout\u{1b}[0m  Log out: revoke the login at the server and forget it here

\u{1b}[1m\u{1b}[4mUse a login:\u{1b}[0m
  \u{1b}[1mtoken\u{1b}[0m   Print a valid access token and nothing else
  \u{1b}[1mstatus\u{1b}[0m  Say who is logged in, where, and until when, as this machine knows it

\u{1b}[1m\u{1b}[4mSeveral logins:\u{1b}[0m
  \u{1b}[1mlist\u{1b}[0m    List all logins on this machine
  \u{1b}[1mswitch\u{1b}[0m  Choose which login is used, everywhere or in this folder and below
  \u{1b}[1mrename\u{1b}[0m  Give a login another name

\u{1b}[1m\u{1b}[4mOn this machine:\u{1b}[0m
  \u{1b}[1mdoctor\u{1b}[0m  Say what is well on this machine and what is not, and repair it

\u{1b}[1m\u{1b}[4mOptions:\u{1b}[0m
{options}{after-help}";

/// The same with what [`parse`](super::parse) adds, and as the window holds it: clap leaves the lines of a template as they are.
pub(super) fn groups_and_ours() -> String {
    let ours = "  \u{1b}[1mcompletions\u{1b}[0m  Print a script that completes commands and options in your shell";
    let groups = GROUPS.replacen(OPTIONS, &format!("{ours}\n{OPTIONS}"), 1);
    let screen = Screen::stdout();
    // Not counted: what makes type bold.
    let line = |line: &str| match line.strip_prefix("  \u{1b}[1m").and_then(|line| line.split_once("\u{1b}[0m")) {
        Some((name, about)) => {
            let head = format!("  {name}{:1$}", "", about.len() - about.trim_start().len());
            let entry = screen.entry(&head, about.trim_start());
            entry.replacen(name, &format!("\u{1b}[1m{name}\u{1b}[0m"), 1)
        }
        None => line.to_owned(),
    };
    groups.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

const OPTIONS: &str = "\n\u{1b}[1m\u{1b}[4mOptions:";

/// The end of a command's long help: `names` are the variables that it reads, all of them where there are none.
pub(super) fn after(names: Option<&[&str]>, examples: &[&str]) -> String {
    let (mut text, screen) = (String::with_capacity(1536), Screen::stdout());
    text += "Exit codes:\n";
    for (code, meaning) in EXIT_CODES {
        aligned(&mut text, screen, "  ", &code.to_string(), 3, meaning);
    }
    text += "\nEnvironment:\n";
    let read = || VARIABLES.iter().filter(|(name, _)| names.is_none_or(|names| names.contains(name)));
    let width = read().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, meaning) in read() {
        aligned(&mut text, screen, "  <APP>_", name, width, meaning);
    }
    text += "\nExamples:";
    for example in examples {
        text += "\n  <app> ";
        text += example;
    }
    text
}

fn aligned(text: &mut String, screen: Screen, before: &str, name: &str, width: usize, meaning: &str) {
    *text += &screen.entry(&format!("{before}{name:width$}  "), meaning);
    text.push('\n');
}

/// Fills the tool's name in.
pub(super) fn filled(text: &str, program: &str) -> String {
    text.replace("<app>", program).replace("<APP>", &program.to_ascii_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use clap::{Command, Subcommand};

    use super::*;
    use crate::cli::commands::Action;

    #[test]
    fn every_command_is_in_a_group_as_it_is() {
        let mut commands = Action::augment_subcommands(Command::new("auth").disable_help_subcommand(true));
        commands.build();
        for command in commands.get_subcommands() {
            let (name, about) = (command.get_name(), command.get_about().unwrap());
            let line = format!("\n  \u{1b}[1m{name}\u{1b}[0m{:1$}{about}\n", "", 8 - name.len());
            assert_eq!(GROUPS.matches(&line).count(), 1, "{line:?}");
        }
    }
}
