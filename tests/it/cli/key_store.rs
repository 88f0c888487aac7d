//! Key stores at the command line: unknown names, a D-Bus address that leads nowhere, and the cause of a failure.

use crate::support::acme::*;

#[test]
fn an_unknown_key_store_stops_only_a_login() {
    let acme = Acme::logged_in("work", &[]);
    let nonsense = [("ACME_CUSTODY", "nonsense")];
    for command in ["status", "list", "token"] {
        assert_eq!(acme.run_with(&["auth", command], &nonsense).code, 0, "{command}");
    }
    let why = "there is no custody \"nonsense\": there are auto, os, ";
    let doctor = acme.run_with(&["auth", "doctor"], &nonsense);
    assert!(doctor.code == 1 && doctor.stdout.contains(why), "{doctor:?}");
    let login = acme.run_with(&["auth", "login", "--wait"], &nonsense);
    assert!(login.code == 2 && login.stderr.contains(why), "{login:?}");
    assert!(login.stderr.contains("hint: correct or unset ACME_CUSTODY"), "{login:?}");
    let moved = acme.run(&["auth", "doctor", "--move-to", "nonsense"]);
    assert!(moved.code == 2 && moved.stderr.contains("no key can move to \"nonsense\": this program has os, "));
    assert!(moved.stderr.contains("hint: name one of these places with --move-to"), "{moved:?}");
}

/// As a multiplexer or a container keeps it from a session that ended.
#[cfg(all(feature = "os-store", target_os = "linux"))]
#[test]
fn a_bus_address_that_leads_nowhere_is_named() {
    let acme = Acme::new();
    let (gone, refuses) = (acme.folder.path().join("gone/bus"), acme.folder.path().join("bus"));
    drop(std::os::unix::net::UnixListener::bind(&refuses).unwrap());
    for (path, what) in [(gone, "which does not exist"), (refuses, "where no bus listens")] {
        let address = format!("unix:path={},guid=00000000000000000000000000000000", path.display());
        let variables = [("ACME_CUSTODY", "os"), ("DBUS_SESSION_BUS_ADDRESS", address.as_str())];
        let ran = acme.run_with(&["auth", "login", "--wait"], &variables);
        let named =
            format!("DBUS_SESSION_BUS_ADDRESS names the D-Bus session bus {}, {what}; unset it", path.display());
        assert!(ran.code == 6 && ran.stderr.contains(&named), "{ran:?}");
        let doctor = acme.run_with(&["auth", "doctor"], &variables[1..]);
        assert!(doctor.stdout.contains(&named), "{doctor:?}");
    }
    // Nobody has named one: what is missing is.
    let folder = acme.folder.path().to_str().unwrap();
    let ran = acme.run_with(&["auth", "login", "--wait"], &[("ACME_CUSTODY", "os"), ("XDG_RUNTIME_DIR", folder)]);
    assert!(ran.stderr.contains(&format!("bus should be at {folder}/bus, where no bus listens")), "{ran:?}");
    let ran =
        acme.run_with(&["auth", "login", "--wait"], &[("ACME_CUSTODY", "os"), ("DBUS_SESSION_BUS_ADDRESS", "unix:")]);
    assert!(ran.stderr.contains("DBUS_SESSION_BUS_ADDRESS is no address of a bus; unset it"), "{ran:?}");
}

/// Whoever wrote the folder a person stands in may have set the variable: a bus that is no socket of this machine would start
/// his program, or be his program.
#[cfg(all(feature = "os-store", target_os = "linux"))]
#[test]
fn a_bus_address_that_starts_a_program_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let acme = Acme::new();
    let (program, mark) = (acme.folder.path().join("evil"), acme.folder.path().join("ran"));
    std::fs::write(&program, format!("#!/bin/sh\n: > '{}'\n", mark.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    for address in [format!("unixexec:path={}", program.display()), "tcp:host=127.0.0.1,port=9".into()] {
        let variables = [("ACME_CUSTODY", "os"), ("DBUS_SESSION_BUS_ADDRESS", address.as_str())];
        let ran = acme.run_with(&["auth", "login", "--json"], &variables);
        assert_eq!(ran.code, 6, "{ran:?}");
        assert_error_event(ran.stdout.trim_end(), "custody", Some("choose_place"));
        assert!(ran.stdout.contains("no socket of this machine"), "{ran:?}");
    }
    assert!(!mark.exists() && acme.server.requests().is_empty());
}

/// What a place says of its file in the state folder is told with its cause, wherever it is told.
#[cfg(target_os = "linux")]
#[test]
fn the_cause_of_a_key_store_failure_is_printed() {
    let acme = Acme::logged_in("work", &[]);
    let key = acme.home().join("key");
    std::fs::remove_file(&key).unwrap();
    std::os::unix::fs::symlink("key", &key).unwrap();
    for ran in [acme.run(&["auth", "token"]), acme.run(&["auth", "login", "--wait"])] {
        assert!(
            ran.code == 6 && ran.stderr.contains(&format!("{}: it is a symbolic link\n", key.display())),
            "{ran:?}"
        );
        assert!(ran.stderr.contains("\n  because: Too many levels of symbolic links"), "{ran:?}");
    }
    let report = json(&acme.run(&["auth", "doctor", "--json"]).stdout);
    let login = report["findings"].as_array().unwrap().iter().find(|finding| finding["area"] == "login").unwrap();
    assert!(login["because"].as_str().unwrap().starts_with("Too many levels"), "{login}");
}

#[test]
fn a_move_to_the_same_key_store_looks_for_the_key() {
    let acme = Acme::logged_in("work", &[]);
    let to = ["auth", "doctor", "--move-to", "keyfile"];
    let ran = acme.run(&to);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "The key of work is in keyfile already.\n"));
    acme.lose_keys();
    let ran = acme.run(&to);
    let why = "error: the key of this login is no longer in the file that a key file opens";
    assert!(
        ran.code == 6 && ran.stderr.starts_with(why) && ran.stderr.contains("auth login --context work"),
        "{ran:?}"
    );
    assert_json_of_moved(&json(&acme.run(&[&to[..], &["--json"]].concat()).stdout));
}

fn assert_json_of_moved(moved: &serde_json::Value) {
    assert_eq!(moved["moved"], serde_json::json!([]));
    assert_eq!((&moved["failed"][0]["context"], &moved["failed"][0]["remedy"]), (&"work".into(), &"log_in".into()));
}
