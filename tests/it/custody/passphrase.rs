//! Keys under a passphrase: who is asked, how often, and what is refused. On a terminal: tests/real/terminal.rs.

use std::fs;
use std::io;
use std::sync::{Arc, Mutex};

use hallpass::contexts::Logins;
use hallpass::custody::{Custody, KeyStoreName};
use hallpass::prompt::passphrase::{AskPassphrase, Purpose, Question};
use hallpass::secret::Secret;
use hallpass::{Auth, Config, Error, ErrorKind};

use super::key_files::checksummed;
use crate::support::passphrase::{Says, at};
use crate::support::rig::{Rig, S, assert_error, token};

fn config(rig: &Rig, person: &Arc<Says>) -> Config {
    let mut config = at(rig, KeyStoreName::Passphrase);
    config.custody.passphrase = Some(person.clone());
    config
}

fn asked(rig: &Rig, person: &Arc<Says>) -> Result<String, Error> {
    let session = Auth::new(config(rig, person))?.session()?;
    Ok(session.access_token().wait()?.expose().to_owned())
}

#[test]
fn a_passphrase_is_chosen_before_the_code_is_shown() {
    let rig = Rig::new();
    for (answer, remedy, why) in [
        (Ok("seven c"), "choose_passphrase", "at least 8 characters"),
        (Err(io::ErrorKind::NotFound), "give_passphrase", "nobody to ask"),
        (Err(io::ErrorKind::InvalidData), "give_passphrase", "no passphrase could be had"),
        (Err(io::ErrorKind::InvalidInput), "fix_config", "no passphrase could be had"),
    ] {
        let error = rig.try_log_in(|own| *own = config(&rig, &Says::these(&[answer]))).unwrap_err();
        assert_error(&error, ErrorKind::Custody, Some(remedy), 6);
        assert!(error.to_string().contains(why), "{error}");
        assert!(rig.server.requests().is_empty() && !rig.home().exists(), "{why}: nothing was sent or written");
    }
    // Who wants to stop is not led to another place.
    let error = rig.try_log_in(|own| {
        *own = config(&rig, &Says::these(&[Err(io::ErrorKind::Interrupted)]));
        own.custody.choice = Custody::Only(vec![KeyStoreName::Passphrase, KeyStoreName::KeyFile]);
    });
    assert_error(&error.unwrap_err(), ErrorKind::Cancelled, None, 130);
    assert!(rig.server.requests().is_empty() && !rig.home().exists());
    // Characters, not bytes.
    rig.try_log_in(|own| *own = config(&rig, &Says::always("ünïcödé!"))).unwrap();
}

#[test]
fn a_passphrase_is_asked_once_a_login_and_once_a_process() {
    let rig = Rig::new();
    let person = Says::always("correct horse");
    let own = token(&rig.try_log_in(|own| *own = config(&rig, &person)).unwrap());
    assert_eq!(person.purposes(), [Purpose::Choose, Purpose::Open], "the login, and its first token");
    let again = Says::always("correct horse");
    assert_eq!(asked(&rig, &again).unwrap(), own);
    assert_eq!(again.purposes(), [Purpose::Open]);
}

#[test]
fn three_wrong_passphrases_do_the_login_no_harm() {
    let rig = Rig::new();
    let own = token(&rig.try_log_in(|own| *own = config(&rig, &Says::always("correct horse"))).unwrap());
    rig.server.clear_requests();
    rig.clock.advance(S(3600));
    let person = Says::always("wrong horse");
    let error = asked(&rig, &person).unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("correct_passphrase"), 6);
    assert!(error.to_string().contains("the passphrase is wrong"), "{error}");
    assert_eq!(person.purposes(), [Purpose::Open, Purpose::OpenAgain, Purpose::OpenAgain]);
    let error = asked(&rig, &Says::these(&[Err(io::ErrorKind::NotFound)])).unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("give_passphrase"), 6);
    assert!(error.to_string().contains("nobody to ask"), "{error}");
    let error = asked(&rig, &Says::these(&[Err(io::ErrorKind::Interrupted)])).unwrap_err();
    assert_error(&error, ErrorKind::Cancelled, None, 130);
    assert!(rig.server.requests().is_empty());
    let third = Says::these(&[Ok("wrong"), Ok("wrong"), Ok("correct horse")]);
    assert_ne!(asked(&rig, &third).unwrap(), own, "the third try opens it, and the token is refreshed");
}

