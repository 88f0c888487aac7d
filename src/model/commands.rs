//! [`Commands`]: how a host's commands are called.

use std::collections::BTreeMap;

use crate::model::sanitize::shell_line;
use crate::model::variables::Variables;

/// A command that a hint may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Command {
    /// Logs in. Takes `--context`, `--org`, `--replace` and `--ephemeral`.
    Login,
    /// Logs in, and takes none of these options: a command that the host wrote.
    BareLogin,
    /// Logs out. Takes `--context` and `--local-only`.
    Logout,
    /// Lists the logins.
    List,
    /// Switches to the login that its argument names.
    Switch,
    /// Prints an access token. Takes `--context`.
    Token,
    /// Examines this machine. Takes `--repair`.
    Doctor,
}

impl Command {
    /// The commands of hallpass that a hint may name, with their names below `auth`.
    pub const OWN: [(Self, &'static str); 6] = [
        (Self::Login, "login"),
        (Self::Logout, "logout"),
        (Self::List, "list"),
        (Self::Switch, "switch"),
        (Self::Token, "token"),
        (Self::Doctor, "doctor"),
    ];
}

/// How a host's commands and variables are called. A hint names no command that the host does not have.
///
/// With the feature `cli`, `cli::parse` and `cli::prepare` find hallpass's own commands in the host's clap tree. Other hosts set them with
/// [`Config::set_commands`](crate::Config::set_commands).
///
/// ```
/// use hallpass::config::{Command, Commands};
///
/// # fn main() -> hallpass::Result<()> {
/// # let mut config = hallpass::Config::new("railway", "https://id.example.com", "railway-cli")?;
/// config.set_commands(Commands::none("railway").with(Command::BareLogin, "login"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    program: String,
    paths: BTreeMap<Command, String>,
    variables: Variables,
}

impl Commands {
    /// Names no command of `program`.
    pub fn none(program: impl Into<String>) -> Self {
        let program = program.into();
        Self { variables: Variables::of_program(&program), paths: BTreeMap::new(), program }
    }

    /// Names the commands of `cli::AuthCommand` where the host has it: `below("acme", "auth")` names `acme auth login` and the others.
    pub fn below(program: impl Into<String>, path: &str) -> Self {
        let all = Self::none(program);
        Command::OWN.into_iter().fold(all, |all, (command, name)| all.with(command, format!("{path} {name}")))
    }

    /// Names one command. `path` is the words behind the program's name, such as `auth login`.
    pub fn with(mut self, command: Command, path: impl Into<String>) -> Self {
        self.paths.insert(command, path.into());
        self
    }

    /// Names the host's variables. The default is [`Variables::prefixed`] with the program's name in capitals.
    pub fn with_variables(self, variables: Variables) -> Self {
        Self { variables, ..self }
    }

    /// Adds the commands of `others` that are not named yet.
    pub(crate) fn or(mut self, others: &Self) -> Self {
        for (command, path) in &others.paths {
            self.paths.entry(*command).or_insert_with(|| path.clone());
        }
        self
    }

    /// Returns the program's name.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Returns the names of the host's variables.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// Returns a command with these options, as argv; `None` if the host does not have the command.
    pub fn argv(&self, command: Command, options: &[&str]) -> Option<Vec<String>> {
        let path = self.paths.get(&command)?.split_whitespace();
        // `cargo acme` is two words.
        let words = self.program.split_whitespace().chain(path).chain(options.iter().copied());
        Some(words.map(str::to_owned).collect())
    }

    /// Returns a command with these options as a person types it: `acme auth login --context 'my work'`. `None` if the host does not have
    /// the command.
    pub fn line(&self, command: Command, options: &[&str]) -> Option<String> {
        self.argv(command, options).map(|argv| shell_line(&argv))
    }

    /// Returns the command that logs in, for this context if the host's command takes one, as argv.
    pub fn login(&self, context: Option<&str>) -> Option<Vec<String>> {
        let options: Vec<_> = context.into_iter().flat_map(|context| ["--context", context]).collect();
        self.argv(Command::Login, &options).or_else(|| self.argv(Command::BareLogin, &[]))
    }
}

/// The commands of [`Commands::below`] with the path `auth`.
impl From<&str> for Commands {
    fn from(program: &str) -> Self {
        Self::below(program, "auth")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_a_clap_tree_go_first() {
        let tree = Commands::none("railway").with(Command::Login, "login");
        let own = Commands::none("railway").with(Command::Login, "signin").with(Command::Doctor, "check");
        let all = tree.or(&own);
        let line = |command| all.line(command, &[]);
        assert_eq!(line(Command::Login).as_deref(), Some("railway login"));
        assert_eq!(line(Command::Doctor).as_deref(), Some("railway check"));
        assert_eq!(line(Command::Token), None);
    }
}
