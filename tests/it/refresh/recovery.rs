//! What must not cost a person their login: wrong clocks, odd replies, crashes in the worst moment, disks that say no.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hallpass::blocking::wait;
use hallpass::clock::Clock as _;
use hallpass::custody::Custody;
use hallpass::testing::{Endpoint, Fault, ManualClock};
use hallpass::{Auth, ErrorKind, LogoutOutcome, LogoutRequest, Session, TokenRequest};

use crate::support::rig::{Rig, S, forced, token, until};

#[test]
fn a_wrong_clock_at_a_refresh_does_not_throw_the_new_token_away() {
    let rig = Rig::new();
    rig.log_in();
    rig.clock.advance(S(4000));
    let ahead = ManualClock::new();
    ahead.set(rig.now() + S(7200));
    let mut config = rig.config();
    config.clock = Arc::new(ahead.clone());
    let session = Auth::new(config).unwrap().session().unwrap();
    assert!(rig.server.is_live_access_token(&token(&session)));
    ahead.set(rig.clock.now());
    assert!(rig.server.is_live_access_token(&token(&rig.auth().session().unwrap())));
    assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1));
}

#[test]
fn a_lost_reply_and_a_failed_second_try_stay_an_interrupted_rotation() {
    let rig = Rig::new();
    let session = rig.log_in();
    rig.clock.advance(S(4000));
    rig.server.inject(Endpoint::Token, Fault::LoseReply);
    rig.server.inject(Endpoint::Token, Fault::error(400, "temporarily_unavailable"));
    assert!(wait(session.access_token()).is_err());
    assert_eq!(rig.records().len(), 2, "the intent stays");
    assert_eq!(wait(session.access_token()).unwrap_err().kind(), ErrorKind::Interrupted);
}

#[test]
fn other_members_beside_tokens_do_not_make_them_unsaid() {
    for (name, value) in [("error", ""), ("error", "none"), ("refresh_token", "")] {
        let rig = Rig::with(|behaviour| behaviour.rotate = name == "error");
        let session = rig.log_in();
        rig.clock.advance(S(4000));
        rig.server.inject(Endpoint::Token, Fault::ReplyField(name.into(), value.into()));
        assert!(rig.server.is_live_access_token(&token(&session)), "{name}");
        rig.clock.advance(S(4000));
        assert!(rig.server.is_live_access_token(&token(&session)), "{name}");
        assert_eq!(rig.server.counts().reuses, 0, "{name}");
    }
}

#[test]
fn a_logout_after_a_crash_revokes_the_newest_token() {
    let rig = Rig::new();
    let session = rig.log_in();
    let path = rig.home().join("grants").join(session.context().unwrap().grant.as_str());
    let old = fs::read(&path).unwrap();
    rig.clock.advance(S(4000));
    token(&session);
    // The crash: the next record was written whole, and not yet renamed.
    fs::rename(&path, path.with_extension("next")).unwrap();
    fs::write(&path, old).unwrap();
    let ended = wait(rig.auth().logout(LogoutRequest::default())).unwrap().done;
    assert_eq!(ended[0].ended, LogoutOutcome::Revoked);
    let spent = rig.server.requests_to(Endpoint::Token)[0].parameter("refresh_token").unwrap().to_owned();
    let revoked = rig.server.requests_to(Endpoint::Revocation)[0].parameter("token").unwrap().to_owned();
    assert_ne!(revoked, spent);
    rig.assert_nothing_left("after a crash");
}

#[test]
fn a_disk_that_says_no_for_a_moment_does_not_lose_a_rotated_token() {
    let rig = Rig::new();
    let session = rig.log_in();
    rig.clock.advance(S(4000));
    rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(200)));
    let bad_disk = bad_disk(&rig, &session);
    let token = token(&session);
    assert!(bad_disk.was_met(), "the reply took long enough");
    assert!(rig.server.is_live_access_token(&token));
    rig.clock.advance(S(4000));
    assert!(wait(rig.auth().session().unwrap().access_token()).is_ok());
}

