//! Another process holds the lock of the login.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hallpass::testing::{Endpoint, Fault};
use hallpass::{Auth, ErrorKind, TokenRequest};

use crate::support::rig::{Rig, S, assert_error, begun, forced, full_name, token, until};

/// The file that the process behind [`another_process_with`] is to lock.
const LOCK: &str = "HALLPASS_TEST_LOCK";

#[test]
fn a_lock_is_free_again_when_its_holder_dies() {
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
    let error = session.access_token().wait().unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("other_process"), 6);
    assert!(rig.server.requests().is_empty());

    // No destructor runs, on any system.
    other.kill().unwrap();
    other.wait().unwrap();
    let next = token(&session);
    assert!(next != own && rig.server.is_live_access_token(&next));
}

/// The session knows an older record, whose refresh token is spent.
#[test]
fn the_refresh_token_sent_is_the_one_read_under_the_lock() {
    let (rig, session) = Rig::logged_in();
    let other = rig.auth().session().unwrap();
    token(&other);
    forced(&session).unwrap();
    rig.clock.advance(S(3600));
    assert!(rig.server.is_live_access_token(&token(&other)));
    assert_eq!((rig.server.counts().refreshes, rig.server.counts().reuses), (2, 0));
}

/// On a disk whose locks do not hold: another process has committed while this one exchanged.
#[test]
fn a_newer_record_is_never_overwritten() {
    let rig = Rig::with(|behaviour| behaviour.grace = S(86_400));
    let session = rig.log_in();
    let path = rig.records().remove(0);
    let old = fs::read(&path).unwrap();
    forced(&session).unwrap();
    let new = fs::read(&path).unwrap();
    fs::write(&path, old).unwrap();
    fs::write(path.with_extension("lock"), "").unwrap();
    rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(200)));
    let auth = rig.auth();
    let request = TokenRequest::new().refresh();
    let late = begun(auth.session().unwrap().access_token_with(request));
    until("the second rotation", || rig.server.counts().rotations == 2);
    fs::write(&path, &new).unwrap();
    assert!(late.wait().is_err());
    assert_eq!(fs::read(&path).unwrap(), new);
}

/// This test again, as its own process.
fn another_process_with(lock: &Path) -> Child {
    let mut other = Command::new(std::env::current_exe().unwrap());
    other.args(["--exact", &full_name(module_path!(), "a_lock_is_free_again_when_its_holder_dies")]).env(LOCK, lock);
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

#[test]
fn the_wait_for_another_process_is_bounded() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let path = rig.records().remove(0).with_extension("lock");
    let held = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    held.lock().unwrap();
    let mut config = rig.config();
    config.lock_timeout = std::time::Duration::from_millis(40);
    let auth = hallpass::Auth::new(config).unwrap();
    rig.clock.advance(S(3595));
    assert_eq!(token(&auth.session().unwrap()), own, "still valid, and nobody waits longer than that");
    rig.clock.advance(S(5));
    for error in [
        auth.session().unwrap().access_token().wait().unwrap_err(),
        auth.logout(Default::default()).wait().unwrap_err(),
    ] {
        assert_error(&error, ErrorKind::Custody, Some("other_process"), 6);
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    }
    assert!(rig.server.requests().is_empty());
    drop(held);
    assert_ne!(token(&auth.session().unwrap()), own);
}
