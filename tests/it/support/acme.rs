//! `acme` as a process: its environment, and what it left.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use hallpass::testing::{AuthorizationServer, Behaviour};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Acme {
    pub server: AuthorizationServer,
    pub folder: TempDir,
}

#[derive(Debug)]
pub(crate) struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// `examples/acme`.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| example("acme"))
}

/// A program of the folder `examples` that lies beside the folder of this test; built where only the test was.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    let program = program.with_extension(std::env::consts::EXE_EXTENSION);
    if !program.exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let built = Command::new(cargo).args(["build", "--all-features", "--example", name]).status();
        assert!(built.is_ok_and(|status| status.success()) && program.exists(), "{name} is not built");
    }
    program
}

impl Acme {
    pub(crate) fn new() -> Self {
        let mut behaviour = Behaviour::default();
        behaviour.interval = Some(1);
        Self { server: AuthorizationServer::start_with(behaviour).unwrap(), folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn logged_in(context: &str, variables: &[(&str, &str)]) -> Self {
        let acme = Self::new();
        acme.server.approve_all();
        let ran = acme.run_with(&["auth", "login", "--json", "--context", context], variables);
        assert_eq!(ran.code, 0, "{ran:?}");
        acme
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .env_clear()
            // No socket opens on Windows without it.
            .envs(std::env::var_os("SystemRoot").map(|folder| ("SystemRoot", folder)))
            .env("HOME", self.folder.path())
            .env("ACME_HOME", self.home())
            .env("ACME_CUSTODY", "keyfile")
            .env("ACME_ISSUER", self.server.issuer())
            .env("ACME_ALLOW_LOOPBACK_HTTP", "1")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[])
    }

    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let ran = ended(self.command(arguments).envs(variables.iter().copied()).spawn().unwrap());
        errors(&ran.stdout).iter().for_each(|error| self.steps_lead_on(error, variables));
        ran
    }

    /// What a program can do about an error by itself never ends in the same error. Done on a copy of the state folder.
    fn steps_lead_on(&self, error: &Value, variables: &[(&str, &str)]) {
        let steps = error["next_steps"].as_array().into_iter().flatten().filter(|step| step["who"] == "self");
        for command in steps.filter_map(|step| step["command"].as_array()) {
            let arguments: Vec<_> = command[1..].iter().map(|word| word.as_str().unwrap()).collect();
            let copy = tempfile::tempdir().unwrap();
            copied(&self.home(), &copy.path().join("state"));
            let mut again = self.command(&arguments);
            again.arg("--json").envs(variables.iter().copied());
            if !variables.iter().any(|(name, _)| *name == "ACME_HOME") {
                again.env("ACME_HOME", copy.path().join("state"));
            }
            let again = ended(again.spawn().unwrap());
            let is_same = |other: &Value| (&other["kind"], &other["message"]) == (&error["kind"], &error["message"]);
            assert!(!errors(&again.stdout).iter().any(is_same), "{command:?} leads nowhere: {error} {again:?}");
        }
    }

    pub(crate) fn grants(&self) -> usize {
        self.files().iter().filter(|path| path.extension().is_none()).count()
    }

    /// Takes the keys of all logins away.
    pub(crate) fn lose_keys(&self) {
        let keys = self.files().into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "keyfile"));
        keys.for_each(|path| std::fs::remove_file(path).unwrap());
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.home().join("grants")).into_iter().flatten();
        files.map(|file| file.unwrap().path()).collect()
    }
}

pub(crate) fn ended(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran =
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    errors(&ran.stdout).iter().for_each(is_well_said);
    let told = ran.stderr.lines().filter_map(|line| line.strip_prefix("error: "));
    told.filter(|_| !ran.stderr.contains("--help'")).for_each(reads_well);
    ran
}

/// The errors among what was printed with `--json`, those of several logins too.
fn errors(stdout: &str) -> Vec<Value> {
    let printed = stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let all = printed.flat_map(|value| [value["failed"].as_array().cloned().unwrap_or_default(), vec![value]].concat());
    all.filter(|value| value.get("kind").is_some() && value.get("message").is_some()).collect()
}

/// An error has every member, what to do next is for somebody, and the server's words stand apart.
#[track_caller]
fn is_well_said(error: &Value) {
    for member in ["kind", "remedy", "message", "because", "retry_after", "server_says"] {
        assert!(error.get(member).is_some(), "{member}: {error}");
    }
    let is_part = error.get("context").is_some();
    assert!(is_part || error["ok"] == false || error["event"] == "error", "{error}");
    assert_eq!(error["remedy"].is_null(), error.get("next_steps").is_none(), "{error}");
    for step in error["next_steps"].as_array().into_iter().flatten() {
        assert!(["self", "person", "administrator"].map(Value::from).contains(&step["who"]), "{error}");
        assert!(step["text"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
    }
    reads_well(error["message"].as_str().unwrap());
}

/// A message names a host once, has no nested colons, and reads well inside another sentence.
#[track_caller]
pub(crate) fn reads_well(message: &str) {
    assert!(message.matches(": ").count() <= 1, "nested colons: {message}");
    assert!(!message.contains('\n') && !message.contains("the server says"), "{message}");
    let hosts =
        message.match_indices("127.0.0.1:").map(|(at, _)| message[at..].split(['/', ' ', ',', ';']).next().unwrap());
    let hosts: Vec<_> = hosts.collect();
    let once: HashSet<_> = hosts.iter().collect();
    assert_eq!(hosts.len(), once.len(), "a host twice: {message}");
}

fn copied(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir(to).unwrap();
        std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
            copied(&entry.path(), &to.join(entry.file_name()));
        }
    } else if from.is_file() {
        std::fs::copy(from, to).unwrap();
    }
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
}

pub(crate) fn members(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// Every member that is printed stands in the manual.
#[track_caller]
pub(crate) fn is_in_the_manual(names: &[&str]) {
    let manual = include_str!("../../../src/manual/json.rs");
    names.iter().for_each(|name| assert!(manual.contains(&format!("`{name}`")), "{name}"));
}

/// An error as JSON on standard output, and nothing on standard error.
#[track_caller]
pub(crate) fn assert_json_error(ran: &Ran, code: i32, kind: &str, remedy: &str) {
    let error = json(&ran.stdout);
    assert_eq!(
        (ran.code, error["kind"].as_str(), error["remedy"].as_str()),
        (code, Some(kind), Some(remedy)),
        "{ran:?}"
    );
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
    assert_eq!(ran.stderr, "", "{ran:?}");
}

/// `login --json` prints an error as an event.
#[track_caller]
pub(crate) fn assert_error_event(line: &str, kind: &str, remedy: Option<&str>) {
    let event = json(line);
    assert_eq!((event["event"].as_str(), event["kind"].as_str()), (Some("error"), Some(kind)), "{line}");
    assert_eq!(event["remedy"].as_str(), remedy, "{line}");
}
