//! What a cached token costs, seen by the kernel: no network, and no socket but the one of D-Bus.

use std::fs;

use crate::machine::Machine;
use crate::needs::Need::{Keyring, Provider as Server, Strace};
use crate::needs::left_out;
use crate::provider::Provider;

#[test]
fn a_cached_token_opens_no_socket_but_the_bus() {
    if left_out(&[Server, Keyring, Strace]) {
        return;
    }
    let (provider, machine) = (Provider::start(&[]), Machine::desktop());
    let acme = machine.acme(&provider.issuer).logged_in(&provider, "ada");
    let log = machine.scratch().join("strace.log");
    let strace = ["strace", "-f", "-qq", "-s", "200", "-e", "trace=socket,connect", "-o", log.to_str().unwrap()];
    acme.run_under(&strace, &["auth", "token"]).exits(0);

    let calls = fs::read_to_string(&log).unwrap();
    assert!(calls.contains("socket("), "strace saw nothing; without the keyring there would be no token: {calls}");
    assert!(!calls.contains("AF_INET"), "a cached token went to the network:\n{calls}");
    let bus = format!("sun_path=\"{}\"", machine.bus().display());
    let others: Vec<&str> = calls.lines().filter(|call| call.contains("connect(") && !call.contains(&bus)).collect();
    assert!(others.is_empty(), "connects to more than D-Bus: {others:#?}");
}
