//! A new login replaces an old one, which is revoked only if the new one survives that (law 13).

use hallpass::ErrorKind;
use hallpass::config::RevocationReach;
use hallpass::testing::{Endpoint, Fault};

use crate::support::rig::{Rig, S, token};

#[test]
fn a_replaced_login_is_revoked_unless_the_new_one_would_end() {
    let again = |takes_account: bool, reach: RevocationReach| {
        let rig = Rig::with(|behaviour| behaviour.revocation_ends_account = takes_account);
        let logged_in = || rig.try_log_in(|config| config.quirks.revocation_reach = reach);
        let first = token(&logged_in().unwrap());
        let second = logged_in();
        assert_eq!(rig.records().len(), usize::from(second.is_ok()), "and nothing is left of the one that ended");
        let lives = second.as_ref().is_ok_and(|session| rig.server.is_live_access_token(&token(session)));
        (lives, rig.server.is_live_access_token(&first), second.err().map(|error| error.kind()))
    };
    assert_eq!(again(false, RevocationReach::Family), (true, false, None));
    assert_eq!(again(true, RevocationReach::Account), (true, true, None), "the old one is left to expire");
    assert_eq!(
        again(true, RevocationReach::Family),
        (false, false, Some(ErrorKind::AuthorizationServer)),
        "and is told"
    );
}

#[test]
fn a_new_login_survives_a_userinfo_that_refuses_it() {
    let rig = Rig::new();
    rig.log_in();
    rig.server.inject_always(Endpoint::UserInfo, Fault::status(403));
    let again = rig.try_log_in(|_| {}).unwrap();
    assert!(rig.server.is_live_access_token(&token(&again)));
    assert_eq!((rig.records().len(), rig.server.live_families()), (1, 1), "and the one that it replaces has ended");
}

#[test]
fn a_replaced_login_with_an_interrupted_refresh_is_not_sent() {
    let (rig, session) = Rig::expired();
    rig.server.inject_always(Endpoint::Token, Fault::LoseReply);
    session.access_token().wait().unwrap_err();
    rig.server.clear_faults();
    rig.server.clear_requests();
    token(&rig.try_log_in(|_| {}).unwrap());
    assert_eq!(rig.auth().contexts().unwrap().len(), 1);
    assert!(rig.server.requests_to(Endpoint::Revocation).is_empty());
    assert_eq!(rig.records().len(), 1);
}

#[test]
fn a_new_login_ended_by_a_revocation_is_noticed() {
    for fault in [Fault::LoseReply, Fault::RefuseAfter] {
        let rig = Rig::with(|behaviour| behaviour.revocation_ends_account = true);
        rig.log_in();
        rig.server.inject(Endpoint::Revocation, fault);
        let error = rig.try_log_in(|_| {}).unwrap_err();
        assert!(error.to_string().contains("has ended this login with the one that it replaces"), "{error}");
    }
}

/// The old login's refresh token would serve another grant.
#[test]
fn a_new_login_without_a_refresh_token_inherits_none() {
    let (rig, _) = Rig::logged_in();
    rig.server.set_behaviour(|behaviour| behaviour.refresh_token = false);
    let session = rig.log_in();
    rig.clock.advance(S(3600));
    assert_eq!(session.access_token().wait().unwrap_err().kind(), ErrorKind::Expired);
    assert!(rig.server.requests_to(Endpoint::Token).is_empty());
}
