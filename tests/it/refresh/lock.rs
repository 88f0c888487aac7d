//! Another process at the same login, on every system.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hallpass::blocking::wait;
use hallpass::{Auth, ErrorKind};

use crate::support::rig::{Rig, S, assert_error, token, until};

/// The file that the process behind [`another_process_with`] is to lock.
const LOCK: &str = "HALLPASS_TEST_LOCK";

#[test]
fn a_lock_is_anothers_until_it_dies_and_no_longer() {
    if let Some(lock) = std::env::var_os(LOCK) {
        return hold(Path::new(&lock));
    }
    let rig = Rig::new();
    let own = token(&rig.log_in());
    rig.clock.advance(S(3600));
    let mut config = rig.config();
    config.lock_timeout = Duration::from_millis(200);
    let session = Auth::new(config).unwrap().session().unwrap();

    let lock = rig.home().join("grants").join(format!("{}.lock", session.context().unwrap().grant));
    let mut other = another_process_with(&lock);
    let error = wait(session.access_token()).unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("other_process"), 6);
    assert!(rig.server.requests().is_empty());

    // No destructor runs, on any system.
    other.kill().unwrap();
    other.wait().unwrap();
    let next = token(&session);
    assert!(next != own && rig.server.is_live_access_token(&next));
}

/// This test again, as a process of its own.
fn another_process_with(lock: &Path) -> Child {
    let mut other = Command::new(std::env::current_exe().unwrap());
    other.args(["--exact", "refresh::lock::a_lock_is_anothers_until_it_dies_and_no_longer"]).env(LOCK, lock);
    let other = other.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    until("its lock", || File::open(lock).unwrap().try_lock().is_err());
    other
}

/// Until the process is killed, or its standard input ends because the one that started it has died.
fn hold(lock: &Path) {
    let lock = File::options().write(true).open(lock).unwrap();
    lock.lock().unwrap();
    let _ = std::io::stdin().read(&mut [0]);
}
