//! Key stores that are locked, away or slow, and keys that are gone: each is named, and never taken for "not logged in" (law 10).

use hallpass::ErrorKind;

use crate::support::rig::{Mood, Rig, S, assert_error, token, token_error};

#[test]
fn a_locked_absent_or_slow_key_store_is_not_an_empty_one() {
    for (mood, remedy, why) in [
        (Mood::Locked, "unlock_store", "locked"),
        (Mood::Unavailable, "start_store", "not available"),
        (Mood::Silent, "retry", "did not answer"),
    ] {
        let rig = Rig::new();
        let own = token(&rig.log_in());
        for expired in [false, true] {
            rig.keys.set(mood);
            let error = token_error(&rig);
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
fn a_lost_key_is_named_and_the_login_returns_with_it() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let keys = rig.keys.lose();
    let error = token_error(&rig);
    assert_error(&error, ErrorKind::Custody, Some("log_in"), 6);
    assert!(error.to_string().contains("no longer in custody \"keys\""), "{error}");
    let strange = keys.keys().map(|id| (id.clone(), "hunter2".to_owned())).collect();
    rig.keys.put_back(strange);
    let error = token_error(&rig);
    assert_error(&error, ErrorKind::Custody, Some("log_in"), 6);
    assert!(error.to_string().contains("overwritten") && !error.to_string().contains("hunter2"), "{error}");
    rig.keys.put_back(keys);
    assert_eq!(token(&rig.auth().session().unwrap()), own);
    assert!(rig.server.requests().is_empty());
}
