//! `auth status` and `auth list`: who am I, where, until when, by which rule, and what to do where something is wrong.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json as object};

use crate::support::acme::*;
use hallpass::testing::{Endpoint, Fault, Person};

/// Somebody who is logged in as `work`, and when the token expires.
fn logged_in() -> (Acme, SystemTime) {
    let acme = Acme::new();
    acme.server.approve_all_as(&Person::new("alice", "Alice Example", "alice@example.com"));
    assert_eq!(acme.run(&["auth", "login", "--json", "--context", "work"]).code, 0);
    let status = json(&acme.run(&["auth", "status", "--json"]).stdout);
    (acme, humantime::parse_rfc3339(status["expires_at"].as_str().unwrap()).unwrap())
}

impl Acme {
    /// What is printed at this time.
    fn at(&self, time: SystemTime, arguments: &[&str]) -> Ran {
        let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().to_string();
        self.run_with(arguments, &[("ACME_CLOCK", &seconds)])
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn status_says_who_where_until_when_and_why() {
    let (acme, expires_at) = logged_in();
    let at = humantime::format_rfc3339_seconds(expires_at);
    let ran = acme.at(expires_at - 42 * MINUTE, &["auth", "status"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let lines: Vec<_> = ran.stdout.lines().collect();
    let server = format!("Server     {}", acme.server.issuer());
    assert_eq!(
        lines[..4],
        ["Context    work (default)", "Chosen by  the default", "Account    alice@example.com", &server]
    );
    assert_eq!(lines[4..6], ["Scopes     openid offline_access email", "Key in     keyfile, until logout"]);
    assert!(lines[6].starts_with("Since      ") && lines[6].ends_with(" ago"), "{lines:?}");
    let folder = format!("Folder     {}, which ACME_HOME names", acme.home().display());
    assert_eq!(lines[7..], [format!("Token      valid until {at}, in 42 min"), folder]);

    let ran = acme.at(expires_at + 190 * MINUTE, &["auth", "status"]);
    let token = format!("Token      expired {at}, 3 h ago: a new one is fetched when it is needed");
    assert_eq!((ran.code, ran.stdout.lines().nth(7)), (0, Some(token.as_str())), "{ran:?}");
    let proxied = acme.run_with(&["auth", "status"], &[("HTTPS_PROXY", "http://127.0.0.1:9")]).stdout;
    // Windows has one variable for both spellings.
    assert!(proxied.contains("\nNetwork    TLS roots or the proxy come from HTTPS_PROXY"), "{proxied}");
}

#[test]
fn status_leaves_out_a_line_without_a_value() {
    let acme = Acme::new();
    acme.server.approve_all();
    acme.server.inject(Endpoint::Token, Fault::ReplyField("scope".into(), "".into()));
    assert_eq!(acme.run(&["auth", "login", "--json"]).code, 0);
    let status = acme.run(&["auth", "status"]);
    assert!(status.code == 0 && !status.stdout.contains("Scopes"), "{status:?}");
    assert_eq!(json(&acme.run(&["auth", "status", "--json"]).stdout)["scopes"], object!([]));
}

/// Programs read these names.
#[test]
fn status_as_json_keeps_its_members() {
    let (acme, _) = logged_in();
    let status = json(&acme.run(&["auth", "status", "--json"]).stdout);
    let names = [
        "account",
        "chosen_by",
        "client_id",
        "context",
        "credential_kind",
        "custody",
        "environment",
        "expires_at",
        "folder",
        "folders",
        "grant",
        "has_ended",
        "is_current",
        "is_default",
        "last_used_at",
        "lasts",
        "logged_in_at",
        "missing",
        "network",
        "ok",
        "org",
        "owner",
        "refresh_failed",
        "refreshed_at",
        "renews",
        "scopes",
        "server_says",
        "session_ends_at",
        "state_folder",
        "state_folder_from",
    ];
    assert_eq!(members(&status), names);
    is_in_the_manual(&names);
    assert_eq!((&status["custody"], &status["lasts"]), (&object!("keyfile"), &object!("until_erased")));
    let ran = acme.run_with(&["auth", "status", "--json"], &[("ACME_TOKEN", "given")]);
    assert_eq!(json(&ran.stdout), object!({"ok": true, "context": null, "token_from": "environment"}));
}

#[test]
fn status_says_when_the_login_ends_and_whether_it_renews() {
    let acme = Acme::new();
    let log_in = || assert_eq!(acme.run(&["auth", "login", "--json"]).code, 0);
    let told = || {
        let status = json(&acme.run(&["auth", "status", "--json"]).stdout);
        let at = |name: &str| status[name].as_str().map(|text| humantime::parse_rfc3339(text).unwrap());
        (at("expires_at"), at("session_ends_at"), status["renews"].clone())
    };
    let line = |at: SystemTime, name: &str| {
        let ran = acme.at(at, &["auth", "status"]);
        ran.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name:10} ")).map(str::to_owned))
    };
    acme.server.approve_all();

    // The server does not say when the login ends.
    log_in();
    let (_, end, renews) = told();
    assert_eq!((end, renews), (None, true.into()));
    assert_eq!(line(SystemTime::now(), "Login ends"), None);

    acme.server.inject(Endpoint::Token, Fault::ReplyField("refresh_expires_in".into(), (30 * 86_400).into()));
    log_in();
    let (Some(token_end), Some(end), renews) = told() else { panic!("{:?}", told()) };
    assert_eq!((end.duration_since(token_end).unwrap(), renews), (MINUTE * (30 * 24 - 1) * 60, true.into()));
    let at = humantime::format_rfc3339_seconds(end);
    let before = end - 10 * 24 * 60 * MINUTE;
    assert_eq!(line(before, "Login ends"), Some(format!("{at}, in 10 days")));
    assert_eq!(line(before, "Next"), None);
    assert_eq!(line(end + 5 * MINUTE, "Login ends"), Some(format!("{at}, 5 min ago")));
    assert_eq!(line(end + 5 * MINUTE, "Next").as_deref(), Some("run `acme auth login --context alice@example.com`"));

    // It ends with its access token.
    acme.server.set_behaviour(|behaviour| behaviour.refresh_token = false);
    log_in();
    let (Some(token_end), end, renews) = told() else { panic!("{:?}", told()) };
    assert_eq!((end, renews), (Some(token_end), false.into()));
    let at = humantime::format_rfc3339_seconds(token_end);
    let token = line(token_end - 10 * MINUTE, "Token");
    assert_eq!(token, Some(format!("valid until {at}, in 10 min; the login ends with it")));
    let token = line(token_end + 10 * MINUTE, "Token");
    assert_eq!(token, Some(format!("expired {at}, 10 min ago, and the login with it")));
    assert_eq!(line(token_end, "Next").as_deref(), Some("run `acme auth login --context alice@example.com`"));
    assert!(acme.at(token_end, &["auth", "list"]).stdout.contains("default, the login has ended: log in again"));
    let doctor = acme.at(token_end, &["auth", "doctor"]);
    assert!(doctor.code == 1 && doctor.stdout.contains("nothing renews it\n"), "{doctor:?}");
    assert!(doctor.stdout.contains("hint: run `acme auth login --context alice@example.com`"), "{doctor:?}");
    assert!(!acme.at(token_end - MINUTE, &["auth", "doctor"]).stdout.contains("nothing renews it"));
    assert!(acme.at(token_end - MINUTE, &["auth", "list"]).stdout.trim_end().ends_with("  default"));
}

#[test]
fn status_says_what_to_do_about_a_problem() {
    let (acme, expires_at) = logged_in();
    let next = |ran: &Ran| ran.stdout.lines().find_map(|line| line.strip_prefix("Next       ").map(str::to_owned));
    assert_eq!(next(&acme.run(&["auth", "status"])), None);

    // A refresh that fails.
    acme.server.inject_always(Endpoint::Token, Fault::status(503));
    let later = expires_at + 5 * MINUTE + MINUTE / 2;
    assert_eq!(acme.at(later, &["auth", "token"]).code, 5);
    let ran = acme.at(later, &["auth", "status"]);
    assert!(
        ran.code == 0 && ran.stdout.contains("5 min ago") && ran.stdout.contains("the last refresh failed: "),
        "{ran:?}"
    );
    assert_eq!(next(&ran).as_deref(), Some("run `acme auth token --context work` to try again"));
    let list = acme.at(later, &["auth", "list"]).stdout;
    assert!(list.contains("expired 5 min ago") && list.contains("default, the last refresh failed: "), "{list}");

    // A login that has ended.
    acme.server.clear_faults();
    acme.server.inject_always(Endpoint::Token, Fault::error(400, "invalid_grant"));
    assert_eq!(acme.at(later, &["auth", "token"]).code, 4);
    let ran = acme.at(later, &["auth", "status"]);
    assert!(
        ran.code == 0 && ran.stdout.contains(" has ended: ") && !ran.stdout.contains("when it is needed"),
        "{ran:?}"
    );
    assert_eq!(next(&ran).as_deref(), Some("run `acme auth login --context work`"));
    assert!(acme.at(later, &["auth", "list"]).stdout.contains("default, the login has ended: log in again"));
    let doctor = acme.at(later, &["auth", "doctor"]);
    assert!(doctor.code == 1 && doctor.stdout.contains("run `acme auth login --context work`"), "{doctor:?}");

    // A record that nobody can read.
    let grant = json(&acme.run(&["auth", "status", "--json"]).stdout)["grant"].as_str().unwrap().to_owned();
    std::fs::write(acme.home().join("grants").join(grant), "junk").unwrap();
    let ran = acme.run(&["auth", "status"]);
    assert!(ran.stdout.contains("Since      unknown: the record cannot be read\nToken      unknown"), "{ran:?}");
    assert!(next(&ran).unwrap().starts_with("run `acme auth doctor`"), "{ran:?}");

    // A token that takes precedence over all logins is named.
    let ran = acme.run_with(&["auth", "status"], &[("ACME_TOKEN", "given")]);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "Context    none: ACME_TOKEN takes precedence over every login");
    assert_eq!(lines[2..], ["Token      from ACME_TOKEN: used as it is, nothing is stored"]);
    assert_eq!(ran.code, 0);

    let ran = Acme::new().run(&["auth", "status"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (4, ""), "{ran:?}");
    assert!(ran.stderr.contains("error: nobody is logged in\nhint: run `acme auth login`\n"), "{ran:?}");
}

#[test]
fn list_marks_the_current_login() {
    let (acme, expires_at) = logged_in();
    acme.server.approve_all_as(&crate::support::rig::bob());
    assert_eq!(acme.run(&["auth", "login", "--json", "--context", "a-longer-name"]).code, 0);
    let ran = acme.run_with(&["auth", "list", "--json"], &[("ACME_CONTEXT", "a-longer-name")]);
    let current: Vec<_> = json(&ran.stdout).as_array().unwrap().iter().map(|one| one["is_current"].clone()).collect();
    assert_eq!(current, [Value::Bool(false), Value::Bool(true)]);

    let time = (expires_at - 10 * MINUTE).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().to_string();
    let ran = acme.run_with(&["auth", "list"], &[("ACME_CONTEXT", "a-longer-name"), ("ACME_CLOCK", &time)]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let [head, work, other] = &ran.stdout.lines().collect::<Vec<_>>()[..] else { panic!("{ran:?}") };
    for line in [head, work, other] {
        assert_eq!(line.trim_end(), *line);
    }
    for (column, first, second) in [
        ("NAME", "work", "a-longer-name"),
        ("ACCOUNT", "alice@example.com", "bob@example.com"),
        ("SERVER", "127.0.0.1:", "127.0.0.1:"),
        ("KEY IN", "keyfile", "keyfile"),
        ("TOKEN", "ends in 10 min", "ends in "),
    ] {
        let at = head.find(column).unwrap_or_else(|| panic!("{column}: {head}"));
        assert!(work[at..].starts_with(first) && other[at..].starts_with(second), "{column}: {ran:?}");
    }
    assert!(
        work.starts_with("  work ") && work.ends_with("  default") && other.starts_with("* a-longer-name "),
        "{ran:?}"
    );
    // Nobody has one.
    assert!(!head.contains("ORG"), "{head}");
}
