//! A program that runs for long asks `Auth::access_token`, and finds what other processes have done.

use hallpass::contexts::Logout;
use hallpass::testing::Person;
use hallpass::{Auth, ErrorKind};

use crate::support::rig::{Mood, Rig, S, assert_error, bob, token};

fn served(auth: &Auth) -> String {
    auth.access_token().wait().unwrap().expose().to_owned()
}

#[test]
fn a_login_made_elsewhere_is_found() {
    let rig = Rig::new();
    let auth = rig.auth();
    let error = auth.access_token().wait().unwrap_err();
    assert_error(&error, ErrorKind::NotLoggedIn, Some("log_in"), 4);
    let first = token(&rig.log_in_as(&Person::default(), Some("work")));
    assert_eq!(served(&auth), first);

    // The next login of the same name is another grant.
    let second = token(&rig.log_in_as(&Person::default(), Some("work")));
    assert_ne!(first, second);
    assert_eq!(served(&auth), second);

    let other = token(&rig.log_in_as(&bob(), Some("other")));
    assert_eq!(served(&auth), second, "the default is as it was");
    rig.auth().switch(&"other".parse().unwrap()).wait().unwrap();
    assert_eq!(served(&auth), other);

    let _ = rig.auth().logout(Logout::default()).wait().unwrap();
    rig.auth().switch(&"work".parse().unwrap()).wait().unwrap();
    assert_eq!(served(&auth), second);
    let _ = rig.auth().logout(Logout::default()).wait().unwrap();
    assert_eq!(auth.access_token().wait().unwrap_err().kind(), ErrorKind::NotLoggedIn);
}

#[test]
fn the_same_login_is_served_from_memory() {
    let (rig, session) = Rig::logged_in();
    let auth = rig.auth();
    assert_eq!(served(&auth), token(&session));
    // Neither the record nor its key is asked for again.
    rig.keys.set(Mood::Locked);
    rig.records().iter().for_each(|record| std::fs::remove_file(record).unwrap());
    assert_eq!(served(&auth), token(&session));
    assert!(rig.server.requests().is_empty());
}

#[test]
fn an_expired_token_is_refreshed_once_for_all() {
    let (rig, _) = Rig::expired();
    let auth = rig.auth();
    let jobs: Vec<_> = (0..8).map(|_| auth.access_token()).collect();
    let mut tokens: Vec<_> = jobs.into_iter().map(|job| job.wait().unwrap().expose().to_owned()).collect();
    tokens.dedup();
    assert_eq!((tokens.len(), rig.server.counts().refreshes), (1, 1));
    rig.clock.advance(S(3600));
    assert_ne!(served(&auth), tokens[0]);
}
