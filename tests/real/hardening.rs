//! A command keeps its memory to itself.

use std::fs;
use std::os::unix::fs::MetadataExt;

use hallpass::testing::{AuthorizationServer, Behaviour};

use crate::machine::Machine;
use crate::needs::Need::Root;
use crate::needs::left_out;

/// proc(5): the files of a process that is not dumpable belong to root, whoever runs it.
#[test]
fn a_waiting_command_is_not_dumpable_or_readable() {
    if left_out(&[Root]) {
        return;
    }
    let mut behaviour = Behaviour::default();
    behaviour.interval = Some(1);
    // Nobody approves.
    let server = AuthorizationServer::start_with(behaviour).unwrap();
    let machine = Machine::headless();
    let home = machine.scratch().join("state");
    let program = machine.scratch().join("acme");
    fs::copy(crate::acme::example("acme"), &program).unwrap();
    std::os::unix::fs::chown(machine.scratch(), Some(4242), None).unwrap();
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "keyfile").with("ACME_HOME", home.to_str().unwrap());
    let user = ["--reuid=4242", "--regid=4242", "--clear-groups", program.to_str().unwrap(), "auth", "login", "--json"];
    let mut waiting = crate::process::Running::start(&mut acme.command_of("setpriv".as_ref(), &user));
    assert!(waiting.line().is_some_and(|line| line.contains("user_code")), "it waits");

    let of = |name: &str| format!("/proc/{}/{name}", waiting.child.id());
    let limits = fs::read_to_string(of("limits")).unwrap();
    let core: Vec<&str> =
        limits.lines().find(|line| line.starts_with("Max core file size")).unwrap().split_whitespace().collect();
    assert_eq!(core[4], "0", "{limits}");
    assert_eq!(fs::metadata(of("mem")).unwrap().uid(), 0, "another process of the same user may read its memory");
    assert_eq!(fs::metadata(of("environ")).unwrap().uid(), 0, "and its environment");
    let status = fs::read_to_string(of("status")).unwrap();
    assert!(status.contains("Uid:\t4242\t"), "{status}");
}
