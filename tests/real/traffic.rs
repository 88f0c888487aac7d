//! What a cached token costs, seen by the kernel: no network, no socket but the one of D-Bus, one read of the store, and a count that is written in
//! place. The first of an hour is told to the trail.

use std::fs;

use crate::needs::Need::{Keyring, Provider as Server, Strace};
use crate::needs::on_desktop;
use crate::provider::Provider;

#[test]
fn a_cached_token_opens_only_the_bus_socket() {
    let Some((provider, machine)) = on_desktop(&[Server, Keyring, Strace], || Provider::start(&[])) else { return };
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

#[test]
fn a_cached_token_reads_the_store_once_and_only_counts() {
    let Some((provider, machine)) = on_desktop(&[Server, Keyring, Strace], || Provider::start(&[])) else { return };
    let acme = machine.acme(&provider.issuer).logged_in(&provider, "ada");
    let log = machine.scratch().join("strace.log");
    let changes = "openat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,ftruncate,fsync,fdatasync,utimensat";
    let trace = format!("trace=sendmsg,sendto,{changes}");
    let strace = ["strace", "-f", "-qq", "-s", "400", "-e", &trace, "-o", log.to_str().unwrap()];
    // The trail tells of the first.
    acme.run(&["auth", "token"]).exits(0);
    acme.run_under(&strace, &["auth", "token"]).exits(0);

    let calls = fs::read_to_string(&log).unwrap();
    assert_eq!(calls.matches("GetSecret").count(), 1, "{calls}");
    let is_change = |call: &&str| {
        let opens = call.contains("openat(");
        let reads = opens && !["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|flag| call.contains(flag));
        changes.split(',').any(|name| call.contains(&format!("{name}("))) && !reads
    };
    let changes: Vec<&str> = calls.lines().filter(is_change).collect();
    assert!(matches!(&changes[..], [count] if count.contains(".uses\"")), "{changes:#?}");

    // Once an hour it says that the grant is in use, by the time of its lock file.
    let lock = machine.home_entries().into_iter().find(|path| path.extension().is_some_and(|kind| kind == "lock"));
    let lock = lock.filter(|path| path.parent().unwrap().ends_with("grants")).expect("a lock file");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    fs::File::open(&lock).unwrap().set_modified(old).unwrap();
    acme.run(&["auth", "token"]).exits(0);
    let marked = fs::metadata(&lock).unwrap().modified().unwrap();
    assert!(marked.duration_since(old).unwrap().as_secs() > 7000, "it was not marked");
}
