//! `auth doctor`: it names what is not well with a way out, changes nothing, tells no secret; and `--repair` mends what
//! it found.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::acme::Acme;
use crate::embedded::server;
use crate::kernel;
use crate::machine::Machine;
use crate::needs::Need::{Keyring, Keys};
use crate::needs::{left_out, on_desktop, on_headless};

#[test]
fn on_a_healthy_machine_the_doctor_finds_nothing() {
    let Some((server, machine)) = on_desktop(&[Keyring], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "os");
    let before_any_login = examined(&acme, 0);
    assert_eq!(state_of(&before_any_login, "home"), "note");
    assert!(machine.home_entries().is_empty(), "{:?}", machine.home_entries());

    acme.log_in();
    let before = snapshot(&machine);
    let report = examined(&acme, 0);
    for area in ["program", "place", "login", "network", "server"] {
        assert_eq!(state_of(&report, area), "well", "{area} in {report}");
    }
    assert!(snapshot(&machine) == before, "something was changed");
    let spoken = acme.run(&["auth", "doctor"]).exits(0);
    assert!(spoken.stdout.lines().count() >= 8 && spoken.stderr.is_empty(), "{spoken}");
    let secrets = [acme.token()];
    assert!(secrets.iter().all(|secret| !spoken.stdout.contains(secret) && !report.to_string().contains(secret)));
    // The token was an event.
    let before = snapshot(&machine);
    let nothing = acme.run(&["auth", "doctor", "--repair", "--json"]).exits(0);
    assert_eq!(nothing.json(), [serde_json::json!({"ok": true, "repaired": [], "left": []})]);
    assert!(snapshot(&machine) == before, "something was mended that was well");
}

#[test]
fn in_a_container_the_doctor_says_where_a_key_would_go() {
    let Some((server, machine)) = on_headless(&[Keys], server) else { return };
    let acme = machine.acme(server.issuer()).with("container", "podman");
    let report = examined(&acme, 0);
    assert!(text_of(&report, "program").contains("in a container"), "{report}");
    let key_stores = texts_of(&report, "place");
    assert!(key_stores.iter().any(|text| text.starts_with("os:") && text.contains("cannot be used")), "{key_stores:?}");
    assert!(key_stores.iter().any(|text| text.contains("goes to kernel")), "{key_stores:?}");
    // Where only the store is allowed, that is a problem, and the way out is told.
    let report = examined(&acme.with("ACME_CUSTODY", "os"), 1);
    assert_eq!(problems(&report), ["choose_place"], "{report}");
}

#[test]
fn a_locked_keyring_is_a_problem_of_its_logins() {
    let Some((server, mut machine)) = on_desktop(&[Keyring], server) else { return };
    machine.acme(server.issuer()).log_in();
    machine.lock();
    let report = examined(&machine.acme(server.issuer()), 1);
    let remedies = problems(&report);
    assert!(remedies.iter().all(|remedy| remedy == "unlock_store") && remedies.len() == 2, "{report}");
    let problem = |area| of(&report, area).find(|one| one["state"] == "problem").unwrap();
    let (place, login) = (problem("place"), problem("login"));
    assert_eq!([&place["place"], &place["context"]], [&"os".into(), &Value::Null], "{report}");
    assert_eq!([&login["place"], &login["context"]], ["os", "alice@example.com"], "{report}");
    // No repair unlocks it, and one that has done nothing does not say that all is well.
    let repair = machine.acme(server.issuer()).run(&["auth", "doctor", "--repair"]).exits(1);
    let stays =
        "Not repaired: the OS's secure store cannot be used: it is locked (login alice@example.com)\nhint: unlock";
    assert!(repair.stderr.contains(stays) && !repair.stderr.contains("nothing to repair"), "{repair}");
    machine.unlock();
    examined(&machine.acme(server.issuer()), 0);
}

#[test]
fn a_clock_that_is_off_and_a_server_that_is_away_are_problems() {
    let (server, machine) = (server(), Machine::headless());
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "keyfile");
    acme.log_in();
    for (seconds, way) in [(3600, "ahead of"), (-3600, "behind")] {
        let report = examined(&acme.at_a_standing_clock(seconds), 1);
        assert_eq!(problems(&report), ["set_clock"], "{report}");
        assert!(text_of(&report, "server").contains(way), "{report}");
    }
    examined(&acme.at_a_standing_clock(30), 0);
    let issuer = server.issuer().to_owned();
    drop(server);
    let report = examined(&machine.acme(&issuer).with("ACME_CUSTODY", "keyfile"), 1);
    assert_eq!(state_of(&report, "server"), "problem", "{report}");
}

