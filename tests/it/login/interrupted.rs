//! Logins that end before their time: cancelled, dropped, not shown, not saved.

use std::io;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use hallpass::clock::Cancel;
use hallpass::prompt::{Prompt, Silent, Verification};
use hallpass::testing::{Endpoint, Fault};
use hallpass::{ErrorKind, Login};

use crate::support::rig::{Mood, Rig, S, assert_error, begun, on_wait, until};

#[test]
fn a_login_cancelled_before_it_begins_sends_nothing() {
    let rig = Rig::new();
    let cancel = Cancel::new();
    cancel.cancel();
    let error = rig.auth().login(Login::new(Silent).cancel(cancel)).wait().unwrap_err();
    assert_eq!((error.kind(), error.kind().exit_code()), (ErrorKind::Cancelled, 130));
    assert!(rig.server.requests().is_empty() && !rig.home().exists());
}

#[test]
fn a_cancelled_request_ends_the_wait_without_a_poll() {
    let rig = Rig::new();
    let cancel = Cancel::new();
    let cancels = cancel.clone();
    let login = Login::new(on_wait(move |_| cancels.cancel())).cancel(cancel);
    let error = rig.auth().login(login).wait().unwrap_err();
    assert_error(&error, ErrorKind::Cancelled, None, 130);
    assert!(rig.server.requests_to(Endpoint::Token).is_empty());
    rig.assert_nothing_left("cancelled");
}

#[test]
fn dropping_the_future_cancels_the_login() {
    let rig = Rig::new();
    let (auth, (waits, waiting), (go, gone)) = (rig.auth(), channel(), channel::<()>());
    let gone = Mutex::new(gone);
    let prompt = on_wait(move |_| {
        let _ = waits.send(());
        let _ = gone.lock().unwrap().recv();
    });
    let login = begun(auth.login(Login::new(prompt)));
    waiting.recv().unwrap();
    drop(login);
    assert!(!auth.shutdown(S(0)));
    drop(go);
    assert!(auth.shutdown(S(20)));
    assert!(rig.server.requests_to(Endpoint::Token).is_empty());
    rig.assert_nothing_left("dropped");
}

#[test]
fn a_login_approved_before_the_drop_is_kept() {
    let rig = Rig::new();
    rig.server.approve_all();
    rig.server.inject(Endpoint::Token, Fault::DelayReply(S(0) + std::time::Duration::from_millis(200)));
    let auth = rig.auth();
    let login = begun(auth.login(Login::new(Silent)));
    until("the exchange", || rig.server.counts().families == 1);
    drop(login);
    assert!(auth.shutdown(S(20)));
    assert_eq!(auth.session().unwrap().context().unwrap().name.as_str(), "alice@example.com");
    assert_eq!((rig.records().len(), rig.keys.count(), rig.server.live_families()), (1, 1, 1));
}

#[test]
fn a_code_that_cannot_be_shown_is_not_waited_for() {
    struct Blind;
    impl Prompt for Blind {
        fn show(&self, _: &Verification) -> io::Result<()> {
            Err(io::Error::other("no screen"))
        }
    }
    let rig = Rig::new();
    rig.server.approve_all();
    let error = rig.auth().login(Login::new(Blind)).wait().unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("retry"), 2);
    assert!(format!("{error:?}").contains("no screen"));
    assert!(rig.server.requests_to(Endpoint::Token).is_empty());
    rig.assert_nothing_left("not shown");
}

#[test]
fn an_unusable_key_store_is_found_before_anybody_is_asked() {
    let rig = Rig::new();
    for (mood, remedy) in
        [(Mood::Locked, "unlock_store"), (Mood::Unavailable, "choose_place"), (Mood::Silent, "choose_place")]
    {
        rig.keys.set(mood);
        let error = rig.auth().login(Login::new(Silent)).wait().unwrap_err();
        assert_error(&error, ErrorKind::Custody, Some(remedy), 6);
    }
    assert!(rig.server.requests().is_empty() && !rig.home().exists());
}

#[test]
fn a_login_that_cannot_be_saved_is_revoked() {
    let rig = Rig::new();
    rig.keys.set(Mood::Full);
    let error = rig.try_log_in(|_| {}).unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("choose_place"), 6);
    assert_eq!(rig.server.counts().families, 1);
    rig.keys.set(Mood::Well);
    rig.assert_nothing_left("not kept");
}
