//! How answers and errors are printed. The one file that may write to standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the one file that may print")]

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::hints::{hint, variable};
use crate::doctor::{Finding, Report};
use crate::prompt::{JsonLines, Outcome, Prompt};
use crate::text::{ascii_json, printable};
use crate::{ChosenBy, Config, Error, ErrorKind, Remedy, Result};

/// Where a command's answers go.
pub(super) struct Output {
    pub(super) json: bool,
    /// Whether the JSON is events, one a line, as a login prints them.
    pub(super) events: bool,
    /// The host's name, for hints.
    pub(super) program: String,
}

impl Output {
    pub(super) fn new(json: bool, events: bool, config: &Result<Config>) -> Self {
        Self {
            json,
            events,
            program: config.as_ref().map_or_else(|_| "this tool".into(), |config| config.app.to_string()),
        }
    }

    /// Data: lines on standard output, without what a terminal obeys (law 12). A reader that went away is not an error of ours.
    pub(super) fn data(&self, lines: &str) -> ExitCode {
        self.verbatim(&printable(lines))
    }

    /// Prints a text unchanged: only if it holds nothing from outside that a terminal obeys.
    pub(super) fn verbatim(&self, line: &str) -> ExitCode {
        let mut out = io::stdout().lock();
        match writeln!(out, "{line}").and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                eprintln!("error: standard output: {error}");
                ExitCode::FAILURE
            }
            _ => ExitCode::SUCCESS,
        }
    }

    pub(super) fn object(&self, value: &Value) -> ExitCode {
        self.verbatim(&ascii_json(&value.to_string()))
    }

    /// Conversation: a line on standard error, for a person only.
    pub(super) fn say(&self, line: &str) {
        if !self.json {
            say(line);
        }
    }

    /// What the doctor found: 1 where there is a problem.
    pub(super) fn report(&self, report: &Report) -> ExitCode {
        let printed = match self.json {
            true => {
                let object = |finding: &Finding| {
                    json!({
                        "area": finding.area,
                        "state": finding.state.name(),
                        "text": finding.text,
                        "remedy": finding.remedy.as_ref().map(Remedy::name),
                        "place": finding.place,
                        "context": finding.context,
                    })
                };
                let findings: Vec<_> = report.findings.iter().map(object).collect();
                self.object(&json!({"well": report.is_well(), "findings": findings}))
            }
            false => {
                let line = |finding: &Finding| {
                    let line = format!("{:8} {:9} {}", finding.state, finding.area, finding.text);
                    match self.hint_of(finding) {
                        Some(hint) => format!("{line}\n{:18} {hint}", ""),
                        None => line,
                    }
                };
                self.data(&report.findings.iter().map(line).collect::<Vec<_>>().join("\n"))
            }
        };
        if report.is_well() { printed } else { ExitCode::FAILURE }
    }

    /// An error, with its hint or as JSON.
    pub(super) fn fail(&self, error: &Error) -> ExitCode {
        let remedy = error.remedy();
        if self.json && self.events {
            JsonLines::stdout().done(&Outcome::Failed(error));
        } else if self.json {
            self.object(&error_object(error));
        } else {
            self.say(&format!("error: {error}"));
            let mut cause = std::error::Error::source(error);
            while let Some(why) = cause {
                self.say(&format!("  because: {why}"));
                cause = why.source();
            }
            if let Some(remedy) = remedy {
                self.say(&format!("hint: {}", hint(&self.program, error.kind(), remedy)));
            }
        }
        self.exit_code(error)
    }

    /// What a command refuses by itself.
    pub(super) fn refuse(&self, kind: ErrorKind, message: &str, remedy: &Remedy) -> ExitCode {
        if self.json {
            self.object(&json!({"kind": kind.name(), "remedy": remedy.name(), "message": message}));
        } else {
            self.say(&format!("error: {message}\nhint: {}", hint(&self.program, kind, remedy)));
        }
        ExitCode::from(kind.exit_code())
    }

    pub(super) fn exit_code(&self, error: &Error) -> ExitCode {
        ExitCode::from(error.kind().exit_code())
    }

    /// What can be done about a finding.
    pub(super) fn hint_of(&self, finding: &Finding) -> Option<String> {
        finding.remedy.as_ref().map(|remedy| format!("hint: {}", hint(&self.program, ErrorKind::Custody, remedy)))
    }

    /// One of the host's variables.
    pub(super) fn variable(&self, name: &str) -> String {
        variable(&self.program, name)
    }

    /// The rule by which a context was chosen, for a person.
    pub(super) fn rule(&self, by: &ChosenBy) -> String {
        match by {
            ChosenBy::Argument => "--context".into(),
            ChosenBy::Environment => self.variable("CONTEXT"),
            ChosenBy::Folder(folder) => format!("the rule of {}", folder.display()),
            ChosenBy::Default => "the default".into(),
            ChosenBy::Only => "there is no other".into(),
        }
    }
}

/// A line on standard error, without what a terminal obeys (law 12).
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(line));
}

/// An error as JSON.
pub(super) fn error_object(error: &Error) -> Value {
    let remedy = error.remedy().map(Remedy::name);
    json!({"kind": error.kind().name(), "remedy": remedy, "message": error.to_string()})
}

/// Ends the process where nothing is under way that it could lose, or a person insists by a second signal.
#[allow(clippy::disallowed_methods, clippy::exit, reason = "this is the one place that may end the process")]
pub(super) fn exit_at_once(code: u8) -> ! {
    std::process::exit(code.into())
}
