//! Who leaves in mid-exchange: SIGINT, SIGTERM, and hosts whose `main` ends. What the server has rotated is written down first.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use hallpass::testing::{Endpoint, Fault};

use crate::acme::example;
use crate::control::Signal;
use crate::needs::Need::Keyring;
use crate::process::{Run, Running};
use crate::rig::{Rig, Server, among_others};

/// The signals that ask a process to end, and its exit code then.
const ASKED_TO_END: [(Signal, i32); 2] = [(Signal::INT, 130), (Signal::TERM, 143)];

/// How long a reply is on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(2);

#[test]
fn a_signal_in_mid_exchange_waits_for_the_commit() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    let rig = Rig::logged_in(Server::Strict);
    for (signal, code) in ASKED_TO_END {
        rig.expire(&rig.acme());
        let acme = in_mid_exchange(&rig, || rig.acme().start(&["auth", "token"]));
        acme.signal(signal);
        acme.finish().exits(code);
        the_rotated_token_is_kept(&rig);
    }
}

/// As it comes from the terminal and once more from a program around this one that passes it on.
#[test]
fn two_signals_at_once_count_as_one() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    let rig = Rig::logged_in(Server::Strict);
    for (signal, code) in ASKED_TO_END {
        rig.expire(&rig.acme());
        let acme = in_mid_exchange(&rig, || rig.acme().start(&["auth", "token"]));
        acme.signal(signal);
        thread::sleep(Duration::from_millis(5));
        acme.signal(signal);
        acme.finish().exits(code);
        the_rotated_token_is_kept(&rig);
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_lock() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    let rig = Rig::logged_in(Server::Strict);
    for (signal, code) in ASKED_TO_END {
        rig.expire(&rig.acme());
        let holder = rig.acme().with("HALLPASS_FAILPOINT", "STOP:intended:1").start(&["auth", "token"]);
        assert!(holder.stops());
        // Longer than this test waits for any process, so that only the signal can end it.
        let waiter = rig.acme().with("ACME_LOCK_TIMEOUT", "3600").start(&["auth", "token"]);
        assert!(waiter.comes_to("its handler", || catches_signals(&waiter)));
        // It is at the lock by then; and where it is not, a signal must end it all the same.
        thread::sleep(Duration::from_millis(300));
        waiter.signal(signal);
        waiter.finish().exits(code);

        holder.signal(Signal::CONT);
        holder.finish().exits(0);
    }
}

#[test]
fn a_host_that_exits_in_mid_exchange_loses_no_token() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    let rig = Rig::logged_in(Server::Strict);
    for how in ["returns", "shuts down", "static, shuts all down"] {
        leaves(&rig, how).exits(0);
        the_rotated_token_is_kept(&rig);
    }
    // Those that do nothing of it show that the others were in mid-exchange.
    for how in ["exits", "static"] {
        let rig = Rig::logged_in(Server::Strict);
        leaves(&rig, how).exits(0);
        rig.acme().run(&["auth", "token", "--json"]).exits(4).fails_with("interrupted", "login");
    }
}

/// Runs a host that leaves while the reply is on its way.
fn leaves(rig: &Rig, how: &str) -> Run {
    rig.expire(&rig.acme());
    let mut host = in_mid_exchange(rig, || {
        let mut command = rig.acme().command_of(&example("leaves"), &[how]);
        Running::start(command.stdin(Stdio::piped()))
    });
    writeln!(host.take_stdin()).unwrap();
    host.finish()
}

/// Starts a process that refreshes, and waits until the server has rotated; the reply is still on its way.
fn in_mid_exchange(rig: &Rig, start: impl FnOnce() -> Running) -> Running {
    rig.server.inject(Endpoint::Token, Fault::DelayReply(ON_ITS_WAY));
    let before = rig.rotations();
    let running = start();
    match running.comes_to("the server", || rig.rotations() > before) {
        true => running,
        false => panic!("it ended before: {}", running.finish()),
    }
}

#[track_caller]
fn the_rotated_token_is_kept(rig: &Rig) {
    let before = rig.server.requests().len();
    let token = rig.acme().run(&["auth", "token"]).exits(0).word();
    assert_eq!(rig.server.requests().len(), before, "a token was asked for again");
    assert!(rig.takes(&token));
}

/// Whether the process has its own handler for SIGINT: proc_pid_status(5).
fn catches_signals(running: &Running) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", running.child.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (Signal::INT.as_raw() - 1)) != 0
}
