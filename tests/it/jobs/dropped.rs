//! Jobs that nobody waits for any more. A refresh that is under way is in `refresh/dropped_caller`.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use hallpass::clock::Cancel;
use hallpass::prompt::{Prompt, Silent, Verification};
use hallpass::testing::Endpoint;
use hallpass::{Auth, ErrorKind, Job, Login, Session};

use crate::support::rig::{Rig, S, locked, on_wait, until};

/// Well below the five seconds that the last handle waits for a job, and below the time that a lock is waited for.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn a_dropped_login_is_cancelled_without_a_poll() {
    let rig = Rig::new();
    let auth = rig.auth();
    for login in [|auth: &Auth, login| auth.login(login), |auth: &Auth, login| auth.session_or_login(login)] {
        let ((waits, waiting), (go, gone)) = (channel(), channel::<()>());
        let gone = Mutex::new(gone);
        let prompt = on_wait(move |_| {
            let _ = waits.send(());
            let _ = gone.lock().unwrap().recv();
        });
        let mut config = rig.config();
        config.environment.terminal = true;
        let own = Auth::new(config).unwrap();
        let login = login(&own, Login::new(prompt));
        waiting.recv().unwrap();
        drop(login);
        drop(go);
        assert!(own.shutdown(S(20)));
        assert!(rig.server.requests_to(Endpoint::Token).is_empty());
    }
    assert!(auth.shutdown(S(0)));
    rig.assert_nothing_left("dropped");
}

#[test]
fn a_login_that_is_dropped_at_once_leaves_nothing() {
    let rig = Rig::new();
    let auth = rig.auth();
    for _ in 0..8 {
        drop(auth.login(Login::new(Silent)));
    }
    assert!(auth.shutdown(S(20)));
    rig.assert_nothing_left("dropped at once");
}

/// Drops what waits behind a lock that another process holds, and then the last handle.
fn assert_dropped_at_once<T>(what: &str, ask: impl Fn(&Auth, &Session) -> Vec<Job<T>>) {
    let (rig, session) = Rig::expired();
    let _lock = locked(&rig, &session);
    let mut config = rig.config();
    config.environment.terminal = true;
    let auth = Auth::new(config).unwrap();
    let session = auth.session().unwrap();
    let jobs = ask(&auth, &session);
    // Until they are at the lock.
    std::thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    drop((auth, session));
    // Only the jobs hold a handle now.
    drop(jobs);
    assert!(begun.elapsed() < AT_ONCE, "{what}: {:?}", begun.elapsed());
    assert_eq!(rig.server.requests(), [], "{what}");
}

#[test]
fn a_dropped_login_cancels_no_other_one() {
    let rig = Rig::new();
    let (auth, cancel) = (rig.auth(), Cancel::new());
    let login = Login::new(Silent).cancel(cancel.clone());
    drop(auth.login(login.clone()));
    assert!(auth.shutdown(S(20)) && !cancel.is_cancelled(), "it is the host's");
    rig.server.approve_all();
    assert!(auth.login(login.clone()).wait().is_ok());
    cancel.cancel();
    assert_eq!(auth.login(login).wait().unwrap_err().kind(), ErrorKind::Cancelled, "which ends them all");
}

/// It would keep the app alive, and nobody waits for a job of it any more.
#[test]
fn a_prompt_with_the_last_auth_does_not_wait_for_itself() {
    struct Holds(#[allow(dead_code, reason = "it is dropped with the prompt")] Auth);
    impl Prompt for Holds {
        fn show(&self, _: &Verification) -> std::io::Result<()> {
            Ok(())
        }
    }
    let rig = Rig::new();
    rig.server.approve_all();
    let (auth, begun) = (rig.auth(), Instant::now());
    drop(auth.login(Login::new(Holds(auth.clone()))));
    drop(auth);
    until("the end of the login", || rig.server.live_families() == 0);
    assert!(begun.elapsed() < S(4));
}

#[test]
fn dropped_jobs_behind_a_lock_let_the_last_auth_go() {
    assert_dropped_at_once("access_token", |_, session| (0..4).map(|_| session.access_token()).collect());
    assert_dropped_at_once("authorization", |_, session| vec![session.authorization("GET", "https://api.example/")]);
    assert_dropped_at_once("Auth::access_token", |auth, _| vec![auth.access_token()]);
    assert_dropped_at_once("userinfo", |_, session| vec![session.userinfo()]);
    assert_dropped_at_once("session_or_login", |auth, _| vec![auth.session_or_login(Login::new(Silent))]);
}
