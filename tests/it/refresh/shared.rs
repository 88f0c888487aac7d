//! Many callers in one process: they share what one fetches, and whoever leaves takes nothing along.

use std::pin::Pin;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use hallpass::blocking::wait;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{AccessToken, Result, Session, TokenRequest};

use crate::support::rig::{Rig, S, begin, forced, locked};

const MS: fn(u64) -> Duration = Duration::from_millis;

type Asked = Pin<Box<dyn Future<Output = Result<AccessToken>> + Send>>;

/// Each second caller wants a token of now.
fn ask(session: &Session, number: usize) -> Asked {
    let mut request = TokenRequest::default();
    request.refresh = number % 2 == 1;
    Box::pin(session.access_token_with(request))
}

#[test]
fn sixty_four_threads_on_one_session_make_one_refresh_each_expiry() {
    let rig = Rig::new();
    let session = rig.log_in();
    for round in 1..=3 {
        rig.clock.advance(S(3600));
        let (lock, barrier) = (locked(&rig, &session), Arc::new(Barrier::new(65)));
        rig.server.inject(Endpoint::Token, Fault::DelayReply(MS(300)));
        let threads: Vec<_> = (0..64)
            .map(|number| {
                let (asked, barrier) = (begin(ask(&session, number)), barrier.clone());
                thread::spawn(move || {
                    barrier.wait();
                    wait(asked).unwrap().expose().to_owned()
                })
            })
            .collect();
        barrier.wait();
        drop(lock);
        let mut tokens: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        tokens.dedup();
        assert_eq!((tokens.len(), rig.server.requests_to(Endpoint::Token).len()), (1, round));
    }
    assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1));
}

/// In a process of its own, as the threads of other tests have the same name.
#[cfg(target_os = "linux")]
#[test]
fn many_futures_are_few_threads() {
    use crate::support::rig::until;
    const ALONE: &str = "HALLPASS_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        alone.args(["--exact", "refresh::shared::many_futures_are_few_threads"]).env(ALONE, "1");
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
    let rig = Rig::new();
    let session = rig.log_in();
    rig.clock.advance(S(3600));
    let lock = locked(&rig, &session);
    rig.server.inject(Endpoint::Token, Fault::DelayReply(MS(300)));
    let asked: Vec<_> = (0..250).map(|number| begin(ask(&session, number))).collect();
    until("the trips", || jobs() == 2);
    drop(lock);
    let mut tokens: Vec<_> = asked.into_iter().map(|asked| wait(asked).unwrap().expose().to_owned()).collect();
    tokens.dedup();
    assert_eq!((tokens.len(), rig.server.requests_to(Endpoint::Token).len()), (1, 1));
    until("their end", || jobs() == 0);
}

#[test]
fn a_failure_is_told_to_all_who_share_it() {
    let rig = Rig::new();
    let session = rig.log_in();
    rig.clock.advance(S(3600));
    rig.server.revoke_everything();
    rig.server.inject(Endpoint::Token, Fault::DelayReply(MS(200)));
    let asked: Vec<_> = (0..64).map(|_| begin(session.access_token())).collect();
    let told: Vec<_> = asked.into_iter().map(|asked| wait(asked).unwrap_err().to_string()).collect();
    assert!(told.iter().all(|error| *error == told[0]), "{told:?}");
    assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 1);
}

#[test]
fn who_leaves_while_another_has_the_lock_leaves_no_thread() {
    let rig = Rig::new();
    rig.log_in();
    rig.clock.advance(S(3600));
    let auth = rig.auth();
    let session = auth.session().unwrap();
    let lock = locked(&rig, &session);
    let mut asked: Vec<_> = (0..8).map(|_| begin(session.access_token())).collect();
    let patient = begin(ask(&session, 1));
    thread::sleep(MS(50));
    assert!(!auth.settle(S(0)), "they wait");
    asked.clear();
    thread::sleep(MS(50));
    assert!(!auth.settle(S(0)), "one still waits");
    drop(patient);
    assert!(auth.settle(S(5)), "the lock is held, and nobody waits for it");
    // The session is none the worse for it.
    let asked = begin(session.access_token());
    drop(lock);
    assert!(rig.server.is_live_access_token(wait(asked).unwrap().expose()));
    assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 1);
}

#[test]
fn who_stays_is_served_though_who_began_has_left() {
    let rig = Rig::new();
    let session = rig.log_in();
    rig.clock.advance(S(3600));
    let lock = locked(&rig, &session);
    let (first, second) = (begin(session.access_token()), begin(session.access_token()));
    thread::sleep(MS(50));
    drop(first);
    thread::sleep(MS(50));
    drop(lock);
    assert!(rig.server.is_live_access_token(wait(second).unwrap().expose()));
    assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 1);
    assert!(forced(&session).is_ok());
}
