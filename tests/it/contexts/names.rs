//! Several logins in one state folder: their names, the default, and which login may take a name.

use std::sync::{Arc, Barrier};
use std::thread;

use hallpass::contexts::{ChosenBy, Logout};
use hallpass::prompt::Silent;
use hallpass::testing::{Endpoint, Person};
use hallpass::{Auth, ErrorKind, Login, Remedy, Selector};

use super::{auth_in, by_default, by_folder, folder, meant, name, two};
use crate::support::rig::{Rig, S, assert_error, bob, named, token};

fn carol() -> Person {
    Person::new("carol", "Carol Example", "carol@example.com")
}

/// The contexts in order, the default with a star.
fn list(rig: &Rig) -> Vec<String> {
    let contexts = rig.auth().contexts().unwrap();
    contexts.iter().map(|context| format!("{}{}", context.name, if context.is_default { "*" } else { "" })).collect()
}

#[test]
fn the_default_is_the_last_login_made_without_a_name() {
    let rig = Rig::new();
    rig.log_in();
    assert_eq!(list(&rig), ["alice@example.com*"]);
    rig.log_in_as(&bob(), Some("work"));
    assert_eq!(list(&rig), ["alice@example.com*", "work"]);
    rig.log_in_as(&carol(), None);
    assert_eq!(list(&rig), ["alice@example.com", "work", "carol@example.com*"]);
    assert_eq!(rig.auth().session().unwrap().context().unwrap().account.subject.as_deref(), Some("carol"));
}

#[test]
fn a_login_without_a_name_replaces_the_default() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), Some("a"));
    rig.log_in_as(&Default::default(), Some("b"));
    rig.auth().switch(&"b".parse().unwrap()).wait().unwrap();
    assert_eq!(rig.log_in().context().unwrap().name.as_str(), "b");
}

#[test]
fn an_argument_outranks_the_environment_and_the_default() {
    let rig = Rig::new();
    let alice = token(&rig.log_in());
    let bob = token(&rig.log_in_as(&bob(), Some("work")));
    let mut config = rig.config();
    config.environment.context = Some("WORK".into());
    let auth = Auth::new(config).unwrap();
    let by_argument = auth.session_for(&Selector::context(name("alice@example.com"))).unwrap();
    assert_eq!((token(&by_argument), token(&auth.session().unwrap())), (alice.clone(), bob));
    assert_eq!(token(&rig.auth().session().unwrap()), alice);
    assert!(rig.server.requests().is_empty());
}

#[test]
fn an_unknown_context_asks_to_log_in() {
    let rig = Rig::new();
    let error = rig.auth().session_for(&Selector::context(name("work"))).unwrap_err();
    assert_error(&error, ErrorKind::NotLoggedIn, Some("log_in"), 4);
    rig.log_in();
    let error = rig.auth().session_for(&Selector::context(name("work"))).unwrap_err();
    assert_error(&error, ErrorKind::NoSuchContext, Some("log_in"), 4);
    assert_eq!(error.remedy(), Some(&Remedy::LogIn { context: Some("work".into()) }));
    assert!(error.needs_login());

    let mut config = rig.config();
    config.environment.context = Some("../evil".into());
    let auth = Auth::new(config).unwrap();
    assert_error(&auth.session().unwrap_err(), ErrorKind::Config, Some("fix_config"), 2);
    let login = auth.login(Login::new(Silent)).wait();
    assert_error(&login.unwrap_err(), ErrorKind::Config, Some("fix_config"), 2);
    assert!(rig.server.requests().is_empty());
}

#[test]
fn a_login_takes_the_name_that_the_environment_gives() {
    let rig = Rig::new();
    let session = rig.try_log_in(|config| config.environment.context = Some("ci".into())).unwrap();
    assert_eq!(session.context().unwrap().name.as_str(), "ci");
    assert_eq!(list(&rig), ["ci*"]);
}

#[test]
fn without_a_state_folder_nobody_is_logged_in() {
    let rig = Rig::new();
    let error = rig.auth().session().unwrap_err();
    assert_error(&error, ErrorKind::NotLoggedIn, Some("log_in"), 4);
    assert!(rig.auth().contexts().unwrap().is_empty());
    assert!(!rig.home().exists(), "looking creates nothing");
}

#[test]
fn a_name_stays_with_its_account_unless_replaced() {
    let rig = Rig::new();
    let alice = token(&rig.log_in_as(&Person::default(), Some("work")));
    rig.server.approve_all_as(&bob());
    let error = rig.auth().login(named(Some("Work"), Silent)).wait().unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("replace"), 2);
    assert_eq!(error.remedy(), Some(&Remedy::Replace { context: "Work".into() }));
    assert!(error.to_string().contains("alice@example.com") && error.to_string().contains("bob@example.com"));
    assert_eq!((rig.server.live_families(), rig.server.counts().families), (1, 2), "bob's was given back");
    assert_eq!((rig.records().len(), rig.keys.count()), (1, 1));
    assert_eq!(token(&rig.auth().session().unwrap()), alice);

    let session = rig.auth().login(named(Some("work"), Silent).replace()).wait().unwrap();
    assert_eq!(session.context().unwrap().account.subject.as_deref(), Some("bob"));
    assert_eq!((list(&rig).as_slice(), rig.records().len(), rig.keys.count()), (["work*".to_owned()].as_slice(), 1, 1));
    assert_eq!(rig.auth().contexts().unwrap()[0].account.subject.as_deref(), Some("bob"));
}

