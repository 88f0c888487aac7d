//! A part of a login is gone, or all of it: the output says so, and its hint leads out.

use crate::support::acme::*;

impl Acme {
    /// Without `ACME_CUSTODY`, as in the next shell.
    fn run_elsewhere(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[("ACME_CUSTODY", "")])
    }

    fn record(&self) -> std::path::PathBuf {
        let grant = json(&self.run(&["auth", "status", "--json"]).stdout)["grant"].as_str().unwrap().to_owned();
        self.home().join("grants").join(grant)
    }
}

#[test]
fn a_second_logout_says_already_logged_out() {
    let (never, gone) = (Acme::new(), Acme::logged_in("work", &[]));
    assert_eq!(gone.run(&["auth", "logout"]).code, 0);
    for acme in [never, gone] {
        for arguments in [&["auth", "logout"][..], &["auth", "logout", "--context", "work"]] {
            let ran = acme.run(arguments);
            assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (4, "", "error: already logged out\n"));
            let error = json(&acme.run(&[arguments, &["--json"]].concat()).stdout);
            assert_eq!(
                (&error["kind"], &error["remedy"]),
                (&"not_logged_in".into(), &serde_json::Value::Null),
                "{error}"
            );
        }
    }
    // A name that is mistyped.
    let acme = Acme::logged_in("work", &[]);
    let ran = acme.run(&["auth", "logout", "--context", "wrok"]);
    assert_eq!(ran.code, 4);
    assert!(
        ran.stderr.contains("there is no login named wrok\nhint: choose a login by ")
            && ran.stderr.contains(": work\n")
    );
    // No org to log in to.
    let ran = acme.run_with(&["auth", "logout"], &[("ACME_ORG", "globex"), ("ACME_ORG_BY", "login")]);
    assert!(ran.code == 4 && ran.stderr.contains("hint: choose a login by ") && !ran.stderr.contains("auth login"));
    assert_eq!(acme.grants(), 1);
}

#[test]
fn the_hint_to_log_in_again_names_the_key_store() {
    let acme = Acme::logged_in("work", &[]);
    acme.lose_keys();
    let (with, without) =
        ("`ACME_CUSTODY=keyfile acme auth login --context work`", "run `acme auth login --context work`");
    for command in [&["auth", "token"][..], &["auth", "doctor"], &["auth", "status"], &["auth", "doctor", "--repair"]] {
        let elsewhere = acme.run_elsewhere(command);
        assert!((elsewhere.stdout.clone() + &elsewhere.stderr).contains(with), "{command:?}: {elsewhere:?}");
        // Where the variable says so already, it need not be named.
        let here = acme.run(command);
        assert!((here.stdout.clone() + &here.stderr).contains(without), "{command:?}: {here:?}");
    }
    // The hint leads out.
    acme.server.approve_all();
    assert_eq!(acme.run(&["auth", "login", "--json", "--context", "work"]).code, 0);
    assert_eq!(acme.run_elsewhere(&["auth", "token"]).code, 0);
    // A login that the server has ended.
    acme.server
        .inject_always(hallpass::testing::Endpoint::Token, hallpass::testing::Fault::error(400, "invalid_grant"));
    let ran = acme.run_elsewhere(&["auth", "token", "--refresh"]);
    assert!(ran.code == 4 && ran.stderr.contains(with), "{ran:?}");
}

#[cfg(feature = "passphrase")]
#[test]
fn a_forgotten_passphrase_leads_to_a_new_login() {
    let passphrase = |passphrase| [("ACME_CUSTODY", "passphrase"), ("ACME_PASSPHRASE", passphrase)];
    let acme = Acme::logged_in("work", &passphrase("correct horse"));
    let ran = acme.run_with(&["auth", "token"], &passphrase("wrong horse"));
    let hint = "if it is forgotten, run `ACME_CUSTODY=passphrase acme auth login --context NAME`";
    assert!(ran.code == 6 && ran.stderr.contains(hint), "{ran:?}");
}

