//! A token from the environment.

use std::sync::Arc;

use hallpass::blocking::wait;
use hallpass::testing::Endpoint;
use hallpass::{Auth, ErrorKind, Remedy, Secret, Select};

use super::rig::{Rig, token};

#[test]
fn a_token_from_the_environment_that_no_header_takes_is_said_to_be_just_that() {
    let rig = Rig::new();
    let mut config = rig.config();
    config.surroundings.token = Some(Arc::new(Secret::new("two\nlines".into())));
    let error = Auth::new(config).unwrap().session().unwrap_err();
    assert_eq!((error.kind(), error.kind().exit_code()), (ErrorKind::Config, 2));
    assert!(rig.server.requests_to(Endpoint::UserInfo).is_empty());
    assert!(!error.to_string().contains("TLS"), "{error:?}");
    assert_ne!(error.remedy(), Some(&Remedy::FixConfig { field: "extra_roots" }));
}

#[test]
fn a_token_from_the_environment_is_used_as_it_is_and_nothing_is_stored() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let mut config = rig.config();
    let empty = rig.folder.path().join("empty");
    config.home = Some(empty.clone());
    config.surroundings.token = Some(Arc::new(Secret::new(own.clone())));
    let auth = Auth::new(config.clone()).unwrap();
    let session = auth.session().unwrap();
    assert_eq!(token(&session), own);
    assert!(session.context().is_none() && rig.server.requests().is_empty());
    let served = wait(session.access_token()).unwrap();
    assert_eq!((served.expires_at(), served.scopes().is_empty()), (None, true));
    assert_eq!(wait(session.userinfo()).unwrap().account.subject.as_deref(), Some("alice"));
    assert_eq!(rig.server.requests_to(Endpoint::UserInfo).len(), 1);
    assert!(!empty.exists());
    // Who names a context means that one.
    config.home = Some(rig.home());
    config.surroundings.token = Some(Arc::new(Secret::new("another".into())));
    let auth = Auth::new(config).unwrap();
    assert_eq!(token(&auth.session().unwrap()), "another");
    assert_eq!(token(&auth.session_for(&Select::context("alice@example.com".parse().unwrap())).unwrap()), own);
}
