//! A disk that cannot be written for a moment costs no rotated token.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hallpass::testing::{Endpoint, Fault};
use hallpass::{ErrorKind, Session};

use crate::support::rig::{Rig, S, forced, token, until};

#[test]
fn a_disk_that_fails_for_a_moment_loses_no_rotated_token() {
    let (rig, session) = Rig::logged_in();
    rig.clock.advance(S(4000));
    rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(200)));
    let bad_disk = bad_disk(&rig, &session);
    let token = token(&session);
    assert!(bad_disk.was_met(), "the reply took long enough");
    assert!(rig.server.is_live_access_token(&token));
    rig.clock.advance(S(4000));
    assert!(rig.auth().session().unwrap().access_token().wait().is_ok());
}

/// A disk that takes nothing from the intent on, for a moment.
fn bad_disk(rig: &Rig, session: &Session) -> BadDisk {
    let next = rig.home().join("grants").join(format!("{}.next", session.context().unwrap().grant));
    let over = Arc::new(AtomicBool::new(false));
    let is_over = over.clone();
    let thread = thread::spawn(move || {
        // A folder in its place cannot be written. Windows removes no file that is still being written.
        let (mut removed, mut met) = (false, false);
        until("the intent", || {
            removed |= fs::remove_file(&next).is_ok();
            met = removed && fs::create_dir(&next).is_ok();
            met || is_over.load(Ordering::Relaxed)
        });
        if met {
            // Then the disk is well again.
            thread::sleep(Duration::from_millis(600));
            fs::remove_dir(&next).unwrap();
        }
        met
    });
    BadDisk { thread, over }
}

struct BadDisk {
    thread: JoinHandle<bool>,
    over: Arc<AtomicBool>,
}

impl BadDisk {
    /// Whether it was bad before the refresh was over, as it is now.
    fn was_met(self) -> bool {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Some servers answer with the access token that is there already, and a new refresh token beside it.
#[test]
fn a_rotated_token_is_saved_if_the_access_token_stays_the_same() {
    let (rig, session) = Rig::logged_in();
    // A commit can be quicker than the disk is bad.
    let met = (0..100).any(|_| {
        let same = Fault::ReplyField("access_token".into(), token(&session).into());
        let bad_disk = bad_disk(&rig, &session);
        rig.server.inject(Endpoint::Token, same);
        assert!(forced(&session).is_ok());
        bad_disk.was_met()
    });
    assert!(met);
    assert!(forced(&rig.auth().session().unwrap()).is_ok());
    assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1));
}

#[test]
fn a_valid_token_is_served_though_the_disk_fails() {
    let (rig, session) = Rig::logged_in();
    let own = token(&session);
    rig.clock.advance(S(3595));
    let next = rig.home().join("grants").join(format!("{}.next", session.context().unwrap().grant));
    fs::create_dir(&next).unwrap();
    assert_eq!(token(&rig.auth().session().unwrap()), own, "5 s left");
    rig.clock.advance(S(5));
    let error = rig.auth().session().unwrap().access_token().wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Custody);
    fs::remove_dir(&next).unwrap();
    assert!(rig.server.is_live_access_token(&token(&rig.auth().session().unwrap())));
}
