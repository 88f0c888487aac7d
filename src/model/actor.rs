//! [`Actor`]: who runs this program: a person, an agent, or automation.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::sanitize::quoted;

/// Who runs this program, as far as this machine can tell.
///
/// This is advice, not a wall: processes of one user can pretend to be each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Actor {
    /// A person, an agent, or automation.
    pub kind: ActorKind,
    /// What it calls itself, such as `claude-code` or `github-actions`; `None` for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How this was told.
    pub told_by: ToldBy,
}

/// The kinds of actors. A person is what is proved, not the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActorKind {
    /// A person at a terminal in the foreground.
    Human,
    /// A coding agent, or another program that a model drives.
    Agent,
    /// A script, a CI job, a service: nobody watches.
    Automation,
}

/// How it was told who runs this program.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToldBy {
    /// The host said so.
    Host,
    /// An environment variable of this name is set.
    Variable(String),
    /// A terminal in the foreground.
    Terminal,
    /// A program of this name started this one, directly or not.
    Ancestor(String),
    /// Nothing tells.
    Nothing,
}

impl Actor {
    /// Makes the actor that a host knows of.
    pub fn new(kind: ActorKind, name: Option<&str>) -> Self {
        Self { kind, name: name.map(quoted).filter(|name| !name.is_empty()), told_by: ToldBy::Host }
    }
}

impl fmt::Display for Actor {
    /// Writes the kind, and the name if there is one: `agent claude-code`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} {name}", self.kind.name()),
            None => f.write_str(self.kind.name()),
        }
    }
}

impl ActorKind {
    /// Returns the name in JSON output, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Agent => "agent",
            Self::Automation => "automation",
        }
    }
}
