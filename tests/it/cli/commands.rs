//! The commands, run as a process: `acme` against the embedded server, by the machine's own clock.

use std::io::pipe;

use crate::support::acme::*;
use crate::support::rig::Rig;

#[test]
fn a_wrong_configuration_is_exit_code_2() {
    let acme = Acme::new();
    for command in ["token", "status", "list", "logout"] {
        let ran = acme.run_with(&["auth", command, "--json"], &[("ACME_ISSUER", "http://id.example.com")]);
        assert_json_error(&ran, 2, "config", "fix_config");
        let ran = acme.run_with(&["auth", command], &[("ACME_ISSUER", "http://id.example.com")]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.contains("error:") && ran.stderr.contains("hint:"), "{ran:?}");
    }
    assert_eq!(acme.run(&["auth", "login", "--context", "a/b"]).code, 2);
    assert_eq!(acme.run(&["auth", "fly"]).code, 2);
    let ran = acme.run_with(&["auth", "token", "--json"], &[("ACME_CONTEXT", "../x")]);
    assert_json_error(&ran, 2, "config", "fix_config");
}

#[test]
fn every_duration_is_read_by_one_grammar() {
    let acme = Acme::new();
    acme.server.approve_all();
    assert_eq!(acme.run(&["auth", "login", "--json"]).code, 0);
    let token = acme.run(&["auth", "token"]).stdout;
    for good in ["90", "90s", "15m", "PT15M", "0"] {
        assert_eq!(acme.run(&["auth", "token", "--min-validity", good]).stdout, token, "{good}");
        let variables = ["ACME_KEY_CACHE", "ACME_REQUEST_TIMEOUT", "ACME_LOCK_TIMEOUT"].map(|name| (name, good));
        let ran = acme.run_with(&["auth", "token"], &variables);
        assert_eq!((ran.code, &ran.stdout), (0, &token), "{good}: {ran:?}");
    }
    assert_ne!(acme.run(&["auth", "token", "--min-validity", "1d"]).stdout, token);
    let grammar = "write 90 (seconds), 15m, 8h, 30d or PT8H";
    for bad in ["soon", "1.5h", "-1", "1h30m", "P1M"] {
        let flag = format!("--min-validity={bad}");
        let ran = acme.run(&["auth", "token", &flag]);
        assert!(ran.code == 2 && ran.stderr.contains(grammar), "{ran:?}");
        assert_json_error(&acme.run(&["auth", "token", &flag, "--json"]), 2, "config", "fix_config");
        for name in ["ACME_KEY_CACHE", "ACME_REQUEST_TIMEOUT", "ACME_LOCK_TIMEOUT", "ACME_CLOCK"] {
            let ran = acme.run_with(&["auth", "token"], &[(name, bad)]);
            let named = format!("error: {name} \"{bad}\" is no duration: {grammar}\n");
            assert!(ran.code == 2 && ran.stderr.contains(&named), "{ran:?}");
        }
    }
    // Whatever is set to nothing is unset.
    assert_eq!(acme.run_with(&["auth", "token"], &[("ACME_LOCK_TIMEOUT", "")]).code, 0);
}

#[test]
fn without_a_login_each_command_says_so() {
    let acme = Acme::new();
    for command in [&["auth", "token"][..], &["auth", "status"], &["whoami"]] {
        assert_json_error(&acme.run(&[command, &["--json"]].concat()), 4, "not_logged_in", "log_in");
        let ran = acme.run(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (4, ""), "{ran:?}");
        assert!(ran.stderr.contains("hint: run `acme auth login`"), "{ran:?}");
    }
    let ran = acme.run(&["auth", "token", "--json", "--context", "work"]);
    assert_json_error(&ran, 4, "not_logged_in", "log_in");
    let list = acme.run(&["auth", "list", "--json"]);
    assert_eq!((list.code, list.stdout.trim()), (0, "[]"));
    let list = acme.run(&["auth", "list"]);
    assert_eq!((list.code, list.stdout.as_str()), (0, ""));
    assert!(list.stderr.contains("Nobody is logged in"), "{list:?}");
    let all = acme.run(&["auth", "logout", "--all", "--json"]);
    assert_eq!((all.code, all.stdout.trim()), (0, "{\"failed\":[],\"logged_out\":[],\"ok\":true}"));
    assert!(acme.server.requests().is_empty() && !acme.home().exists());
}

#[test]
fn a_refused_state_folder_is_exit_code_6() {
    let acme = Acme::new();
    std::fs::write(acme.home(), "").unwrap();
    for command in ["token", "status", "list", "logout"] {
        assert_json_error(&acme.run(&["auth", command, "--json"]), 6, "custody", "fix_path");
    }
}

#[test]
fn an_environment_token_is_printed_as_it_is() {
    let rig = Rig::new();
    let own = crate::support::rig::token(&rig.log_in());
    let acme = Acme::new();
    let with =
        |arguments: &[&str]| acme.run_with(arguments, &[("ACME_TOKEN", &own), ("ACME_ISSUER", rig.server.issuer())]);
    let ran = with(&["auth", "token"]);
    assert_eq!((ran.code, ran.stdout, ran.stderr.as_str()), (0, format!("{own}\n"), ""));
    let object = json(&with(&["auth", "token", "--json"]).stdout);
    assert_eq!(members(&object), ["access_token", "context", "expires_at", "ok", "org", "scopes", "token_type"]);
    assert_eq!((object["access_token"].as_str(), object["token_type"].as_str()), (Some(own.as_str()), Some("bearer")));
    assert_eq!(with(&["whoami"]).stdout, format!("alice@example.com at {}\n", &rig.server.issuer()[7..]));
    assert_eq!(json(&with(&["whoami", "--json"]).stdout)["sub"], "alice");
    let status = with(&["auth", "status", "--json"]);
    assert!(status.code == 0 && !status.stdout.contains(&own), "{status:?}");
    assert!(!acme.home().exists());
}

#[test]
fn help_names_every_command() {
    let acme = Acme::new();
    let help = acme.run(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (0, ""));
    assert!(help.stdout.contains("auth ") && help.stdout.contains("whoami "), "{help:?}");
    let help = acme.run(&["auth", "--help"]).stdout;
    for command in ["login", "token", "status", "list", "switch", "rename", "logout"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))), "{command}: {help}");
        let own = acme.run(&["auth", command, "--help"]);
        assert!(own.code == 0 && own.stdout.contains("--json"), "{own:?}");
    }
}

#[test]
fn a_closed_output_is_no_panic() {
    let acme = Acme::new();
    for arguments in [
        &["auth", "list", "--json"][..],
        &["auth", "token", "--json"],
        &["auth", "logout", "--all", "--json"],
        &["auth", "login", "--json"],
        &["whoami", "--json"],
        &["--help"],
    ] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let ran = ended(acme.command(arguments).stdout(writer).spawn().unwrap());
        assert!((0..=6).contains(&ran.code), "{arguments:?}: {ran:?}");
    }
    assert_eq!(acme.grants(), 0);
}
