//! Userinfo refuses the token: it is refreshed once, and "log in" is said only if the login has ended.

use hallpass::testing::{Endpoint, Fault, Person};
use hallpass::{Error, ErrorKind, Remedy};
use serde_json::{Value, json};

use crate::support::acme::Acme;
use crate::support::faults::json_body;
use crate::support::rig::{Rig, S, assert_error, forced, token};

fn challenge(status: u16, header: &str) -> Fault {
    let headers = vec![("WWW-Authenticate".into(), header.into())];
    Fault::Status { status, headers, content_type: "text/plain".into(), body: String::new() }
}

/// Of an error and all that is behind it.
fn told(error: &Error) -> String {
    format!("{error:?}")
}

#[test]
fn a_token_that_userinfo_calls_invalid_is_refreshed_once() {
    for id_token in [true, false] {
        let rig = Rig::with(|behaviour| behaviour.id_token = id_token);
        let session = rig.log_in();
        let first = token(&session);
        rig.clock.advance(S(60));
        rig.server.expire_access_tokens();
        let info = session.userinfo().wait().unwrap();
        assert_eq!((info.account.subject.as_deref(), info.refused.is_none()), (Some("alice"), true));
        assert_eq!((rig.request_count(Endpoint::UserInfo), rig.request_count(Endpoint::Token)), (2, 1));
        let second = token(&session);
        assert!(second != first && rig.server.is_live_access_token(&second), "the session goes on with the new one");
        assert_eq!(rig.request_count(Endpoint::Token), 1);
    }
}

#[test]
fn a_token_that_another_process_refreshed_is_taken() {
    let (rig, session) = Rig::logged_in();
    token(&session);
    forced(&rig.auth().session().unwrap()).unwrap();
    rig.server.inject(Endpoint::UserInfo, challenge(401, r#"Bearer error="invalid_token""#));
    assert!(session.userinfo().wait().unwrap().refused.is_none());
    assert_eq!(rig.server.counts().refreshes, 1);
}

#[test]
fn userinfo_of_an_ended_login_says_that_it_expired() {
    let rig = Rig::new();
    let session = rig.log_in_as(&Person::default(), Some("work"));
    token(&session);
    rig.clock.advance(S(60));
    rig.server.revoke_everything();
    let error = session.userinfo().wait().unwrap_err();
    assert_error(&error, ErrorKind::Expired, Some("log_in"), 4);
}

#[test]
fn a_refused_fresh_token_never_leads_to_log_in() {
    for (fault, refreshes, what) in refusals() {
        let rig = Rig::with(|behaviour| behaviour.id_token = false);
        let session = rig.log_in();
        rig.clock.advance(S(60));
        rig.server.inject_always(Endpoint::UserInfo, fault.clone());
        let error = session.userinfo().wait().unwrap_err();
        assert_eq!((error.kind(), error.needs_login()), (ErrorKind::AuthorizationServer, false), "{fault:?}");
        assert!(!matches!(error.remedy(), None | Some(Remedy::LogIn { .. } | Remedy::LogInTo { .. })), "{error:?}");
        assert!(told(&error).contains(what) && !told(&error).contains("log in"), "{fault:?}: {error:?}");
        assert_eq!((rig.server.counts().refreshes, rig.request_count(Endpoint::UserInfo)), (refreshes, 1 + refreshes));
        // The one that was just fetched is no worse than another would be.
        for _ in 0..2 {
            assert!(session.userinfo().wait().is_err());
            assert!(rig.auth().session().unwrap().userinfo().wait().is_err());
        }
        assert_eq!(rig.server.counts().refreshes, refreshes, "{fault:?}");
    }
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
        (json_body(400, r#"{"error":"invalid_scope","error_description":"wants openid"}"#), 0, "wants openid"),
        (json_body(401, r#"{"error":"insufficient_scope"}"#), 0, "too few scopes"),
        (json_body(401, r#"{"error":"invalid_token"}"#), 1, "invalid_token"),
    ]
}

#[test]
fn without_a_refresh_token_a_refusal_does_not_say_log_in() {
    let rig = Rig::with(|behaviour| (behaviour.id_token, behaviour.refresh_token) = (false, false));
    let session = rig.log_in();
    rig.server.inject_always(Endpoint::UserInfo, challenge(401, r#"Bearer error="invalid_token""#));
    let error = session.userinfo().wait().unwrap_err();
    assert_error(&error, ErrorKind::AuthorizationServer, Some("ask_administrator"), 1);
    assert_eq!((rig.request_count(Endpoint::UserInfo), rig.request_count(Endpoint::Token)), (1, 0));
}

#[test]
fn the_error_names_missing_scopes_and_another_resource() {
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
        let error = session.unwrap().userinfo().wait().unwrap_err();
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
        json_body(403, &json!({"error": own, "error_description": own}).to_string()),
    ] {
        rig.server.inject(Endpoint::UserInfo, fault);
        let error = session.userinfo().wait().unwrap_err();
        assert!(!told(&error).contains(&own[own.len() - 14..]), "{error:?}");
    }
}

#[test]
fn the_id_token_answers_if_userinfo_refuses() {
    let alice = Person::default().in_orgs(&["acme", "globex"]);
    for (fault, ..) in refusals() {
        let rig = Rig::new();
        let session = rig.log_in_as(&alice, None);
        rig.server.inject_always(Endpoint::UserInfo, fault.clone());
        let info = session.userinfo().wait().unwrap();
        assert_eq!(info.account.email.as_deref(), Some("alice@example.com"), "{fault:?}");
        let orgs: Vec<_> = info.orgs.iter().map(|one| one.org.as_str()).collect();
        assert_eq!(orgs, ["acme", "globex"], "{fault:?}");
        assert_eq!(info.refused.unwrap().kind(), ErrorKind::AuthorizationServer, "{fault:?}");
    }
    // What is only away for now is told as that.
    let (rig, session) = Rig::logged_in();
    rig.server.inject_always(Endpoint::UserInfo, Fault::status(503));
    assert_error(&session.userinfo().wait().unwrap_err(), ErrorKind::Unreachable, Some("retry"), 5);
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
