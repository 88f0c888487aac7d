//! Who a login is of costs no login: odd claims, a userinfo endpoint that is away, refuses, or answers otherwise.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use hallpass::blocking::wait;
use hallpass::clock::Cancel;
use hallpass::prompt::{Prompt, Verification};
use hallpass::testing::{Endpoint, Fault, Person};
use hallpass::{Error, ErrorKind, Remedy, Session};
use serde_json::{Value, json};

use crate::support::acme::Acme;
use crate::support::rig::{Rig, S, assert_error, forced, token};

/// With the claims that an ID token needs, and these in their place.
fn jwt(rig: &Rig, claims: &Value) -> String {
    let mut all = json!({"iss": rig.server.issuer(), "aud": "acme-cli", "sub": "alice", "exp": 4_000_000_000_u64});
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(all.to_string()))
}

fn id_token(rig: &Rig, claims: &Value) -> Fault {
    Fault::ReplyField("id_token".into(), jwt(rig, claims).into())
}

fn body(status: u16, content_type: &str, body: &str) -> Fault {
    let (content_type, body) = (content_type.into(), body.into());
    Fault::Status { status, headers: Vec::new(), content_type, body }
}

fn challenge(status: u16, header: &str) -> Fault {
    let headers = vec![("WWW-Authenticate".into(), header.into())];
    Fault::Status { status, headers, content_type: "text/plain".into(), body: String::new() }
}

fn asked(rig: &Rig, endpoint: Endpoint) -> usize {
    rig.server.requests_to(endpoint).len()
}

fn known_as(session: &Session) -> (Option<String>, String) {
    let account = &session.context().unwrap().account;
    (account.subject.clone(), account.to_string())
}

/// Of an error and all that is behind it.
fn told(error: &Error) -> String {
    format!("{error:?}")
}

#[test]
fn claims_that_are_written_otherwise_are_read() {
    for (claims, subject, known) in [
        (json!({"email": ["alice@example.com", "al@example.com"]}), "alice", "alice@example.com"),
        (json!({"email": [], "name": ["Alice"]}), "alice", "Alice"),
        (json!({"email": 7, "name": {"given": "Alice"}}), "alice", "alice"),
        (json!({"email": {"value": "x"}, "name": 7}), "alice", "alice"),
        (json!({"sub": 7}), "7", "7"),
        (json!({"aud": ["acme-cli", 7, null]}), "alice", "alice"),
        (json!({"exp": "4000000000"}), "alice", "alice"),
        (json!({"exp": 4e9}), "alice", "alice"),
    ] {
        let rig = Rig::with(|behaviour| behaviour.userinfo = false);
        rig.server.inject(Endpoint::Token, id_token(&rig, &claims));
        let session = rig.try_log_in(|_| {}).unwrap();
        assert_eq!(known_as(&session), (Some(subject.into()), known.into()), "{claims}");
        // The same person at a refresh, in whatever spelling; another one is another all the same (law 17).
        rig.server.inject(Endpoint::Token, id_token(&rig, &claims));
        assert!(forced(&session).is_ok(), "{claims}");
        rig.server.inject(Endpoint::Token, id_token(&rig, &json!({"sub": 8})));
        assert_eq!(forced(&session).unwrap_err().kind(), ErrorKind::Protocol, "{claims}");
    }
}

