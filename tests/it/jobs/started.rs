//! Jobs that begin, are stored, waited for, polled.

use hallpass::account::Userinfo;
use hallpass::clock::Cancel;
use hallpass::prompt::Silent;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{AccessToken, ErrorKind, Job, Login, Session, TokenRequest};
use tokio::runtime::Builder;

use crate::support::rig::{Rig, S, assert_error, begun, locked, until};

/// As a host stores what it waits for.
struct Host {
    token: Job<AccessToken>,
    userinfo: Job<Userinfo>,
}

const _: () = {
    const fn is_send<T: Send + 'static>() {}
    is_send::<Job<AccessToken>>();
    is_send::<Job<Session>>();
    is_send::<Job<http::HeaderMap>>();
};

#[test]
fn a_job_begins_at_the_call() {
    let (rig, session) = Rig::expired();
    let host = Host { token: session.access_token(), userinfo: session.userinfo() };
    until("both requests", || rig.request_count(Endpoint::Token) == 1 && rig.request_count(Endpoint::UserInfo) == 1);
    assert!(rig.server.is_live_access_token(host.token.wait().unwrap().expose()));
    assert_eq!(host.userinfo.wait().unwrap().account.subject.as_deref(), Some("alice"));
}

#[test]
fn a_login_begins_at_the_call() {
    let rig = Rig::new();
    rig.server.approve_all();
    let auth = rig.auth();
    let login = auth.login(Login::new(Silent));
    until("the login", || auth.session().is_ok());
    assert_eq!(login.wait().unwrap().context().unwrap().name.as_str(), "alice@example.com");
}

#[test]
fn waiting_inside_a_tokio_runtime_does_not_panic() {
    let (rig, session) = Rig::expired();
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        assert!(rig.server.is_live_access_token(session.access_token().wait().unwrap().expose()));
        assert!(session.access_token_with(TokenRequest::new().refresh()).await.is_ok());
    });
}

/// tokio gives a task a budget of polls, which only the task itself gives back.
#[test]
fn any_number_of_waits_in_one_task_come_to_an_end() {
    let auth = Rig::new().auth();
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for _ in 0..200 {
            auth.unpin_folder().wait().unwrap_err();
        }
    });
}

#[test]
#[should_panic(expected = "a job was polled again")]
fn a_ready_job_panics_if_it_is_polled_again() {
    poll_twice(Job::from(Ok(())));
}

#[test]
#[should_panic(expected = "called after complete")]
fn a_started_job_panics_if_it_is_polled_again() {
    let rig = Rig::new();
    poll_twice(rig.auth().doctor());
}

fn poll_twice<T>(mut job: Job<T>) {
    let runtime = Builder::new_current_thread().build().unwrap();
    assert!(runtime.block_on(&mut job).is_ok());
    let _ = runtime.block_on(&mut job);
}

#[test]
fn a_cancelled_wait_ends_and_the_work_goes_on() {
    let (rig, session) = Rig::expired();
    let auth = rig.auth();
    rig.server.inject(Endpoint::Token, Fault::DelayReply(std::time::Duration::from_millis(150)));
    let refresh = auth.session().unwrap().access_token();
    until("the rotation", || rig.server.counts().rotations == 1);
    let cancel = Cancel::new();
    cancel.cancel();
    assert_error(&refresh.wait_unless_cancelled(&cancel).unwrap_err(), ErrorKind::Cancelled, None, 130);
    assert!(auth.shutdown(S(20)));
    let kept = session.access_token().wait_unless_cancelled(&Cancel::new()).unwrap();
    assert_eq!((rig.server.is_live_access_token(kept.expose()), rig.server.counts().rotations), (true, 1));
    // A result that is there already is given.
    assert_eq!(session.access_token().wait_unless_cancelled(&cancel).unwrap().expose(), kept.expose());
}

#[test]
fn a_wait_is_cancelled_from_another_thread() {
    let (rig, session) = Rig::expired();
    let _lock = locked(&rig, &session);
    let (refresh, cancel) = (begun(session.access_token()), Cancel::new());
    let cancels = cancel.clone();
    let waiting = std::thread::spawn(move || refresh.wait_unless_cancelled(&cancel).unwrap_err().kind());
    cancels.cancel();
    assert_eq!(waiting.join().unwrap(), ErrorKind::Cancelled);
}
