//! Whose login it is, by userinfo and by what stands beside the tokens.

use hallpass::ErrorKind;
use hallpass::clock::Cancel;
use hallpass::prompt::{Prompt, Verification};
use hallpass::testing::{Endpoint, Fault};
use serde_json::{Value, json};

use super::{id_token, jwt, known_as};
use crate::support::faults::{body, json_body, unsigned_jwt};
use crate::support::rig::{Rig, S, forced, token};

#[test]
fn userinfo_asks_with_the_sessions_token() {
    let (rig, session) = Rig::logged_in();
    let info = session.userinfo().wait().unwrap();
    assert_eq!(info.account.subject.as_deref(), Some("alice"));
    let claims: serde_json::Value = serde_json::from_str(&info.json).unwrap();
    assert_eq!((claims["sub"].as_str(), claims["email"].as_str()), (Some("alice"), Some("alice@example.com")));
    assert_eq!(rig.server.requests().len(), 1);
}

#[test]
fn userinfo_that_fails_at_the_login_is_retried() {
    for fault in [
        Fault::CutBefore,
        Fault::status(503),
        Fault::HtmlReply,
        Fault::ReplyField("sub".into(), Value::Null),
        json_body(200, "{"),
    ] {
        let rig = Rig::with(|behaviour| behaviour.id_token = false);
        rig.server.inject(Endpoint::UserInfo, fault.clone());
        let session = rig.try_log_in(|_| {}).unwrap();
        assert_eq!(known_as(&session), (Some("alice".into()), "alice@example.com".into()), "{fault:?}");
        assert_eq!((rig.clock.slept(), rig.request_count(Endpoint::UserInfo)), (vec![S(5), S(1)], 2), "{fault:?}");
    }
}

#[test]
fn userinfo_that_keeps_failing_costs_only_the_name() {
    for (fault, slept) in [
        (Fault::status(503), vec![S(5), S(1), S(2)]),
        (Fault::ReplyField("sub".into(), json!({"x": 1})), vec![S(5), S(1), S(2)]),
        (Fault::ReplyField("sub".into(), " ".into()), vec![S(5), S(1), S(2)]),
        // Longer than the person should wait for a name.
        (with_retry_after("30"), vec![S(5)]),
        // No time makes it better.
        (Fault::status(403), vec![S(5)]),
        (Fault::Redirect("http://127.0.0.1:9/".into()), vec![S(5)]),
    ] {
        let rig = Rig::with(|behaviour| behaviour.id_token = false);
        rig.server.inject_always(Endpoint::UserInfo, fault.clone());
        let session = rig.try_log_in(|_| {}).unwrap();
        assert_eq!(known_as(&session), (None, "an account without a name".into()), "{fault:?}");
        assert_eq!(rig.clock.slept(), slept, "{fault:?}");
        assert!(rig.server.is_live_access_token(&token(&session)), "{fault:?}");
        assert!(forced(&session).is_ok(), "{fault:?}");
    }
}

fn with_retry_after(seconds: &str) -> Fault {
    let headers = vec![("Retry-After".into(), seconds.into())];
    Fault::Status { status: 503, headers, content_type: "text/plain".into(), body: String::new() }
}

#[test]
fn a_cancel_after_the_approval_costs_only_the_name() {
    let rig = Rig::with(|behaviour| behaviour.id_token = false);
    rig.server.inject_always(Endpoint::UserInfo, Fault::status(503));
    rig.server.approve_all();
    let cancel = Cancel::new();
    let login = hallpass::Login::new(Cancels(cancel.clone())).cancel(cancel);
    let session = rig.auth().login(login).wait().unwrap();
    assert_eq!((known_as(&session).0, rig.server.live_families()), (None, 1));
}

/// Ctrl-C just when the server has said yes.
struct Cancels(Cancel);

impl Prompt for Cancels {
    fn show(&self, _: &Verification) -> std::io::Result<()> {
        Ok(())
    }

    fn approved(&self) {
        self.0.cancel();
    }
}

#[test]
fn userinfo_as_a_jwt_is_read_if_it_is_for_this_client() {
    let rig = Rig::with(|behaviour| behaviour.id_token = false);
    let signed = |claims: Value| body(200, "application/jwt", &format!("{}\n", jwt(&rig, &claims)));
    rig.server.inject(Endpoint::UserInfo, signed(json!({"email": "alice@example.com"})));
    let session = rig.try_log_in(|_| {}).unwrap();
    assert_eq!(known_as(&session), (Some("alice".into()), "alice@example.com".into()));
    // "SHOULD contain": without them it is as good as plain JSON.
    let bare = unsigned_jwt(&json!({"sub": "alice"}));
    rig.server.inject(Endpoint::UserInfo, body(200, "application/jwt", &bare));
    assert_eq!(session.userinfo().wait().unwrap().account.subject.as_deref(), Some("alice"));
    for (fault, what) in [
        (signed(json!({"iss": "https://other.example"})), "of the issuer"),
        (signed(json!({"aud": "other-cli"})), "for this client"),
        (signed(json!({"sub": "mallory"})), "another subject"),
        (signed(json!({"sub": null})), "with a subject"),
        (body(200, "application/jwt", "a.b.c.d.e"), "encrypted"),
        (body(200, "application/jwt", "a.b.c"), "not userinfo claims"),
        (body(200, "text/plain", "alice"), "not userinfo claims"),
    ] {
        rig.server.inject(Endpoint::UserInfo, fault.clone());
        let error = session.userinfo().wait().unwrap_err();
        assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains(what), "{fault:?}: {error}");
    }
}

