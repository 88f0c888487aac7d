//! A process that is sent signals, and the failpoints at which it dies or stands still.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

use crate::process::{Running, STEP_TIMEOUT};

impl Running {
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until the process has stopped itself at its failpoint; false if it ended without passing that.
    pub(crate) fn stops(&self) -> bool {
        self.comes_to("its failpoint", || self.state() == 'T')
    }

    /// Waits until it `has_come` to that; false if it ended without.
    pub(crate) fn comes_to(&self, what: &str, has_come: impl Fn() -> bool) -> bool {
        let deadline = Instant::now() + STEP_TIMEOUT;
        loop {
            if has_come() {
                return true;
            }
            if self.state() == 'Z' {
                return false;
            }
            assert!(Instant::now() < deadline, "{} did not come to {what}", self.child.id());
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// `T` for stopped, `Z` for ended: proc_pid_stat(5). It comes after the name, which is in parentheses.
    fn state(&self) -> char {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        stat.rsplit(')').next().unwrap().trim_start().chars().next().unwrap()
    }
}

/// The steps of a refresh, a login and a logout that a failpoint can name.
pub(crate) fn steps() -> BTreeSet<String> {
    without(all_steps(), &["key ", "adoption "])
}

/// The steps of a move of a key.
pub(crate) fn steps_of_a_move() -> BTreeSet<String> {
    without(all_steps(), &["adoption "])
}

/// The steps of an adoption, and of the refresh in it.
pub(crate) fn steps_of_an_adoption() -> BTreeSet<String> {
    without(all_steps(), &["key "])
}

fn without(steps: BTreeSet<String>, prefixes: &[&str]) -> BTreeSet<String> {
    steps.into_iter().filter(|step| !prefixes.iter().any(|prefix| step.starts_with(prefix))).collect()
}

/// Every `reached("…")` in the library's source, so that a new one is not forgotten. Only a move of a key passes those that begin
/// with `key`, and only an adoption those that begin with `adoption`.
fn all_steps() -> BTreeSet<String> {
    let steps = steps_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(steps.len() >= 14, "looked in the wrong place: {steps:?}");
    steps
}

fn steps_in(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(steps_in(&entry.path()));
        } else if entry.path().extension().is_some_and(|kind| kind == "rs") {
            let source = fs::read_to_string(entry.path()).unwrap();
            let names = source.split("reached(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
            found.extend(names);
        }
    }
    found
}
