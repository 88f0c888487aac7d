//! [`Report`]: the findings of one examination.

use std::fmt;

use crate::custody::KeyStoreName;
use crate::model::error::{Error, Remedy};
use crate::model::ids::ContextName;
use crate::model::sanitize::without_hidden;

/// The findings of one examination.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Report {
    /// In the order in which things depend on each other.
    pub findings: Vec<Finding>,
}

/// The result of one check.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finding {
    /// What was checked.
    pub area: Area,
    /// Whether it is well.
    pub state: State,
    /// What was found, in one line.
    pub text: String,
    /// The cause: what the system or a lower layer says.
    pub because: Option<String>,
    /// What can be done about it.
    pub remedy: Option<Remedy>,
    /// The key store that it is about, if it is about one.
    pub key_store: Option<KeyStoreName>,
    /// The login that it is about, if it is about one with a name.
    pub context: Option<ContextName>,
}

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Area {
    /// The program, and where it runs.
    Program,
    /// The state folder.
    StateDir,
    /// A key store.
    KeyStore,
    /// A login.
    Login,
    /// What no login needs any more.
    Leftover,
    /// TLS roots, proxies, and a token from the environment.
    Network,
    /// The copies of keys that the kernel keeps.
    Memory,
    /// The authorization server.
    Server,
}

/// The state of what was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// It works.
    Well,
    /// It is worth knowing, and prevents nothing.
    Note,
    /// It prevents a login, or the use of one.
    Problem,
}

impl Report {
    /// Whether there is no problem.
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.state != State::Problem)
    }
}

impl Finding {
    pub(super) fn well(area: Area, text: impl Into<String>) -> Self {
        Self::new(area, State::Well, text.into())
    }

    pub(super) fn note(area: Area, text: impl Into<String>) -> Self {
        Self::new(area, State::Note, text.into())
    }

    pub(super) fn problem(area: Area, text: impl Into<String>) -> Self {
        Self::new(area, State::Problem, text.into())
    }

    /// Returns the problem that `error` describes, with its cause and its remedy.
    pub(super) fn error(area: Area, error: &Error) -> Self {
        Self::problem(area, error.to_string()).because(error).remedy(error.remedy().cloned())
    }

    pub(super) fn because(self, error: &Error) -> Self {
        Self { because: error.because(), ..self }
    }

    pub(super) fn remedy(self, remedy: impl Into<Option<Remedy>>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }

    pub(super) fn key_store(self, name: &KeyStoreName) -> Self {
        Self { key_store: Some(name.clone()), ..self }
    }

    pub(super) fn context(self, name: &ContextName) -> Self {
        Self { context: Some(name.clone()), ..self }
    }

    fn new(area: Area, state: State, text: String) -> Self {
        Self { area, state, text: without_hidden(text), because: None, remedy: None, key_store: None, context: None }
    }
}

impl Area {
    /// Returns the name in output, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::StateDir => "home",
            Self::KeyStore => "place",
            Self::Login => "login",
            Self::Leftover => "leftover",
            Self::Network => "network",
            Self::Memory => "memory",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl State {
    /// Returns the name in output, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Note => "note",
            Self::Problem => "problem",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