#[test]
fn status_and_list_say_that_a_key_or_record_is_gone() {
    for (part, key_in, since) in [
        ("key", "keyfile, where it is not any more", ""),
        ("record", "keyfile, until logout", "unknown: the record is gone"),
    ] {
        let acme = Acme::logged_in("work", &[]);
        let missing = || json(&acme.run(&["auth", "status", "--json"]).stdout)["missing"].clone();
        assert_eq!(missing(), serde_json::Value::Null);
        match part {
            "key" => acme.lose_keys(),
            _ => std::fs::remove_file(acme.record()).unwrap(),
        }
        assert_eq!(missing(), part);
        assert_eq!(json(&acme.run(&["auth", "list", "--json"]).stdout)[0]["missing"], part);
        let list = acme.run(&["auth", "list"]).stdout;
        assert!(list.contains(&format!("none   default, its {part} is gone: log in again")), "{list}");
        let status = acme.run(&["auth", "status"]);
        let line =
            |name: &str| status.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name:10} "))).unwrap();
        assert_eq!((status.code, line("Key in"), line("Token")), (0, key_in, "none that can be read"), "{status:?}");
        assert!(
            line("Since").starts_with(since) && line("Next").contains("acme auth login --context work"),
            "{status:?}"
        );
    }
}

#[cfg(feature = "passphrase")]
#[test]
fn status_looks_for_a_wrapped_key_without_a_passphrase() {
    let acme = Acme::logged_in("work", &[("ACME_CUSTODY", "passphrase"), ("ACME_PASSPHRASE", "correct horse")]);
    let missing = || json(&acme.run_elsewhere(&["auth", "status", "--json"]).stdout)["missing"].clone();
    assert_eq!(missing(), serde_json::Value::Null);
    let name = format!("{}.acme.passphrase", acme.record().file_name().unwrap().to_str().unwrap());
    std::fs::remove_file(acme.home().join("grants").join(name)).unwrap();
    assert_eq!(missing(), "key");
}

#[test]
fn a_login_that_lost_its_name_is_mentioned_and_repaired() {
    let acme = Acme::logged_in("work", &[]);
    std::fs::remove_file(acme.home().join("index.json")).unwrap();
    let lost = "no login has a name, and there is the record of one that has lost it";
    let ran = acme.run(&["auth", "token", "--context", "work"]);
    assert!(ran.code == 4 && ran.stderr.contains(&format!("error: {lost}\nhint: run `acme auth doctor --repair`")));
    let ran = acme.run(&["auth", "login", "--wait"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains(&format!("note: {lost}; `acme auth doctor --repair` names it again\n")), "{ran:?}");
    assert_eq!(acme.grants(), 2);
    let ran = acme.run(&["auth", "doctor", "--repair"]);
    let named =
        "Repaired: named the login alice@example.com-2 again: alice@example.com is logged in as alice@example.com too.";
    assert!(ran.stderr.contains(named), "{ran:?}");
    for name in ["alice@example.com", "alice@example.com-2"] {
        assert_eq!(acme.run(&["auth", "logout", "--context", name]).code, 0);
    }
    assert_eq!((acme.grants(), acme.server.live_families()), (0, 0));
}

#[test]
fn without_an_index_it_is_not_said_that_nobody_is_logged_in() {
    let acme = Acme::logged_in("work", &[]);
    std::fs::remove_file(acme.home().join("index.json")).unwrap();
    let lost = "no login has a name, and there is the record of one that has lost it";
    for command in [&["token"][..], &["status"], &["logout"], &["logout", "--all"]] {
        let ran = acme.run(&[&["auth"], command].concat());
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.stderr.contains(&format!("error: {lost}\nhint: run `acme auth doctor --repair`")), "{ran:?}");
    }
    let list = acme.run(&["auth", "list"]);
    assert!(list.code == 0 && list.stderr.contains(lost), "{list:?}");
    assert_eq!(acme.run(&["auth", "doctor", "--repair"]).code, 0);
    assert_eq!(acme.run(&["auth", "logout", "--all"]).code, 0);
    assert_eq!((acme.grants(), acme.server.live_families()), (0, 0));
}

#[cfg(unix)]
#[test]
fn the_doctor_prints_the_cause_from_the_system() {
    let acme = Acme::logged_in("work", &[]);
    let index = acme.home().join("index.json");
    std::fs::remove_file(&index).unwrap();
    std::os::unix::fs::symlink("index.json", &index).unwrap();
    let why = "Too many levels of symbolic links";
    let status = acme.run(&["auth", "status"]);
    assert!(status.code == 6 && status.stderr.contains(&format!("\n  because: {why}")), "{status:?}");
    let doctor = acme.run(&["auth", "doctor"]);
    assert!(doctor.code == 1 && doctor.stdout.contains(&format!("\n{:18} because: {why}", "")), "{doctor:?}");
    let report = json(&acme.run(&["auth", "doctor", "--json"]).stdout);
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding.get("because").is_some()), "{report}");
    let told =
        findings.iter().filter_map(|finding| finding["because"].as_str()).any(|because| because.starts_with(why));
    assert!(told, "{report}");
    is_in_the_manual(&["because"]);
}
