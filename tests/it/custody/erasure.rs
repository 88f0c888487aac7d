//! Keys are erased with their login, and no key of another login is.

use std::fs;
use std::path::Path;

use hallpass::contexts::Logout;
use hallpass::prompt::Silent;
use hallpass::{Auth, Selector};
use serde_json::Value;

use crate::support::rig::{Rig, bob, named, token};

#[test]
fn a_key_is_erased_though_its_record_is_gone_or_damaged() {
    for is_gone in [false, true] {
        let rig = Rig::new();
        rig.log_in_as(&Default::default(), None);
        let record = rig.records().pop().unwrap();
        match is_gone {
            true => fs::remove_file(&record).unwrap(),
            false => fs::write(&record, "x").unwrap(),
        }
        match is_gone {
            true => drop(rig.auth().repair().wait().unwrap()),
            false => drop(rig.auth().logout(Logout::default()).wait().unwrap()),
        }
        assert_eq!(rig.keys.count(), 0);
    }
}

#[test]
fn a_repair_erases_no_key_that_may_be_of_another_folder() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let grant = rig.auth().contexts().unwrap()[0].grant.to_string();
    // A second folder whose author knows the name of that grant, at the same place for keys.
    let other = rig.folder.path().join("other");
    let config = |home: &Path| {
        let mut config = rig.config();
        config.state_dir = Some(home.to_owned());
        config
    };
    rig.server.approve_all_as(&bob());
    Auth::new(config(&other)).unwrap().login(named(Some("bob"), Silent)).wait().unwrap();
    fs::write(other.join("grants").join(format!("{grant}.lock")), "").unwrap();
    let path = other.join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut entry = index["contexts"][0].clone();
    (entry["name"], entry["grant"]) = ("planted".into(), grant.into());
    index["contexts"].as_array_mut().unwrap().push(entry);
    fs::write(&path, index.to_string()).unwrap();
    let auth = Auth::new(config(&other)).unwrap();
    let planted = Logout::new(Selector::context("planted".parse().unwrap()));
    for logout in [planted.clone().local_only(), planted] {
        let _ = auth.logout(logout).wait();
    }
    auth.repair().wait().unwrap();
    assert_eq!(rig.keys.count(), 2);
    assert_eq!(token(&rig.auth().session().unwrap()), own);
}