#[test]
fn a_record_without_a_name_is_named_again() {
    each_place(|machine, acme, place| {
        let (token, name) = (acme.token(), acme.only_login()["context"].clone());
        fs::write(index(machine), "{\"format\":1,\"default\":null,\"contexts\":[]}").unwrap();
        let report = examined(acme, 1);
        assert_eq!(problems(&report), ["repair"], "{report}");
        assert!(text_of(&report, "leftover").contains("no login names the record"), "{report}");
        repaired(acme, 1);
        assert_eq!((&acme.only_login()["context"], &acme.only_login()["custody"]), (&name, &place.into()));
        assert_eq!(acme.token(), token);
    });
}

#[test]
fn a_damaged_index_is_rebuilt_from_the_records() {
    each_place(|machine, acme, place| {
        let token = acme.token();
        fs::write(index(machine), "{\"format\":1,\"contexts\":[").unwrap();
        let report = examined(acme, 1);
        assert_eq!(problems(&report), ["repair"], "{report}");
        acme.run(&["auth", "token", "--json"]).exits(6);
        repaired(acme, 2);
        assert_eq!(acme.only_login()["custody"], place);
        assert_eq!(acme.token(), token);
        let aside = index(machine).with_extension("json.damaged");
        assert_eq!(fs::read_to_string(aside).unwrap(), "{\"format\":1,\"contexts\":[");
    });
}

#[test]
fn a_login_whose_record_is_gone_is_forgotten() {
    each_place(|machine, acme, place| {
        let grant = acme.grant();
        fs::remove_file(machine.grants(&grant)).unwrap();
        let report = examined(acme, 1);
        // The login, and its key: the mark in the index proves whose that is.
        assert_eq!(problems(&report), ["repair", "repair"], "{report}");
        assert!(text_of(&report, "login").contains("it is gone"), "{report}");
        repaired(acme, 1);
        assert!(!has_key(machine, place, &grant));
        acme.run(&["auth", "token", "--json"]).exits(4).fails_with("notloggedin", "login");
    });
}

#[test]
fn a_key_without_a_record_is_erased() {
    each_place(|machine, acme, place| {
        let grant = acme.grant();
        // As a login leaves it that dies when its key is stored and its record is not yet in its place.
        fs::rename(machine.grants(&grant), machine.grants(&format!("{grant}.next"))).unwrap();
        fs::write(index(machine), "{\"format\":1,\"default\":null,\"contexts\":[]}").unwrap();
        assert!(has_key(machine, place, &grant));
        let report = examined(acme, 1);
        assert_eq!(problems(&report), ["repair"], "{report}");
        assert!(text_of(&report, "leftover").contains("opens nothing here any more"), "{report}");
        repaired(acme, 1);
        assert!(!has_key(machine, place, &grant));
    });
}

/// Logins of another state folder are in nobody's way.
#[test]
fn a_key_of_another_state_folder_is_left_alone() {
    let Some((server, machine)) = on_headless(&[Keys], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "kernel");
    let second = machine.home().join("second");
    let other = acme.clone().with("ACME_HOME", second.to_str().unwrap());
    acme.log_in();
    other.log_in();
    let (grant, token) = (other.grant(), other.token());
    examined(&acme, 0);
    repaired(&acme, 0);
    assert_eq!(other.token(), token);
    other.run(&["auth", "logout"]).exits(0);
    assert!(!kernel::holds("hallpass", &grant));
}

