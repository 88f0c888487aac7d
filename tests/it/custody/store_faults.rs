//! Where things rest: hostile homes, lost keys, damaged files. Each is named, and nothing is lost that can be put back.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use hallpass::blocking::wait;
use hallpass::prompt::Silent;
use hallpass::{Error, ErrorKind, LoginRequest, Remedy};

use crate::support::rig::{Mood, Rig, S, assert_error, bob, token};

/// What a fresh process says when it is asked for a token.
pub(crate) fn asked(rig: &Rig) -> Error {
    let token = rig.auth().session().and_then(|session| wait(session.access_token()));
    token.map(|token| token.scopes().to_string()).unwrap_err()
}

#[test]
fn a_store_that_is_locked_away_or_slow_is_never_an_empty_one() {
    for (mood, remedy, why) in [
        (Mood::Locked, "unlock_store", "locked"),
        (Mood::Unavailable, "start_store", "not available"),
        (Mood::Silent, "retry", "did not answer"),
    ] {
        let rig = Rig::new();
        let own = token(&rig.log_in());
        for expired in [false, true] {
            rig.keys.set(mood);
            let error = asked(&rig);
            assert_error(&error, ErrorKind::Custody, Some(remedy), 6);
            assert!(error.to_string().contains(why), "{error}");
            assert!(rig.server.requests().is_empty(), "{mood:?}");
            assert_eq!(rig.auth().contexts().unwrap().len(), 1, "listing needs no store");
            rig.keys.set(Mood::Well);
            assert_eq!(token(&rig.auth().session().unwrap()) == own, !expired, "{mood:?}");
            rig.clock.advance(S(3600));
            rig.server.clear_requests();
        }
    }
}

#[test]
fn the_remedy_for_a_lost_login_names_its_context() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), Some("work"));
    let work = Some(Remedy::LogIn { context: Some("work".into()) });
    let (record, keys) = (rig.records().remove(0), rig.keys.lose());
    assert_eq!(asked(&rig).remedy(), work.as_ref(), "its key is gone");
    rig.keys.put_back(keys);
    fs::write(&record, "damaged").unwrap();
    assert_eq!(asked(&rig).remedy(), work.as_ref(), "its record is damaged");
    fs::remove_file(&record).unwrap();
    assert_eq!(asked(&rig).remedy(), work.as_ref(), "its record is gone");
}

#[test]
fn a_token_at_hand_is_served_while_the_store_is_locked() {
    let rig = Rig::new();
    let session = rig.log_in();
    let own = token(&session);
    rig.keys.set(Mood::Locked);
    assert_eq!(token(&session), own);
}

#[test]
fn a_key_that_is_gone_is_a_lost_login_and_comes_back_with_the_key() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let keys = rig.keys.lose();
    let error = asked(&rig);
    assert_error(&error, ErrorKind::Custody, Some("log_in"), 6);
    assert!(error.to_string().contains("no longer in custody \"keys\""), "{error}");
    let strange = keys.keys().map(|id| (id.clone(), "hunter2".to_owned())).collect();
    rig.keys.put_back(strange);
    let error = asked(&rig);
    assert_error(&error, ErrorKind::Custody, Some("log_in"), 6);
    assert!(error.to_string().contains("overwritten") && !error.to_string().contains("hunter2"), "{error}");
    rig.keys.put_back(keys);
    assert_eq!(token(&rig.auth().session().unwrap()), own);
    assert!(rig.server.requests().is_empty());
}

#[test]
fn a_damaged_record_is_named_and_comes_back_with_its_bytes() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let other = token(&rig.log_in_as(&bob(), Some("bob")));
    let contexts = rig.auth().contexts().unwrap();
    let path = |at: usize| rig.home().join("grants").join(contexts[at].grant.as_str());
    let (alice, bob) = (fs::read(path(0)).unwrap(), fs::read(path(1)).unwrap());
    let header = alice.iter().position(|byte| *byte == b'\n').unwrap();
    let flipped = |at: usize| {
        let mut bytes = alice.clone();
        bytes[at] ^= 1;
        bytes
    };
    let text = |bytes: &[u8], from: &str, to: &str| {
        let line = String::from_utf8(bytes[..header].to_vec()).unwrap();
        assert!(line.contains(from), "{line}");
        [line.replace(from, to).as_bytes(), &bytes[header..]].concat()
    };
    let another_key = text(&alice, "\"key\":\"", "\"key\":\"AAAA");
    for (case, bytes, remedy, why) in [
        ("empty", Vec::new(), "log_in", "damaged"),
        ("half a header", alice[..header / 2].to_vec(), "log_in", "damaged"),
        ("only a header", alice[..=header].to_vec(), "log_in", "damaged"),
        ("cut", alice[..alice.len() - 1].to_vec(), "log_in", "damaged"),
        ("half", alice[..alice.len() / 2].to_vec(), "log_in", "damaged"),
        ("a bit of the text", flipped(alice.len() - 20), "log_in", "damaged"),
        ("a bit of the nonce", flipped(header + 3), "log_in", "damaged"),
        ("a generation", text(&alice, "\"generation\":1", "\"generation\":9"), "log_in", "damaged"),
        ("another key's", another_key, "log_in", "sealed with another key"),
        ("zeros", vec![0; 600], "log_in", "damaged"),
        ("another login's", bob.clone(), "log_in", "belongs to another app or login"),
        ("newer", text(&alice, "\"format\":1", "\"format\":2"), "upgrade", "newer version"),
        ("older than any", text(&alice, "\"format\":1", "\"format\":0"), "log_in", "damaged"),
    ] {
        fs::write(path(0), bytes).unwrap();
        let error = asked(&rig);
        assert_error(&error, ErrorKind::Custody, Some(remedy), 6);
        assert!(error.to_string().contains(why), "{case}: {error}");
        assert!(error.to_string().contains(&*path(0).to_string_lossy()), "{case}: {error}");
        assert!(rig.server.requests().is_empty(), "{case}");
        assert_eq!(rig.auth().contexts().unwrap().len(), 2, "{case}");
        fs::write(path(0), &alice).unwrap();
        assert_eq!(token(&rig.auth().session().unwrap()), own, "{case}");
    }
    fs::remove_file(path(0)).unwrap();
    let error = asked(&rig);
    assert_error(&error, ErrorKind::Custody, Some("log_in"), 6);
    assert!(error.to_string().contains("it is gone"), "{error}");
    fs::write(path(0), &alice).unwrap();
    // Swapped, the two are nobody's.
    fs::write(path(0), &bob).unwrap();
    fs::write(path(1), &alice).unwrap();
    assert_error(&asked(&rig), ErrorKind::Custody, Some("log_in"), 6);
    fs::write(path(0), &alice).unwrap();
    fs::write(path(1), &bob).unwrap();
    assert_eq!(token(&rig.auth().session().unwrap()), own);
    assert_ne!(own, other);
}

