//! Library code is silent (law 15).

use std::fs;
use std::process::Command;

use hallpass::TokenRequest;
use hallpass::contexts::Logout;
use hallpass::testing::{Endpoint, Fault};

use crate::support::rig::{Rig, S, forced, full_name, token};

/// In its own process, where nothing else prints.
#[test]
fn a_life_prints_nothing_and_installs_no_signal_handler() {
    const ALONE: &str = "HALLPASS_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        let before = signal_handlers();
        live();
        assert_eq!(signal_handlers(), before);
        return;
    }
    let mut alone = Command::new(std::env::current_exe().unwrap());
    let test = full_name(module_path!(), "a_life_prints_nothing_and_installs_no_signal_handler");
    let output = alone.args(["--exact", &test, "--nocapture", "--quiet"]).env(ALONE, "1").output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let own: Vec<_> = stdout.lines().filter(|line| !line.is_empty() && *line != ".").collect();
    let [running, result] = own[..] else { panic!("{stdout}") };
    assert!(running == "running 1 test" && result.starts_with("test result: ok. 1 passed"), "{stdout}");
    assert_eq!(stderr, "");
}

/// From login to logout, with failures on the way.
fn live() {
    let (rig, session) = Rig::expired();
    token(&session);
    rig.server.inject(Endpoint::Token, Fault::HtmlReply);
    assert!(forced(&session).is_err());
    rig.server.inject_always(Endpoint::Token, Fault::LoseReply);
    rig.clock.advance(S(3600));
    assert!(session.access_token_with(TokenRequest::default()).wait().is_err());
    rig.auth().doctor().wait().unwrap();
    rig.auth().repair().wait().unwrap();
    drop(rig.auth().logout(Logout::default().local_only()).wait().unwrap());
}

/// The signals that this process catches or ignores.
fn signal_handlers() -> Vec<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.lines().filter(|line| line.starts_with("SigCgt") || line.starts_with("SigIgn")).map(str::to_owned).collect()
}
