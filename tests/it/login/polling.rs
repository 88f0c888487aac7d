//! Polling for the approval: its cadence, and how the person and the server end it.

use hallpass::prompt::{Silent, WaitReason};
use hallpass::testing::{Endpoint, Fault};
use hallpass::{ErrorKind, Login};

use crate::support::rig::{Rig, S, ScriptedPrompt, assert_error, on_wait};

#[test]
fn a_login_ends_with_a_name() {
    let rig = Rig::new();
    let start = rig.now();
    let session = rig.log_in();
    let context = session.context().unwrap();
    assert_eq!(context.name.as_str(), "alice@example.com");
    assert_eq!(context.account.subject.as_deref(), Some("alice"));
    assert_eq!(context.account.email.as_deref(), Some("alice@example.com"));
    assert_eq!(context.account.issuer.as_str(), rig.server.issuer());
    assert_eq!(context.scopes.to_string(), "openid offline_access email");
    assert_eq!((context.key_store.as_str(), context.is_default), ("keys", true));
    assert_eq!(context.logged_in_at, Some(start + S(5)));
    assert_eq!(context.expires_at, Some(start + S(5 + 3600)));
    assert_eq!((rig.records().len(), rig.keys.count(), rig.server.live_families()), (1, 1, 1));
}

#[test]
fn the_prompt_is_given_checked_values() {
    let rig = Rig::new();
    let prompt = ScriptedPrompt::recording();
    rig.server.approve_all();
    let start = rig.now();
    rig.auth().login(Login::new(prompt.clone())).wait().unwrap();
    let shown = prompt.shown();
    let [shown] = shown.as_slice() else { panic!("{shown:?}") };
    assert_eq!(shown.app.as_str(), "acme");
    assert_eq!(shown.verification_uri.as_str(), format!("{}/device", rig.server.issuer()));
    let complete = shown.verification_uri_complete.as_ref().unwrap();
    assert!(complete.query_pairs().any(|(name, value)| name == "user_code" && value == shown.user_code));
    assert_eq!(shown.page(), complete);
    assert_eq!((shown.interval, shown.expires_at), (S(5), start + S(900)));
    let waits = prompt.waits();
    assert_eq!((waits.len(), waits[0].reason, waits[0].duration), (1, WaitReason::Pending, S(5)));
    assert_eq!(prompt.ends().len(), 1);
}

#[test]
fn without_a_complete_uri_the_plain_one_is_shown() {
    let rig = Rig::with(|behaviour| behaviour.verification_uri_complete = false);
    let prompt = ScriptedPrompt::recording();
    rig.server.approve_all();
    rig.auth().login(Login::new(prompt.clone())).wait().unwrap();
    let shown = prompt.shown();
    assert_eq!((&shown[0].verification_uri_complete, shown[0].page()), (&None, &shown[0].verification_uri));
}

#[test]
fn each_poll_waits_the_interval_first() {
    let rig = Rig::new();
    let start = rig.now();
    rig.auth().login(Login::new(rig.approves_at(4))).wait().unwrap();
    assert_eq!(rig.gaps(start), [5, 5, 5, 5]);
    assert_eq!(rig.server.counts().slow_downs, 0);
}

#[test]
fn a_missing_interval_is_five_seconds() {
    let rig = Rig::with(|behaviour| behaviour.interval = None);
    let start = rig.now();
    rig.auth().login(Login::new(rig.approves_at(3))).wait().unwrap();
    assert_eq!(rig.gaps(start), [5, 5, 5]);
}

#[test]
fn slow_down_adds_five_seconds_for_good() {
    let rig = Rig::new();
    let start = rig.now();
    rig.server.inject(Endpoint::Token, Fault::error(400, "authorization_pending"));
    rig.server.inject(Endpoint::Token, Fault::error(400, "slow_down"));
    rig.server.inject(Endpoint::Token, Fault::error(400, "authorization_pending"));
    rig.server.inject(Endpoint::Token, Fault::error(429, "slow_down"));
    rig.auth().login(Login::new(rig.approves_at(6))).wait().unwrap();
    assert_eq!(rig.gaps(start), [5, 5, 10, 10, 15, 15]);
    assert_eq!(rig.server.counts().slow_downs, 0);
}

#[test]
fn an_absurd_interval_or_lifetime_is_bounded() {
    for field in ["interval", "expires_in"] {
        let rig = Rig::new();
        let forever = Fault::ReplyField(field.into(), 300_000_000_u64.into());
        rig.server.inject(Endpoint::DeviceAuthorization, forever);
        let login = rig.auth().login(hallpass::Login::new(hallpass::prompt::Silent));
        assert!(login.wait().is_err());
        let slept: u64 = rig.clock.slept().iter().map(|wait| wait.as_secs()).sum();
        assert!(slept <= 2 * 24 * 60 * 60, "{field}: {slept} s");
    }
}

#[test]
fn a_denial_ends_the_login_at_once_and_later() {
    let rig = Rig::new();
    rig.server.deny_all();
    let error = rig.auth().login(Login::new(Silent)).wait().unwrap_err();
    assert_error(&error, ErrorKind::Denied, Some("log_in"), 1);
    assert_eq!(rig.request_count(Endpoint::Token), 1);
    rig.assert_nothing_left("denied at once");

    rig.server.decide_one_by_one();
    let server = rig.server.clone();
    let denies = on_wait(move |count| {
        if count == 3 {
            server.pending_user_codes().iter().for_each(|code| assert!(server.deny(code)));
        }
    });
    let error = rig.auth().login(Login::new(denies)).wait().unwrap_err();
    assert_error(&error, ErrorKind::Denied, Some("log_in"), 1);
    rig.assert_nothing_left("denied later");
}

#[test]
fn a_code_that_nobody_approves_expires() {
    let rig = Rig::with(|behaviour| behaviour.device_code_lifetime = S(32));
    let start = rig.now();
    let error = rig.auth().login(Login::new(Silent)).wait().unwrap_err();
    assert_error(&error, ErrorKind::CodeExpired, Some("log_in"), 1);
    assert_eq!(rig.gaps(start), [5; 7], "one last poll at or after the end, and no more");
    rig.assert_nothing_left("expired");
}

#[test]
fn a_code_that_the_server_forgets_at_its_end_has_expired() {
    let rig = Rig::with(|behaviour| behaviour.device_code_lifetime = S(10));
    rig.server.inject(Endpoint::Token, Fault::error(400, "authorization_pending"));
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_grant"));
    let login = rig.auth().login(hallpass::Login::new(hallpass::prompt::Silent));
    assert_eq!(login.wait().unwrap_err().kind(), ErrorKind::CodeExpired);
}

#[test]
fn a_device_code_is_exchanged_once() {
    let rig = Rig::new();
    rig.server.approve_all();
    // The reply with the tokens is lost, and nobody can say who has them: the server ends what it gave.
    rig.server.inject(Endpoint::Token, Fault::LoseReply);
    let error = rig.auth().login(Login::new(Silent)).wait().unwrap_err();
    assert_error(&error, ErrorKind::AuthorizationServer, Some("ask_administrator"), 1);
    rig.assert_nothing_left("lost reply");
    rig.auth().login(Login::new(Silent)).wait().unwrap();
    assert_eq!(rig.request_count(Endpoint::Token), 3);
}
