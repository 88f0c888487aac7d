//! Access tokens: the one at hand, and exactly one refresh where it is no longer good.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use hallpass::blocking::wait;
use hallpass::custody::{Custody, MemoryKeyStore};
use hallpass::prompt::Silent;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{Auth, Config, LoginRequest, LogoutRequest, Session, TokenRequest};

use crate::support::rig::{Rig, S, begin, token, until};

fn refreshed(session: &Session) -> String {
    let mut request = TokenRequest::default();
    request.refresh = true;
    wait(session.access_token_with(request)).unwrap().expose().to_owned()
}

fn sent_refresh_tokens(rig: &Rig) -> Vec<String> {
    let requests = rig.server.requests_to(Endpoint::Token);
    requests.iter().map(|seen| seen.parameter("refresh_token").unwrap().to_owned()).collect()
}

#[test]
fn a_token_that_is_good_makes_no_request() {
    let rig = Rig::new();
    let session = rig.log_in();
    let first = token(&session);
    rig.clock.advance(S(3290));
    assert_eq!(token(&session), first);
    assert_eq!(token(&rig.auth().session().unwrap()), first, "another process finds it on disk");
    assert!(rig.server.requests().is_empty());
    let served = wait(session.access_token()).unwrap();
    assert_eq!(served.token_type(), "bearer");
    assert_eq!(served.scopes().to_string(), "openid offline_access email");
    assert_eq!(served.expires_at(), session.context().unwrap().expires_at);
    assert!(rig.server.is_live_access_token(&first));
}

#[test]
fn a_token_at_hand_is_given_at_once_where_its_place_answers_at_once_and_none_is_fetched() {
    let rig = Rig::new();
    let mut config = rig.config();
    let cached = |config: &Config, request| {
        let token = Auth::new(config.clone()).unwrap().session().unwrap().cached_token(request);
        token.map(|token| token.expose().to_owned())
    };
    let now = TokenRequest::default;
    let first = token(&rig.log_in());
    assert_eq!(cached(&config, now()), None, "a store may be slow: nobody asked it");

    config.custody = Custody::Custom(Arc::new(MemoryKeyStore::new()));
    config.state_dir = Some(rig.folder.path().join("another"));
    rig.server.approve_all();
    let session = wait(Auth::new(config.clone()).unwrap().login(LoginRequest::default(), Arc::new(Silent))).unwrap();
    rig.server.clear_requests();
    let own = cached(&config, now()).unwrap();
    assert!(own != first && rig.server.is_live_access_token(&own));
    let (mut another, mut longer) = (now(), now());
    another.refresh = true;
    longer.min_validity = Some(S(3601));
    assert_eq!((cached(&config, another), cached(&config, longer)), (None, None));
    // Near its end the next one is fetched, by whoever may wait.
    rig.clock.advance(S(3550));
    assert_eq!(cached(&config, now()), None);
    assert!(rig.server.requests().is_empty());
    assert_ne!(token(&session), own);
    assert!(session.cached_token(now()).is_some());
}

#[test]
fn a_token_that_has_expired_is_refreshed_once() {
    let rig = Rig::new();
    let session = rig.log_in();
    let first = token(&session);
    rig.clock.advance(S(3600));
    let second = token(&session);
    assert_ne!(first, second);
    assert_eq!((token(&session), token(&rig.auth().session().unwrap())), (second.clone(), second));
    assert_eq!((rig.server.requests().len(), rig.server.counts().refreshes), (1, 1));
    let context = &rig.auth().contexts().unwrap()[0];
    assert_eq!(context.expires_at.unwrap(), hallpass::clock::Clock::now(&rig.clock) + S(3600));
}

#[test]
fn what_the_files_of_a_login_tell_is_read_when_it_is_first_asked_for() {
    let rig = Rig::new();
    let expires_at = |session: &Session| session.context().unwrap().expires_at.unwrap();
    let made = rig.log_in();
    let (early, late) = (rig.auth().session().unwrap(), rig.auth().session().unwrap());
    let first = expires_at(&early);
    rig.clock.advance(S(3600));
    refreshed(&made);
    assert_eq!((expires_at(&made), expires_at(&early)), (first, first), "a session keeps to what it has said");
    assert_eq!(expires_at(&late), first + S(3600));
    let later = rig.auth().session().unwrap();
    assert!(wait(rig.auth().logout(LogoutRequest::default())).is_ok());
    let context = later.context().unwrap();
    assert_eq!((&context.name, context.expires_at), (&made.context().unwrap().name, None), "the files are gone");
}

#[test]
fn the_rotated_refresh_token_replaces_the_old() {
    let rig = Rig::new();
    let session = rig.log_in();
    let mut tokens: Vec<_> = (0..5).map(|_| refreshed(&session)).collect();
    let mut sent = sent_refresh_tokens(&rig);
    tokens.dedup();
    sent.sort();
    sent.dedup();
    assert_eq!((tokens.len(), sent.len()), (5, 5));
    assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1));
    assert_eq!(rig.records().len(), 1, "no intent is left: {:?}", rig.records());
}

