//! A login can always be forgotten on this machine, whatever is broken.

use hallpass::contexts::{Logout, LogoutOutcome};
use hallpass::{Auth, ErrorKind};

use super::revocation::log_out;
use crate::support::rig::{Mood, Rig, assert_error, token};

#[test]
fn local_only_sends_nothing_and_says_so() {
    let rig = Rig::new();
    rig.log_in();
    let ended = log_out(&rig, Logout::default().local_only()).unwrap();
    assert_eq!(ended[0].ended, LogoutOutcome::LocalOnly);
    assert!(rig.server.requests().is_empty() && rig.records().is_empty());
    assert_eq!((rig.keys.count(), rig.server.live_families()), (0, 1));
}

/// What is ended at the server and still looks alive here would be a lie.
#[test]
fn a_login_that_cannot_be_erased_here_is_not_revoked() {
    let rig = Rig::new();
    rig.log_in();
    // No file can be written there.
    let obstacle = rig.home().join("index.json.new");
    std::fs::create_dir(&obstacle).unwrap();
    assert_error(&log_out(&rig, Logout::default()).unwrap_err(), ErrorKind::Custody, Some("fix_path"), 6);
    assert!(rig.server.requests().is_empty() && rig.keys.count() == 1 && rig.records().len() == 1);
    std::fs::remove_dir(obstacle).unwrap();
    assert_eq!(log_out(&rig, Logout::default()).unwrap()[0].ended, LogoutOutcome::Revoked);
}

#[test]
fn a_locked_key_store_keeps_the_login_and_a_lost_key_not() {
    let rig = Rig::new();
    rig.log_in();
    for (mood, remedy) in [(Mood::Locked, "unlock_store"), (Mood::Unavailable, "start_store"), (Mood::Silent, "retry")]
    {
        rig.keys.set(mood);
        let error = log_out(&rig, Logout::default()).unwrap_err();
        assert_error(&error, ErrorKind::Custody, Some(remedy), 6);
    }
    rig.keys.set(Mood::Well);
    assert_eq!((rig.records().len(), rig.keys.count(), rig.server.requests().len()), (1, 1, 0));
    token(&rig.auth().session().unwrap());

    rig.keys.lose();
    assert_eq!(log_out(&rig, Logout::default()).unwrap()[0].ended, LogoutOutcome::Unreadable);
    assert!(rig.server.requests().is_empty() && rig.records().is_empty());
    assert!(rig.auth().contexts().unwrap().is_empty());
}

#[test]
fn a_login_can_be_forgotten_though_its_key_store_is_dead() {
    for mood in [Mood::Locked, Mood::Unavailable, Mood::Silent] {
        let rig = Rig::new();
        rig.log_in();
        rig.keys.set(mood);
        let ended = log_out(&rig, Logout::default().local_only()).unwrap();
        assert_eq!(ended[0].ended, LogoutOutcome::LocalOnly);
        assert!(ended[0].left_behind.as_ref().is_some_and(|why| why.contains("cannot be used")), "{ended:?}");
        assert!(rig.records().is_empty() && rig.auth().contexts().unwrap().is_empty());
        assert!(rig.server.requests().is_empty());
    }
}

#[test]
fn a_login_in_an_unknown_key_store_can_be_forgotten() {
    let rig = Rig::new();
    rig.log_in();
    let mut config = rig.config();
    config.custody.choice = hallpass::custody::Custody::Auto;
    let auth = Auth::new(config).unwrap();
    assert!(auth.logout(Logout::default()).wait().is_err());
    assert_eq!(
        auth.logout(Logout::default().local_only()).wait().unwrap().done[0].ended,
        hallpass::contexts::LogoutOutcome::LocalOnly
    );
    assert!(rig.records().is_empty() && rig.auth().contexts().unwrap().is_empty());
}
