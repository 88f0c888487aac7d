//! Adoptions that are cut, refused, or made by two at once.

use std::fs;

use hallpass::adoption::Adoption;
use hallpass::prompt::Silent;
use hallpass::testing::{Endpoint, Fault, Person};
use hallpass::{ErrorKind, Remedy};

use super::old::{OldTool, refreshes};
use crate::support::rig::{Rig, S, assert_error, bob, token, until};
use crate::testing::raw;

#[test]
fn a_spent_token_is_told_and_nothing_is_left() {
    let (rig, old) = OldTool::with_a_login();
    rig.server.revoke_everything();
    let before = old.content();
    let error = rig.auth().adopt(old.adoption()).wait().unwrap_err();
    assert_error(&error, ErrorKind::Expired, Some("log_in"), 4);
    assert!(error.to_string().contains(&old.path.display().to_string()), "{error}");
    assert_eq!(old.content(), before);
    rig.assert_nothing_left("refused");
    // Not by every later call (law 6), until the file changes.
    rig.server.clear_requests();
    assert_eq!(rig.auth().adopt(old.adoption()).wait().unwrap_err().kind(), ErrorKind::NotLoggedIn);
    let session = rig.log_in();
    assert_eq!(token(&rig.auth().adopt(old.adoption()).wait().unwrap()), token(&session));
    assert_eq!(refreshes(&rig), 0);
    old.write(&raw::login_as(&rig.server, &Person::default()).unwrap());
    rig.auth().adopt(old.adoption()).wait().unwrap();
    assert_eq!(old.content(), r#"{"theme":"dark"}"#);
}

#[test]
fn an_absent_server_leaves_the_old_login_as_it_was() {
    let (rig, old) = OldTool::with_a_login();
    rig.server.inject_always(
        Endpoint::Token,
        Fault::Status { status: 503, headers: Vec::new(), content_type: "text/plain".into(), body: String::new() },
    );
    let error = rig.auth().adopt(old.adoption()).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    assert!(rig.server.is_live_refresh_token(&old.refresh_token));
    rig.server.clear_faults();
    let session = rig.auth().adopt(old.adoption()).wait().unwrap();
    assert!(rig.server.is_live_access_token(&token(&session)));
}

/// The server has rotated, and the reply is lost: the token is all that is left, and may be accepted again.
#[test]
fn a_lost_reply_is_an_interrupted_refresh() {
    for grace in [S(0), S(60)] {
        let (rig, old) = OldTool::with_a_login_at(Rig::with(|behaviour| behaviour.grace = grace));
        // The refresh is repeated once at once.
        rig.server.inject(Endpoint::Token, Fault::LoseReply);
        rig.server.inject(Endpoint::Token, Fault::LoseReply);
        let error = rig.auth().adopt(old.adoption()).wait().unwrap_err();
        assert!(error.to_string().contains("interrupted") || error.kind() == ErrorKind::Interrupted, "{error:?}");
        let again = rig.auth().adopt(old.adoption()).wait();
        match grace.is_zero() {
            false => assert!(rig.server.is_live_access_token(&token(&again.unwrap()))),
            true => {
                assert_error(&again.unwrap_err(), ErrorKind::Interrupted, Some("log_in"), 4);
                assert!(rig.records().is_empty(), "a login that cannot go on is not kept");
            }
        }
    }
}

#[test]
fn a_token_that_was_rotated_meanwhile_is_read_again() {
    let (rig, old) = OldTool::with_a_login_at(Rig::with(|behaviour| behaviour.grace = S(0)));
    // Another family, whose token the old program writes right after it was read for the second time.
    let newer = raw::login_as(&rig.server, &Person::default()).unwrap();
    rig.server.end_family_of(&old.refresh_token);
    let newer_file = old.content().replace(&old.refresh_token, &newer.json("refresh_token"));
    let (path, reads) = (old.path.clone(), std::sync::atomic::AtomicUsize::new(0));
    let adoption = Adoption::of_file(
        Silent,
        &old.path,
        move |bytes| {
            let tokens = super::old::read(bytes);
            if reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 1 {
                fs::write(&path, &newer_file).unwrap();
            }
            tokens
        },
        super::old::without_tokens,
    );
    let session = rig.auth().adopt(adoption).wait().unwrap();
    assert!(rig.server.is_live_access_token(&token(&session)));
    assert_eq!(rig.records().len(), 1);
}

#[test]
fn adoptions_at_once_exchange_the_token_once() {
    let (rig, old) = OldTool::with_a_login();
    rig.server.inject(Endpoint::Token, Fault::DelayReply(std::time::Duration::from_millis(100)));
    let jobs: Vec<_> = (0..8).map(|_| rig.auth().adopt(old.adoption())).collect();
    let tokens: Vec<_> = jobs.into_iter().map(|job| token(&job.wait().unwrap())).collect();
    assert!(tokens.iter().all(|one| *one == tokens[0] && rig.server.is_live_access_token(one)));
    assert_eq!((refreshes(&rig), rig.records().len()), (1, 1));
}

#[test]
fn a_marker_that_cannot_be_written_is_written_the_next_time() {
    let (rig, old) = OldTool::with_a_login();
    // In the way of the marker, which is written beside the file first.
    let in_the_way = old.path.with_file_name(".old.json.hallpass");
    fs::create_dir(&in_the_way).unwrap();
    let said = rig.folder.path().join("said");
    let prompt = hallpass::Terminal::to(Box::new(fs::File::create(&said).unwrap()));
    let session = rig.auth().adopt(old.adoption_with(prompt)).wait().unwrap();
    let note = fs::read_to_string(said).unwrap();
    assert!(note.contains("note: the old file still has its token"), "{note}");
    fs::remove_dir(&in_the_way).unwrap();
    let again = rig.auth().adopt(old.adoption()).wait().unwrap();
    assert_eq!(token(&again), token(&session));
    assert_eq!((refreshes(&rig), old.content().as_str()), (1, r#"{"theme":"dark"}"#));
}

#[test]
fn a_key_store_that_takes_no_key_costs_nothing() {
    let (rig, old) = OldTool::with_a_login();
    rig.keys.set(crate::support::rig::Mood::Locked);
    let error = rig.auth().adopt(old.adoption()).wait().unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("unlock_store"), 6);
    assert_eq!(refreshes(&rig), 0);
    assert_eq!(error.remedy(), Some(&Remedy::UnlockStore));
}

#[test]
fn a_login_that_the_old_version_makes_meanwhile_is_not_lost() {
    let (rig, old) = OldTool::with_a_login();
    let bob = raw::login_as(&rig.server, &bob()).unwrap();
    let bobs = old.content().replace(&old.refresh_token, &bob.json("refresh_token"));
    // The old version writes while the token is being exchanged.
    let (path, server, content) = (old.path.clone(), rig.server.clone(), bobs.clone());
    rig.server.inject(Endpoint::Token, Fault::DelayReply(std::time::Duration::from_millis(300)));
    let writer = std::thread::spawn(move || {
        until("the exchange", || server.counts().rotations > 0);
        fs::write(path, content).unwrap();
    });
    let alice = rig.auth().adopt(old.adoption()).wait().unwrap();
    writer.join().unwrap();
    assert_eq!(alice.context().unwrap().name.as_str(), "alice@example.com");
    assert_eq!(old.content(), bobs, "bob's login is still there");
    let bob = rig.auth().adopt(old.adoption()).wait().unwrap();
    assert_eq!(bob.context().unwrap().name.as_str(), "bob@example.com");
    assert_eq!(old.content(), r#"{"theme":"dark"}"#);
}

/// A crash after the token was sealed, as a reply that never comes leaves it.
#[test]
fn a_token_that_was_rotated_after_a_cut_adoption_leaves_nothing() {
    let (rig, old) = OldTool::with_a_login();
    for _ in 0..2 {
        rig.server.inject(Endpoint::Token, Fault::CutBefore);
    }
    rig.auth().adopt(old.adoption()).wait().unwrap_err();
    assert_eq!(rig.records().iter().filter(|path| path.extension().is_none()).count(), 1, "the sealed token");
    let newer = raw::refresh(&rig.server, &old.refresh_token, &[]).unwrap();
    old.write(&newer);
    let session = rig.auth().adopt(old.adoption()).wait().unwrap();
    assert!(rig.server.is_live_access_token(&token(&session)));
    assert_eq!(rig.records().iter().filter(|path| path.extension().is_none()).count(), 1, "the login alone");
}

#[test]
fn a_repair_beside_an_adoption_leaves_one_name() {
    let (rig, old) = OldTool::with_a_login();
    for _ in 0..2 {
        rig.server.inject(Endpoint::Token, Fault::CutBefore);
    }
    rig.auth().adopt(old.adoption()).wait().unwrap_err();
    rig.auth().repair().wait().unwrap();
    assert_eq!(rig.auth().contexts().unwrap().len(), 1, "the repair has named what it found");
    let session = rig.auth().adopt(old.adoption()).wait().unwrap();
    assert_eq!(session.context().unwrap().name.as_str(), "alice@example.com");
    assert!(!rig.server.is_live_refresh_token(&old.refresh_token), "it was exchanged");
    let names: Vec<_> =
        rig.auth().contexts().unwrap().into_iter().map(|one| (one.name.to_string(), one.is_default)).collect();
    assert_eq!(names, [("alice@example.com".to_owned(), true)]);
}

#[test]
fn a_spent_token_is_not_sent_after_its_login_is_gone() {
    let (rig, old) = OldTool::with_a_login();
    fs::create_dir(old.path.with_file_name(".old.json.hallpass")).unwrap();
    rig.auth().adopt(old.adoption()).wait().unwrap();
    drop(rig.auth().logout(hallpass::contexts::Logout::default()).wait().unwrap());
    rig.server.clear_requests();
    let error = rig.auth().adopt(old.adoption()).wait().unwrap_err();
    assert_eq!((error.kind(), refreshes(&rig)), (ErrorKind::NotLoggedIn, 0));
}

#[test]
fn a_marker_that_keeps_the_token_is_found_before_it_is_spent() {
    let (rig, old) = OldTool::with_a_login();
    let keeps = || Adoption::of_file(Silent, &old.path, super::old::read, <[u8]>::to_vec);
    assert_eq!(rig.auth().adopt(keeps()).wait().unwrap_err().kind(), ErrorKind::Config);
    assert!(rig.server.is_live_refresh_token(&old.refresh_token) && rig.server.requests().is_empty());
}

#[test]
fn a_token_in_the_environment_leaves_the_old_login_alone() {
    let (rig, old) = OldTool::with_a_login();
    let mut config = rig.config();
    config.environment.token = Some(std::sync::Arc::new(hallpass::secret::Secret::new("at_given".into())));
    let session = hallpass::Auth::new(config).unwrap().adopt(old.adoption()).wait().unwrap();
    assert_eq!((token(&session).as_str(), rig.server.requests().len()), ("at_given", 0));
}

#[test]
fn an_old_file_that_is_refused_does_not_lock_a_person_out() {
    let (rig, old) = OldTool::with_a_login();
    let session = rig.log_in();
    fs::write(&old.path, "{").unwrap();
    assert_eq!(token(&rig.auth().adopt(old.adoption()).wait().unwrap()), token(&session));
}
