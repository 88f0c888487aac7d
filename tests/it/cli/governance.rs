//! Whose a login is, what happened to it, and what should be done about it: `list`, `admin`.

use std::fs;

use serde_json::Value;

use crate::support::acme::*;

fn logged_in() -> Acme {
    let acme = Acme::new();
    acme.server.approve_all();
    let options = ["--owner", "team:payments", "--environment", "sandbox", "--ticket", "PAY-7"];
    let reason = ["--reason", "a new\n\u{1b}[2Jlaptop", "--context", "work", "--json"];
    let ran = acme.run(&[&["auth", "login"][..], &options, &reason].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    acme
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(json).collect()
}

fn trail(acme: &Acme) -> std::path::PathBuf {
    acme.home().join("trail.jsonl")
}

#[test]
fn what_is_said_at_the_login_is_in_list_status_and_events() {
    let acme = logged_in();
    let list = json(&acme.run(&["auth", "list", "--json"]).stdout)[0].clone();
    let said = |object: &Value, member: &str| object[member].as_str().unwrap_or_default().to_owned();
    for (member, value) in [
        ("owner", "team:payments"),
        ("environment", "sandbox"),
        ("ticket", "PAY-7"),
        ("reason", "a new[2Jlaptop"),
        ("approver", "alice"),
        ("credential_kind", "person"),
        ("reach", "family"),
    ] {
        assert_eq!(said(&list, member), value, "{member}");
    }
    is_in_the_manual(&members(&list));
    let status = json(&acme.run(&["auth", "status", "--json"]).stdout);
    assert_eq!((said(&status, "owner"), said(&status, "environment")), ("team:payments".into(), "sandbox".into()));
    let text = acme.run(&["auth", "status"]).stdout;
    assert!(text.contains("sandbox") && text.contains("team:payments"), "{text}");
    let text = acme.run(&["auth", "list"]).stdout;
    assert!(text.contains("OWNER") && text.contains("team:payments") && text.contains("sandbox"), "{text}");
    let events = acme.run(&["auth", "admin", "events"]).stdout;
    assert!(events.contains("grant_created") && events.contains("owner team:payments"), "{events}");
    assert!(!events.contains('\u{1b}'), "{events:?}");
    // Another environment is another login.
    let ran = acme.run(&["auth", "login", "--environment", "production", "--context", "work", "--json"]);
    let error = lines(&ran.stdout).pop().unwrap();
    assert_eq!((ran.code, error["remedy"].as_str()), (2, Some("replace")), "{ran:?}");
    assert_eq!(acme.run(&["auth", "login", "--environment", "production", "--json"]).code, 0);
    let names: Vec<_> = json(&acme.run(&["auth", "list", "--json"]).stdout)
        .as_array()
        .unwrap()
        .iter()
        .map(|one| said(one, "context"))
        .collect();
    assert_eq!(names, ["work", "alice@production"]);
}

#[test]
fn what_is_no_owner_or_environment_is_refused() {
    let acme = Acme::new();
    for arguments in
        [["--owner", "payments"], ["--owner", "team:"], ["--environment", "Prod"], ["--environment", "../x"]]
    {
        let ran = acme.run(&[&["auth", "login", "--json"][..], &arguments].concat());
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
    }
}

#[test]
fn events_are_read_on_and_rendered() {
    let acme = logged_in();
    acme.run(&["auth", "token"]);
    let ran = acme.run(&["auth", "admin", "events", "--json"]);
    let all = lines(&ran.stdout);
    let names = |events: &[Value]| {
        events.iter().map(|event| event["event"]["event"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&all), ["trail_started", "login_started", "login_succeeded", "grant_created", "exported"]);
    assert_eq!(all[4]["event"]["details"]["destination"], "stdout");
    let cursor = all[2]["cursor"].as_str().unwrap();
    let rest = lines(&acme.run(&["auth", "admin", "events", "--json", "--since", cursor]).stdout);
    assert_eq!(names(&rest), ["grant_created", "exported"]);
    let newest = all[4]["cursor"].as_str().unwrap();
    let ran = acme.run(&["auth", "admin", "events", "--since", newest]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert!(ran.stderr.contains("There is no such event yet"), "{ran:?}");
    assert_eq!(acme.run(&["auth", "admin", "events", "--since", "7"]).code, 2);
    let ocsf = lines(&acme.run(&["auth", "admin", "events", "--ocsf"]).stdout);
    assert_eq!(
        ocsf.iter().map(|event| event["type_uid"].as_u64().unwrap()).collect::<Vec<_>>(),
        [300_401, 300_206, 300_201, 300_401, 300_402]
    );
    assert_eq!(ocsf[4]["metadata"]["sequence"], 5);
    assert_eq!(ocsf[4]["entity"]["data"]["owner"]["team"], "payments");
    let of_other = acme.run(&["auth", "admin", "events", "--context", "other"]);
    assert_eq!((of_other.code, of_other.stdout.as_str()), (0, ""));
    let secret = acme.run(&["auth", "token"]).stdout;
    assert!(!fs::read_to_string(trail(&acme)).unwrap().contains(secret.trim()));
}

#[test]
fn a_changed_trail_is_found_and_where_it_was_changed() {
    let acme = logged_in();
    let ran = acme.run(&["auth", "admin", "events", "--verify"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("Proved until line 4, the last one."), "{ran:?}");
    let good = fs::read_to_string(trail(&acme)).unwrap();
    fs::write(trail(&acme), good.replace("team:payments", "team:nobody")).unwrap();
    let ran = acme.run(&["auth", "admin", "events", "--verify"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("forged: line 3 is not as the key of its login has made it"), "{ran:?}");
    let report = json(&acme.run(&["auth", "admin", "events", "--verify", "--json"]).stdout);
    assert_eq!((report["ok"].as_bool(), report["intact"].as_bool()), (Some(false), Some(false)));
    is_in_the_manual(&members(&report));
    is_in_the_manual(&members(&report["findings"][0]));
    fs::write(trail(&acme), good).unwrap();
    // Without a login nothing is proved.
    assert_eq!(acme.run(&["auth", "logout"]).code, 0);
    let ran = acme.run(&["auth", "admin", "events", "--verify"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("Nothing can be proved of the 6 lines"), "{ran:?}");
}

#[test]
fn an_owner_changes_and_the_trail_tells() {
    let acme = logged_in();
    let ran = acme.run(&["auth", "admin", "owner", "work", "service:billing"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "work is of service:billing now; it was of team:payments.\n"));
    let changed = json(&acme.run(&["auth", "admin", "owner", "work", "person:ada", "--json"]).stdout);
    assert_eq!((changed["owner"].as_str(), changed["before"].as_str()), (Some("person:ada"), Some("service:billing")));
    assert_json_error(
        &acme.run(&["auth", "admin", "owner", "nobody", "team:x", "--json"]),
        4,
        "no_such_context",
        "log_in",
    );
    assert_eq!(acme.run(&["auth", "admin", "events", "--verify"]).code, 0);
}

#[test]
fn what_is_due_is_listed_with_exit_code_7() {
    let acme = Acme::logged_in("work", &[("ACME_CUSTODY", "keyfile")]);
    let ran = acme.run(&["auth", "list", "--due"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.stdout.contains("its key rests in a file beside it"), "{ran:?}");
    let due = json(&acme.run(&["auth", "list", "--due", "--json"]).stdout);
    assert_eq!(due[0]["due"][0]["finding"], "weak_key_store");
    let ran = acme.run(&["auth", "admin", "report"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    let report = json(&ran.stdout);
    is_in_the_manual(&members(&report));
    assert_eq!((report["trail"]["intact"].as_bool(), report["logins"].as_array().unwrap().len()), (Some(true), 1));
    assert_eq!(report["findings"][0]["context"], "work");
    assert_eq!(acme.run(&["auth", "logout"]).code, 0);
    let ran = acme.run(&["auth", "list", "--due"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
}

#[test]
fn all_columns_and_a_token_of_the_environment_are_shown() {
    let acme = logged_in();
    let ran = acme.run_with(&["auth", "list", "--all"], &[("ACME_TOKEN", "given"), ("COLUMNS", "400")]);
    for word in ["BORN", "USED", "CLIENT", "SCOPES", "acme-cli", "ACME_TOKEN", "environment_token"] {
        assert!(ran.stdout.contains(word), "{word}: {ran:?}");
    }
}

#[test]
fn a_login_that_ends_soon_is_told_of_once_a_day() {
    let acme = Acme::new();
    // Nine days from now, and a token that needs no refresh until then.
    acme.server.set_behaviour(|behaviour| {
        behaviour.authorization_lifetime = Some(std::time::Duration::from_secs(9 * 86_400));
        behaviour.access_token_lifetime = None;
    });
    acme.server.approve_all();
    assert_eq!(acme.run(&["auth", "login", "--json", "--context", "work"]).code, 0);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let at = |days: u64| acme.run_with(&["auth", "token"], &[("ACME_CLOCK", &(now + days * 86_400).to_string())]);
    assert!(!at(0).stderr.contains("ends"), "{:?}", at(0));
    let told = at(3);
    assert!(
        told.stderr.contains("the login work ends in 5 days: run `acme auth login --context work` before"),
        "{told:?}"
    );
    assert_eq!(at(3).stderr, "");
}

/// Names only: a command line holds secrets.
#[test]
#[cfg(target_os = "linux")]
fn the_parents_arguments_stay_out_of_the_trail() {
    let acme = logged_in();
    let own = acme.command(&["auth", "token"]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "\"$0\" auth token; true", own.get_program().to_str().unwrap(), "s3cr3t"]).env_clear();
    for (name, value) in own.get_envs() {
        value.map(|value| shell.env(name, value));
    }
    assert!(shell.output().unwrap().status.success());
    let text = fs::read_to_string(trail(&acme)).unwrap();
    assert!(text.contains("\"parent\":\"sh\"") && !text.contains("s3cr3t"), "{text}");
}

/// The transcript in the manual is what happens, on a system that tells which program started another. `HALLPASS_WRITE_CAPTURES=1` writes it
/// anew.
#[test]
#[cfg(target_os = "linux")]
fn the_day_in_the_manual_is_as_it_is() {
    let acme = Acme::new();
    acme.server.approve_all();
    let login = "acme auth login --context work --owner team:payments --environment sandbox --ticket PAY-7";
    let words: Vec<_> = login.split(' ').skip(1).chain(["--json"]).collect();
    assert_eq!(acme.run_with(&words, &[("ACME_ACTOR", "human")]).code, 0);
    let mut day = format!("$ {login}\n…\n");
    let mut step = |line: &str, variables: &[(&str, &str)]| {
        let ran = acme.run_with(&line.split(' ').skip(1).collect::<Vec<_>>(), variables);
        let code = if ran.code == 0 { String::new() } else { format!("(exit code {})\n", ran.code) };
        day += &format!("$ {line}\n{}{code}", ran.stdout);
    };
    step("acme auth token", &[("ACME_ACTOR", "agent:fixer")]);
    step("acme auth token --refresh", &[("ACME_ACTOR", "automation:nightly")]);
    step("acme auth admin events", &[]);
    step("acme auth admin events --verify", &[]);
    let good = fs::read_to_string(trail(&acme)).unwrap();
    fs::write(trail(&acme), good.replace("\"name\":\"fixer\"", "\"name\":\"nobody\"")).unwrap();
    day += "$ sed -i s/fixer/nobody/ ~/.local/state/acme/trail.jsonl\n";
    let mut step = |line: &str| {
        let ran = acme.run(&line.split(' ').skip(1).collect::<Vec<_>>());
        day += &format!("$ {line}\n{}(exit code {})\n", ran.stdout, ran.code);
    };
    step("acme auth admin events --verify");
    let by = serde_json::from_str::<Value>(good.lines().next().unwrap()).unwrap()["event"]["by"].clone();
    let name = |member: &str| by[member].as_str().unwrap_or_default().to_owned();
    let day = day
        .replace(&format!("by {} (", name("os_user")), "by ada (")
        .replace(&format!(", from {})", name("parent")), ", from zsh)");
    let text: String = day.lines().map(|line| format!("//! {}\n", scrubbed(line).trim_end())).collect();
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/governance.rs");
    let manual = fs::read_to_string(&file).unwrap();
    let (before, own) = manual.split_once("//! # A day in the life\n//!\n").unwrap();
    let written = format!("//! ```text\n{text}//! ```\n");
    if std::env::var_os("HALLPASS_WRITE_CAPTURES").is_some() {
        fs::write(&file, format!("{before}//! # A day in the life\n//!\n{written}")).unwrap();
    } else {
        assert_eq!(own, written, "HALLPASS_WRITE_CAPTURES=1 writes it anew");
    }
}

/// What differs from run to run is the same in the manual.
#[cfg(target_os = "linux")]
fn scrubbed(line: &str) -> String {
    let words = line.split(' ').map(|word| match word {
        _ if word.starts_with("at_") => "at_8fWq…".to_owned(),
        _ if word.len() == 20 && word.ends_with('Z') && word.as_bytes()[10] == b'T' => {
            "2026-12-01T09:00:00Z".to_owned()
        }
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}
