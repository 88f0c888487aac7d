//! `Auth::session_or_login`: a session that serves, and a login only where one helps.

use std::sync::Arc;

use hallpass::blocking::wait;
use hallpass::prompt::Silent;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{Auth, Error, ErrorKind, LoginRequest, Result, Session};

use super::rig::{Rig, S, named, token};

fn asked(rig: &Rig, terminal: bool, request: LoginRequest) -> Result<Session> {
    let mut config = rig.config();
    config.surroundings.terminal = terminal;
    rig.server.clear_requests();
    wait(Auth::new(config)?.session_or_login(request, Arc::new(Silent)))
}

fn logins(rig: &Rig) -> usize {
    rig.server.requests_to(Endpoint::DeviceAuthorization).len()
}

#[test]
fn it_logs_in_once_and_again_where_the_login_has_ended() {
    let rig = Rig::new();
    rig.server.approve_all();
    let first = asked(&rig, true, named(Some("work"))).unwrap();
    assert_eq!(logins(&rig), 1);
    assert_eq!(token(&asked(&rig, true, LoginRequest::default()).unwrap()), token(&first));
    assert_eq!(rig.server.requests(), []);
    rig.clock.advance(S(3600));
    token(&asked(&rig, true, LoginRequest::default()).unwrap());
    assert_eq!(logins(&rig), 0, "a refresh does");
    for _ in 0..2 {
        rig.server.revoke_everything();
        rig.clock.advance(S(3600));
        let again = asked(&rig, true, LoginRequest::default()).unwrap();
        assert_eq!((logins(&rig), again.context().unwrap().name.as_str()), (1, "work"), "in its own place");
        assert!(rig.server.is_live_access_token(&token(&again)));
        assert_eq!(rig.auth().contexts().unwrap().len(), 1);
    }
}

#[test]
fn it_waits_for_nobody_without_a_terminal() {
    let rig = Rig::new();
    let check = |error: Error, kind| {
        assert!(error.needs_login() && error.kind() == kind, "{error:?}");
        assert_eq!(logins(&rig), 0);
    };
    check(asked(&rig, false, LoginRequest::default()).unwrap_err(), ErrorKind::NotLoggedIn);
    rig.log_in();
    rig.server.revoke_everything();
    rig.clock.advance(S(3600));
    check(asked(&rig, false, LoginRequest::default()).unwrap_err(), ErrorKind::Expired);
    rig.keys.lose();
    check(asked(&rig, false, LoginRequest::default()).unwrap_err(), ErrorKind::Custody);
}

#[test]
fn what_no_login_helps_with_is_no_reason_for_one() {
    let rig = Rig::new();
    for name in ["a", "b"] {
        rig.log_in_as(&Default::default(), Some(name));
    }
    rig.clock.advance(S(3600));
    rig.server.inject_always(Endpoint::Token, Fault::status(503));
    let away = asked(&rig, true, LoginRequest::default()).unwrap_err();
    assert_eq!((away.kind(), away.needs_login(), logins(&rig)), (ErrorKind::Unreachable, false, 0));
    rig.keys.set(super::rig::Mood::Locked);
    let locked = asked(&rig, true, LoginRequest::default()).unwrap_err();
    assert_eq!((locked.kind(), locked.needs_login(), logins(&rig)), (ErrorKind::Custody, false, 0));
}