#[test]
fn the_same_account_again_replaces_its_grant() {
    let rig = Rig::new();
    let old = rig.log_in();
    let before = rig.records();
    let new = rig.log_in();
    assert_eq!(old.context().unwrap().name, new.context().unwrap().name);
    assert_ne!(old.context().unwrap().grant, new.context().unwrap().grant);
    assert_eq!((list(&rig).len(), rig.records().len(), rig.keys.count()), (1, 1, 1));
    assert_ne!(rig.records(), before);
    assert!(rig.server.is_live_access_token(&token(&rig.auth().session().unwrap())));
    // The session of the old grant does not turn into one of the new.
    let error = old.access_token().wait().unwrap_err();
    assert_eq!(error.remedy().map(Remedy::name), Some("log_in"), "{error:?}");
}

#[test]
fn one_account_under_two_names_is_two_logins() {
    let rig = Rig::new();
    let (one, two) = (rig.log_in_as(&Person::default(), Some("one")), rig.log_in_as(&Person::default(), Some("two")));
    assert_ne!(token(&one), token(&two));
    assert_eq!(list(&rig), ["one*", "two"]);
    assert_eq!((rig.records().len(), rig.keys.count(), rig.server.live_families()), (2, 2, 2));
}

#[test]
fn two_logins_at_once_for_one_account_leave_one() {
    let rig = Rig::new();
    rig.server.approve_all();
    for _ in 0..4 {
        let barrier = Arc::new(Barrier::new(2));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (auth, barrier) = (rig.auth(), barrier.clone());
                thread::spawn(move || {
                    barrier.wait();
                    auth.login(Login::new(Silent)).wait()
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| drop(thread.join().unwrap().unwrap()));
        assert_eq!((list(&rig).len(), rig.records().len(), rig.keys.count()), (1, 1, 1));
        assert!(rig.server.is_live_access_token(&token(&rig.auth().session().unwrap())));
    }
}

#[test]
fn a_missing_default_is_asked_for_unless_one_login_is_left() {
    let rig = Rig::new();
    rig.log_in_as(&Person::default(), Some("a"));
    rig.log_in_as(&bob(), Some("b"));
    rig.log_in_as(&carol(), Some("c"));
    let _ = rig.auth().logout(Logout::default()).wait().unwrap();
    assert_eq!(list(&rig), ["b", "c"]);
    let error = rig.auth().session().unwrap_err();
    assert_error(&error, ErrorKind::NotLoggedIn, Some("choose_context"), 4);
    assert_eq!(error.remedy(), Some(&Remedy::ChooseContext { contexts: vec!["b".into(), "c".into()] }));
    let _ = rig.auth().logout(Logout::new(Selector::context(name("b")))).wait().unwrap();
    assert_eq!(rig.auth().session().unwrap().context().unwrap().name, name("c"));
}

#[test]
fn a_session_keeps_its_context_when_the_default_changes() {
    let rig = Rig::new();
    let alice = rig.log_in();
    rig.log_in_as(&bob(), None);
    rig.clock.advance(crate::support::rig::S(3600));
    token(&alice);
    assert_eq!(alice.userinfo().wait().unwrap().account.subject.as_deref(), Some("alice"));
}

#[test]
fn a_renamed_login_keeps_its_default_and_folders() {
    let rig = two();
    let here = folder(&rig, "here");
    auth_in(&rig, &here).pin_folder(&name("home")).wait().unwrap();
    let before = rig.auth().session().unwrap();
    let error = rig.auth().rename(&name("home"), &name("WORK")).wait().unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("choose_name"), 2);
    let renamed = rig.auth().rename(&name("home"), &name("private")).wait().unwrap();
    assert_eq!(
        (renamed.name.as_str(), renamed.is_default, renamed.folders.as_slice()),
        ("private", true, &[here.clone()][..])
    );
    assert_eq!(meant(&rig.auth()), by_default("private"));
    assert_eq!(meant(&auth_in(&rig, &here)), by_folder("private", &here));
    rig.clock.advance(S(3600));
    token(&before);
    assert_eq!(rig.request_count(Endpoint::Token), 1);
    // The same name in other letters is no other.
    assert_eq!(rig.auth().rename(&name("private"), &name("Private")).wait().unwrap().name.as_str(), "Private");
    let error = rig.auth().rename(&name("home"), &name("x")).wait().unwrap_err();
    assert_error(&error, ErrorKind::NoSuchContext, Some("choose_context"), 4);
    assert!(!error.needs_login());
    // The login is the same: what ends it still finds it.
    let log_out = |context| rig.auth().logout(Logout::new(Selector::context(name(context)))).wait();
    let error = log_out("home").unwrap_err();
    assert_error(&error, ErrorKind::NoSuchContext, Some("choose_context"), 4);
    drop(log_out("private").unwrap());
    assert_eq!(meant(&auth_in(&rig, &here)), ("work".into(), Some(ChosenBy::Only)), "its rule is gone with it");
}
