//! Logout is truthful (law 13): what the server was told, and what it answered.

use std::fs;

use hallpass::contexts::{LoggedOut, Logins, Logout, LogoutOutcome, Outcomes};
use hallpass::testing::{Endpoint, Fault, Person};
use hallpass::{ErrorKind, Remedy, Result};

use crate::support::rig::{Rig, S, assert_error, bob, token};

pub(super) fn log_out(rig: &Rig, logout: Logout) -> Result<Vec<LoggedOut>> {
    let Outcomes { done, failed, .. } = rig.auth().logout(logout).wait()?;
    assert!(failed.is_empty(), "{failed:?}");
    Ok(done)
}

#[test]
fn a_logout_revokes_then_forgets_and_says_so() {
    let (rig, session) = Rig::logged_in();
    let access_token = token(&session);
    let ended = log_out(&rig, Logout::default()).unwrap();
    assert_eq!(
        (ended.len(), ended[0].ended, ended[0].context.as_str()),
        (1, LogoutOutcome::Revoked, "alice@example.com")
    );
    assert_eq!(ended[0].account.subject.as_deref(), Some("alice"));
    let [revocation] = &rig.server.requests_to(Endpoint::Revocation)[..] else { panic!() };
    assert_eq!(revocation.parameter("token_type_hint"), Some("refresh_token"));
    assert!(!rig.server.is_live_refresh_token(revocation.parameter("token").unwrap()));
    assert!(!rig.server.is_live_access_token(&access_token));
    rig.assert_nothing_left("logged out");
}

#[test]
fn after_a_logout_nobody_is_logged_in() {
    let rig = Rig::new();
    rig.log_in();
    log_out(&rig, Logout::default()).unwrap();
    let error = rig.auth().session().unwrap_err();
    assert_error(&error, ErrorKind::NotLoggedIn, Some("log_in"), 4);
    assert_error(&log_out(&rig, Logout::default()).unwrap_err(), ErrorKind::NotLoggedIn, None, 4);
    assert!(log_out(&rig, Logout::new(Logins::All)).unwrap().is_empty());
    rig.log_in();
}

#[test]
fn without_a_login_a_logout_says_already_logged_out() {
    let rig = Rig::new();
    let error = log_out(&rig, Logout::default()).unwrap_err();
    assert_error(&error, ErrorKind::NotLoggedIn, None, 4);
    assert_eq!(error.to_string(), "already logged out");
    assert!(log_out(&rig, Logout::new(Logins::All)).unwrap().is_empty());
    assert!(!rig.home().exists());
}

#[test]
fn a_server_that_cannot_revoke_is_not_said_to_have_revoked() {
    let rig = Rig::with(|behaviour| behaviour.revocation = false);
    rig.log_in();
    assert_eq!(log_out(&rig, Logout::default()).unwrap()[0].ended, LogoutOutcome::NotRevocable);
    assert!(rig.server.requests().is_empty() && rig.records().is_empty());
    assert_eq!((rig.keys.count(), rig.server.live_families()), (0, 1));

    let rig = Rig::new();
    rig.log_in();
    rig.server.inject(Endpoint::Revocation, Fault::error(400, "unsupported_token_type"));
    assert_eq!(log_out(&rig, Logout::default()).unwrap()[0].ended, LogoutOutcome::NotRevocable);
}

#[test]
fn a_failed_revocation_leaves_the_login_intact() {
    let forget = Remedy::ForgetLocally { context: "work".into() };
    for (fault, kind, code) in [
        (Fault::CutBefore, ErrorKind::Unreachable, 5),
        (Fault::status(503), ErrorKind::Unreachable, 5),
        (Fault::status(429), ErrorKind::Unreachable, 5),
        (Fault::status(404), ErrorKind::Protocol, 1),
        (Fault::error(400, "invalid_request"), ErrorKind::AuthorizationServer, 1),
        (Fault::Redirect("http://127.0.0.1:9/".into()), ErrorKind::Protocol, 1),
    ] {
        let rig = Rig::new();
        let own = token(&rig.log_in_as(&Person::default(), Some("work")));
        rig.server.inject(Endpoint::Revocation, fault.clone());
        let error = log_out(&rig, Logout::default()).unwrap_err();
        assert_error(&error, kind, Some("forget_locally"), code);
        assert_eq!(error.remedy(), Some(&forget), "{fault:?}");
        assert_eq!(token(&rig.auth().session().unwrap()), own);
        assert_eq!(log_out(&rig, Logout::default()).unwrap()[0].ended, LogoutOutcome::Revoked, "{fault:?}");
        rig.assert_nothing_left(&format!("{fault:?}"));
    }
}

