//! What a reply to a refresh may change: the token and its scopes, never whose grant it is (law 17).

use std::path::PathBuf;

use hallpass::blocking::wait;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{ErrorKind, TokenRequest};

use crate::support::rig::{Rig, forced, token};

#[test]
fn a_grant_never_becomes_another() {
    for (fault, what) in
        [(Fault::OtherSubject("mallory".into()), "identity"), (Fault::TokenType("DPoP".into()), "token type")]
    {
        let rig = Rig::new();
        let session = rig.log_in();
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

#[test]
fn an_answer_that_is_no_token_reply_leaves_the_record() {
    for (fault, kind) in [
        (Fault::HtmlReply, ErrorKind::Unreachable),
        (Fault::Redirect("http://127.0.0.1:9/".into()), ErrorKind::Protocol),
        (Fault::ReplyField("access_token".into(), "a b".into()), ErrorKind::Protocol),
        (Fault::ReplyField("token_type".into(), 7.into()), ErrorKind::Protocol),
    ] {
        let rig = Rig::new();
        let session = rig.log_in();
        let (first, sealed) = (token(&session), record(&rig));
        rig.server.inject(Endpoint::Token, fault.clone());
        assert_eq!(forced(&session).unwrap_err().kind(), kind, "{fault:?}");
        assert_eq!(record(&rig), sealed, "{fault:?}");
        assert_eq!(token(&rig.auth().session().unwrap()), first, "{fault:?}");
    }
}

fn record(rig: &Rig) -> (PathBuf, Vec<u8>) {
    let path = rig.records().into_iter().find(|path| path.extension().is_none()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

#[test]
fn the_scopes_of_a_token_are_those_of_its_reply() {
    let rig = Rig::new();
    let session = rig.log_in();
    rig.server.inject(Endpoint::Token, Fault::NarrowerScope("openid".into()));
    rig.server.inject(Endpoint::Token, Fault::WiderScope("admin".into()));
    let mut request = TokenRequest::default();
    request.refresh = true;
    let scopes = || wait(session.access_token_with(request.clone())).unwrap().scopes().to_string();
    assert_eq!(scopes(), "openid");
    assert_eq!(scopes(), "openid offline_access email admin");
    assert_eq!(scopes(), "openid offline_access email");
    assert_eq!(rig.auth().contexts().unwrap()[0].scopes.to_string(), "openid offline_access email");
}

/// An ID token that a strict reader would not read still tells whose it is.
#[test]
fn an_id_token_of_another_is_seen_however_odd_it_is() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    for claims in [
        serde_json::json!({"sub": "mallory"}),
        serde_json::json!({"sub": 5}),
        serde_json::json!({"iss": "https://other.example"}),
        serde_json::json!({"aud": ["other"]}),
        serde_json::json!({"sub": "mallory", "name": 5, "exp": "never"}),
    ] {
        let rig = Rig::new();
        let session = rig.log_in();
        let token = format!("e30.{}.c2ln", BASE64.encode(claims.to_string()));
        rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), token.into()));
        assert_eq!(forced(&session).unwrap_err().kind(), ErrorKind::Protocol, "{claims}");
    }
    let rig = Rig::new();
    let session = rig.log_in();
    rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), "a.b.c".into()));
    assert!(forced(&session).is_ok(), "what cannot be read at all tells of nobody");
}

#[test]
fn a_token_of_another_org_is_kept_out() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    let rig = Rig::new();
    let answer_with_org = |org: &str| {
        let claims = serde_json::json!({
            "iss": rig.server.issuer(), "aud": "acme-cli", "sub": "alice", "exp": 4_000_000_000_u64, "org_id": org,
        });
        let token = format!("e30.{}.c2ln", BASE64.encode(claims.to_string()));
        rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), token.into()));
    };
    answer_with_org("org_one");
    let session = rig.log_in();
    assert_eq!(session.context().unwrap().org.as_ref().unwrap().as_str(), "org_one");
    answer_with_org("org_one");
    assert!(forced(&session).is_ok());
    let first = token(&session);
    answer_with_org("org_two");
    let error = forced(&session).unwrap_err();
    assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains("organisation"), "{error:?}");
    // Its refresh token is kept all the same: the server has rotated.
    assert_eq!(token(&rig.auth().session().unwrap()), first);
    answer_with_org("org_one");
    assert!(forced(&session).is_ok());
    assert_eq!(rig.server.counts().reuses, 0);
}
