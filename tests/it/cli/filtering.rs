//! What files, variables and servers say reaches a terminal filtered, and stands in a command to copy as one word (law 12).

use std::fs;

use crate::support::acme::*;
use crate::support::faults::json_body;
use hallpass::testing::{Endpoint, Fault};

const HOSTILE: &str = "a\u{1b}[2Jb\u{9b}31mc\u{202e}d\u{200b}e";

#[track_caller]
fn is_filtered(ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        let hides = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{200b}\u{2066}".contains(c));
        assert!(!text.contains(hides), "{ran:?}");
    }
}

#[test]
fn a_saved_error_message_is_filtered_in_text_and_json() {
    let acme = Acme::logged_in("work", &[]);
    let list = json(&acme.run(&["auth", "list", "--json"]).stdout);
    let next = acme.home().join("grants").join(format!("{}.next", list[0]["grant"].as_str().unwrap()));
    let failure =
        serde_json::json!({"at": 1, "open": false, "retry_after": null, "kind": "unreachable", "message": HOSTILE});
    let note = serde_json::json!({"generation": 1, "pid": 1, "at": 1, "failure": failure});
    fs::write(next, note.to_string() + "\n").unwrap();
    for command in [&["auth", "status"][..], &["auth", "list"], &["auth", "doctor"]] {
        let ran = acme.run(command);
        is_filtered(&ran);
        assert!(ran.stdout.contains("a[2Jb31mcde"), "{ran:?}");
        is_filtered(&acme.run(&[command, &["--json"]].concat()));
    }
}

/// A program does what it reads: what a server wrote is labelled as that, and is in no message, cause or hint.
#[test]
fn a_servers_words_stand_apart_from_ours() {
    let (acme, words) = (Acme::logged_in("work", &[]), "run `acme auth logout` to go on");
    let fault = || Fault::Status {
        status: 400,
        headers: Vec::new(),
        content_type: "application/json".into(),
        body: serde_json::json!({"error": "invalid_grant", "error_description": format!("{words}\u{1b}")}).to_string(),
    };
    acme.server.inject_always(Endpoint::Token, fault());
    acme.server.inject_always(Endpoint::DeviceAuthorization, fault());
    for arguments in
        [&["auth", "token", "--refresh", "--json"][..], &["auth", "login", "--json"], &["auth", "status", "--json"]]
    {
        let ran = acme.run(arguments);
        let mut answer = json(&ran.stdout);
        assert_eq!(answer["server_says"].take(), words, "{ran:?}");
        assert!(!answer.to_string().contains("acme auth logout"), "{ran:?}");
    }
    let told = acme.run(&["auth", "token", "--refresh"]).stderr;
    assert!(told.contains(&format!("\n  the server says: {words}\n")), "{told}");
    assert!(told.starts_with("error: the login work ") && told.matches("logout").count() == 1, "{told}");
}

/// The claims are the server's, and what to do next is not theirs to say.
#[test]
fn a_server_cannot_write_members_of_ours() {
    let acme = Acme::logged_in("work", &[]);
    let steps = serde_json::json!([{"who": "self", "text": "x", "command": ["sh", "-c", "evil"]}]);
    let claims = serde_json::json!({
        "sub": "alice", "next_steps": steps, "warnings": ["evil"], "message": "evil", "because": "evil", "kind": "evil", "remedy": "evil",
        "event": "evil", "server_says": "evil", "retry_after": 1, "ok": false, "groups": ["x"],
    });
    acme.server.inject(Endpoint::UserInfo, json_body(200, &claims.to_string()));
    let whoami = json(&acme.run(&["whoami", "--json"]).stdout);
    assert_eq!(whoami, serde_json::json!({"ok": true, "sub": "alice", "groups": ["x"], "email": whoami["email"]}));
}

// No file of Windows has such a name.
#[cfg(unix)]
#[test]
fn a_path_is_filtered_in_errors_hints_and_json() {
    let acme = Acme::logged_in("work", &[]);
    let folder = acme.folder.path().join(HOSTILE.replace('\u{1b}', "\u{1b}`touch x`"));
    fs::write(&folder, "no folder").unwrap();
    let folder = folder.to_str().unwrap();
    for arguments in
        [&["auth", "token"][..], &["auth", "token", "--json"], &["auth", "doctor"], &["auth", "status", "--json"]]
    {
        let ran = acme.run_with(arguments, &[("ACME_HOME", folder)]);
        assert!(ran.code != 0, "{ran:?}");
        is_filtered(&ran);
    }
}

#[cfg(unix)]
#[test]
fn a_command_to_copy_names_the_path_as_one_word() {
    use std::os::unix::fs::PermissionsExt;
    let acme = Acme::logged_in("work", &[]);
    let folder = acme.folder.path().join("it's `touch x`; $(id)");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = acme.run_with(&["auth", "token"], &[("ACME_HOME", folder.to_str().unwrap())]);
    let quoted = folder.to_str().unwrap().replace('\'', "'\\''");
    assert!(ran.stderr.contains(&format!("hint: run `chmod 700 '{quoted}'`")), "{ran:?}");
}

#[test]
fn an_org_in_a_command_to_copy_is_one_word() {
    let acme = Acme::logged_in("work", &[]);
    let org = "x`; touch pwned; `";
    let ran = acme.run_with(&["auth", "token"], &[("ACME_ORG", org), ("ACME_ORG_BY", "login")]);
    assert_eq!(ran.code, 4, "{ran:?}");
    let quoted = format!("'{org}'");
    assert!(ran.stderr.contains(&format!("auth login --org {quoted}`")), "{ran:?}");
}

/// As `status`, `login` and `doctor` name proxies.
#[test]
fn a_state_folder_named_by_a_variable_is_shown() {
    let acme = Acme::logged_in("work", &[]);
    let folder = acme.home();
    let status = acme.run(&["auth", "status"]);
    assert!(status.stdout.contains(&format!("\nFolder     {}, which ACME_HOME names", folder.display())), "{status:?}");
    let object = json(&acme.run(&["auth", "status", "--json"]).stdout);
    assert_eq!(object["state_folder"].as_str().map(str::to_owned), folder.to_str().map(str::to_owned));
    assert_eq!(object["state_folder_from"], "ACME_HOME");
    let login = acme.run(&["auth", "login", "--wait"]);
    assert!(login.stderr.contains("which ACME_HOME names"), "{login:?}");
}

#[test]
fn a_refused_argument_is_filtered() {
    let acme = Acme::new();
    for arguments in
        [&["auth", HOSTILE][..], &["auth", "switch", HOSTILE], &["auth", "token", "--min-validity", HOSTILE]]
    {
        let ran = acme.run(arguments);
        assert!(ran.code == 2 && ran.stderr.contains("mcde"), "{ran:?}");
        is_filtered(&ran);
    }
}

#[cfg(unix)]
#[test]
fn a_path_that_cannot_be_printed_is_in_no_command() {
    use std::os::unix::fs::PermissionsExt;
    let acme = Acme::new();
    let folder = acme.folder.path().join("z\u{200b}z");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = acme.run_with(&["auth", "token"], &[("ACME_HOME", folder.to_str().unwrap())]);
    assert!(
        ran.code == 6 && ran.stderr.contains("check owner and permissions") && !ran.stderr.contains("chmod"),
        "{ran:?}"
    );
}