#[test]
fn a_reply_without_a_refresh_token_keeps_the_old_one() {
    let rig = Rig::with(|behaviour| behaviour.rotate = false);
    let session = rig.log_in();
    assert_ne!(refreshed(&session), refreshed(&rig.auth().session().unwrap()));
    let sent = sent_refresh_tokens(&rig);
    assert_eq!((sent.len(), &sent[0]), (2, &sent[1]));
}

#[test]
fn min_validity_asks_for_more_than_what_is_left() {
    let rig = Rig::new();
    let session = rig.log_in();
    let first = token(&session);
    rig.clock.advance(S(600));
    let with = |seconds| {
        let mut request = TokenRequest::default();
        request.min_validity = Some(S(seconds));
        wait(session.access_token_with(request)).unwrap().expose().to_owned()
    };
    assert_eq!(with(2900), first);
    assert_eq!(rig.server.counts().refreshes, 0);
    assert_ne!(with(3100), first);
    assert_eq!(rig.server.counts().refreshes, 1);
    // More than any token has: each call may ask once, and what comes is served.
    with(7200);
    assert_eq!(rig.server.counts().refreshes, 2);
}

#[test]
fn tokens_of_any_lifetime_are_served() {
    for lifetime in [Some(S(0)), Some(S(1)), Some(S(20)), None] {
        let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = lifetime);
        let session = rig.log_in();
        assert!(!token(&session).is_empty(), "{lifetime:?}");
        assert!(!refreshed(&session).is_empty(), "{lifetime:?}");
    }
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = None);
    let session = rig.log_in();
    let first = token(&session);
    rig.clock.advance(S(400 * 86_400));
    assert_eq!(token(&session), first);
    assert_ne!(refreshed(&session), first);
}

#[test]
fn an_absurd_lifetime_is_unknown() {
    let rig = Rig::new();
    for absurd in [serde_json::json!(1e300), serde_json::json!(-1), serde_json::json!("soon"), serde_json::json!([])] {
        rig.server.inject(Endpoint::Token, Fault::ReplyField("expires_in".into(), absurd.clone()));
        let session = rig.try_log_in(|_| {}).unwrap();
        assert_eq!(wait(session.access_token()).unwrap().expires_at(), None, "{absurd}");
    }
}

#[test]
fn a_clock_that_was_set_back_makes_a_token_stale() {
    let rig = Rig::new();
    let session = rig.log_in();
    let first = token(&session);
    let before = hallpass::clock::Clock::now(&rig.clock);
    rig.clock.set(before - S(30));
    assert_eq!(token(&session), first);
    rig.clock.set(before - S(3600));
    assert_ne!(token(&session), first);
    assert_eq!(rig.server.counts().refreshes, 1);
}

#[test]
fn sixteen_threads_on_one_session_make_one_refresh() {
    let rig = Rig::new();
    let session = rig.log_in();
    storm(&rig, |_| session.clone());
}

#[test]
fn sixteen_processes_on_one_home_make_one_refresh() {
    let rig = Rig::new();
    rig.log_in();
    storm(&rig, |rig| rig.auth().session().unwrap());
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
fn what_a_sibling_has_refreshed_is_adopted() {
    let rig = Rig::new();
    let (one, other) = (rig.log_in(), rig.auth().session().unwrap());
    assert_eq!(token(&one), token(&other));
    rig.clock.advance(S(3600));
    let fresh = token(&one);
    rig.server.clear_requests();
    assert_eq!(token(&other), fresh);
    assert!(rig.server.requests().is_empty());
}

#[test]
fn dropping_the_future_keeps_what_the_refresh_brings() {
    let rig = Rig::new();
    let session = rig.log_in();
    let auth = rig.auth();
    rig.clock.advance(S(3600));
    rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(150)));
    let refresh = begin(auth.session().unwrap().access_token());
    until("the rotation", || rig.server.counts().rotations == 1);
    drop(refresh);
    assert!(!auth.settle(S(0)), "it is still under way");
    assert!(auth.settle(S(20)));
    assert!(rig.server.is_live_access_token(&token(&session)));
    assert_eq!((rig.server.counts().refreshes, rig.server.counts().reuses), (1, 0));
}

#[test]
fn dropping_the_last_auth_waits_for_the_refresh() {
    let rig = Rig::new();
    let session = rig.log_in();
    rig.clock.advance(S(3600));
    rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(150)));
    let auth = rig.auth();
    let refresh = begin(auth.session().unwrap().access_token());
    until("the rotation", || rig.server.counts().rotations == 1);
    drop(refresh);
    drop(auth);
    rig.server.clear_requests();
    assert!(rig.server.is_live_access_token(&token(&session)));
    assert!(rig.server.requests().is_empty(), "it was on disk when the last handle was gone");
}

#[test]
fn userinfo_asks_with_the_sessions_token() {
    let rig = Rig::new();
    let session = rig.log_in();
    let info = wait(session.userinfo()).unwrap();
    assert_eq!(info.account.subject.as_deref(), Some("alice"));
    let claims: serde_json::Value = serde_json::from_str(&info.json).unwrap();
    assert_eq!((claims["sub"].as_str(), claims["email"].as_str()), (Some("alice"), Some("alice@example.com")));
    assert_eq!(rig.server.requests().len(), 1);
}
