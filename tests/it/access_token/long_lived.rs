//! `Auth::access_token`: a program that runs for long finds what other processes do to logins.

use std::sync::Arc;

use hallpass::contexts::Logout;
use hallpass::secret::Secret;
use hallpass::{Auth, ErrorKind};

use crate::support::rig::{Rig, S, assert_error, bob, token};

fn served(auth: &Auth) -> String {
    auth.access_token().wait().unwrap().expose().to_owned()
}

fn refused(auth: &Auth) -> hallpass::Error {
    auth.access_token().wait().map(|_| "a token").unwrap_err()
}

#[test]
fn a_login_of_another_process_is_found() {
    let rig = Rig::new();
    let auth = rig.auth();
    assert_error(&refused(&auth), ErrorKind::NotLoggedIn, Some("log_in"), 4);
    let first = token(&rig.log_in());
    assert_eq!(served(&auth), first);
    // The same context, another grant.
    let again = token(&rig.log_in());
    assert_ne!(first, again);
    assert_eq!((served(&auth), served(&auth.clone())), (again.clone(), again));
    drop(rig.auth().logout(Logout::default()).wait().unwrap());
    assert_error(&refused(&auth), ErrorKind::NotLoggedIn, Some("log_in"), 4);
    let last = token(&rig.log_in());
    assert_eq!(served(&auth), last);
}

#[test]
fn a_switch_of_another_process_is_followed() {
    let rig = Rig::new();
    let auth = rig.auth();
    let alice = rig.log_in_as(&Default::default(), Some("alice"));
    let bob = rig.log_in_as(&bob(), Some("bob"));
    for session in [&alice, &bob, &alice] {
        rig.auth().switch(&session.context().unwrap().name).wait().unwrap();
        assert_eq!(served(&auth), token(session));
    }
}

#[test]
fn the_same_login_costs_no_request_and_no_key() {
    let rig = Rig::new();
    rig.log_in();
    let auth = rig.auth();
    let first = served(&auth);
    let loads = rig.keys.loads();
    assert!(loads > 0, "the first time reads the key");
    for _ in 0..3 {
        assert_eq!((served(&auth), served(&auth.clone())), (first.clone(), first.clone()));
    }
    assert_eq!((rig.keys.loads(), rig.server.requests()), (loads, vec![]));
    rig.clock.advance(S(3600));
    assert!(rig.server.is_live_access_token(&served(&auth)));
    assert_eq!(rig.server.counts().refreshes, 1);
}

#[test]
fn a_token_from_the_environment_is_served_as_it_is() {
    let rig = Rig::new();
    let mut config = rig.config();
    config.environment.token = Some(Arc::new(Secret::new("given".into())));
    let auth = Auth::new(config).unwrap();
    assert_eq!(served(&auth), "given");
    rig.log_in();
    assert_eq!(served(&auth), "given", "it takes precedence");
    assert_eq!(rig.server.requests(), []);
}
