//! [`Report`]: what is well on this machine and what is not, with what to do about it. Never a secret.

use std::fmt;

use crate::model::error::{Error, Remedy};
use crate::model::ids::ContextName;

/// The findings of one examination.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Report {
    /// In the order in which things depend on each other.
    pub findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finding {
    /// What it is about: `program`, `state_dir`, `store`, `login`, `leftover`, `network`, `server` or `memory`.
    pub area: &'static str,
    /// How it is.
    pub state: State,
    /// What was found, in one line.
    pub text: String,
    /// What stands behind it: what the system or a layer below says.
    pub because: Option<String>,
    /// What can be done about it.
    pub remedy: Option<Remedy>,
    /// The place for keys that it is about, if it is about one, for example `os`.
    pub key_store: Option<String>,
    /// The login that it is about, if it is about one that has a name.
    pub context: Option<ContextName>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// As it should be.
    Well,
    /// Worth knowing, and in nobody's way.
    Note,
    /// In the way of a login.
    Problem,
}

impl Report {
    /// Whether there is no problem.
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.state != State::Problem)
    }

    /// What is found by `look` is about this place and this login.
    pub(super) fn about(&mut self, store: Option<&str>, context: Option<&ContextName>, look: impl FnOnce(&mut Self)) {
        let before = self.findings.len();
        look(self);
        for finding in self.findings.iter_mut().skip(before) {
            (finding.key_store, finding.context) = (store.map(str::to_owned), context.cloned());
        }
    }

    pub(super) fn add(&mut self, area: &'static str, state: State, text: impl Into<String>) {
        let text = crate::model::sanitize::shown(text.into());
        self.findings.push(Finding { area, state, text, because: None, remedy: None, key_store: None, context: None });
    }

    pub(super) fn note(&mut self, area: &'static str, text: impl Into<String>, remedy: Remedy) {
        self.add(area, State::Note, text);
        self.findings.last_mut().into_iter().for_each(|finding| finding.remedy = Some(remedy.clone()));
    }

    pub(super) fn problem(&mut self, area: &'static str, text: impl Into<String>, remedy: Option<Remedy>) {
        self.add(area, State::Problem, text);
        self.findings.last_mut().into_iter().for_each(|finding| finding.remedy = remedy.clone());
    }

    pub(super) fn error(&mut self, area: &'static str, error: &Error) {
        self.problem(area, error.to_string(), error.remedy().cloned());
        self.because(error);
    }

    /// Says what stands behind the last finding.
    pub(super) fn because(&mut self, error: &Error) {
        self.findings.last_mut().into_iter().for_each(|finding| finding.because = error.cause_text());
    }
}

impl State {
    /// The name in output, in lower case.
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
