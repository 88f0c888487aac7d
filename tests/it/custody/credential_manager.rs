//! Windows alone: keys in the Credential Manager, and files that other programs keep us from.

use std::fs::{File, OpenOptions};
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;

use hallpass::contexts::Logout;
use hallpass::custody::{Custody, Item, KeyStore, KeyStoreName, OsKeyStore};
use hallpass::prompt::Silent;
use hallpass::testing::check_key_store;
use hallpass::{Auth, ErrorKind, Login};

use crate::support::rig::{Rig, S, assert_error, forced, token, until};

#[test]
fn the_credential_manager_holds_the_contract() {
    check_key_store(&OsKeyStore);
}

#[test]
fn a_login_and_its_key_end_together() {
    let rig = Rig::new();
    rig.server.approve_all();
    let mut config = rig.config();
    config.custody.choice = Custody::Only(vec![KeyStoreName::Os]);
    let auth = || Auth::new(config.clone()).unwrap();

    let first = token(&auth().login(Login::new(Silent)).wait().unwrap());
    let context = auth().contexts().unwrap().remove(0);
    let item = Item::new(&config.app, &context.grant);
    assert!(context.key_store == KeyStoreName::Os && OsKeyStore.load(&item).unwrap().is_some());

    // As another process would: nothing is known but what rests.
    rig.clock.advance(S(3600));
    let second = token(&auth().session().unwrap());
    assert!(second != first && rig.server.is_live_access_token(&second));

    let ended = auth().logout(Logout::default()).wait().unwrap().done;
    assert_eq!((ended.len(), rig.server.live_families()), (1, 0));
    assert!(OsKeyStore.load(&item).unwrap().is_none() && rig.records().is_empty());
}

/// `FILE_SHARE_READ` alone, as virus scanners and backups open files: `ERROR_SHARING_VIOLATION` for all who would write.
#[test]
fn an_open_scanner_delays_a_refresh_and_loses_nothing() {
    let scan = |file: &Path| OpenOptions::new().read(true).share_mode(1).open(file).unwrap();
    held_open(scan);
}

/// As our own readers do. Windows 10 renames over such a file at once, Wine 8 does not.
#[test]
fn an_open_reader_delays_a_refresh_and_loses_nothing() {
    held_open(|file| File::open(file).unwrap());
}

#[test]
fn a_file_in_place_of_the_state_folder_is_refused() {
    let rig = Rig::new();
    std::fs::write(rig.home(), "precious").unwrap();
    let error = rig.try_log_in(|_| {}).unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("fix_path"), 6);
    assert!(error.to_string().contains("not a folder"), "{error}");
    assert_eq!(std::fs::read(rig.home()).unwrap(), b"precious");
}

fn held_open(open: impl Fn(&Path) -> File) {
    let (rig, session) = Rig::logged_in();
    for round in 1..=3 {
        let held: Vec<_> = rig.records().iter().map(|record| open(record)).collect();
        assert!(!held.is_empty());
        let server = rig.server.clone();
        let reader = thread::spawn(move || {
            // What was exchanged is about to be written down.
            until("the exchange", || server.counts().refreshes == round);
            thread::sleep(S(1) / 5);
            drop(held);
        });
        rig.clock.advance(S(3600));
        let own = forced(&session).unwrap();
        assert!(rig.server.is_live_access_token(&own));
        assert_eq!(token(&rig.auth().session().unwrap()), own, "what was kept is what was served, round {round}");
        reader.join().unwrap();
    }
    assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1));
}
