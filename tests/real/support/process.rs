//! A child process with a time limit, whose stdout is read line by line while it runs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on a slow machine; a process past it is killed and the test fails.
pub(crate) const STEP_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Running {
    what: String,
    pub child: Child,
    started: Instant,
    lines: Receiver<String>,
    /// A line that was waited for, and not yet read.
    ahead: Option<String>,
    read: Vec<String>,
    stderr: Option<JoinHandle<String>>,
}

/// A process that has ended.
pub(crate) struct Run {
    what: String,
    /// `None` after a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

pub(crate) fn run(command: &mut Command) -> Run {
    Running::start(command).finish()
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Running {
        let what = format!("{command:?}");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{what}: {error}"));

        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut stderr = child.stderr.take().unwrap();
        let stderr = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Running { what, child, started: Instant::now(), lines, ahead: None, read: Vec::new(), stderr: Some(stderr) }
    }

    pub(crate) fn take_stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("a piped stdin")
    }

    /// Whether it prints something or ends within `timeout`: what it prints is the next [`line`](Self::line).
    pub(crate) fn speaks_within(&mut self, timeout: Duration) -> bool {
        match self.lines.recv_timeout(timeout) {
            Ok(line) => {
                self.ahead = Some(line);
                true
            }
            Err(end) => end == mpsc::RecvTimeoutError::Disconnected,
        }
    }

    /// The next line of stdout; `None` once the process has closed it.
    pub(crate) fn line(&mut self) -> Option<String> {
        match self.ahead.take().map_or_else(|| self.lines.recv_timeout(STEP_TIMEOUT), Ok) {
            Ok(line) => {
                self.read.push(line.clone());
                Some(line)
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                panic!("{} printed nothing for {STEP_TIMEOUT:?}", self.what)
            }
        }
    }

    pub(crate) fn finish(mut self) -> Run {
        while self.line().is_some() {}
        let deadline = Instant::now() + STEP_TIMEOUT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
                panic!("{} closed its stdout and did not end", self.what);
            }
            thread::sleep(Duration::from_millis(2));
        };
        Run {
            took: self.started.elapsed(),
            code: status.code(),
            stdout: self.read.iter().map(|line| format!("{line}\n")).collect(),
            stderr: self.stderr.take().unwrap().join().unwrap(),
            what: std::mem::take(&mut self.what),
        }
    }
}

/// A test that panics while its process runs leaves none behind.
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Run {
        assert_eq!(self.code, Some(code), "exit code of {self}");
        self
    }

    /// The objects on stdout, one a line.
    #[track_caller]
    pub(crate) fn json(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {self}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The one thing on stdout, such as a token.
    #[track_caller]
    pub(crate) fn word(&self) -> String {
        let word = self.stdout.trim_end();
        assert!(!word.is_empty() && !word.contains(char::is_whitespace), "not one word: {self}");
        word.to_owned()
    }

    /// Asserts the error object that ends a run under `--json`: its kind, and words that its remedy contains.
    #[track_caller]
    pub(crate) fn fails_with(&self, kind: &str, remedy: &str) {
        let error = self.json().pop().unwrap_or_else(|| panic!("no error object: {self}"));
        let plain = |value: &Value| value.to_string().to_lowercase().replace(['_', '-', ' '], "");
        assert!(plain(&error["kind"]).contains(kind), "kind is not {kind}: {self}");
        assert!(plain(&error["remedy"]).contains(remedy), "the remedy does not say {remedy}: {self}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "no message: {self}");
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Run { what, code, stdout, stderr, took } = self;
        write!(f, "{what}\n  exit {code:?} after {took:?}\n--- stdout\n{stdout}--- stderr\n{stderr}---")
    }
}