#[test]
fn the_newest_id_token_fills_gaps_of_userinfo() {
    let (rig, session) = Rig::logged_in();
    rig.server.inject(Endpoint::Token, id_token(&rig, &json!({"organizations": [7], "email": "new@example.com"})));
    forced(&session).unwrap();
    rig.server.inject(Endpoint::UserInfo, Fault::ReplyField("email".into(), Value::Null));
    let info = session.userinfo().wait().unwrap();
    assert_eq!((info.account.email.as_deref(), info.orgs[0].org.as_str()), (Some("new@example.com"), "7"));
    let claims: Value = serde_json::from_str(&info.json).unwrap();
    assert_eq!((&claims["email"], claims.get("iss")), (&json!("new@example.com"), None));
    // A refresh without an ID token takes nothing away.
    rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), Value::Null));
    forced(&session).unwrap();
    assert_eq!(session.userinfo().wait().unwrap().orgs.len(), 1);
}

#[test]
fn a_user_member_beside_the_tokens_names_the_account() {
    let user = |id: Value, email: &str| Fault::ReplyField("user".into(), json!({"id": id, "email": email}));
    let rig = Rig::with(|behaviour| (behaviour.id_token, behaviour.userinfo) = (false, false));
    rig.server.inject(Endpoint::Token, user(json!("user_1"), "alice@example.com"));
    let session = rig.try_log_in(|_| {}).unwrap();
    assert_eq!(known_as(&session), (Some("user_1".into()), "alice@example.com".into()));
    let info = session.userinfo().wait().unwrap();
    assert_eq!((info.account.subject.as_deref(), info.refused.is_some()), (Some("user_1"), true));
    rig.server.inject(Endpoint::Token, user(json!("user_1"), "new@example.com"));
    assert!(forced(&session).is_ok());
    assert!(forced(&session).is_ok(), "no word of it is no word of another");
    rig.server.inject(Endpoint::Token, user(json!("user_2"), "alice@example.com"));
    assert_eq!(forced(&session).unwrap_err().kind(), ErrorKind::Protocol);

    // What says no more than that is nobody; an ID token and userinfo go before it.
    for odd in [json!("alice"), json!({}), json!({"id": ""}), json!({"id": " "}), json!({"id": 1e300}), json!([1])] {
        let rig = Rig::with(|behaviour| (behaviour.id_token, behaviour.userinfo) = (false, false));
        rig.server.inject(Endpoint::Token, Fault::ReplyField("user".into(), odd.clone()));
        assert_eq!(known_as(&rig.try_log_in(|_| {}).unwrap()).0, None, "{odd}");
    }
    for id_token in [true, false] {
        let rig = Rig::with(|behaviour| behaviour.id_token = id_token);
        rig.server.inject(Endpoint::Token, user(json!(7), "row@example.com"));
        let session = rig.try_log_in(|_| {}).unwrap();
        assert_eq!(known_as(&session), (Some("alice".into()), "alice@example.com".into()));
        rig.server.inject(Endpoint::Token, user(json!(8), "row@example.com"));
        assert_eq!(forced(&session).unwrap_err().kind(), ErrorKind::Protocol, "another row is another person");
    }
}

#[test]
fn the_user_member_names_the_login_if_userinfo_fails() {
    for (id_token, id, named) in [
        (false, "user_1", (Some("user_1".to_owned()), "alice@example.com".to_owned())),
        // The subject decides, and the address of the same one is for the eye.
        (true, "alice", (Some("alice".to_owned()), "alice@example.com".to_owned())),
        (true, "user_1", (Some("alice".to_owned()), "alice".to_owned())),
    ] {
        let rig = Rig::with(|behaviour| behaviour.id_token = false);
        rig.server.inject_always(Endpoint::UserInfo, Fault::status(403));
        let token = id_token.then(|| jwt(&rig, &json!({"sub": "alice"})));
        let mut body = json!({
            "access_token": "at_0123456789",
            "token_type": "Bearer",
            "user": {"id": id, "email": "alice@example.com"},
        });
        body["id_token"] = json!(token);
        rig.server.inject(Endpoint::Token, self::json_body(200, &body.to_string()));
        assert_eq!(known_as(&rig.try_log_in(|_| {}).unwrap()), named);
    }
}

#[test]
fn userinfo_of_another_subject_is_not_used() {
    let rig = Rig::new();
    rig.server.inject(Endpoint::UserInfo, Fault::OtherSubject("mallory".into()));
    rig.server.inject(Endpoint::UserInfo, Fault::ReplyField("email".into(), "mallory@example.com".into()));
    let session = rig.try_log_in(|config| config.scopes = "openid".parse().unwrap()).unwrap();
    let account = &session.context().unwrap().account;
    assert_eq!(account.subject.as_deref(), Some("alice"));
    assert_eq!((account.name.as_deref(), account.email.as_deref()), (None, None));
    assert_eq!(session.context().unwrap().name.as_str(), "alice");
}

#[test]
fn without_an_id_token_userinfo_names_the_account() {
    let rig = Rig::with(|behaviour| behaviour.id_token = false);
    let session = rig.log_in();
    assert_eq!(session.context().unwrap().account.subject.as_deref(), Some("alice"));
    assert_eq!(session.context().unwrap().name.as_str(), "alice@example.com");
}

#[test]
fn userinfo_of_another_person_is_an_error() {
    let (rig, session) = Rig::logged_in();
    rig.server.inject(Endpoint::UserInfo, Fault::OtherSubject("mallory".into()));
    let error = session.userinfo().wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(!error.to_string().contains("mallory"));
}
