//! A login as a job: it begins at the call, and ends where nobody waits for it.

use std::time::Instant;

use hallpass::clock::Cancel;
use hallpass::contexts::{Logins, Logout};
use hallpass::custody::{Custody, KeyStoreName, Lifetime};
use hallpass::prompt::Silent;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{AccessToken, Auth, ErrorKind, Job, Login, Result, Session};

use crate::support::rig::{Rig, S, assert_error, begun, locked, token, until};

#[test]
fn a_job_begins_at_the_call() {
    let rig = Rig::new();
    rig.server.approve_all();
    let login = rig.auth().login(Login::new(Silent));
    until("the login", || rig.server.live_families() == 1);
    let session = login.wait().unwrap();
    rig.clock.advance(S(3600));
    let refresh = session.access_token();
    until("the refresh", || rig.server.counts().refreshes == 1);
    assert!(rig.server.is_live_access_token(refresh.wait().unwrap().expose()));
}

#[test]
fn a_job_has_a_name_and_can_be_kept() {
    struct Host {
        login: Job<Session>,
        token: Job<AccessToken>,
    }
    fn is_free<T: Send + Unpin + 'static>(_: &T) {}
    let (rig, session) = Rig::logged_in();
    rig.server.approve_all();
    // From now on it is in memory.
    token(&session);
    let host = Host { login: rig.auth().login(Login::new(Silent)), token: session.access_token() };
    is_free(&host.login);
    assert_eq!(format!("{:?} {:?}", host.login, host.token), "Job(started) Job(ready)");
    assert_eq!(host.token.wait().unwrap().expose(), token(&session));
    assert!(host.login.wait().is_ok());
    assert_eq!(Job::from(Ok(7)).wait().unwrap(), 7);
}

#[test]
fn a_login_that_nobody_waits_for_is_cancelled() {
    let rig = Rig::new();
    let auth = rig.auth();
    for polled in [false, true] {
        let login = auth.login(Login::new(Silent));
        until("the code", || !rig.server.pending_user_codes().is_empty());
        drop(if polled { begun(login) } else { login });
        assert!(auth.shutdown(S(20)), "it ended by itself");
        rig.server.pending_user_codes().iter().for_each(|code| assert!(rig.server.deny(code)));
    }
    rig.assert_nothing_left("dropped");
}

#[test]
fn jobs_that_are_dropped_with_their_auth_hold_nobody_up() {
    let (rig, session) = Rig::expired();
    let lock = locked(&rig, &session);
    let auth = rig.auth();
    let job = auth.session().unwrap().access_token();
    let login = auth.login(Login::new(Silent));
    until("the code", || !rig.server.pending_user_codes().is_empty());
    drop(auth);
    let begun = Instant::now();
    drop((job, login));
    assert!(begun.elapsed() < S(4), "each of them was told before it was waited for");
    drop(lock);
}

#[test]
fn a_job_can_be_waited_for_inside_an_executor() {
    let (rig, session) = Rig::expired();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let token = runtime.block_on(async { session.access_token().wait() }).unwrap();
    assert!(rig.server.is_live_access_token(token.expose()));
}

#[test]
fn a_wait_ends_by_its_cancel() {
    let (rig, session) = Rig::expired();
    let lock = locked(&rig, &session);
    let cancel = Cancel::new();
    let cancels = cancel.clone();
    let job = session.access_token();
    let canceller = std::thread::spawn(move || cancels.cancel());
    assert_error(&job.wait_unless_cancelled(&cancel).unwrap_err(), ErrorKind::Cancelled, None, 130);
    canceller.join().unwrap();
    drop(lock);
    assert!(session.access_token().wait_unless_cancelled(&Cancel::new()).is_ok());
}

#[test]
fn what_cannot_be_read_is_an_error_of_the_login() {
    let rig = Rig::new();
    let mut config = rig.config();
    config.environment.terminal = true;
    let auth = Auth::new(config).unwrap();
    let bad: [fn(Login) -> Login; 3] =
        [|login| login.context("-bad"), |login| login.org(""), |login| login.scopes("\"")];
    for change in bad {
        for job in [auth.login(change(Login::new(Silent))), auth.session_or_login(change(Login::new(Silent)))] {
            assert_error(&job.wait().unwrap_err(), ErrorKind::Config, Some("fix_config"), 2);
        }
    }
    assert!(rig.server.requests().is_empty());
}

#[test]
fn a_session_or_login_that_is_cancelled_asks_nobody() {
    let (rig, session) = Rig::expired();
    rig.server.revoke_everything();
    let lock = locked(&rig, &session);
    let mut config = rig.config();
    config.environment.terminal = true;
    let cancel = Cancel::new();
    let job = begun(Auth::new(config).unwrap().session_or_login(Login::new(Silent).cancel(cancel.clone())));
    cancel.cancel();
    drop(lock);
    assert_eq!(job.wait().unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(rig.request_count(Endpoint::DeviceAuthorization), 0);
}

#[test]
fn a_lifetime_is_kept_or_refused() {
    let refused = |lifetime, custody| -> Result<()> {
        let rig = Rig::new();
        rig.server.approve_all();
        let mut config = rig.config();
        config.custody.choice = custody;
        let login = Auth::new(config)?.login(Login::new(Silent).lifetime(lifetime)).wait();
        assert_eq!(login.is_err(), rig.server.requests().is_empty(), "refused before anything is sent");
        login.map(drop)
    };
    let memory = || Custody::Only(vec![KeyStoreName::Memory]);
    let file = || Custody::Only(vec![KeyStoreName::KeyFile]);
    assert!(refused(Lifetime::Usual, memory()).is_ok() && refused(Lifetime::Usual, file()).is_ok());
    assert!(refused(Lifetime::Lasting, memory()).is_err() && refused(Lifetime::Lasting, file()).is_ok());
    assert!(refused(Lifetime::Ephemeral, memory()).is_ok() && refused(Lifetime::Ephemeral, file()).is_err());
    assert!(refused(Lifetime::Session, memory()).is_err() && refused(Lifetime::Session, file()).is_err());
}

#[test]
fn all_apps_of_a_process_are_waited_for() {
    let (rig, session) = Rig::expired();
    rig.server.inject(Endpoint::Token, Fault::DelayReply(std::time::Duration::from_millis(100)));
    let job = session.access_token();
    // Other tests have jobs of their own, so that only this one's is sure to be over.
    Auth::shutdown_all(S(60));
    assert!(rig.auth().shutdown(S(0)));
    assert!(job.wait().is_ok());
    let _ = rig.auth().logout(Logout::new(Logins::All)).wait().unwrap();
}
