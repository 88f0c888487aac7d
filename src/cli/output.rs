//! How answers and errors are printed. The one file that may write to standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the one file that may print")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::hints::Hints;
use super::next_steps::{Step, steps};
use crate::config::Commands;
use crate::prompt::Screen;
use crate::sanitize::ascii_json;
use crate::{Config, Error, ErrorKind, Remedy, Result};

/// Where the answers of a command go.
#[derive(Clone)]
pub(super) struct Output {
    pub(super) json: bool,
    /// Whether the JSON is events, one a line, as a login prints them.
    events: bool,
    pub(super) hints: Hints,
    /// The notes that the next JSON answer will carry.
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Output {
    /// `commands`: what the host's commands are called, if its clap tree was searched for them.
    pub(super) fn new(json: bool, events: bool, commands: Option<Arc<Commands>>, config: &Result<Config>) -> Self {
        let config = config.as_ref().ok();
        let commands = match (commands, config) {
            (Some(found), Some(config)) => config.commands_beside(Commands::clone(&found)),
            (Some(found), None) => Commands::clone(&found),
            (None, Some(config)) => config.commands(),
            (None, None) => Commands::none("this tool"),
        };
        Self { json, events, hints: Hints::new(commands, config.cloned()), warnings: Arc::default() }
    }

    /// For an error of a host's own command.
    pub(super) fn of_host(commands: Commands, json: bool) -> Self {
        Self { json, events: false, hints: Hints::of_host(commands), warnings: Arc::default() }
    }

    pub(super) fn without_config(commands: Commands, json: bool, events: bool) -> Self {
        Self { json, events, hints: Hints::new(commands, None), warnings: Arc::default() }
    }

    /// Prints data: lines on standard output, without what a terminal obeys (law 12). A reader that has closed the pipe is no error.
    pub(super) fn print_lines(&self, lines: &str) -> u8 {
        self.print_unfiltered(&Screen::stdout().render(lines))
    }

    /// Prints a text unchanged: only for a text without anything from outside that a terminal obeys.
    pub(super) fn print_unfiltered(&self, text: &str) -> u8 {
        match write_line(text) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                eprintln!("error: standard output: {error}");
                1
            }
            _ => 0,
        }
    }

    /// Prints the answer of a command that succeeded: an object, or an array of objects.
    pub(super) fn print_json(&self, value: Value) -> u8 {
        self.print_json_with_ok(value, true)
    }

    /// Prints an object that a server wrote, without the members that only this tool may write: a program does what `next_steps` says.
    pub(super) fn print_server_json(&self, mut object: Value) -> u8 {
        if let Some(members) = object.as_object_mut() {
            members.retain(|name, _| !RESERVED_MEMBERS.contains(&name.as_str()));
        }
        self.print_json(object)
    }

    /// Prints what a command did, if JSON is wanted. A person has read it on standard error.
    pub(super) fn print_json_only(&self, object: impl FnOnce() -> Value) -> u8 {
        if self.json { self.print_json(object()) } else { 0 }
    }

    /// Prints an answer with the notes, and with the member `ok`.
    pub(super) fn print_json_with_ok(&self, mut value: Value, is_ok: bool) -> u8 {
        match &mut value {
            Value::Array(objects) => objects.iter_mut().for_each(|object| object["ok"] = json!(is_ok)),
            object => {
                object["ok"] = json!(is_ok);
                self.add_warnings(object);
            }
        }
        self.print_unfiltered(&ascii_json(&value.to_string()))
    }

    /// Prints one of many objects, each on a line of its own, as it is.
    pub(super) fn print_json_line(&self, object: &Value) -> u8 {
        self.print_unfiltered(&ascii_json(&object.to_string()))
    }

    /// Prints one of the events of a login, with the notes.
    pub(super) fn print_event(&self, mut event: Value) -> io::Result<()> {
        self.add_warnings(&mut event);
        write_line(&ascii_json(&event.to_string()))
    }

    fn add_warnings(&self, object: &mut Value) {
        let mut warnings = std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner));
        let own = object["warnings"].take();
        warnings.extend(own.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
        match object.as_object_mut() {
            Some(members) if warnings.is_empty() => drop(members.remove("warnings")),
            Some(members) => drop(members.insert("warnings".into(), json!(warnings))),
            None => {}
        }
    }

    /// Notes something that the answer does not say, and that the caller should know.
    pub(super) fn note(&self, note: String) {
        match self.json {
            true => self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(note),
            false => say(&format!("note: {note}")),
        }
    }

    /// Says something to a person, on standard error. A program gets nothing of it.
    pub(super) fn say(&self, line: &str) {
        if !self.json {
            say(line);
        }
    }

    /// Prints an error, with its hint or as JSON, and returns its exit code.
    pub(super) fn print_error(&self, error: &Error) -> u8 {
        if self.json && self.events {
            let mut object = self.error_json(error);
            object["event"] = json!("error");
            // A reader that has closed the pipe must not undo a login that is already saved.
            let _ = self.print_event(object);
        } else if self.json {
            self.print_json_with_ok(self.error_json(error), false);
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
                self.say(&format!("hint: {}", self.hints.hint(error.kind(), remedy)));
            }
        }
        self.exit_code(error)
    }

    /// Prints an error of the command's own.
    pub(super) fn refuse(&self, kind: ErrorKind, message: &str, remedy: Remedy) -> u8 {
        self.print_error(&Error::new(kind, message).with(remedy))
    }

    /// Returns an error as JSON, with what to do next.
    pub(super) fn error_json(&self, error: &Error) -> Value {
        let mut object = json!(error);
        if let Some(remedy) = error.remedy() {
            object["next_steps"] = json!(self.steps(error.kind(), remedy));
        }
        object
    }

    pub(super) fn exit_code(&self, error: &Error) -> u8 {
        error.kind().exit_code()
    }

    /// Adds what to do next to an answer, each step once.
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

    pub(super) fn steps(&self, kind: ErrorKind, remedy: &Remedy) -> Vec<Step> {
        steps(&self.hints, kind, remedy)
    }
}

/// The members of an answer that say how the command went and what to do next.
const RESERVED_MEMBERS: [&str; 10] =
    ["ok", "warnings", "next_steps", "event", "kind", "remedy", "message", "because", "retry_after", "server_says"];

fn write_line(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush())
}

/// Prints a line on standard error, without what a terminal obeys (law 12).
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{}", Screen::stderr().render(line));
}

/// Ends the process, if it can lose nothing that is under way, or if a person insists by a second signal.
#[allow(clippy::disallowed_methods, clippy::exit, reason = "this is the one place that may end the process")]
pub(super) fn exit_at_once(code: u8) -> ! {
    std::process::exit(code.into())
}
