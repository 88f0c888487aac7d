//! `invalid_grant` is a question, not an answer (law 6): revoked, expired, or refreshed by another process meanwhile.

use std::time::Duration;

use hallpass::ErrorKind;
use hallpass::testing::{Endpoint, Fault};

use crate::support::rig::{Rig, S, assert_error, begun, forced, token, until};

#[test]
fn revoked_and_expired_differ_if_the_server_gave_a_lifetime() {
    for field in ["refresh_token_expires_in", "refresh_expires_in"] {
        let after = |seconds| {
            let rig = Rig::new();
            rig.server.inject(Endpoint::Token, Fault::ReplyField(field.into(), 7200.into()));
            let session = rig.try_log_in(|_| {}).unwrap();
            rig.server.revoke_everything();
            rig.clock.advance(S(seconds));
            session.access_token().wait().unwrap_err()
        };
        let (revoked, expired) = (after(4000), after(8000));
        assert_error(&revoked, ErrorKind::Revoked, Some("log_in"), 4);
        assert!(revoked.to_string().contains("was revoked, or a token of it was used twice"), "{revoked}");
        assert_error(&expired, ErrorKind::Expired, Some("log_in"), 4);
        assert!(expired.to_string().contains("not used for too long or is too old"), "{expired}");
    }
}

#[test]
fn without_a_lifetime_the_error_says_expired_or_revoked() {
    for field in [None, Some(0)] {
        let rig = Rig::new();
        if let Some(never) = field {
            rig.server.inject(Endpoint::Token, Fault::ReplyField("refresh_expires_in".into(), never.into()));
        }
        let session = rig.try_log_in(|_| {}).unwrap();
        rig.server.revoke_everything();
        rig.clock.advance(S(4000));
        let error = session.access_token().wait().unwrap_err();
        assert_error(&error, ErrorKind::Expired, Some("log_in"), 4);
        assert!(error.to_string().contains("it expired or was revoked"), "{error}");
    }
}

#[test]
fn the_idle_lifetime_begins_anew_with_each_refresh() {
    let rig = Rig::new();
    let idle = || {
        rig.server.inject(Endpoint::Token, Fault::ReplyField("refresh_expires_in".into(), 7200.into()));
    };
    idle();
    let session = rig.try_log_in(|_| {}).unwrap();
    rig.clock.advance(S(7000));
    idle();
    token(&session);
    rig.server.revoke_everything();
    rig.clock.advance(S(7000));
    assert_eq!(session.access_token().wait().unwrap_err().kind(), ErrorKind::Revoked);
}

#[test]
fn a_newer_generation_that_appears_meanwhile_is_adopted() {
    let (rig, session) = Rig::logged_in();
    let path = rig.home().join("grants").join(session.context().unwrap().grant.as_str());
    let put = |bytes: &[u8]| {
        let new = path.with_extension("put");
        std::fs::write(&new, bytes).unwrap();
        std::fs::rename(&new, &path).unwrap();
    };
    let old = std::fs::read(&path).unwrap();
    rig.clock.advance(S(1800));
    let newer = forced(&session).unwrap();
    let new = std::fs::read(&path).unwrap();
    // On a disk whose locks do not hold: the old record is there, its token is spent, and the new one comes too late.
    put(&old);
    std::fs::write(path.with_extension("lock"), "").unwrap();
    rig.clock.advance(S(1800));
    rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(200)));
    let auth = rig.auth();
    let late = begun(auth.session().unwrap().access_token());
    until("the refusal", || rig.server.counts().reuses == 1);
    put(&new);
    assert_eq!(late.wait().unwrap().expose(), newer);
    assert_eq!(std::fs::read(&path).unwrap(), new, "it is not overwritten");
    assert_eq!(token(&rig.auth().session().unwrap()), newer);
}
