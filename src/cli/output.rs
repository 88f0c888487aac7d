//! How answers and errors are printed. The one file that may write to standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the one file that may print")]

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::hints::{Step, hint, log_in, steps, variable};
use crate::custody::{Custody, KeyStoreName};
use crate::doctor::{Finding, Report};
use crate::prompt::Screen;
use crate::sanitize::ascii_json;
use crate::{Auth, ChosenBy, Config, Error, ErrorKind, Remedy, Result};

/// Where a command's answers go.
#[derive(Clone)]
pub(super) struct Output {
    pub(super) json: bool,
    /// Whether the JSON is events, one a line, as a login prints them.
    pub(super) events: bool,
    /// The host's name, for hints.
    pub(super) program: String,
    /// For hints too: where the key of the login rests that a hint is about.
    config: Option<Config>,
    /// The notes that a JSON answer will carry.
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Output {
    pub(super) fn new(json: bool, events: bool, config: &Result<Config>) -> Self {
        let program = config.as_ref().map_or_else(|_| "this tool".into(), |config| config.app.to_string());
        Self { config: config.as_ref().ok().cloned(), ..Self::of(program, json, events) }
    }

    pub(super) fn of(program: String, json: bool, events: bool) -> Self {
        Self { json, events, program, config: None, warnings: Arc::default() }
    }

    /// Data: lines on standard output, without what a terminal obeys (law 12). A reader that went away is not an error of ours.
    pub(super) fn data(&self, lines: &str) -> ExitCode {
        self.verbatim(&Screen::stdout().render(lines))
    }

    /// Prints a text unchanged: only if it holds nothing from outside that a terminal obeys.
    pub(super) fn verbatim(&self, line: &str) -> ExitCode {
        match written(line) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                eprintln!("error: standard output: {error}");
                ExitCode::FAILURE
            }
            _ => ExitCode::SUCCESS,
        }
    }

    /// The answer of a command that did what it was asked for: an object, or an array of them.
    pub(super) fn object(&self, value: Value) -> ExitCode {
        self.answer(value, true)
    }

    /// An object that a server wrote, without the members that are ours to write: a program does what `next_steps` says.
    pub(super) fn foreign(&self, mut object: Value) -> ExitCode {
        if let Some(members) = object.as_object_mut() {
            members.retain(|name, _| !OURS.contains(&name.as_str()));
        }
        self.object(object)
    }

    /// What a command did: as JSON, where that is wanted; a person has been told.
    pub(super) fn done(&self, object: impl FnOnce() -> Value) -> ExitCode {
        if self.json { self.object(object()) } else { ExitCode::SUCCESS }
    }

    /// `is_ok`: whether all of it went well. The notes go with it.
    pub(super) fn answer(&self, mut value: Value, is_ok: bool) -> ExitCode {
        match &mut value {
            Value::Array(objects) => objects.iter_mut().for_each(|object| object["ok"] = json!(is_ok)),
            object => {
                object["ok"] = json!(is_ok);
                self.warn_in(object);
            }
        }
        self.verbatim(&ascii_json(&value.to_string()))
    }

    /// One of the events of a login.
    pub(super) fn event(&self, mut event: Value) -> io::Result<()> {
        self.warn_in(&mut event);
        written(&ascii_json(&event.to_string()))
    }

    fn warn_in(&self, object: &mut Value) {
        let mut warnings = std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner));
        let own = object["warnings"].take();
        warnings.extend(own.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
        match object.as_object_mut() {
            Some(members) if warnings.is_empty() => drop(members.remove("warnings")),
            Some(members) => drop(members.insert("warnings".into(), json!(warnings))),
            None => {}
        }
    }

    /// Something that the answer does not say, and that the caller should know.
    pub(super) fn note(&self, note: String) {
        match self.json {
            true => self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(note),
            false => say(&format!("note: {note}")),
        }
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
                        "because": finding.because,
                        "remedy": finding.remedy.as_ref().map(Remedy::name),
                        "place": finding.key_store,
                        "context": finding.context,
                    })
                };
                let findings: Vec<_> = report.findings.iter().map(object).collect();
                let mut answer = json!({"well": report.is_well(), "findings": findings});
                self.add_steps(&mut answer, report.findings.iter().flat_map(|finding| self.steps_of(finding)));
                self.answer(answer, report.is_well())
            }
            false => {
                let screen = Screen::stdout();
                let line = |finding: &Finding| {
                    let head = format!("{:8} {:9} ", finding.state, finding.area);
                    let mut line = screen.entry(&head, &finding.text);
                    if let Some(why) = &finding.because {
                        line += &format!("\n{}", screen.entry(&" ".repeat(head.len()), &format!("because: {why}")));
                    }
                    match self.hint_of(finding) {
                        Some(hint) => format!("{line}\n{}", screen.entry(&" ".repeat(head.len()), &hint)),
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
        if self.json && self.events {
            let mut object = self.error_object(error);
            object["event"] = json!("error");
            // A reader that went away must not undo a login that is already kept.
            let _ = self.event(object);
        } else if self.json {
            self.answer(self.error_object(error), false);
        } else {
            self.say(&format!("error: {error}"));
            let mut cause = std::error::Error::source(error);
            while let Some(why) = cause {
                self.say(&format!("  because: {why}"));
                cause = why.source();
            }
            if let Some(words) = error.server_says() {
                self.say(&format!("  the server says: {words}"));
            }
            if let Some(remedy) = error.remedy() {
                self.say(&format!("hint: {}", self.hint(error.kind(), remedy)));
            }
        }
        self.exit_code(error)
    }

    /// What a command refuses by itself.
    pub(super) fn refuse(&self, kind: ErrorKind, message: &str, remedy: Remedy) -> ExitCode {
        self.fail(&Error::new(kind, message).with(remedy))
    }

    /// An error as JSON, with what to do next.
    pub(super) fn error_object(&self, error: &Error) -> Value {
        let mut object = json!(error);
        if let Some(remedy) = error.remedy() {
            object["next_steps"] = json!(self.steps(error.kind(), remedy));
        }
        object
    }

    pub(super) fn exit_code(&self, error: &Error) -> ExitCode {
        ExitCode::from(error.kind().exit_code())
    }

    /// Adds what to do next, where there is anything, each step once.
    pub(super) fn add_steps(&self, answer: &mut Value, steps: impl IntoIterator<Item = Step>) {
        let mut once: Vec<Step> = Vec::new();
        for step in steps {
            if !once.contains(&step) {
                once.push(step);
            }
        }
        if !once.is_empty() {
            answer["next_steps"] = json!(once);
        }
    }

    fn steps_of(&self, finding: &Finding) -> Vec<Step> {
        finding.remedy.as_ref().map(|remedy| self.steps(ErrorKind::Custody, remedy)).unwrap_or_default()
    }

    fn steps(&self, kind: ErrorKind, remedy: &Remedy) -> Vec<Step> {
        steps(&self.program, self.place_for(remedy).as_deref(), kind, remedy)
    }

    /// What can be done about a finding.
    pub(super) fn hint_of(&self, finding: &Finding) -> Option<String> {
        finding.remedy.as_ref().map(|remedy| format!("hint: {}", self.hint(ErrorKind::Custody, remedy)))
    }

    fn hint(&self, kind: ErrorKind, remedy: &Remedy) -> String {
        hint(&self.program, self.place_for(remedy).as_deref(), kind, remedy)
    }

    /// The command that logs in again, to keep the key where it was.
    pub(super) fn log_in(&self, context: &str, key_store: &str) -> Vec<String> {
        log_in(&self.program, self.place_to_name(key_store), Some(context))
    }

    /// The place that a command has to name to log in again, for the login that `remedy` is about.
    fn place_for(&self, remedy: &Remedy) -> Option<String> {
        let (Remedy::LogIn { context: Some(name) }, Some(config)) = (remedy, &self.config) else { return None };
        let contexts = Auth::new(config.clone()).ok()?.contexts().ok()?;
        let context = contexts.into_iter().find(|context| context.name.as_str() == name)?;
        self.place_to_name(&context.key_store).map(str::to_owned)
    }

    /// `key_store`, if the key of a new login goes there only where somebody says so.
    fn place_to_name<'c>(&self, key_store: &'c str) -> Option<&'c str> {
        let is_first = |place: &Custody| matches!(place, Custody::Only(key_stores) if key_stores.first().is_some_and(|first| first.as_str() == key_store));
        let is_said =
            |config: &Config| config.environment.custody.as_deref() == Some(key_store) || is_first(&config.custody);
        let is_of_choice =
            [KeyStoreName::Passphrase, KeyStoreName::KeyFile].iter().any(|place| place.as_str() == key_store);
        (is_of_choice && !self.config.as_ref().is_some_and(is_said)).then_some(key_store)
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

/// The members that say how a command went and what to do next.
const OURS: [&str; 10] =
    ["ok", "warnings", "next_steps", "event", "kind", "remedy", "message", "because", "retry_after", "server_says"];

fn written(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush())
}

/// A line on standard error, without what a terminal obeys (law 12).
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{}", Screen::stderr().render(line));
}

/// Ends the process where nothing is under way that it could lose, or a person insists by a second signal.
#[allow(clippy::disallowed_methods, clippy::exit, reason = "this is the one place that may end the process")]
pub(super) fn exit_at_once(code: u8) -> ! {
    std::process::exit(code.into())
}
