//! Several logins at the command line: `switch`, `rename`, and what `status` and `list` say of them.

use crate::support::acme::*;
use hallpass::testing::Person;

/// Alice as `home`, the default, and Bob as `work`.
fn two() -> Acme {
    let acme = Acme::new();
    for (person, name) in [(Person::default(), "home"), (crate::support::rig::bob(), "work")] {
        acme.server.approve_all_as(&person);
        assert_eq!(acme.run(&["auth", "login", "--json", "--context", name]).code, 0);
    }
    acme
}

#[test]
fn a_switch_says_what_it_did_and_what_outranks_it() {
    let acme = two();
    let ran = acme.run(&["auth", "switch", "work"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stderr.contains("Commands use work (bob@example.com at") && !ran.stderr.contains("note:"), "{ran:?}");
    let ran = acme.run_with(&["auth", "switch", "home"], &[("ACME_CONTEXT", "work")]);
    assert!(ran.stderr.contains("note: ACME_CONTEXT=work still takes precedence here"), "{ran:?}");
    let ran = acme.run_with(&["auth", "switch", "home"], &[("ACME_TOKEN", "given")]);
    assert!(ran.stderr.contains("note: ACME_TOKEN still takes precedence here"), "{ran:?}");
    let ran = acme.run_with(&["auth", "switch", "home"], &[("ACME_CONTEXT", "play")]);
    assert!(ran.stderr.contains("note: here there is no login named play (named by ACME_CONTEXT)"), "{ran:?}");
    let switched = json(&acme.run(&["auth", "switch", "work", "--json"]).stdout);
    assert_eq!(
        (&switched["context"], &switched["is_default"], &switched["is_current"]),
        (&"work".into(), &true.into(), &true.into())
    );

    assert_json_error(&acme.run(&["auth", "switch", "play", "--json"]), 4, "no_such_context", "choose_context");
    assert_json_error(&acme.run(&["auth", "switch", "--json"]), 2, "config", "choose_context");
    let ran = acme.run(&["auth", "switch"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(
        ran.stderr.contains("hint: choose a login by `acme auth switch NAME`") && ran.stderr.contains(": home, work"),
        "{ran:?}"
    );
    assert_json_error(&Acme::new().run(&["auth", "switch", "--json"]), 4, "not_logged_in", "log_in");
    assert_eq!(acme.run(&["auth", "switch", "work", "--unset"]).code, 2);
}

#[test]
fn status_says_that_a_folder_is_pinned() {
    let acme = two();
    let folder = acme.folder.path().canonicalize().unwrap();
    let path = folder.display();
    let ran = acme.run(&["auth", "switch", "work", "--here"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stderr.contains(&format!("In {path} and below, commands use work")), "{ran:?}");
    let status = acme.run(&["auth", "status"]).stdout;
    assert!(
        status.contains("Context    work\n") && status.contains(&format!("Chosen by  the rule of {path}\n")),
        "{status}"
    );
    let status = json(&acme.run(&["auth", "status", "--json"]).stdout);
    let chosen = |status: &serde_json::Value| (status["chosen_by"].clone(), status["folder"].clone());
    assert_eq!(chosen(&status), ("folder".into(), path.to_string().into()));
    for (arguments, variable, by) in [(&["--context", "home"][..], "work", "argument"), (&[], "home", "environment")] {
        let ran = acme.run_with(&[&["auth", "status", "--json"], arguments].concat(), &[("ACME_CONTEXT", variable)]);
        assert_eq!(chosen(&json(&ran.stdout)), (by.into(), serde_json::Value::Null));
    }

    let list = acme.run(&["auth", "list"]).stdout;
    let lines: Vec<_> = list.lines().collect();
    assert!(lines[1].starts_with("  home") && lines[1].ends_with("  default"), "{list}");
    assert!(lines[2].starts_with("* work") && lines[2].ends_with(&format!("  for {path}")), "{list}");
    let list = json(&acme.run(&["auth", "list", "--json"]).stdout);
    let marks = |which: usize| (list[which]["is_default"].clone(), list[which]["is_current"].clone());
    assert_eq!((marks(0), marks(1)), ((true.into(), false.into()), (false.into(), true.into())));
    assert_eq!(list[1]["folders"], serde_json::json!([path.to_string()]));

    let ran = acme.run(&["auth", "switch", "home"]);
    assert!(ran.stderr.contains(&format!("note: the rule of {path}, for work, still takes precedence")), "{ran:?}");
    let ran = acme.run(&["auth", "switch", "--unset"]);
    assert!(
        ran.code == 0 && ran.stderr.contains("which named work") && ran.stderr.contains("use home (by the default)"),
        "{ran:?}"
    );
    assert_eq!(
        json(&acme.run(&["auth", "switch", "--unset", "--json"]).stdout),
        serde_json::json!({"ok": true, "unset": null})
    );
    // Nothing was written here but the state folder.
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn a_rename_warns_of_a_variable_with_the_old_name() {
    let acme = two();
    let ran = acme.run_with(&["auth", "rename", "home", "private"], &[("ACME_CONTEXT", "home")]);
    assert!(ran.code == 0 && ran.stderr.contains("Renamed home to private."), "{ran:?}");
    assert!(ran.stderr.contains("note: here there is no login named home (named by ACME_CONTEXT)"), "{ran:?}");
    let renamed = json(&acme.run(&["auth", "rename", "private", "own", "--json"]).stdout);
    assert_eq!((renamed["context"].as_str(), renamed["is_default"].as_bool()), (Some("own"), Some(true)));
    assert_json_error(&acme.run(&["auth", "rename", "own", "Work", "--json"]), 2, "config", "choose_name");
    assert_json_error(&acme.run(&["auth", "rename", "home", "x", "--json"]), 4, "no_such_context", "choose_context");
    assert_eq!(acme.run(&["auth", "rename", "own", "a/b"]).code, 2);
}

#[test]
fn a_login_that_is_not_the_current_one_says_so() {
    let acme = two();
    let ran = acme.run(&["auth", "login", "--wait", "--context", "third"]);
    assert!(ran.stderr.contains("note: the default is home; `acme auth switch third` changes that"), "{ran:?}");
    assert_eq!(acme.run(&["auth", "switch", "work", "--here"]).code, 0);
    acme.server.approve_all();
    let ran = acme.run(&["auth", "login", "--wait"]);
    assert!(ran.stderr.contains("for work, still takes precedence here"), "{ran:?}");
}

#[test]
fn a_login_of_another_client_is_listed_and_not_used() {
    let acme = two();
    let other = [("ACME_CLIENT_ID", "other-cli")];
    let list = acme.run_with(&["auth", "list"], &other).stdout;
    let lines: Vec<_> = list.lines().skip(1).collect();
    assert!(lines.iter().all(|line| line.starts_with("  ") && line.ends_with("of another server or client")), "{list}");
    for command in [&["auth", "status", "--json"][..], &["auth", "token", "--json"]] {
        assert_json_error(&acme.run_with(command, &other), 4, "not_logged_in", "log_in");
    }
    assert_json_error(&acme.run_with(&["auth", "switch", "--json"], &other), 4, "not_logged_in", "log_in");
    assert_json_error(&acme.run_with(&["auth", "switch", "work", "--json"], &other), 2, "config", "fix_config");
    let doctor = acme.run_with(&["auth", "doctor"], &other).stdout;
    assert!(
        doctor.contains("note     login") && doctor.contains("work: it is of another server or client"),
        "{doctor}"
    );
    assert!(!doctor.contains("problem  login"), "{doctor}");
    assert!(!acme.run(&["auth", "list"]).stdout.contains("another"));
}

/// Twenty processes look while another one switches: each sees one whole login.
#[test]
fn each_process_sees_one_login_during_a_switch() {
    let acme = two();
    let children: Vec<_> = (0..20)
        .map(|number| {
            assert_eq!(acme.run(&["auth", "switch", ["work", "home"][number % 2]]).code, 0);
            acme.command(&["auth", "status", "--json"]).spawn().unwrap()
        })
        .collect();
    for child in children {
        let ran = ended(child);
        let status = json(&ran.stdout);
        let seen = (status["context"].as_str().unwrap(), status["account"]["subject"].as_str().unwrap());
        assert!(ran.code == 0 && matches!(seen, ("home", "alice") | ("work", "bob")), "{ran:?}");
        assert_eq!(status["is_default"], true);
    }
}
