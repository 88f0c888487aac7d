//! A D-Bus that another user runs: whoever set the variable for it would be handed the keys, or told that they are lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::embedded::server;
use crate::machine::eventually;
use crate::needs::Need::{Keyring, Root, Terminal};
use crate::needs::on_desktop;

#[test]
fn a_bus_of_another_user_is_not_asked() {
    let Some((server, machine)) = on_desktop(&[Keyring, Terminal, Root], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "os");
    acme.log_in();
    let (token, grant) = (acme.token(), acme.grant());

    let folder = machine.scratch().join("theirs");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(machine.scratch(), fs::Permissions::from_mode(0o755)).unwrap();
    let socket = folder.join("bus");
    let address = format!("unix:path={}", socket.display());
    let mut bus = machine.command("setpriv", &folder);
    bus.args(["--reuid=4242", "--clear-groups", "dbus-daemon", "--session", "--nofork", "--nosyslog"]);
    let mut bus = bus.arg(format!("--address={address}")).stderr(Stdio::null()).spawn().unwrap();
    eventually("their bus", || socket.exists());

    let misled = acme.clone().with("DBUS_SESSION_BUS_ADDRESS", &address);
    for arguments in [&["auth", "token", "--json"][..], &["auth", "logout", "--json"]] {
        let run = misled.run(arguments).exits(6);
        run.fails_with("custody", "startstore");
        assert!(run.stdout.contains("the D-Bus session bus is run by another user"), "{run}");
    }
    misled.run(&["auth", "login", "--json"]).exits(6).fails_with("custody", "chooseplace");
    let _ = bus.kill().and_then(|()| bus.wait());

    assert_eq!((acme.token(), acme.grant()), (token, grant), "nothing was lost");
}