/// Some servers answer with the access token that is there already, and a new refresh token beside it.
#[test]
fn an_access_token_that_stays_does_not_hide_that_a_rotated_one_was_not_written() {
    let rig = Rig::new();
    let session = rig.log_in();
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

#[test]
fn without_a_refresh_token_what_is_valid_is_served_to_its_end() {
    let rig = Rig::with(|behaviour| behaviour.refresh_token = false);
    let session = rig.log_in();
    let own = token(&session);
    rig.clock.advance(S(3592));
    assert_eq!(token(&rig.auth().session().unwrap()), own, "8 s left");
    rig.clock.advance(S(8));
    assert_eq!(wait(session.access_token()).unwrap_err().kind(), ErrorKind::Expired);
}

#[test]
fn a_demand_beyond_the_end_of_time_is_no_panic() {
    let rig = Rig::new();
    let session = rig.log_in();
    let mut request = TokenRequest::default();
    request.min_validity = Some(Duration::MAX);
    // It is refreshed, as no token that is there meets it, and the fresh one is served.
    assert!(wait(session.access_token_with(request)).is_ok());
    let mut config = rig.config();
    config.lock_timeout = Duration::MAX;
    assert!(wait(Auth::new(config).unwrap().session().unwrap().access_token()).is_ok());
}

#[test]
fn a_record_does_not_grow_without_end() {
    let rig = Rig::new();
    rig.log_in();
    let mut lengths = Vec::new();
    for resource in 0..40 {
        let mut config = rig.config();
        config.custody = Custody::Custom(rig.keys.clone());
        config.resource = Some(format!("https://r{resource}.example/").parse().unwrap());
        wait(Auth::new(config).unwrap().session().unwrap().access_token()).unwrap();
        lengths.push(fs::metadata(&rig.records()[0]).unwrap().len());
    }
    assert!(lengths[39] <= lengths[33] + 64, "{lengths:?}");
    assert!(lengths[10] > lengths[5]);
}

#[test]
fn a_whole_next_record_is_finished_and_a_forced_refresh_still_asks() {
    for forced in [false, true] {
        let rig = Rig::new();
        let session = rig.log_in();
        let path = rig.home().join("grants").join(session.context().unwrap().grant.as_str());
        let old = fs::read(&path).unwrap();
        rig.clock.advance(S(4000));
        let newest = token(&session);
        fs::rename(&path, path.with_extension("next")).unwrap();
        fs::write(&path, old).unwrap();
        rig.server.clear_requests();
        let session = rig.auth().session().unwrap();
        let mut request = TokenRequest::default();
        request.refresh = forced;
        let served = wait(session.access_token_with(request)).unwrap();
        assert_eq!(served.expose() == newest, !forced);
        assert_eq!(rig.server.requests_to(Endpoint::Token).len(), usize::from(forced));
        assert_eq!((rig.records().len(), rig.server.counts().reuses), (1, 0));
    }
}

#[test]
fn what_is_still_valid_is_served_whatever_the_disk_says() {
    let rig = Rig::new();
    let session = rig.log_in();
    let own = token(&session);
    rig.clock.advance(S(3595));
    let next = rig.home().join("grants").join(format!("{}.next", session.context().unwrap().grant));
    fs::create_dir(&next).unwrap();
    assert_eq!(token(&rig.auth().session().unwrap()), own, "5 s left");
    rig.clock.advance(S(5));
    let error = wait(rig.auth().session().unwrap().access_token()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Custody);
    fs::remove_dir(&next).unwrap();
    assert!(rig.server.is_live_access_token(&token(&rig.auth().session().unwrap())));
}

#[test]
fn huge_replies_do_not_grow_a_record_past_what_can_be_read() {
    let rig = Rig::new();
    rig.log_in();
    for resource in 0..8 {
        let mut config = rig.config();
        config.resource = Some(format!("https://r{resource}.example/").parse().unwrap());
        let scope = (0..90_000).map(|n| format!("scope{n}")).collect::<Vec<_>>().join(" ");
        rig.server.inject(Endpoint::Token, Fault::ReplyField("scope".into(), scope.into()));
        let token = wait(Auth::new(config).unwrap().session().unwrap().access_token()).unwrap();
        assert!(token.scopes().to_string().len() <= 8192);
    }
    assert_eq!(rig.server.counts().reuses, 0);
}