#[test]
fn a_revocation_whose_reply_is_lost_can_be_repeated() {
    let rig = Rig::new();
    rig.log_in();
    rig.server.inject(Endpoint::Revocation, Fault::LoseReply);
    assert_eq!(log_out(&rig, Logout::default()).unwrap_err().kind(), ErrorKind::Unreachable);
    assert_eq!(log_out(&rig, Logout::default()).unwrap()[0].ended, LogoutOutcome::Revoked);
    rig.assert_nothing_left("second try");
}

#[test]
fn a_revocation_that_answers_200_with_an_error_is_no_revocation() {
    let rig = Rig::new();
    rig.log_in();
    rig.server.inject(Endpoint::Revocation, Fault::error(200, "server_error"));
    assert!(rig.auth().logout(Logout::default()).wait().is_err());
    assert_eq!((rig.server.live_families(), rig.auth().contexts().unwrap().len()), (1, 1));
}

#[test]
fn without_a_refresh_token_the_access_token_is_revoked() {
    let rig = Rig::with(|behaviour| behaviour.refresh_token = false);
    let own = token(&rig.log_in());
    assert_eq!(log_out(&rig, Logout::default()).unwrap()[0].ended, LogoutOutcome::Revoked);
    assert!(!rig.server.is_live_access_token(&own));
}

#[test]
fn logout_of_all_ends_all() {
    let rig = Rig::new();
    rig.log_in();
    rig.log_in_as(&bob(), None);
    let ended = log_out(&rig, Logout::new(Logins::All)).unwrap();
    assert_eq!(ended.iter().map(|one| one.ended).collect::<Vec<_>>(), [LogoutOutcome::Revoked, LogoutOutcome::Revoked]);
    rig.assert_nothing_left("all");
}

#[test]
fn one_failed_logout_does_not_stop_the_others() {
    let rig = Rig::new();
    for name in ["a", "b", "c"] {
        rig.log_in_as(&Person::new(name, name, &format!("{name}@example.com")), Some(name));
    }
    rig.server.inject(Endpoint::Revocation, Fault::DelayReply(crate::support::rig::S(0)));
    rig.server.inject(Endpoint::Revocation, Fault::CutBefore);
    let ended = rig.auth().logout(Logout::new(Logins::All)).wait().unwrap();
    assert_eq!(ended.done.iter().map(|one| one.context.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    let [(context, error)] = &ended.failed[..] else { panic!("{ended:?}") };
    assert_error(error, ErrorKind::Unreachable, Some("forget_locally"), 5);
    assert_eq!(error.to_string(), "cannot log out: the server was not told (login b)");
    let left: Vec<_> = rig.auth().contexts().unwrap().into_iter().map(|context| context.name).collect();
    assert_eq!((left.as_slice(), rig.records().len()), (std::slice::from_ref(context), 1));
}

#[test]
fn a_logout_after_a_crash_revokes_the_newest_token() {
    let (rig, session) = Rig::logged_in();
    let path = rig.home().join("grants").join(session.context().unwrap().grant.as_str());
    let old = fs::read(&path).unwrap();
    rig.clock.advance(S(4000));
    token(&session);
    // The crash: the next record was written whole, and not yet renamed.
    fs::rename(&path, path.with_extension("next")).unwrap();
    fs::write(&path, old).unwrap();
    let ended = rig.auth().logout(Logout::default()).wait().unwrap().done;
    assert_eq!(ended[0].ended, LogoutOutcome::Revoked);
    let spent = rig.server.requests_to(Endpoint::Token)[0].parameter("refresh_token").unwrap().to_owned();
    let revoked = rig.server.requests_to(Endpoint::Revocation)[0].parameter("token").unwrap().to_owned();
    assert_ne!(revoked, spent);
    rig.assert_nothing_left("after a crash");
}

#[test]
fn a_session_gives_no_token_after_its_logout() {
    let rig = Rig::new();
    let session = rig.auth();
    rig.log_in();
    let held = session.session().unwrap();
    log_out(&rig, Logout::default()).unwrap();
    rig.server.clear_requests();
    let error = held.access_token().wait().unwrap_err();
    assert!(rig.server.requests().is_empty());
    // Nobody lost a key: the person logged out.
    assert_error(&error, ErrorKind::NotLoggedIn, Some("log_in"), 4);
}
