//! An access token that is still valid is served as it is, without a request.

use std::sync::Arc;

use hallpass::contexts::Logout;
use hallpass::custody::{Custody, MemoryKeyStore};
use hallpass::prompt::Silent;
use hallpass::{Auth, Config, Login, Session, TokenRequest};

use crate::support::rig::{Mood, Rig, S, forced, token};

#[test]
fn a_valid_token_is_served_without_a_request() {
    let (rig, session) = Rig::logged_in();
    let first = token(&session);
    rig.clock.advance(S(3290));
    assert_eq!(token(&session), first);
    assert_eq!(token(&rig.auth().session().unwrap()), first, "another process finds it on disk");
    assert!(rig.server.requests().is_empty());
    let served = session.access_token().wait().unwrap();
    assert_eq!(served.token_type(), "bearer");
    assert_eq!(served.scopes().to_string(), "openid offline_access email");
    assert_eq!(served.expires_at(), session.context().unwrap().expires_at);
    assert!(rig.server.is_live_access_token(&first));
}

#[test]
fn only_an_instant_key_store_gives_a_token_without_io() {
    let rig = Rig::new();
    let mut config = rig.config();
    let cached = |config: &Config, request| {
        let token = Auth::new(config.clone()).unwrap().session().unwrap().cached_token(request);
        token.map(|token| token.expose().to_owned())
    };
    let now = TokenRequest::default;
    let first = token(&rig.log_in());
    assert_eq!(cached(&config, now()), None, "a store may be slow: nobody asked it");

    config.custody.choice = Custody::Custom(Arc::new(MemoryKeyStore::new()));
    config.state_dir = Some(rig.folder.path().join("another"));
    rig.server.approve_all();
    let session = Auth::new(config.clone()).unwrap().login(Login::new(Silent)).wait().unwrap();
    rig.server.clear_requests();
    let own = cached(&config, now()).unwrap();
    assert!(own != first && rig.server.is_live_access_token(&own));
    let (mut another, mut longer) = (now(), now());
    another = another.refresh();
    longer = longer.min_validity(S(3601));
    assert_eq!((cached(&config, another), cached(&config, longer)), (None, None));
    // Near its end the next one is fetched, by whoever may wait.
    rig.clock.advance(S(3550));
    assert_eq!(cached(&config, now()), None);
    assert!(rig.server.requests().is_empty());
    assert_ne!(token(&session), own);
    assert!(session.cached_token(now()).is_some());
}

#[test]
fn a_session_reads_its_files_when_first_asked() {
    let rig = Rig::new();
    let expires_at = |session: &Session| session.context().unwrap().expires_at.unwrap();
    let made = rig.log_in();
    let (early, late) = (rig.auth().session().unwrap(), rig.auth().session().unwrap());
    let first = expires_at(&early);
    rig.clock.advance(S(3600));
    forced(&made).unwrap();
    assert_eq!((expires_at(&made), expires_at(&early)), (first, first), "a session keeps to what it has said");
    assert_eq!(expires_at(&late), first + S(3600));
    let later = rig.auth().session().unwrap();
    assert!(rig.auth().logout(Logout::default()).wait().is_ok());
    let context = later.context().unwrap();
    assert_eq!((&context.name, context.expires_at), (&made.context().unwrap().name, None), "the files are gone");
}

#[test]
fn a_cached_token_is_served_while_the_key_store_is_locked() {
    let (rig, session) = Rig::logged_in();
    let own = token(&session);
    rig.keys.set(Mood::Locked);
    assert_eq!(token(&session), own);
}