#[test]
fn a_padded_id_token_is_read_at_the_login_and_at_a_refresh() {
    let rig = Rig::new();
    let padded = |subject: &str| {
        let mut claims =
            json!({"iss": rig.server.issuer(), "aud": "acme-cli", "sub": subject, "exp": 4_000_000_000_u64});
        while !URL_SAFE.encode(claims.to_string()).ends_with('=') {
            claims["x"] = format!("{}x", claims["x"].as_str().unwrap_or_default()).into();
        }
        Fault::ReplyField("id_token".into(), format!("e30.{}.c2ln", URL_SAFE.encode(claims.to_string())).into())
    };
    rig.server.inject(Endpoint::Token, padded("alice"));
    let session = rig.try_log_in(|_| {}).unwrap();
    assert_eq!(known_as(&session).0.as_deref(), Some("alice"));
    rig.server.inject(Endpoint::Token, padded("mallory"));
    assert_eq!(forced(&session).unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn what_an_id_token_is_refused_for_is_named() {
    for (claims, what) in [
        (json!({"iss": "https://other.example"}), "another issuer"),
        (json!({"iss": null}), "lacks the claim iss"),
        (json!({"aud": ["other"]}), "another client"),
        (json!({"exp": null}), "lacks the claim exp"),
        (json!({"exp": "never"}), "exp"),
        (json!({"sub": ["alice"]}), "subject"),
        (json!({"sub": 1e300}), "subject"),
        (json!({"sub": " "}), "subject"),
    ] {
        let rig = Rig::new();
        rig.server.inject(Endpoint::Token, id_token(&rig, &claims));
        let error = rig.try_log_in(|_| {}).unwrap_err();
        assert_error(&error, ErrorKind::Protocol, Some("ask_administrator"), 1);
        assert!(error.to_string().contains(what), "{claims}: {error}");
        rig.assert_nothing_left(what);
    }
}

#[test]
fn a_userinfo_that_fails_after_the_approval_is_asked_again() {
    for fault in [
        Fault::CutBefore,
        Fault::status(503),
        Fault::HtmlReply,
        Fault::ReplyField("sub".into(), Value::Null),
        body(200, "application/json", "{"),
    ] {
        let rig = Rig::with(|behaviour| behaviour.id_token = false);
        rig.server.inject(Endpoint::UserInfo, fault.clone());
        let session = rig.try_log_in(|_| {}).unwrap();
        assert_eq!(known_as(&session), (Some("alice".into()), "alice@example.com".into()), "{fault:?}");
        assert_eq!((rig.clock.slept(), asked(&rig, Endpoint::UserInfo)), (vec![S(5), S(1)], 2), "{fault:?}");
    }
}

#[test]
fn a_userinfo_that_goes_on_failing_costs_the_name_and_not_the_login() {
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
fn a_cancel_after_the_approval_costs_the_name_and_not_the_login() {
    let rig = Rig::with(|behaviour| behaviour.id_token = false);
    rig.server.inject_always(Endpoint::UserInfo, Fault::status(503));
    rig.server.approve_all();
    let request = hallpass::LoginRequest::default();
    let prompt = std::sync::Arc::new(Cancels(request.cancel.clone()));
    let session = wait(rig.auth().login(request, prompt)).unwrap();
    assert_eq!((known_as(&session).0, rig.server.live_families()), (None, 1));
}

#[test]
fn userinfo_as_a_jwt_is_read_if_it_is_ours() {
    let rig = Rig::with(|behaviour| behaviour.id_token = false);
    let signed = |claims: Value| body(200, "application/jwt", &format!("{}\n", jwt(&rig, &claims)));
    rig.server.inject(Endpoint::UserInfo, signed(json!({"email": "alice@example.com"})));
    let session = rig.try_log_in(|_| {}).unwrap();
    assert_eq!(known_as(&session), (Some("alice".into()), "alice@example.com".into()));
    // "SHOULD contain": without them it is as good as plain JSON.
    let bare = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"sub":"alice"}"#));
    rig.server.inject(Endpoint::UserInfo, body(200, "application/jwt", &bare));
    assert_eq!(wait(session.userinfo()).unwrap().account.subject.as_deref(), Some("alice"));
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
        let error = wait(session.userinfo()).unwrap_err();
        assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains(what), "{fault:?}: {error}");
    }
}

#[test]
fn a_token_that_userinfo_calls_invalid_is_renewed_once() {
    for id_token in [true, false] {
        let rig = Rig::with(|behaviour| behaviour.id_token = id_token);
        let session = rig.log_in();
        let first = token(&session);
        rig.clock.advance(S(60));
        rig.server.expire_access_tokens();
        let info = wait(session.userinfo()).unwrap();
        assert_eq!((info.account.subject.as_deref(), info.refused.is_none()), (Some("alice"), true));
        assert_eq!((asked(&rig, Endpoint::UserInfo), asked(&rig, Endpoint::Token)), (2, 1));
        let second = token(&session);
        assert!(second != first && rig.server.is_live_access_token(&second), "the session goes on with the new one");
        assert_eq!(asked(&rig, Endpoint::Token), 1);
    }
}

