//! Keys that move to another place, as a library call. Processes that die on the way: tests/processes/moves.rs.

use std::sync::{Arc, Mutex};

use hallpass::config::Setting;
use hallpass::contexts::{Logins, MoveKeys, MoveOutcome, Outcomes};
use hallpass::custody::{Custody, Item, KeyStore, KeyStoreError, KeyStoreName, MemoryKeyStore};
use hallpass::prompt::Silent;
use hallpass::secret::Secret;
use hallpass::testing::Person;
use hallpass::{Auth, Config, ErrorKind, Remedy, Result};

use crate::support::passphrase::at;
use crate::support::rig::{Mood, Rig, S, assert_error, named, token};

fn moved(config: Config, to: &str) -> Result<Vec<MoveOutcome>> {
    let Outcomes { done, failed, .. } = Auth::new(config)?.move_keys(MoveKeys::new(Logins::All, to.parse()?)).wait()?;
    // For a test with one login, its error is the error.
    failed.into_iter().next().map_or(Ok(done), |(_, error)| Err(error))
}

fn custodies(rig: &Rig) -> Vec<String> {
    rig.auth().contexts().unwrap().into_iter().map(|context| context.key_store.to_string()).collect()
}

#[test]
fn an_existing_session_serves_after_a_move() {
    let rig = Rig::new();
    let files = Custody::Only(vec![KeyStoreName::KeyFile, KeyStoreName::Passphrase]);
    let session = rig.try_log_in(|own| own.custody.choice = Custody::Only(vec![KeyStoreName::KeyFile])).unwrap();
    let own = token(&session);
    let mut config = at(&rig, KeyStoreName::Passphrase);
    config.custody.choice = files;
    let done = moved(config.clone(), "passphrase").unwrap();
    assert_eq!((done[0].from.as_str(), done[0].to.as_str(), &done[0].left_behind), ("keyfile", "passphrase", &None));
    assert_eq!(token(&session), own);
    // A session of the same configuration, made before, fetches its key where it is now.
    let before = Auth::new(config.clone()).unwrap().session().unwrap();
    moved(config.clone(), "keyfile").unwrap();
    rig.clock.advance(S(3600));
    let fresh = token(&before);
    assert_ne!(fresh, own);
    assert_eq!(token(&session), fresh, "and so does the one that saw both moves");
    assert_eq!(custodies(&rig), ["keyfile"]);
    // To where it is already.
    assert_eq!(moved(config, "keyfile").unwrap()[0].from, KeyStoreName::KeyFile);
}

#[test]
fn a_failed_move_leaves_the_key_where_it_was() {
    let rig = Rig::new();
    let own = token(&rig.try_log_in(|own| own.custody.choice = Custody::Only(vec![KeyStoreName::KeyFile])).unwrap());
    let before = rig.records();
    for (mood, remedy, why) in [
        (Mood::Locked, "unlock_store", "it is locked"),
        (Mood::Unavailable, "choose_place", "not available"),
        (Mood::Silent, "choose_place", "did not answer"),
        (Mood::Full, "choose_place", "takes no more items"),
    ] {
        rig.keys.set(mood);
        let error = moved(rig.config(), "keys").unwrap_err();
        assert_error(&error, ErrorKind::Custody, Some(remedy), 6);
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!((custodies(&rig), rig.records(), rig.keys.count()), (vec!["keyfile".into()], before.clone(), 0));
        assert_eq!(token(&rig.auth().session().unwrap()), own);
    }
    rig.keys.set(Mood::Well);
    moved(rig.config(), "keys").unwrap();
    assert_eq!((custodies(&rig), rig.records().len(), rig.keys.count()), (vec!["keys".into()], 1, 1));
}

/// Takes a key and gives back another.
#[derive(Debug, Default)]
struct Forgetful(MemoryKeyStore, Mutex<Vec<String>>);

impl KeyStore for Forgetful {
    fn name(&self) -> KeyStoreName {
        KeyStoreName::custom("forgetful").unwrap()
    }

    fn probe(&self) -> Result<(), KeyStoreError> {
        Ok(())
    }

    fn store(&self, item: &Item<'_>, label: &str, key: &Secret) -> Result<(), KeyStoreError> {
        self.1.lock().unwrap().push(label.to_owned());
        self.0.store(item, label, &Secret::new(key.expose().to_uppercase()))
    }

    fn load(&self, item: &Item<'_>) -> Result<Option<Secret>, KeyStoreError> {
        self.0.load(item)
    }

    fn erase(&self, item: &Item<'_>) -> Result<bool, KeyStoreError> {
        self.0.erase(item)
    }
}

