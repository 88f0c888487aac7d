//! A process died in mid-refresh: the next caller finishes what it left.

use std::fs;

use hallpass::TokenRequest;
use hallpass::testing::Endpoint;

use crate::support::rig::{Rig, S, token};

#[test]
fn a_forced_refresh_finishes_a_whole_next_record_and_asks() {
    for forced in [false, true] {
        let (rig, session) = Rig::logged_in();
        let path = rig.home().join("grants").join(session.context().unwrap().grant.as_str());
        let old = fs::read(&path).unwrap();
        rig.clock.advance(S(4000));
        let newest = token(&session);
        fs::rename(&path, path.with_extension("next")).unwrap();
        fs::write(&path, old).unwrap();
        rig.server.clear_requests();
        let session = rig.auth().session().unwrap();
        let request = if forced { TokenRequest::new().refresh() } else { TokenRequest::new() };
        let served = session.access_token_with(request).wait().unwrap();
        assert_eq!(served.expose() == newest, !forced);
        assert_eq!(rig.request_count(Endpoint::Token), usize::from(forced));
        assert_eq!((rig.records().len(), rig.server.counts().reuses), (1, 0));
    }
}

#[test]
fn a_whole_next_record_is_finished_without_a_request() {
    let (rig, session) = Rig::logged_in();
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
fn an_older_record_is_not_taken_for_the_next_one() {
    let (rig, session) = Rig::logged_in();
    let path = rig.records().remove(0);
    let first = fs::read(&path).unwrap();
    rig.clock.advance(S(3600));
    token(&session);
    fs::write(path.with_extension("next"), first).unwrap();
    rig.clock.advance(S(3600));
    assert!(rig.server.is_live_access_token(&token(&rig.auth().session().unwrap())));
    assert_eq!((rig.server.counts().reuses, rig.records()), (0, vec![path]));
}
