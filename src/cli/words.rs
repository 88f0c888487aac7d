//! [`Words`]: where a host has put our commands in its clap tree, and what its variables are called.

use std::cmp::Reverse;

use clap::Command;

use crate::config::{Command as Named, Commands, Variables};

/// Whether and where each command of ours is in the host's tree.
#[derive(Debug, Clone)]
pub(super) struct Words {
    pub(super) program: String,
    pub(super) variables: Variables,
    /// The name of each command of ours, and the words behind the program's name that run it.
    paths: Vec<(&'static str, String)>,
}

/// The subcommands of `auth` that a text may name.
const SUBCOMMANDS: &[&str] =
    &["login", "logout", "status", "list", "switch", "rename", "token", "doctor", "completions", "man"];

/// The subcommands of `auth admin`.
const ADMIN: &[&str] = &["events", "owner", "report"];

impl Words {
    /// Finds our commands in the host's tree. Commands that are deferred are not made for that.
    pub(super) fn of(host: &Command, variables: Option<Variables>) -> Self {
        let program = host.get_bin_name().unwrap_or(host.get_name()).to_owned();
        let variables = variables.unwrap_or_else(|| Variables::of_program(host.get_name()));
        let mut words = Self { program, variables, paths: Vec::new() };
        words.find(host, "");
        words
    }

    /// Returns the words of texts that are made before the host is known: `<app> auth login` and `<APP>_CONTEXT`.
    pub(super) fn unknown() -> Self {
        let (program, variables) = ("<app>".to_owned(), Variables::prefixed("<APP>"));
        let mut words = Self { program, variables, paths: Vec::new() };
        words.paths.push(("whoami", "whoami".into()));
        words.add_auth("auth");
        words.paths.push(("full_auth", "auth".into()));
        words.add_admin("auth admin");
        words
    }

    /// Returns the command of this name as a person types it; `None` if the host does not have it. Of several, the one with the fewest words.
    pub(super) fn line(&self, name: &str) -> Option<String> {
        let path = self.path_near(name, "")?;
        Some(format!("{} {path}", self.program).trim_end().to_owned())
    }

    /// Returns the words behind the program's name that run a command: of several, those that share most with `place`, then the fewest.
    fn path_near(&self, name: &str, place: &str) -> Option<&str> {
        let words = |path: &str| path.split_whitespace().count();
        let shared = |path: &str| path.split(' ').zip(place.split(' ')).take_while(|(own, other)| own == other).count();
        let named = self.paths.iter().filter(|(own, _)| *own == name).map(|(_, path)| path.as_str());
        named.min_by_key(|path| (Reverse(shared(path)), words(path)))
    }

    /// Returns the name of a variable; `None` if the host has not named it.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let Variables { token, context, org, custody, home, passphrase, passphrase_fd, no_browser, plain, .. } =
            &self.variables;
        let variable = match name {
            "TOKEN" => token,
            "CONTEXT" => context,
            "ORG" => org,
            "CUSTODY" => custody,
            "HOME" => home,
            "PASSPHRASE" => passphrase,
            "PASSPHRASE_FD" => passphrase_fd,
            "NO_BROWSER" => no_browser,
            "PLAIN" => plain,
            _ => &None,
        };
        variable.as_deref()
    }

    /// Returns the commands for hints.
    pub(super) fn commands(&self) -> Commands {
        self.commands_near("")
    }

    /// Returns the commands for the hints of a command at this path: where the host has one several times, the one beside it.
    pub(super) fn commands_near(&self, place: &str) -> Commands {
        let own = Named::OWN.into_iter();
        let found = own.filter_map(|(command, name)| Some((command, self.path_near(name, place)?)));
        let none = Commands::none(&*self.program).with_variables(self.variables.clone());
        found.fold(none, |commands, (command, path)| commands.with(command, path))
    }

    fn find(&mut self, command: &Command, path: &str) {
        match name_of(command) {
            Some("auth") => self.add_auth(path),
            Some("full_auth") => {
                self.add_auth(path);
                self.paths.push(("full_auth", path.to_owned()));
                self.add_admin(&format!("{path} admin"));
            }
            Some("admin") => self.add_admin(path),
            Some(name) => {
                if let Some(name) = SUBCOMMANDS.iter().chain(ADMIN).chain(&["whoami"]).find(|own| **own == name) {
                    self.paths.push((name, path.to_owned()));
                }
            }
            None => {}
        }
        for below in command.get_subcommands() {
            self.find(below, format!("{path} {}", below.get_name()).trim_start());
        }
    }

    fn add_admin(&mut self, path: &str) {
        let path = path.trim_start();
        self.paths.push(("admin", path.to_owned()));
        for name in ADMIN {
            self.paths.push((name, format!("{path} {name}").trim_start().to_owned()));
        }
    }

    fn add_auth(&mut self, path: &str) {
        self.paths.push(("auth", path.to_owned()));
        for name in SUBCOMMANDS {
            self.paths.push((name, format!("{path} {name}").trim_start().to_owned()));
        }
    }
}

/// Returns whether the command is `AuthCommand` or `FullAuthCommand`.
pub(super) fn is_auth(command: &Command) -> bool {
    matches!(name_of(command), Some("auth" | "full_auth"))
}

/// Returns the name in `auth` of a command of ours, by its group.
pub(super) fn name_of(command: &Command) -> Option<&str> {
    command.get_groups().find_map(|group| group.get_id().as_str().strip_prefix("hallpass-"))
}