/// RFC 9106 §4, and the way is written down with the key, so that later versions can choose another.
#[test]
fn the_cost_of_a_passphrase_is_recorded_and_bounded() {
    let rig = Rig::new();
    let person = Says::always("correct horse");
    let own = token(&rig.try_log_in(|own| *own = config(&rig, &person)).unwrap());
    let path = rig.records().into_iter().find(|path| path.extension().is_some_and(|kind| kind == "passphrase"));
    let path = path.unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let line = good.lines().next().unwrap();
    let way = &serde_json::from_str::<serde_json::Value>(line).unwrap()["way"]["argon2id"];
    assert_eq!((&way["memory_kib"], &way["passes"], &way["lanes"]), (&65536.into(), &3.into(), &4.into()), "{way}");
    assert_eq!(way["salt"].as_str().map(str::len), Some(22), "128 bits: {way}");
    assert!(!good.contains("correct") && !good.contains("horse"));

    rig.server.clear_requests();
    for (from, to) in [
        ("\"memory_kib\":65536", "\"memory_kib\":4294967295"),
        ("\"memory_kib\":65536", "\"memory_kib\":1048577"),
        ("\"memory_kib\":65536", "\"memory_kib\":0"),
        ("\"passes\":3", "\"passes\":4294967295"),
        ("\"passes\":3", "\"passes\":0"),
        ("\"lanes\":4", "\"lanes\":255"),
        // Cheaper to try than what is written here.
        ("\"memory_kib\":65536", "\"memory_kib\":32768"),
        ("\"passes\":3", "\"passes\":1"),
        ("\"lanes\":4", "\"lanes\":1"),
        // More than one step up.
        ("\"memory_kib\":65536", "\"memory_kib\":262144"),
        ("\"passes\":3", "\"passes\":5"),
    ] {
        assert!(line.contains(from), "{line}");
        fs::write(&path, checksummed(&line.replace(from, to))).unwrap();
        let begun = std::time::Instant::now();
        let error = asked(&rig, &person).unwrap_err();
        assert_error(&error, ErrorKind::Custody, Some("upgrade"), 6);
        assert!(begun.elapsed() < S(5), "{to}: it was tried");
    }
    // One step more is tried, and makes another key.
    for (from, to) in [("\"memory_kib\":65536", "\"memory_kib\":131072"), ("\"passes\":3", "\"passes\":4")] {
        fs::write(&path, checksummed(&line.replace(from, to))).unwrap();
        assert_error(&asked(&rig, &person).unwrap_err(), ErrorKind::Custody, Some("correct_passphrase"), 6);
    }
    assert!(rig.server.requests().is_empty());
    fs::write(&path, good).unwrap();
    assert_eq!(asked(&rig, &person).unwrap(), own);
}

/// Says the passphrase, and whether some login's lock was held when it was asked (law 2).
#[derive(Debug)]
struct LooksAtLocks {
    grants: std::path::PathBuf,
    held: Mutex<Vec<String>>,
}

impl AskPassphrase for LooksAtLocks {
    fn ask(&self, _question: &Question) -> io::Result<Secret> {
        for entry in fs::read_dir(&self.grants).into_iter().flatten() {
            let path = entry.unwrap().path();
            let is_lock = path.extension().is_some_and(|kind| kind == "lock");
            if is_lock && fs::File::options().write(true).open(&path).unwrap().try_lock().is_err() {
                self.held.lock().unwrap().push(path.display().to_string());
            }
        }
        Ok(Secret::new("correct horse battery".into()))
    }
}

#[test]
fn no_lock_is_held_while_a_person_is_asked() {
    let rig = Rig::new();
    let person = Arc::new(LooksAtLocks { grants: rig.home().join("grants"), held: Mutex::default() });
    let config = || {
        let mut config = at(&rig, KeyStoreName::Passphrase);
        config.custody.choice = Custody::Only(vec![KeyStoreName::Passphrase, KeyStoreName::KeyFile]);
        config.custody.passphrase = Some(person.clone());
        config
    };
    rig.try_log_in(|own| *own = config()).unwrap();
    let auth = || Auth::new(config()).unwrap();
    rig.clock.advance(S(4000));
    token(&auth().session().unwrap());
    for to in [KeyStoreName::KeyFile, KeyStoreName::Passphrase] {
        let _ = auth().move_keys(hallpass::contexts::MoveKeys::new(Logins::All, to)).wait().unwrap();
    }
    let _ = auth().logout(Default::default()).wait().unwrap();
    assert_eq!(*person.held.lock().unwrap(), [""; 0]);
}
