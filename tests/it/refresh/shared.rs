//! Many callers, in one process and in several, share one refresh: its token, and its failure.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use hallpass::testing::{Endpoint, Fault};
use hallpass::{AccessToken, Auth, Error, ErrorKind, Job, Session, TokenRequest};

use crate::support::rig::{Rig, S, begun, locked, token};

pub(super) const MS: fn(u64) -> Duration = Duration::from_millis;

/// Each second caller wants a token of now.
pub(super) fn ask(session: &Session, number: usize) -> Job<AccessToken> {
    let request = TokenRequest::new();
    session.access_token_with(if number % 2 == 1 { request.refresh() } else { request })
}

#[test]
fn sixteen_threads_on_one_session_make_one_refresh() {
    let (rig, session) = Rig::logged_in();
    storm(&rig, |_| session.clone());
}

fn storm(rig: &Rig, session: impl Fn(&Rig) -> Session) {
    for round in 1..=4 {
        rig.clock.advance(S(3600));
        // The reply takes its time, so that all of them meet.
        rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(50)));
        let barrier = Arc::new(Barrier::new(16));
        let threads: Vec<_> = (0..16)
            .map(|_| {
                let (session, barrier) = (session(rig), barrier.clone());
                thread::spawn(move || {
                    barrier.wait();
                    token(&session)
                })
            })
            .collect();
        let mut tokens: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "round {round}");
        assert_eq!(rig.server.counts().refreshes, round);
    }
    assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1));
}

#[test]
fn sixteen_processes_on_one_folder_make_one_refresh() {
    let rig = Rig::new();
    rig.log_in();
    storm(&rig, |rig| rig.auth().session().unwrap());
}

#[test]
fn sixty_four_threads_make_one_refresh_at_each_expiry() {
    let (rig, session) = Rig::logged_in();
    for round in 1..=3 {
        rig.clock.advance(S(3600));
        let (lock, barrier) = (locked(&rig, &session), Arc::new(Barrier::new(65)));
        rig.server.inject(Endpoint::Token, Fault::DelayReply(MS(300)));
        let threads: Vec<_> = (0..64)
            .map(|number| {
                let (asked, barrier) = (begun(ask(&session, number)), barrier.clone());
                thread::spawn(move || {
                    barrier.wait();
                    asked.wait().unwrap().expose().to_owned()
                })
            })
            .collect();
        barrier.wait();
        drop(lock);
        let mut tokens: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        tokens.dedup();
        assert_eq!((tokens.len(), rig.request_count(Endpoint::Token)), (1, round));
    }
    assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1));
}

/// In its own process, as the threads of other tests have the same name.
#[cfg(target_os = "linux")]
#[test]
fn many_futures_need_few_threads() {
    use crate::support::rig::{full_name, until};
    const ALONE: &str = "HALLPASS_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        alone.args(["--exact", &full_name(module_path!(), "many_futures_need_few_threads")]).env(ALONE, "1");
        let output = alone.output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    let jobs = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name.trim() == "hallpass-job").count()
    };
    let (rig, session) = Rig::expired();
    let lock = locked(&rig, &session);
    rig.server.inject(Endpoint::Token, Fault::DelayReply(MS(300)));
    let asked: Vec<_> = (0..250).map(|number| begun(ask(&session, number))).collect();
    until("the jobs", || jobs() == 2);
    drop(lock);
    let mut tokens: Vec<_> = asked.into_iter().map(|asked| asked.wait().unwrap().expose().to_owned()).collect();
    tokens.dedup();
    assert_eq!((tokens.len(), rig.request_count(Endpoint::Token)), (1, 1));
    until("their end", || jobs() == 0);
}

#[test]
fn a_failure_reaches_all_callers_that_share_it() {
    let (rig, session) = Rig::expired();
    rig.server.revoke_everything();
    rig.server.inject(Endpoint::Token, Fault::DelayReply(MS(200)));
    let asked: Vec<_> = (0..64).map(|_| begun(session.access_token())).collect();
    let told: Vec<_> = asked.into_iter().map(|asked| asked.wait().unwrap_err().to_string()).collect();
    assert!(told.iter().all(|error| *error == told[0]), "{told:?}");
    assert_eq!(rig.request_count(Endpoint::Token), 1);
}

#[test]
fn a_failure_is_shared_with_processes_that_waited_for_it() {
    for hangs in [true, false] {
        let rig = Rig::new();
        rig.log_in();
        rig.clock.advance(S(4000));
        if hangs {
            rig.server.inject_always(Endpoint::Token, Fault::Hang);
        } else {
            rig.server.revoke_everything();
            rig.server.inject_always(Endpoint::Token, Fault::DelayReply(Duration::from_millis(300)));
        }
        let errors = errors_of(&rig, 24, if hangs { Duration::from_millis(300) } else { S(10) });
        let kind = if hangs { ErrorKind::Unreachable } else { ErrorKind::Expired };
        assert!(errors.iter().all(|error| error.kind() == kind), "{errors:?}");
        assert!(errors.iter().all(|error| error.to_string() == errors[0].to_string()), "{errors:?}");
        // A lost reply is asked for twice by the one who asks.
        let asked = rig.request_count(Endpoint::Token);
        assert!(asked <= 4, "{asked} requests of 24 processes");
    }
}

/// All at once, each its own process.
fn errors_of(rig: &Rig, callers: usize, timeout: Duration) -> Vec<Error> {
    let barrier = Arc::new(Barrier::new(callers));
    let threads: Vec<_> = (0..callers)
        .map(|_| {
            let mut config = rig.config();
            config.network.request_timeout = timeout;
            let (session, barrier) = (Auth::new(config).unwrap().session().unwrap(), barrier.clone());
            thread::spawn(move || {
                barrier.wait();
                session.access_token().wait().unwrap_err()
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}
