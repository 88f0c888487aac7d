//! Whose login it is, and which context it gets.

use hallpass::ErrorKind;
use hallpass::testing::Person;

use super::old::OldTool;
use crate::support::rig::{Rig, assert_error, bob, token};
use crate::testing::raw;

fn old_login_of(rig: &Rig, person: &Person) -> OldTool {
    let old = OldTool::new(rig);
    old.write(&raw::login_as(&rig.server, person).unwrap());
    old
}

#[test]
fn a_login_of_another_account_stands_beside_the_first() {
    let rig = Rig::new();
    rig.log_in();
    let session = rig.auth().adopt(old_login_of(&rig, &bob()).adoption()).wait().unwrap();
    assert_eq!(session.context().unwrap().name.as_str(), "bob@example.com");
    assert_eq!(
        rig.auth().session().unwrap().context().unwrap().name.as_str(),
        "alice@example.com",
        "the default stays"
    );
}

#[test]
fn a_name_stays_with_its_account_and_the_login_is_not_lost() {
    let rig = Rig::new();
    let alice = rig.log_in_as(&Person::default(), Some("work"));
    let old = old_login_of(&rig, &bob());
    let error = rig.auth().adopt(old.adoption().context("work")).wait().unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("choose_context"), 2);
    assert!(error.to_string().ends_with("the old login is kept as bob@example.com"), "{error}");
    assert!(rig.server.is_live_access_token(&token(&alice)));
    let bob = rig.auth().session_for(&hallpass::Selector::context("bob@example.com".parse().unwrap())).unwrap();
    assert!(rig.server.is_live_access_token(&token(&bob)));
    assert_eq!(old.content(), r#"{"theme":"dark"}"#, "its token is spent");
}

#[test]
fn replace_takes_the_name() {
    let rig = Rig::new();
    rig.log_in_as(&Person::default(), Some("work"));
    let session = rig.auth().adopt(old_login_of(&rig, &bob()).adoption().context("work").replace()).wait().unwrap();
    assert_eq!(session.context().unwrap().account.email.as_deref(), Some("bob@example.com"));
    assert_eq!(rig.server.live_families(), 1, "the replaced login is ended");
}

/// Nobody asked for a login, and here the revocation of one ends all of the account.
#[test]
fn a_login_of_the_same_account_is_forgotten_and_not_revoked() {
    let rig = Rig::with(|behaviour| behaviour.revocation_ends_account = true);
    rig.log_in();
    let old = old_login_of(&rig, &Person::default());
    let said = rig.folder.path().join("said");
    let prompt = hallpass::Terminal::to(Box::new(std::fs::File::create(&said).unwrap()));
    let session = rig.auth().adopt(old.adoption_with(prompt)).wait().unwrap();
    assert_eq!((rig.auth().contexts().unwrap().len(), rig.records().len()), (1, 1));
    assert!(rig.server.is_live_access_token(&token(&session)));
    let said = std::fs::read_to_string(said).unwrap();
    assert!(said.contains("note: the login before was not ended at the server (it is of the same account)"), "{said}");
}