#[test]
fn a_token_that_another_process_has_renewed_is_not_renewed_again() {
    let rig = Rig::new();
    let session = rig.log_in();
    token(&session);
    forced(&rig.auth().session().unwrap()).unwrap();
    rig.server.inject(Endpoint::UserInfo, challenge(401, r#"Bearer error="invalid_token""#));
    assert!(wait(session.userinfo()).unwrap().refused.is_none());
    assert_eq!(rig.server.counts().refreshes, 1);
}

#[test]
fn a_login_that_has_ended_is_told_as_ended() {
    let rig = Rig::new();
    let session = rig.log_in_as(&Person::default(), Some("work"));
    token(&session);
    rig.clock.advance(S(60));
    rig.server.revoke_everything();
    let error = wait(session.userinfo()).unwrap_err();
    assert_error(&error, ErrorKind::Expired, Some("log_in"), 4);
}

/// What no new login would change, and how often an old token is renewed for it.
fn refusals() -> Vec<(Fault, usize, &'static str)> {
    vec![
        (Fault::status(401), 1, "status 401"),
        (Fault::status(404), 0, "status 404"),
        (challenge(401, "Bearer"), 1, "status 401"),
        (
            challenge(401, r#"Bearer error="invalid_token", error_description="not for this resource""#),
            1,
            "not for this resource",
        ),
        (challenge(400, r#"Bearer error="invalid_token""#), 1, "invalid_token"),
        (challenge(401, r#"Bearer error="insufficient_scope", scope="profile""#), 0, "too few scopes"),
        (challenge(403, r#"Bearer error="insufficient_scope""#), 0, "too few scopes"),
        (challenge(401, r#"Bearer error="insufficient_user_authentication""#), 0, "insufficient_user_authentication"),
        (
            body(400, "application/json", r#"{"error":"invalid_scope","error_description":"wants openid"}"#),
            0,
            "wants openid",
        ),
        (body(401, "application/json", r#"{"error":"insufficient_scope"}"#), 0, "too few scopes"),
        (body(401, "application/json", r#"{"error":"invalid_token"}"#), 1, "invalid_token"),
    ]
}

#[test]
fn a_fresh_token_that_is_refused_is_never_answered_with_log_in() {
    for (fault, refreshes, what) in refusals() {
        let rig = Rig::with(|behaviour| behaviour.id_token = false);
        let session = rig.log_in();
        rig.clock.advance(S(60));
        rig.server.inject_always(Endpoint::UserInfo, fault.clone());
        let error = wait(session.userinfo()).unwrap_err();
        assert_eq!((error.kind(), error.needs_login()), (ErrorKind::AuthorizationServer, false), "{fault:?}");
        assert!(!matches!(error.remedy(), None | Some(Remedy::LogIn { .. } | Remedy::LogInTo { .. })), "{error:?}");
        assert!(told(&error).contains(what) && !told(&error).contains("log in"), "{fault:?}: {error:?}");
        assert_eq!((rig.server.counts().refreshes, asked(&rig, Endpoint::UserInfo)), (refreshes, 1 + refreshes));
        // The one that was just fetched is no worse than another would be.
        for _ in 0..2 {
            assert!(wait(session.userinfo()).is_err());
            assert!(wait(rig.auth().session().unwrap().userinfo()).is_err());
        }
        assert_eq!(rig.server.counts().refreshes, refreshes, "{fault:?}");
    }
}

#[test]
fn without_a_refresh_token_a_refusal_is_no_reason_to_log_in_either() {
    let rig = Rig::with(|behaviour| (behaviour.id_token, behaviour.refresh_token) = (false, false));
    let session = rig.log_in();
    rig.server.inject_always(Endpoint::UserInfo, challenge(401, r#"Bearer error="invalid_token""#));
    let error = wait(session.userinfo()).unwrap_err();
    assert_error(&error, ErrorKind::AuthorizationServer, Some("ask_administrator"), 1);
    assert_eq!((asked(&rig, Endpoint::UserInfo), asked(&rig, Endpoint::Token)), (1, 0));
}

#[test]
fn the_reason_is_what_is_known_here() {
    let refused = challenge(401, r#"Bearer error="invalid_token""#);
    for (scopes, resource, what, remedy) in [
        ("email", None, "was not granted the scope openid", "fix_config"),
        ("email", Some("https://api.example.com/"), "was not granted the scope openid", "fix_config"),
        ("openid", Some("https://api.example.com/"), "the token is for https://api.example.com/", "ask_administrator"),
        ("openid", None, "refused the token with invalid_token", "ask_administrator"),
    ] {
        let rig = Rig::with(|behaviour| behaviour.id_token = false);
        let session = rig.try_log_in(|config| {
            config.scopes = scopes.parse().unwrap();
            config.resource = resource.map(|url: &str| url.parse().unwrap());
        });
        rig.server.inject_always(Endpoint::UserInfo, refused.clone());
        let error = wait(session.unwrap().userinfo()).unwrap_err();
        assert_error(&error, ErrorKind::AuthorizationServer, Some(remedy), 1);
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn a_refusal_that_quotes_the_token_does_not_show_it() {
    let rig = Rig::with(|behaviour| behaviour.id_token = false);
    let session = rig.log_in();
    let own = token(&session);
    for fault in [
        challenge(403, &format!("Bearer error=\"{own}\", error_description=\"the token {own} is bad\"")),
        challenge(
            403,
            &format!("Bearer error=\"insufficient_scope\", error_description=\"…{}\"", &own[own.len() - 14..]),
        ),
        body(403, "application/json", &json!({"error": own, "error_description": own}).to_string()),
    ] {
        rig.server.inject(Endpoint::UserInfo, fault);
        let error = wait(session.userinfo()).unwrap_err();
        assert!(!told(&error).contains(&own[own.len() - 14..]), "{error:?}");
    }
}

#[test]
fn where_userinfo_refuses_the_id_token_answers() {
    let alice = Person::default().in_orgs(&["acme", "globex"]);
    for (fault, ..) in refusals() {
        let rig = Rig::new();
        let session = rig.log_in_as(&alice, None);
        rig.server.inject_always(Endpoint::UserInfo, fault.clone());
        let info = wait(session.userinfo()).unwrap();
        assert_eq!(info.account.email.as_deref(), Some("alice@example.com"), "{fault:?}");
        let orgs: Vec<_> = info.orgs.iter().map(|one| one.org.as_str()).collect();
        assert_eq!(orgs, ["acme", "globex"], "{fault:?}");
        assert_eq!(info.refused.unwrap().kind(), ErrorKind::AuthorizationServer, "{fault:?}");
    }
    // What is only away for now is told as that.
    let rig = Rig::new();
    let session = rig.log_in();
    rig.server.inject_always(Endpoint::UserInfo, Fault::status(503));
    assert_error(&wait(session.userinfo()).unwrap_err(), ErrorKind::Unreachable, Some("retry"), 5);
}

#[test]
fn an_id_token_of_another_org_of_the_login_says_who_and_not_for_which_org() {
    let rig = Rig::with(|behaviour| behaviour.org_parameter = Some("organization_id".into()));
    rig.server.approve_all_as(&Person::default().in_orgs(&["acme", "globex"]));
    let mut config = rig.config();
    config.orgs = hallpass::Orgs::ByRefresh("organization_id".into());
    let auth = hallpass::Auth::new(config).unwrap();
    let own = wait(auth.login(Default::default(), std::sync::Arc::new(hallpass::prompt::Silent))).unwrap();
    let mut select = hallpass::Selector::default();
    select.org = Some("globex".parse().unwrap());
    let globex = auth.session_for(&select).unwrap();
    token(&globex);
    rig.server.inject_always(Endpoint::UserInfo, Fault::status(403));
    for (session, org) in [(globex, Some("globex")), (own, None)] {
        let info = wait(session.userinfo()).unwrap();
        let claims: Value = serde_json::from_str(&info.json).unwrap();
        assert_eq!((info.orgs.len(), claims.get("org_id").and_then(Value::as_str)), (2, org), "{claims}");
    }
}

#[test]
fn what_userinfo_leaves_out_the_newest_id_token_has() {
    let rig = Rig::new();
    let session = rig.log_in();
    rig.server.inject(Endpoint::Token, id_token(&rig, &json!({"organizations": [7], "email": "new@example.com"})));
    forced(&session).unwrap();
    rig.server.inject(Endpoint::UserInfo, Fault::ReplyField("email".into(), Value::Null));
    let info = wait(session.userinfo()).unwrap();
    assert_eq!((info.account.email.as_deref(), info.orgs[0].org.as_str()), (Some("new@example.com"), "7"));
    let claims: Value = serde_json::from_str(&info.json).unwrap();
    assert_eq!((&claims["email"], claims.get("iss")), (&json!("new@example.com"), None));
    // A refresh without an ID token takes nothing away.
    rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), Value::Null));
    forced(&session).unwrap();
    assert_eq!(wait(session.userinfo()).unwrap().orgs.len(), 1);
}

#[test]
fn of_an_id_token_without_end_the_subject_is_kept() {
    let rig = Rig::new();
    rig.server.inject(Endpoint::Token, id_token(&rig, &json!({"groups": "x".repeat(20_000)})));
    let session = rig.try_log_in(|_| {}).unwrap();
    rig.server.inject_always(Endpoint::UserInfo, Fault::status(403));
    let info = wait(session.userinfo()).unwrap();
    assert_eq!((info.json.as_str(), info.refused.is_some()), (r#"{"sub":"alice"}"#, true));
    let record = rig.records().into_iter().find(|path| path.extension().is_none()).unwrap();
    assert!(std::fs::metadata(record).unwrap().len() < 8_000);
}

#[test]
fn a_user_beside_the_tokens_names_the_account_and_stays() {
    let user = |id: Value, email: &str| Fault::ReplyField("user".into(), json!({"id": id, "email": email}));
    let rig = Rig::with(|behaviour| (behaviour.id_token, behaviour.userinfo) = (false, false));
    rig.server.inject(Endpoint::Token, user(json!("user_1"), "alice@example.com"));
    let session = rig.try_log_in(|_| {}).unwrap();
    assert_eq!(known_as(&session), (Some("user_1".into()), "alice@example.com".into()));
    let info = wait(session.userinfo()).unwrap();
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
fn a_reply_that_was_refused_is_said_again_and_no_process_died() {
    for (fault, what) in
        [(Fault::OtherSubject("mallory".into()), "identity"), (Fault::TokenType("DPoP".into()), "token type")]
    {
        let rig = Rig::new();
        let session = rig.log_in_as(&Person::default(), Some("work"));
        rig.clock.advance(S(3600));
        rig.server.inject(Endpoint::Token, fault);
        let first = wait(session.access_token()).unwrap_err();
        assert_error(&first, ErrorKind::Protocol, Some("log_in"), 1);
        let context = &rig.auth().contexts().unwrap()[0];
        assert!(context.refresh_failed.as_ref().unwrap().contains(what), "{context:?}");
        // By now the server calls the token spent. It is asked once; after a while, or if somebody insists, again.
        rig.server.clear_requests();
        let next = || wait(rig.auth().session().unwrap().access_token()).unwrap_err();
        let mut errors = vec![next(), next()];
        assert_eq!(asked(&rig, Endpoint::Token), 1, "{what}");
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
fn a_reply_that_was_refused_ends_no_login_that_lives() {
    let rig = Rig::with(|behaviour| behaviour.grace = S(60));
    let session = rig.log_in();
    rig.clock.advance(S(3600));
    rig.server.inject(Endpoint::Token, Fault::OtherSubject("mallory".into()));
    rig.server.inject(Endpoint::Token, Fault::OtherSubject("mallory".into()));
    for _ in 0..2 {
        assert_eq!(wait(session.access_token()).unwrap_err().kind(), ErrorKind::Protocol, "and says so again");
    }
    assert!(rig.server.is_live_access_token(&token(&session)));
}

#[test]
fn a_refused_reply_costs_nothing_while_the_token_is_valid() {
    let rig = Rig::new();
    let session = rig.log_in();
    let first = token(&session);
    rig.clock.advance(S(3590));
    rig.server.inject(Endpoint::Token, Fault::OtherSubject("mallory".into()));
    assert_eq!(token(&session), first);
    let mut request = hallpass::TokenRequest::default();
    request.min_validity = Some(S(60));
    for _ in 0..2 {
        let error = wait(rig.auth().session().unwrap().access_token_with(request.clone())).unwrap_err();
        assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains("identity"), "{error:?}");
        rig.clock.advance(S(2));
    }
    assert_eq!(asked(&rig, Endpoint::Token), 1);
}

#[test]
fn acme_never_says_log_in_about_a_fresh_token() {
    let acme = Acme::new();
    acme.server.set_behaviour(|behaviour| behaviour.person = Person::default().in_orgs(&["acme"]));
    acme.server.approve_all();
    assert_eq!(acme.run(&["auth", "login", "--json"]).code, 0);
    acme.server.inject_always(Endpoint::UserInfo, challenge(401, r#"Bearer error="invalid_token""#));
    let who = acme.run(&["whoami"]);
    assert!(who.code == 0 && who.stdout.starts_with("alice@example.com"), "{who:?}");
    assert!(who.stderr.starts_with("note: cannot ask ") && who.stderr.contains("said with the tokens"), "{who:?}");
    let json = acme.run(&["whoami", "--json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let warning = json["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("cannot ask ") && warning.contains("said with the tokens"), "{json}");
    let orgs = acme.run(&["auth", "list", "--orgs"]);
    assert_eq!((orgs.code, orgs.stdout.as_str()), (0, "* acme\n"), "{orgs:?}");
    assert!(orgs.stderr.starts_with("note: cannot ask ") && orgs.stderr.contains("said with the tokens"), "{orgs:?}");

    acme.server.set_behaviour(|behaviour| {
        behaviour.id_token = false;
        behaviour.person = Person::new("bob", "Bob", "bob@example.com");
    });
    acme.server.clear_faults();
    acme.server.approve_all();
    assert_eq!(acme.run(&["auth", "login", "--json", "--context", "bob"]).code, 0);
    acme.server.inject_always(Endpoint::UserInfo, challenge(401, r#"Bearer error="invalid_token""#));
    for command in [&["whoami", "--context", "bob"][..], &["auth", "list", "--orgs", "--context", "bob"]] {
        let ran = acme.run(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert!(ran.stderr.contains("invalid_token") && !ran.stderr.contains("login`"), "{ran:?}");
        assert!(ran.stderr.contains("hint: ask the administrator"), "{ran:?}");
    }
}

/// A login of which nobody has said whose it is.
fn unnamed() -> (Rig, Session) {
    let rig = Rig::with(|behaviour| (behaviour.id_token, behaviour.userinfo) = (false, false));
    let session = rig.log_in_as(&Person::default().in_orgs(&["acme", "globex"]), None);
    assert_eq!(known_as(&session).0, None);
    (rig, session)
}

#[test]
fn an_unnamed_login_keeps_the_subject_that_it_learns() {
    let is_refused = |session: &Session| {
        let error = forced(session).unwrap_err();
        assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains("another identity"), "{error:?}");
    };
    for also in [json!({}), json!({"groups": "x".repeat(20_000)})] {
        let (rig, session) = unnamed();
        rig.server.inject(Endpoint::Token, id_token(&rig, &also));
        assert!(forced(&session).is_ok());
        assert!(forced(&session).is_ok(), "no word of it is no word of another");
        rig.server.inject(Endpoint::Token, id_token(&rig, &json!({"sub": "mallory"})));
        is_refused(&session);
        assert_eq!(wait(session.userinfo()).unwrap().account.subject.as_deref(), Some("alice"));
    }
    let (rig, session) = unnamed();
    let user = |id: &str| Fault::ReplyField("user".into(), json!({"id": id}));
    rig.server.inject(Endpoint::Token, user("alice"));
    assert!(forced(&session).is_ok());
    assert!(forced(&session).is_ok(), "no word of it is no word of another");
    rig.server.inject(Endpoint::Token, user("mallory"));
    is_refused(&session);
}

#[test]
fn an_unnamed_login_learns_from_a_reply_for_another_org_as_well() {
    let (rig, session) = unnamed();
    let mut config = rig.config();
    config.orgs = hallpass::Orgs::ByRefresh("organization_id".into());
    let mut select = hallpass::Selector::default();
    select.org = Some("acme".parse().unwrap());
    rig.server.set_behaviour(|behaviour| behaviour.org_parameter = Some("organization_id".into()));
    let acme = hallpass::Auth::new(config).unwrap().session_for(&select).unwrap();
    rig.server.inject(Endpoint::Token, id_token(&rig, &json!({"org_id": "globex"})));
    assert!(forced(&acme).unwrap_err().to_string().contains("organisation"));
    rig.server.inject(Endpoint::Token, id_token(&rig, &json!({"sub": "mallory"})));
    assert!(forced(&session).unwrap_err().to_string().contains("another identity"));
}

#[test]
fn userinfo_of_another_than_an_unnamed_login_has_learned_is_refused() {
    let rig = Rig::with(|behaviour| behaviour.id_token = false);
    rig.server.inject_always(Endpoint::UserInfo, Fault::status(403));
    let session = rig.try_log_in(|_| {}).unwrap();
    rig.server.clear_faults();
    rig.server.inject(Endpoint::Token, id_token(&rig, &json!({})));
    assert!(forced(&session).is_ok());
    rig.server.inject(Endpoint::UserInfo, Fault::ReplyField("sub".into(), "mallory".into()));
    let error = wait(session.userinfo()).unwrap_err();
    assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains("another subject"), "{error:?}");
    assert_eq!(wait(session.userinfo()).unwrap().account.subject.as_deref(), Some("alice"));
}

#[test]
fn null_and_nothing_are_no_word_of_another() {
    let rig = Rig::new();
    let session = rig.log_in();
    for claim in ["sub", "aud", "iss"] {
        rig.server.inject(Endpoint::Token, id_token(&rig, &json!({claim: null})));
        assert!(forced(&session).is_ok(), "{claim}");
    }
    // Nor is one, after the approval, worth the login.
    for (field, empty) in [
        ("id_token", json!("")),
        ("id_token", json!(" ")),
        ("id_token", json!([])),
        ("token_type", json!("")),
        ("organization_id", json!("")),
    ] {
        let rig = Rig::new();
        rig.server.inject(Endpoint::Token, Fault::ReplyField(field.into(), empty.clone()));
        let session = rig.try_log_in(|_| {}).unwrap_or_else(|error| panic!("{field} {empty}: {error}"));
        assert_eq!(known_as(&session).0.as_deref(), Some("alice"), "{field} {empty}");
        rig.server.inject(Endpoint::Token, Fault::ReplyField(field.into(), empty.clone()));
        assert!(forced(&session).is_ok(), "{field} {empty}");
    }
}

#[test]
fn where_userinfo_fails_the_user_beside_the_tokens_names_the_login() {
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
        rig.server.inject(Endpoint::Token, self::body(200, "application/json", &body.to_string()));
        assert_eq!(known_as(&rig.try_log_in(|_| {}).unwrap()), named);
    }
}

#[test]
fn a_code_that_no_rfc_has_is_among_the_servers_words() {
    for (code, words, said) in [
        ("call_0800_now", Some("or else"), Some("call_0800_now: or else")),
        ("call_0800_now", None, Some("call_0800_now")),
        ("invalid_request", Some("or else"), Some("or else")),
        ("invalid_request", None, None),
    ] {
        let rig = Rig::new();
        let session = rig.log_in_as(&Person::default(), Some("work"));
        let reply = body(400, "application/json", &json!({"error": code, "error_description": words}).to_string());
        rig.server.inject(Endpoint::Token, reply);
        let error = forced(&session).unwrap_err();
        let named = if code == "invalid_request" { code } else { "an unknown error" };
        assert!(error.to_string().ends_with(&format!(" refused with {named}")), "{error}");
        assert_eq!(error.server_says(), said);
        // In a sentence about something else, too.
        let mut request = hallpass::TokenRequest::default();
        request.scopes = Some("openid".parse().unwrap());
        rig.server.inject(Endpoint::Token, body(400, "application/json", r#"{"error":"invalid_scope"}"#));
        let error = wait(session.access_token_with(request)).unwrap_err().to_string();
        assert!(error.contains("gives the login work no token with the scopes openid"), "{error}");
    }
}
