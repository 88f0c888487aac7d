//! What a reply to a refresh may change: the token and its scopes, never whose grant it is (law 17).

use std::path::PathBuf;

use hallpass::ErrorKind;
use hallpass::testing::{Endpoint, Fault, Person};

use super::on_demand::sent_refresh_tokens;
use crate::support::faults::unsigned_jwt;
use crate::support::rig::{Rig, S, assert_error, forced, token};

#[test]
fn a_grant_never_becomes_another() {
    for (fault, what) in
        [(Fault::OtherSubject("mallory".into()), "identity"), (Fault::TokenType("DPoP".into()), "token type")]
    {
        let (rig, session) = Rig::logged_in();
        let first = token(&session);
        let sealed = record(&rig);
        rig.server.inject(Endpoint::Token, fault);
        let error = forced(&session).unwrap_err();
        assert_eq!((error.kind(), error.kind().exit_code()), (ErrorKind::Protocol, 1));
        assert!(error.to_string().contains(what) && error.remedy().is_some(), "{error:?}");
        assert!(!error.to_string().contains("mallory"), "{error}");
        assert_eq!(record(&rig), sealed, "the record is untouched");
        assert_eq!((token(&session), token(&rig.auth().session().unwrap())), (first.clone(), first));
    }
}

fn record(rig: &Rig) -> (PathBuf, Vec<u8>) {
    let path = rig.records().into_iter().find(|path| path.extension().is_none()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

#[test]
fn a_reply_without_a_token_leaves_the_record() {
    for (fault, kind) in [
        (Fault::HtmlReply, ErrorKind::Unreachable),
        (Fault::Redirect("http://127.0.0.1:9/".into()), ErrorKind::Protocol),
        (Fault::ReplyField("access_token".into(), "a b".into()), ErrorKind::Protocol),
        (Fault::ReplyField("token_type".into(), 7.into()), ErrorKind::Protocol),
    ] {
        let (rig, session) = Rig::logged_in();
        let (first, sealed) = (token(&session), record(&rig));
        rig.server.inject(Endpoint::Token, fault.clone());
        assert_eq!(forced(&session).unwrap_err().kind(), kind, "{fault:?}");
        assert_eq!(record(&rig), sealed, "{fault:?}");
        assert_eq!(token(&rig.auth().session().unwrap()), first, "{fault:?}");
    }
}

/// An ID token that a strict reader would not read still tells whose it is.
#[test]
fn an_id_token_of_another_person_is_refused_in_any_spelling() {
    for claims in [
        serde_json::json!({"sub": "mallory"}),
        serde_json::json!({"sub": 5}),
        serde_json::json!({"iss": "https://other.example"}),
        serde_json::json!({"aud": ["other"]}),
        serde_json::json!({"sub": "mallory", "name": 5, "exp": "never"}),
    ] {
        let (rig, session) = Rig::logged_in();
        let token = unsigned_jwt(&claims);
        rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), token.into()));
        assert_eq!(forced(&session).unwrap_err().kind(), ErrorKind::Protocol, "{claims}");
    }
    let (rig, session) = Rig::logged_in();
    rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), "a.b.c".into()));
    assert!(forced(&session).is_ok(), "what cannot be read at all tells of nobody");
}

#[test]
fn a_reply_without_a_refresh_token_keeps_the_old_one() {
    let rig = Rig::with(|behaviour| behaviour.rotate = false);
    let session = rig.log_in();
    assert_ne!(forced(&session).unwrap(), forced(&rig.auth().session().unwrap()).unwrap());
    let sent = sent_refresh_tokens(&rig);
    assert_eq!((sent.len(), &sent[0]), (2, &sent[1]));
}

#[test]
fn tokens_count_although_an_empty_error_stands_beside_them() {
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
fn an_unreadable_member_loses_no_rotated_token() {
    for (field, value) in [("scope", serde_json::json!(["openid"])), ("id_token", serde_json::json!({}))] {
        let (rig, session) = Rig::expired();
        rig.server.inject(Endpoint::Token, Fault::ReplyField(field.into(), value));
        assert!(rig.server.is_live_access_token(&token(&session)), "{field}");
        assert!(forced(&session).is_ok(), "{field}");
    }
}

#[test]
fn a_refused_reply_is_named_again_by_later_calls() {
    for (fault, what) in
        [(Fault::OtherSubject("mallory".into()), "identity"), (Fault::TokenType("DPoP".into()), "token type")]
    {
        let rig = Rig::new();
        let session = rig.log_in_as(&Person::default(), Some("work"));
        rig.clock.advance(S(3600));
        rig.server.inject(Endpoint::Token, fault);
        let first = session.access_token().wait().unwrap_err();
        assert_error(&first, ErrorKind::Protocol, Some("log_in"), 1);
        let context = &rig.auth().contexts().unwrap()[0];
        assert!(context.refresh_failed.as_ref().unwrap().contains(what), "{context:?}");
        // By now the server calls the token spent. It is asked once; after a while, or if somebody insists, again.
        rig.server.clear_requests();
        let next = || rig.auth().session().unwrap().access_token().wait().unwrap_err();
        let mut errors = vec![next(), next()];
        assert_eq!(rig.request_count(Endpoint::Token), 1, "{what}");
        errors.push(forced(&session).unwrap_err());
        rig.clock.advance(S(601));
        errors.push(next());
        for error in errors {
            assert_error(&error, ErrorKind::Interrupted, Some("log_in"), 4);
            assert!(error.to_string().contains("another identity or token type, which was refused"), "{error}");
            assert!(!error.to_string().contains("process") && !error.to_string().contains("lost"), "{error}");
        }
        assert!(rig.auth().contexts().unwrap()[0].has_ended, "{what}");
    }
}

#[test]
fn a_refused_reply_does_not_end_a_live_login() {
    let rig = Rig::with(|behaviour| behaviour.grace = S(60));
    let session = rig.log_in();
    rig.clock.advance(S(3600));
    rig.server.inject(Endpoint::Token, Fault::OtherSubject("mallory".into()));
    rig.server.inject(Endpoint::Token, Fault::OtherSubject("mallory".into()));
    for _ in 0..2 {
        assert_eq!(session.access_token().wait().unwrap_err().kind(), ErrorKind::Protocol, "and says so again");
    }
    assert!(rig.server.is_live_access_token(&token(&session)));
}

#[test]
fn a_refused_reply_costs_nothing_while_the_token_is_valid() {
    let (rig, session) = Rig::logged_in();
    let first = token(&session);
    rig.clock.advance(S(3590));
    rig.server.inject(Endpoint::Token, Fault::OtherSubject("mallory".into()));
    assert_eq!(token(&session), first);
    let mut request = hallpass::TokenRequest::default();
    request = request.min_validity(S(60));
    for _ in 0..2 {
        let error = rig.auth().session().unwrap().access_token_with(request.clone()).wait().unwrap_err();
        assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains("identity"), "{error:?}");
        rig.clock.advance(S(2));
    }
    assert_eq!(rig.request_count(Endpoint::Token), 1);
}