#[test]
fn a_damaged_index_is_not_an_empty_one() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let path: PathBuf = rig.home().join("index.json");
    let good = fs::read_to_string(&path).unwrap();
    let hostile_folder = r#""format":1,"folders":[{"folder":"/tmp/\u001b[2J","context":"alice@example.com"}]"#;
    for (text, remedy) in [
        (String::new(), "set_aside"),
        (good[..good.len() / 2].to_owned(), "set_aside"),
        (good.replace("alice@example.com", "../../x"), "set_aside"),
        (good.replace("\"format\":1", hostile_folder), "set_aside"),
        (good.replace("\"format\":1", "\"format\":2"), "upgrade"),
        ("{\"format\": 3}".to_owned(), "upgrade"),
    ] {
        fs::write(&path, &text).unwrap();
        let login = wait(rig.auth().login(LoginRequest::default(), Arc::new(Silent)));
        for error in [asked(&rig), rig.auth().contexts().unwrap_err(), login.unwrap_err()] {
            assert_error(&error, ErrorKind::Custody, Some(remedy), 6);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "it is not overwritten");
    }
    assert!(rig.server.requests().is_empty());
    fs::write(&path, good).unwrap();
    assert_eq!(token(&rig.auth().session().unwrap()), own);
}

#[test]
fn a_grant_that_another_process_holds_is_waited_for_within_bounds() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let path = rig.records().remove(0).with_extension("lock");
    let held = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    held.lock().unwrap();
    let mut config = rig.config();
    config.lock_timeout = std::time::Duration::from_millis(40);
    let auth = hallpass::Auth::new(config).unwrap();
    rig.clock.advance(S(3595));
    assert_eq!(token(&auth.session().unwrap()), own, "still valid, and nobody waits longer than that");
    rig.clock.advance(S(5));
    for error in
        [wait(auth.session().unwrap().access_token()).unwrap_err(), wait(auth.logout(Default::default())).unwrap_err()]
    {
        assert_error(&error, ErrorKind::Custody, Some("other_process"), 6);
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    }
    assert!(rig.server.requests().is_empty());
    drop(held);
    assert_ne!(token(&auth.session().unwrap()), own);
}

#[test]
fn a_rotation_that_only_lacked_its_last_step_is_finished_without_a_request() {
    let rig = Rig::new();
    let session = rig.log_in();
    let path = rig.records().remove(0);
    let first = fs::read(&path).unwrap();
    rig.clock.advance(S(3600));
    let fresh = token(&session);
    // As if the process had died between writing the next record and renaming it.
    fs::rename(&path, path.with_extension("next")).unwrap();
    fs::write(&path, first).unwrap();
    rig.server.clear_requests();
    assert_eq!(token(&rig.auth().session().unwrap()), fresh);
    assert!(rig.server.requests().is_empty());
    assert_eq!(rig.records(), [path]);
}

#[test]
fn an_older_record_that_lies_about_is_not_taken_for_the_next() {
    let rig = Rig::new();
    let session = rig.log_in();
    let path = rig.records().remove(0);
    let first = fs::read(&path).unwrap();
    rig.clock.advance(S(3600));
    token(&session);
    fs::write(path.with_extension("next"), first).unwrap();
    rig.clock.advance(S(3600));
    assert!(rig.server.is_live_access_token(&token(&rig.auth().session().unwrap())));
    assert_eq!((rig.server.counts().reuses, rig.records()), (0, vec![path]));
}

#[test]
fn the_contract_of_custody_holds_in_memory() {
    hallpass::testing::check_key_store(&hallpass::custody::MemoryKeyStore::new());
}

/// The suite is not one that cannot fail: a custody that mixes the items of two apps is found.
#[test]
#[should_panic(expected = "an item is of one app")]
fn the_contract_of_custody_finds_a_custody_that_breaks_it() {
    hallpass::testing::check_key_store(&crate::support::rig::Keys::default());
}
