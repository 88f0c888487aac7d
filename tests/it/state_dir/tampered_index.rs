//! An index that somebody else has changed is believed no further than its records say (law 16).

use std::fs;

use hallpass::contexts::{Logins, Logout};
use hallpass::custody::{Custody, KeyStoreName};
use hallpass::doctor::{Area, State};
use hallpass::prompt::Silent;
use hallpass::testing::Endpoint;
use hallpass::{Auth, Error, ErrorKind, Selector, Session};
use serde_json::Value;

use crate::support::rig::{Rig, S, assert_error, bob, named, token};

#[test]
fn swapped_grants_serve_nobodys_token() {
    let (rig, tokens) = with_index(|index| exchange(index, "grant"));
    is_refused(&rig, "prod");
    let errors = is_refused(&rig, "test");
    assert!(errors[0].to_string().contains("its record is the one of alice@example.com"), "{}", errors[0]);
    // The doctor says so, and a repair gives each record its own name.
    let report = rig.auth().doctor().wait().unwrap();
    let logins =
        report.findings.iter().filter(|finding| finding.area == Area::Login && finding.state == State::Problem);
    assert_eq!(logins.count(), 2);
    let repaired = rig.auth().repair().wait().unwrap();
    assert!(repaired.left.is_empty() && repaired.done.len() == 4, "{repaired:?}");
    for (name, person, old) in [("prod", "alice", &tokens[0]), ("test", "bob", &tokens[1])] {
        let session = session(&rig, name);
        assert_eq!(session.context().unwrap().account.subject.as_deref(), Some(person), "each has its own name again");
        assert_ne!(token(&session), *old, "it is refreshed, as it has expired");
    }
}

/// Alice is `prod` and Bob is `test`, and the index is changed.
fn with_index(change: impl FnOnce(&mut Value)) -> (Rig, [String; 2]) {
    let rig = Rig::new();
    let prod = token(&rig.log_in_as(&Default::default(), Some("prod")));
    let test = token(&rig.log_in_as(&bob(), Some("test")));
    rewrite(&rig, change);
    (rig, [prod, test])
}

fn rewrite(rig: &Rig, change: impl FnOnce(&mut Value)) {
    let path = rig.home().join("index.json");
    let mut index = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut index);
    fs::write(&path, index.to_string()).unwrap();
}

fn exchange(index: &mut Value, member: &str) {
    let (one, other) = (index["contexts"][0][member].take(), index["contexts"][1][member].take());
    (index["contexts"][0][member], index["contexts"][1][member]) = (other, one);
}

fn session(rig: &Rig, name: &str) -> Session {
    rig.auth().session_for(&Selector::context(name.parse().unwrap())).unwrap()
}

/// Everything that opens the login is refused, nothing is sent, and nothing is gone.
fn is_refused(rig: &Rig, name: &str) -> Vec<Error> {
    let (records, keys) = (rig.records(), rig.keys.count());
    let select = Selector::context(name.parse().unwrap());
    rig.server.clear_requests();
    let mut errors = Vec::new();
    for expired in [false, true] {
        if expired {
            rig.clock.advance(S(3600));
        }
        assert!(session(rig, name).cached_token(Default::default()).is_none());
        errors.push(session(rig, name).access_token().wait().unwrap_err());
        errors.push(session(rig, name).userinfo().wait().unwrap_err());
    }
    let logout = Logout::new(select);
    for logout in [logout.clone(), logout.local_only()] {
        errors.push(rig.auth().logout(logout).wait().unwrap_err());
    }
    errors.push(rig.auth().rename(&name.parse().unwrap(), &"other".parse().unwrap()).wait().unwrap_err());
    for error in &errors {
        assert_error(error, ErrorKind::Custody, Some("repair"), 6);
        assert!(error.to_string().contains("nothing was sent, nothing was erased"), "{error}");
    }
    assert!(rig.server.requests().is_empty());
    assert_eq!((rig.records(), rig.keys.count()), (records, keys));
    errors
}

#[test]
fn each_member_of_an_index_entry_is_compared() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change); 5] = [
        ("prod", |entry| entry["account"]["email"] = "ceo@example.com".into()),
        ("prod", |entry| entry["client_id"] = "other-cli".into()),
        ("prod", |entry| entry["org"] = "globex".into()),
        ("prod2", |entry| entry["name"] = "prod2".into()),
        ("prod", |entry| entry["mark"] = "".into()),
    ];
    for (context, change) in cases {
        let (rig, _) = with_index(|index| change(&mut index["contexts"][0]));
        rewrite(&rig, |index| index["default"] = Value::Null);
        is_refused(&rig, context);
        token(&session(&rig, "test"));
    }
}

#[test]
fn swapped_names_of_one_account_are_refused() {
    let rig = Rig::new();
    for name in ["admin", "readonly"] {
        rig.log_in_as(&Default::default(), Some(name));
    }
    rewrite(&rig, |index| exchange(index, "name"));
    assert!(is_refused(&rig, "admin")[0].to_string().contains("was never given this name"));
    is_refused(&rig, "readonly");
    assert!(rig.auth().repair().wait().unwrap().left.is_empty());
    for name in ["admin", "readonly"] {
        token(&session(&rig, name));
    }
}

