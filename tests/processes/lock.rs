//! One home, one lock: who never meets at it, who may not touch it, and a holder that stands still or dies.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::control::Signal;
use crate::needs::Need::{Keyring, Root};
use crate::process::{self, Run};
use crate::rig::{Bystander, OWN, Rig, Server, among_others};

#[test]
fn another_state_folder_is_another_login() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    let rig = Rig::logged_in(Server::Strict);
    rig.expire(&rig.acme());
    let (record, requests) = (fs::read(rig.record(OWN)).unwrap(), rig.server.requests().len());

    let elsewhere = rig.machine.scratch().join("elsewhere");
    let stranger = rig.acme().with("ACME_HOME", elsewhere.to_str().unwrap());
    stranger.run(&["auth", "token", "--json"]).exits(4).fails_with("notloggedin", "login");
    assert_eq!(rig.server.requests().len(), requests);
    assert!(fs::read(rig.record(OWN)).unwrap() == record, "the first home has changed");
    assert!(!elsewhere.exists(), "asking for a token made a home");
    rig.acme().run(&["auth", "token"]).exits(0);
}

#[test]
fn another_user_can_neither_read_nor_block() {
    let Some(_cores) = among_others(&[Keyring, Root]) else { return };
    let rig = Rig::logged_in(Server::Strict);
    rig.expire(&rig.acme());
    let record = rig.record(OWN);
    let (lock, state) = (record.with_extension("lock"), rig.home.parent().unwrap());

    // The way to the state folder is open, so that nothing but its own permissions keeps anybody out.
    for folder in [rig.machine.scratch(), &rig.machine.home(), state] {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    let witness = state.join("witness");
    fs::write(&witness, "seen").unwrap();
    assert_eq!(another_user("cat", &[&witness]).exits(0).word(), "seen");

    let attempts =
        [("cat", &record), ("cat", &lock), ("ls", &rig.home), ("touch", &rig.home.join("grants/mine")), ("rm", &lock)];
    let attempts = attempts.map(|(program, path)| another_user(program, &[path]));
    let locks = another_user("flock", &[Path::new("--nonblock"), &lock, Path::new("true")]);
    for run in attempts.into_iter().chain([locks]) {
        assert!(run.code.is_some_and(|code| code != 0) && run.stderr.contains("Permission denied"), "{run}");
    }
    rig.acme().run(&["auth", "token"]).exits(0);
}

#[test]
fn a_stopped_lock_holder_is_named_and_its_death_heals() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    let rig = Rig::logged_in(Server::Strict);
    let bystander = Bystander::new(&rig);
    rig.expire(&rig.acme());
    let holder = rig.acme().with("HALLPASS_FAILPOINT", "STOP:intended:1").start(&["auth", "token"]);
    assert!(holder.stops());

    let impatient = rig.acme().with("ACME_LOCK_TIMEOUT", "1").run(&["auth", "token", "--json"]).exits(6);
    impatient.fails_with("custody", "otherprocess");
    let message = impatient.json().pop().unwrap()["message"].to_string();
    let lock = rig.record(OWN).with_extension("lock");
    for named in [&format!("process {} ", holder.child.id()), " s ago", lock.to_str().unwrap()] {
        assert!(message.contains(named), "does not name {named:?}: {impatient}");
    }
    bystander.is_well(&rig);

    // One that waits all the while is healed, and the next one too.
    let patient = rig.acme().with("ACME_LOCK_TIMEOUT", "3600").start(&["auth", "token"]);
    thread::sleep(Duration::from_millis(300));
    holder.signal(Signal::KILL);
    let token = patient.finish().exits(0).word();
    assert_eq!(rig.acme().run(&["auth", "token"]).exits(0).word(), token);
    assert!(rig.takes(&token));
    bystander.can_be_refreshed(&rig);
}

/// Runs a program as somebody who is nobody here.
fn another_user(program: &str, arguments: &[&Path]) -> Run {
    const NOBODY: u32 = 65534;
    process::run(Command::new(program).args(arguments).env("LC_ALL", "C").current_dir("/").uid(NOBODY).gid(NOBODY))
}
