//! `acme auth login` as a process: two events or a conversation, an exit code, and Ctrl-C.

use serde_json::Value;

use crate::support::acme::*;

#[test]
fn a_login_in_json_is_two_events() {
    let acme = Acme::new();
    acme.server.approve_all();
    let ran = acme.run(&["auth", "login", "--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let [shown, logged_in] = &ran.stdout.lines().map(json).collect::<Vec<_>>()[..] else { panic!("{ran:?}") };
    let names = [
        "custody",
        "event",
        "expires_at",
        "instead_of",
        "interval",
        "lasts",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        // Of the state folder that ACME_HOME names.
        "warnings",
    ];
    assert_eq!(members(shown), names);
    is_in_the_manual(&members(shown));
    is_in_the_manual(&members(logged_in));
    assert_eq!((shown["event"].as_str(), shown["interval"].as_u64()), (Some("device_authorization"), Some(1)));
    assert_eq!(shown["verification_uri"], format!("{}/device", acme.server.issuer()));
    let expires_at = shown["expires_at"].as_str().unwrap();
    assert!(expires_at.len() == 20 && expires_at.ends_with('Z'), "{expires_at}");
    assert_eq!(
        members(logged_in),
        ["account", "context", "custody", "event", "expires_at", "lasts", "left_alive", "org", "renews", "scopes"]
    );
    assert_eq!((logged_in["event"].as_str(), logged_in["custody"].as_str()), (Some("logged_in"), Some("keyfile")));
    assert_eq!((logged_in["context"].as_str(), &logged_in["org"]), (Some("alice@example.com"), &Value::Null));
    assert_eq!(logged_in["account"]["subject"], "alice");
    assert_eq!(logged_in["scopes"], serde_json::json!(["openid", "offline_access", "email"]));

    // A key that is gone is said by the name of its place.
    acme.lose_keys();
    assert_json_error(&acme.run(&["auth", "token", "--json"]), 6, "custody", "log_in");
    assert_json_error(&acme.run(&["whoami", "--json"]), 6, "custody", "log_in");
    let token = acme.run(&["auth", "token"]);
    assert_eq!((token.code, token.stdout.as_str()), (6, ""));
    assert!(
        token.stderr.contains("no longer in the file that a key file opens")
            && token.stderr.contains("hint: run `acme auth login"),
        "{token:?}"
    );
    // What needs no key still answers.
    let mut status = json(&acme.run(&["auth", "status", "--json"]).stdout);
    let own = status.as_object_mut().unwrap();
    assert_eq!(own.remove("network"), Some(serde_json::json!([])));
    assert_eq!(own.remove("state_folder_from"), Some("ACME_HOME".into()));
    assert!(own.remove("state_folder").is_some());
    let login = serde_json::json!(["acme", "auth", "login", "--context", "alice@example.com"]);
    assert_eq!(own.remove("next_steps").unwrap()[0]["command"], login);
    assert_eq!((status["context"].as_str(), status["is_default"].as_bool()), (Some("alice@example.com"), Some(true)));
    let list = json(&acme.run(&["auth", "list", "--json"]).stdout);
    assert_eq!(list.as_array().unwrap().len(), 1);
    for (member, value) in status.as_object().unwrap() {
        assert_eq!(&list[0][member], value, "{member}");
    }
    assert!(acme.run(&["auth", "status"]).stdout.contains("alice@example.com"));
    assert!(acme.run(&["auth", "list"]).stdout.contains("\n* alice@example.com"));
    let out = acme.run(&["auth", "logout", "--json"]);
    let ended = &json(&out.stdout)["logged_out"][0];
    assert_eq!(
        (out.code, ended["ended"].as_str(), ended["context"].as_str()),
        (0, Some("unreadable"), Some("alice@example.com"))
    );
    assert_eq!((acme.run(&["auth", "list", "--json"]).stdout.trim(), acme.grants()), ("[]", 0));
}

/// It would be over with the command that made it.
#[test]
fn a_key_in_memory_is_refused_before_anything_is_sent() {
    let acme = Acme::new();
    let memory = [("ACME_CUSTODY", "memory")];
    for ephemeral in [&[][..], &["--ephemeral"]] {
        let ran = acme.run_with(&[&["auth", "login", "--json"], ephemeral].concat(), &memory);
        assert_eq!((ran.code, ran.stdout.lines().count()), (2, 1), "{ran:?}");
        assert_error_event(&ran.stdout, "config", Some("choose_place"));
        let ran = acme.run_with(&[&["auth", "login", "--wait"], ephemeral].concat(), &memory);
        assert!(ran.code == 2 && ran.stderr.contains("a key in memory would end with this process"), "{ran:?}");
        if !ephemeral.is_empty() && !cfg!(target_os = "linux") {
            // No other place there ends with a session.
            continue;
        }
        let hint = ran.stderr.lines().find(|line| line.starts_with("hint: ")).unwrap();
        assert!(hint.starts_with("hint: set ACME_CUSTODY to one of: ") && !hint.contains("memory"), "{ran:?}");
        assert_eq!(hint.contains("keyfile"), ephemeral.is_empty(), "{ran:?}");
        assert!(!cfg!(target_os = "linux") || hint.contains("session"), "{ran:?}");
    }
    assert!(acme.server.requests().is_empty() && !acme.home().exists());
}

#[test]
fn a_login_for_a_person_keeps_standard_output_empty() {
    let acme = Acme::new();
    acme.server.approve_all();
    let ran = acme.run(&["auth", "login", "--wait", "--context", "work"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    for words in [
        "acme wants to log you in",
        "Host   127.0.0.1:",
        "Code   ",
        "Only continue if you started this",
        "Logged in",
        "work",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {ran:?}");
    }
    assert!(!ran.stderr.contains('\u{1b}'));
    let out = acme.run(&["auth", "logout", "--context", "work", "--local-only"]);
    assert_eq!((out.code, out.stdout.as_str()), (0, ""));
    assert!(out.stderr.contains("Forgot work"), "{out:?}");
}

#[test]
fn a_login_without_a_terminal_does_not_wait() {
    let acme = Acme::new();
    let ran = acme.run(&["auth", "login"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (4, ""), "{ran:?}");
    assert!(ran.stderr.contains("error:") && ran.stderr.contains("hint:") && ran.stderr.contains("--json"), "{ran:?}");
    assert!(acme.server.requests().is_empty() && !acme.home().exists());
}

#[test]
fn a_failed_login_ends_with_an_error_event_and_exit_code() {
    let acme = Acme::new();
    acme.server.deny_all();
    let ran = acme.run(&["auth", "login", "--json"]);
    assert_eq!((ran.code, ran.stdout.lines().count(), ran.stderr.as_str()), (1, 2, ""), "{ran:?}");
    assert_error_event(ran.stdout.lines().last().unwrap(), "denied", Some("log_in"));

    let ran = acme.run_with(&["auth", "login", "--json"], &[("ACME_ISSUER", "http://127.0.0.1:1")]);
    assert_eq!((ran.code, ran.stdout.lines().count()), (5, 1), "{ran:?}");
    assert_error_event(&ran.stdout, "unreachable", Some("retry"));

    let ran = acme.run_with(&["auth", "login", "--json"], &[("ACME_CLIENT_ID", "other")]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_error_event(&ran.stdout, "authorization_server", Some("fix_config"));
    assert_eq!(acme.grants(), 0);
}

#[test]
fn a_login_that_cannot_begin_ends_with_an_error_event() {
    let acme = Acme::new();
    for variables in [
        ("ACME_ISSUER", "http://id.example.com"),
        ("ACME_ALLOW_LOOPBACK_HTTP", "0"),
        ("ACME_CUSTODY", "floppy"),
        ("ACME_CLIENT_ID", "\u{7}"),
    ] {
        let ran = acme.run_with(&["auth", "login", "--json"], &[variables]);
        assert_eq!((ran.code, ran.stdout.lines().count()), (2, 1), "{variables:?}: {ran:?}");
        assert_error_event(&ran.stdout, "config", Some("fix_config"));
    }
    assert!(acme.server.requests().is_empty());
}

/// Not on Windows, where Ctrl-C comes from a console to all of its processes, this one too.
#[test]
#[cfg(unix)]
fn ctrl_c_ends_a_login_with_130_and_leaves_nothing() {
    use std::io::{BufRead, BufReader, Read};

    use rustix::process::{Pid, Signal, kill_process};
    for (mode, event) in [("--json", true), ("--wait", false)] {
        let acme = Acme::new();
        let mut child = acme.command(&["auth", "login", mode]).spawn().unwrap();
        // The code was shown: it waits.
        let mut line = String::new();
        match event {
            true => BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).map(drop).unwrap(),
            false => child.stderr.as_mut().unwrap().read_exact(&mut [0; 24]).unwrap(),
        }
        crate::support::rig::until("the device authorization", || !acme.server.pending_user_codes().is_empty());
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let ran = ended(child);
        assert_eq!(ran.code, 130, "{mode}: {ran:?}");
        match event {
            true => assert_error_event(ran.stdout.lines().last().unwrap(), "cancelled", None),
            false => assert_eq!(ran.stdout, ""),
        }
        assert_eq!((acme.grants(), acme.server.live_families()), (0, 0));
        assert_eq!(acme.run(&["auth", "list", "--json"]).stdout.trim(), "[]");
    }
}
