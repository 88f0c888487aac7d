//! How many threads jobs take, and a process that can start none. Each test runs in its own process.
#![cfg(target_os = "linux")]

use std::process::Command;

use hallpass::custody::{Custody, KeyStoreName};
use hallpass::prompt::Silent;
use hallpass::{Auth, Config, ErrorKind, Login};

use crate::support::rig::{Rig, assert_error, full_name};

const ALONE: &str = "HALLPASS_TEST_ALONE";

/// Runs a test of this file again, as another process. Returns false in that process.
fn ran_alone(test: &str, environment: &[(&str, &str)]) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return false;
    }
    let mut alone = Command::new(std::env::current_exe().unwrap());
    alone.args(["--exact", &full_name(module_path!(), test)]).env(ALONE, "1").envs(environment.iter().copied());
    let output = alone.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    true
}

#[test]
fn session_or_login_starts_no_thread_for_a_token_on_disk() {
    if ran_alone("session_or_login_starts_no_thread_for_a_token_on_disk", &[]) {
        return;
    }
    let rig = Rig::new();
    let key_files = |config: &mut Config| config.custody.choice = Custody::Only(vec![KeyStoreName::KeyFile]);
    let own = rig.try_log_in(key_files).unwrap().access_token().wait().unwrap();
    rig.server.clear_requests();
    let mut config = rig.config();
    key_files(&mut config);
    let auth = Auth::new(config).unwrap();
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    // The server's threads come and go: what counts is the name.
    crate::support::rig::until("the end of the login's threads", || names() == 0);
    let before = threads();
    let session = auth.session_or_login(Login::new(Silent));
    assert_eq!((names(), format!("{session:?}").as_str()), (0, "Job(ready)"));
    let session = session.wait().unwrap();
    assert_eq!(session.access_token().wait().unwrap().expose(), own.expose());
    assert!(names() == 0 && threads() <= before, "{} threads, {before} before", threads());
    assert_eq!(rig.server.requests(), []);
}

/// The threads of jobs.
fn names() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "hallpass-job").count()
}

/// A stack that does not fit into the address space is as good as no more threads: pthread_create(3) gives `EAGAIN`.
#[test]
fn a_failure_to_start_a_thread_comes_out_of_the_job() {
    let test = "a_failure_to_start_a_thread_comes_out_of_the_job";
    if ran_alone(test, &[("RUST_MIN_STACK", "140737488355328")]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new("acme", "https://id.example.com", "acme-cli").unwrap();
    config.state_dir = Some(folder.path().join("state"));
    let auth = Auth::new(config).unwrap();
    let error = auth.login(Login::new(Silent)).wait().unwrap_err();
    assert_error(&error, ErrorKind::Custody, None, 6);
    assert_eq!(error.to_string(), "this process can start no thread");
    assert!(auth.doctor().wait().is_err());
    assert!(auth.shutdown(std::time::Duration::ZERO) && Auth::shutdown_all(std::time::Duration::ZERO));
}
