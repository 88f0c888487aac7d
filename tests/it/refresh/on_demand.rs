//! An expired token is refreshed, once, and the rotated refresh token replaces the old one.

use hallpass::testing::Endpoint;

use crate::support::rig::{Rig, S, forced, token};

pub(super) fn sent_refresh_tokens(rig: &Rig) -> Vec<String> {
    let requests = rig.server.requests_to(Endpoint::Token);
    requests.iter().map(|seen| seen.parameter("refresh_token").unwrap().to_owned()).collect()
}

#[test]
fn an_expired_token_is_refreshed_once() {
    let (rig, session) = Rig::logged_in();
    let first = token(&session);
    rig.clock.advance(S(3600));
    let second = token(&session);
    assert_ne!(first, second);
    assert_eq!((token(&session), token(&rig.auth().session().unwrap())), (second.clone(), second));
    assert_eq!((rig.server.requests().len(), rig.server.counts().refreshes), (1, 1));
    let context = &rig.auth().contexts().unwrap()[0];
    assert_eq!(context.expires_at.unwrap(), hallpass::clock::Clock::now(&rig.clock) + S(3600));
}

#[test]
fn the_rotated_refresh_token_replaces_the_old() {
    let (rig, session) = Rig::logged_in();
    let mut tokens: Vec<_> = (0..5).map(|_| forced(&session).unwrap()).collect();
    let mut sent = sent_refresh_tokens(&rig);
    tokens.dedup();
    sent.sort();
    sent.dedup();
    assert_eq!((tokens.len(), sent.len()), (5, 5));
    assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1));
    assert_eq!(rig.records().len(), 1, "no intent is left: {:?}", rig.records());
}

#[test]
fn a_token_that_another_session_refreshed_is_adopted() {
    let rig = Rig::new();
    let (one, other) = (rig.log_in(), rig.auth().session().unwrap());
    assert_eq!(token(&one), token(&other));
    rig.clock.advance(S(3600));
    let fresh = token(&one);
    rig.server.clear_requests();
    assert_eq!(token(&other), fresh);
    assert!(rig.server.requests().is_empty());
}