#[test]
fn grants_swapped_between_key_stores_end_no_login() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), Some("prod"));
    rig.server.approve_all_as(&bob());
    let mut other = rig.config();
    other.custody.choice = Custody::Only(vec![KeyStoreName::KeyFile]);
    Auth::new(other).unwrap().login(named(Some("test"), Silent)).wait().unwrap();
    rewrite(&rig, |index| exchange(index, "grant"));
    let records = rig.records();
    for name in ["prod", "test"] {
        let logout = Logout::new(Selector::context(name.parse().unwrap()));
        for logout in [logout.clone(), logout.local_only()] {
            let error = rig.auth().logout(logout).wait().unwrap_err();
            assert_error(&error, ErrorKind::Custody, Some("repair"), 6);
        }
    }
    assert_eq!((rig.records(), rig.keys.count(), rig.server.live_families()), (records, 1, 2));
    let repaired = rig.auth().repair().wait().unwrap();
    assert!(repaired.left.is_empty(), "{repaired:?}");
    for (name, place) in [("prod", "keys"), ("test", "keyfile")] {
        assert_eq!(session(&rig, name).context().unwrap().key_store.as_str(), place);
        token(&session(&rig, name));
    }
}

#[test]
fn a_login_that_replaces_a_swapped_name_ends_no_other() {
    let (rig, _) = with_index(|index| exchange(index, "grant"));
    rig.server.clear_requests();
    rig.server.approve_all();
    rig.auth().login(named(Some("prod"), Silent)).wait().unwrap();
    assert!(rig.server.requests_to(Endpoint::Revocation).is_empty());
    assert_eq!(rig.server.live_families(), 3);
    rig.auth().repair().wait().unwrap();
    token(&session(&rig, "test"));
}

#[test]
fn a_repair_keeps_default_and_pinned_folders() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), None);
    rig.log_in_as(&bob(), Some("work"));
    let folder = rig.folder.path().to_str().unwrap().to_owned();
    rewrite(&rig, |index| {
        index["folders"] = serde_json::json!([{"folder": folder, "context": "work"}]);
        exchange(index, "grant");
    });
    assert!(rig.auth().repair().wait().unwrap().left.is_empty());
    let contexts = rig.auth().contexts().unwrap();
    let default = contexts.iter().find(|context| context.is_default).unwrap();
    assert_eq!(default.account.subject.as_deref(), Some("alice"));
    let work = contexts.iter().find(|context| context.name.as_str() == "work").unwrap();
    assert_eq!((work.account.subject.as_deref(), work.folders.len()), (Some("bob"), 1));
    // Without marks nobody knows who had the name: then it chooses nobody.
    rewrite(&rig, |index| {
        (0..2).for_each(|at| index["contexts"][at]["mark"] = "".into());
        index["default"] = "work".into();
    });
    let repaired = rig.auth().repair().wait().unwrap();
    assert!(repaired.left.iter().any(|line| line == "no login is the default now: it was work"), "{repaired:?}");
    assert!(rig.auth().contexts().unwrap().iter().all(|context| !context.is_default));
}

#[test]
fn a_repair_names_a_second_login_of_an_account() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), None);
    rig.log_in_as(&Default::default(), Some("work"));
    rewrite(&rig, |index| drop(index["contexts"].as_array_mut().unwrap().pop()));
    assert!(rig.auth().repair().wait().unwrap().left.is_empty());
    token(&session(&rig, "alice@example.com-2"));
}

#[test]
fn logout_of_all_ends_logins_that_the_index_lost() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), None);
    rig.log_in_as(&bob(), None);
    rewrite(&rig, |index| drop(index["contexts"].as_array_mut().unwrap().pop()));
    let ended = rig.auth().logout(Logout::new(Logins::All)).wait().unwrap();
    assert_eq!((ended.done.len(), rig.keys.count(), rig.records().len(), rig.server.live_families()), (2, 0, 0, 0));
}

#[test]
fn no_other_operation_proves_a_forged_name() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), Some("work"));
    let plant = || {
        rewrite(&rig, |index| {
            let mut planted = index["contexts"][0].clone();
            planted["name"] = "prod".into();
            index["contexts"].as_array_mut().unwrap().push(planted);
        });
    };
    plant();
    rig.auth().rename(&"work".parse().unwrap(), &"home".parse().unwrap()).wait().unwrap();
    is_refused(&rig, "prod");
    rig.server.approve_all();
    rig.auth().login(named(Some("home"), Silent)).wait().unwrap();
    is_refused(&rig, "prod");
}

/// An editor of the index who has no key adds the name once more, for another org.
#[test]
fn a_rename_proves_no_second_entry_of_the_name() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), Some("prod"));
    rewrite(&rig, |index| {
        let mut planted = index["contexts"][0].clone();
        (planted["org"], planted["mark"]) = ("org_2".into(), "".into());
        index["contexts"].as_array_mut().unwrap().push(planted);
    });
    rig.auth().rename(&"prod".parse().unwrap(), &"live".parse().unwrap()).wait().unwrap();
    rewrite(&rig, |index| {
        let marks: Vec<_> = index["contexts"].as_array().unwrap().iter().map(|entry| entry["mark"] != "").collect();
        assert_eq!(marks, [true, false]);
    });
}

#[test]
fn a_renamed_login_is_proven_by_its_new_name() {
    let rig = Rig::new();
    let before = rig.log_in_as(&Default::default(), Some("work"));
    let own = token(&before);
    rig.auth().rename(&"work".parse().unwrap(), &"Home".parse().unwrap()).wait().unwrap();
    assert_eq!((token(&session(&rig, "home")), token(&before)), (own.clone(), own));
    rewrite(&rig, |index| index["contexts"][0]["name"] = "work2".into());
    is_refused(&rig, "work2");
}