#[test]
fn a_key_is_read_back_before_it_leaves_its_key_store() {
    let rig = Rig::new();
    let own = token(&rig.try_log_in(|own| own.custody.choice = Custody::Only(vec![KeyStoreName::KeyFile])).unwrap());
    let forgetful = Arc::new(Forgetful::default());
    let mut config = rig.config();
    config.custody.choice = Custody::Custom(forgetful.clone());
    let error = moved(config, "forgetful").unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("choose_place"), 6);
    assert!(error.to_string().contains("does not give back"), "{error}");
    let labels = forgetful.1.lock().unwrap().clone();
    assert!(labels.len() == 1 && labels[0].starts_with("acme login of alice@example.com at "), "{labels:?}");
    let id = rig.auth().contexts().unwrap()[0].grant.clone();
    assert!(forgetful.load(&Item::new(&"acme".parse().unwrap(), &id)).unwrap().is_none(), "what it took is erased");
    assert_eq!((custodies(&rig), token(&rig.auth().session().unwrap())), (vec!["keyfile".into()], own));
}

#[test]
fn a_key_moves_only_to_an_allowed_lasting_key_store() {
    let rig = Rig::new();
    rig.try_log_in(|own| own.custody.choice = Custody::Only(vec![KeyStoreName::KeyFile])).unwrap();
    let only = || at(&rig, KeyStoreName::KeyFile);
    for (config, to, there_are) in [
        (only(), "passphrase", "keyfile"),
        (only(), "cellar", "keyfile"),
        (at(&rig, KeyStoreName::Memory), "memory", "no such place"),
        (rig.config(), "keyfile", "keys"),
    ] {
        let error = moved(config, to).unwrap_err();
        assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
        let message = format!("no key can move to \"{to}\": this program has {there_are}");
        assert_eq!(error.to_string(), message);
        assert_eq!(error.remedy(), Some(&Remedy::FixConfig { setting: Setting::MoveTo }));
        assert_eq!(custodies(&rig), ["keyfile"]);
    }
    assert!(moved(Rig::new().config(), "keys").unwrap().is_empty(), "nobody is logged in: nothing moves");
}

#[test]
fn twenty_logins_move_together() {
    let rig = Rig::new();
    let config = at(&rig, KeyStoreName::KeyFile);
    let names: Vec<String> = (0..20).map(|n| format!("org-{n:02}")).collect();
    let log_in = |name: &String| {
        rig.server.approve_all_as(&Person::new(name, name, &format!("{name}@example.com")));
        let login = Auth::new(config.clone()).unwrap().login(named(Some(name), Silent));
        token(&login.wait().unwrap())
    };
    let tokens: Vec<String> = names.iter().map(log_in).collect();
    let all_serve = || {
        let auth = rig.auth();
        let of = |name: &String| token(&auth.session_for(&named_select(name)).unwrap());
        assert_eq!(names.iter().map(of).collect::<Vec<_>>(), tokens);
    };
    rig.server.clear_requests();
    all_serve();
    let done = moved(rig.config(), "keys").unwrap();
    assert_eq!((done.len(), rig.keys.count(), custodies(&rig)), (20, 20, vec!["keys".to_owned(); 20]));
    all_serve();
    // One alone, by a configuration that does not know where it is.
    let one = MoveKeys::new(named_select(&names[7]), KeyStoreName::KeyFile);
    let error = Auth::new(config.clone()).unwrap().move_keys(one).wait().unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
    assert_eq!((rig.keys.count(), custodies(&rig)), (20, vec!["keys".to_owned(); 20]));
    assert!(rig.server.requests().is_empty());
}

#[test]
fn if_one_key_is_gone_the_others_still_move() {
    let rig = Rig::new();
    for name in ["a", "b", "c"] {
        rig.server.approve_all_as(&Person::new(name, name, &format!("{name}@example.com")));
        let auth = Auth::new(at(&rig, KeyStoreName::KeyFile)).unwrap();
        auth.login(named(Some(name), Silent)).wait().unwrap();
    }
    let gone = rig.auth().contexts().unwrap().remove(1).grant;
    std::fs::remove_file(rig.home().join("grants").join(format!("{gone}.acme.keyfile"))).unwrap();
    let moved = rig.auth().move_keys(MoveKeys::new(Logins::All, KeyStoreName::custom("keys").unwrap())).wait().unwrap();
    assert_eq!(moved.done.iter().map(|one| one.context.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    let [(context, error)] = &moved.failed[..] else { panic!("{moved:?}") };
    assert_eq!(context.as_str(), "b");
    assert!(error.to_string().starts_with("the key of this login is no longer in"), "{error}");
    assert_eq!(error.remedy(), Some(&Remedy::LogIn { context: Some("b".into()) }));
    assert_eq!((rig.keys.count(), custodies(&rig)), (2, ["keys", "keyfile", "keys"].map(str::to_owned).to_vec()));
    // Of one alone, the same is the error.
    let one = MoveKeys::new(named_select("b"), KeyStoreName::custom("keys").unwrap());
    assert_eq!(rig.auth().move_keys(one).wait().unwrap_err().to_string(), error.to_string());
}

fn named_select(name: &str) -> hallpass::Selector {
    hallpass::Selector::context(name.parse().unwrap())
}
