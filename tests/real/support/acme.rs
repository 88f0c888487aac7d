//! The tool under test, run on a machine in an environment that holds only what is named here.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Once;

use serde_json::Value;

use crate::machine::Machine;
use crate::process::{self, Run, Running};
use crate::provider::{Provider, Wish};

#[derive(Clone)]
pub(crate) struct Acme<'a> {
    machine: &'a Machine,
    vars: Vec<(String, String)>,
}

impl Machine {
    /// `acme` of an issuer, on this machine.
    pub(crate) fn acme(&self, issuer: &str) -> Acme<'_> {
        Acme { machine: self, vars: Vec::new() }
            .with("ACME_ISSUER", issuer)
            .with("ACME_ALLOW_LOOPBACK_HTTP", "1")
            .with("ACME_NO_BROWSER", "1")
            // Keys rest where the test says, and no copy in the kernel of this machine.
            .with("ACME_KEY_CACHE", "0")
    }
}

impl Acme<'_> {
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        process::run(&mut self.command(arguments))
    }

    /// Starts without waiting for the end.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(arguments))
    }

    /// Runs behind another program, such as strace and its arguments.
    pub(crate) fn run_under(&self, wrapper: &[&str], arguments: &[&str]) -> Run {
        let mut command = self.machine.command(wrapper[0], &self.machine.home());
        command.envs(self.vars.iter().cloned()).args(&wrapper[1..]).arg(acme()).args(arguments);
        process::run(&mut command)
    }

    /// A device login from beginning to end, the person's part included (where it gets as far as that).
    pub(crate) fn login(&self, provider: &Provider, account: &str, wish: Wish, arguments: &[&str]) -> Run {
        let mut running = self.start(&[&["auth", "login", "--json"], arguments].concat());
        if let Some(line) = running.line() {
            let shown: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(uri) = shown["verification_uri_complete"].as_str() {
                provider.person(uri, account, wish);
            }
        }
        running.finish()
    }

    /// A login that has to work; the commonest first step.
    #[track_caller]
    pub(crate) fn logged_in(self, provider: &Provider, account: &str) -> Self {
        self.login(provider, account, Wish::Approve, &[]).exits(0);
        self
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let program = acme();
        match self.vars.iter().any(|(name, _)| name == "ACME_PASSPHRASE") {
            // The terminal of whoever runs the tests would be asked first.
            true => self.command_of(Path::new("setsid"), &[&[program.to_str().unwrap()], arguments].concat()),
            false => self.command_of(&program, arguments),
        }
    }

    /// Another program, configured as `acme` is.
    pub(crate) fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = self.machine.command(program, &self.machine.home());
        command.envs(self.vars.iter().cloned()).args(arguments);
        command
    }
}

/// The example `acme`.
fn acme() -> PathBuf {
    example("acme")
}

/// An example of this crate, beside this test: `target/debug/deps/real-…` and `target/debug/examples/acme`. `cargo test` has
/// built it, but not where one target alone was asked for: so it is asked to, once, which costs nothing where all is fresh.
pub(crate) fn example(name: &str) -> PathBuf {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let Some(cargo) = env::var_os("CARGO") else { return };
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--profile", "test", "--all-features", "--examples"]);
        assert!(build.stdin(Stdio::null()).status().unwrap().success(), "the examples do not build");
    });
    let here = env::current_exe().unwrap();
    let path = here.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.is_file(), "{} is missing: cargo build --all-features --examples", path.display());
    path
}