#[test]
fn each_lost_key_is_named_and_the_other_keys_move() {
    let (server, machine) = (server(), Machine::headless());
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "keyfile");
    let acme = acme.with("ACME_PASSPHRASE", "correct horse battery");
    for context in ["a", "b", "c"] {
        acme.at_a_standing_clock(0).run(&["auth", "login", "--json", "--context", context]).exits(0);
    }
    let list = acme.run(&["auth", "list", "--json"]).exits(0).json().remove(0);
    for login in &list.as_array().unwrap()[..2] {
        fs::remove_file(machine.grants(&format!("{}.acme.keyfile", login["grant"].as_str().unwrap()))).unwrap();
    }
    let moved = acme.run(&["auth", "doctor", "--move-to", "passphrase"]).exits(6);
    assert!(moved.stderr.contains("Moved the key of c from keyfile to passphrase."), "{moved}");
    for context in ["a", "b"] {
        assert!(moved.stderr.contains(&format!("is lost with it (login {context})\nhint: ")), "{moved}");
        assert!(moved.stderr.contains(&format!("hint: run `acme auth login --context {context}`")), "{moved}");
    }
    let moved = acme.run(&["auth", "doctor", "--move-to", "keyfile", "--context", "c", "--json"]).exits(0);
    let object = serde_json::json!({"context": "c", "from": "passphrase", "to": "keyfile", "left_behind": null});
    assert_eq!(moved.json(), [serde_json::json!({"ok": true, "moved": [object], "failed": []})]);
    let moved = acme.run(&["auth", "doctor", "--move-to", "passphrase", "--json"]).exits(6).json().remove(0);
    let failed: Vec<_> =
        moved["failed"].as_array().unwrap().iter().map(|one| (&one["context"], &one["remedy"])).collect();
    assert_eq!(failed, [(&"a".into(), &"log_in".into()), (&"b".into(), &"log_in".into())], "{moved}");
}

/// In every place that can say what it holds; the store cannot.
fn each_place(case: impl Fn(&Machine, &Acme<'_>, &str)) {
    for place in ["keyfile", "passphrase", "kernel"] {
        if place == "kernel" && left_out(&[Keys]) {
            continue;
        }
        let (server, machine) = (server(), Machine::headless());
        let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", place);
        let acme = acme.with("ACME_PASSPHRASE", "correct horse battery");
        acme.log_in();
        case(&machine, &acme, place);
        let report = examined(&acme, 0);
        assert!(!report.to_string().contains("correct horse"), "{report}");
        repaired(&acme, 0);
    }
}

/// What the doctor says, ending with this exit code.
#[track_caller]
fn examined(acme: &Acme<'_>, code: i32) -> Value {
    let run = acme.run(&["auth", "doctor", "--json"]).exits(code);
    let report = run.json().pop().unwrap();
    assert_eq!(report["well"], code == 0, "{run}");
    report
}

/// Mends so many things.
#[track_caller]
fn repaired(acme: &Acme<'_>, count: usize) {
    let run = acme.run(&["auth", "doctor", "--repair", "--json"]).exits(0);
    assert_eq!(run.json()[0]["repaired"].as_array().map(Vec::len), Some(count), "{run}");
}

fn of<'a>(report: &'a Value, area: &'a str) -> impl Iterator<Item = &'a Value> {
    report["findings"].as_array().unwrap().iter().filter(move |finding| finding["area"] == area)
}

fn texts_of(report: &Value, area: &str) -> Vec<String> {
    of(report, area).map(|finding| finding["text"].as_str().unwrap().to_owned()).collect()
}

fn text_of(report: &Value, area: &str) -> String {
    texts_of(report, area).join("\n")
}

/// The gravest.
fn state_of(report: &Value, area: &str) -> &'static str {
    let has = |state: &str| of(report, area).any(|finding| finding["state"] == state);
    ["problem", "well", "note"].into_iter().find(|state| has(state)).unwrap_or("absent")
}

fn problems(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["state"] == "problem");
    findings.map(|finding| finding["remedy"].as_str().unwrap_or("none").to_owned()).collect()
}

fn index(machine: &Machine) -> PathBuf {
    machine.home().join(".state/acme/index.json")
}

fn has_key(machine: &Machine, place: &str, grant: &str) -> bool {
    match place {
        "kernel" => kernel::holds("hallpass", grant),
        file => machine.grants(&format!("{grant}.acme.{file}")).exists(),
    }
}

/// Everything in the home, with its content.
fn snapshot(machine: &Machine) -> BTreeMap<PathBuf, Vec<u8>> {
    machine.home_entries().into_iter().map(|path| (path.clone(), fs::read(&path).unwrap_or_default())).collect()
}
