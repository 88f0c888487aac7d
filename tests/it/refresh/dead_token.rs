//! A refresh token that is dead, by whatever name the server says so; and a server that is only away for a moment.

use std::time::Duration;

use hallpass::blocking::wait;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{Error, ErrorKind, LogoutRequest, Remedy, Session, TokenRequest};
use serde_json::json;

use crate::support::rig::{Rig, S, assert_error, forced, token};

fn body(status: u16, body: &str) -> Fault {
    with_headers(status, &[], body)
}

fn with_headers(status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Fault::Status { status, headers, content_type: "application/json".into(), body: body.into() }
}

fn expired() -> (Rig, Session) {
    let rig = Rig::new();
    let session = rig.log_in();
    rig.clock.advance(S(3600));
    (rig, session)
}

fn answered(fault: &Fault) -> (Rig, Error) {
    let (rig, session) = expired();
    rig.server.inject_always(Endpoint::Token, fault.clone());
    let error = wait(session.access_token()).unwrap_err();
    (rig, error)
}

#[test]
fn a_dead_refresh_token_is_known_by_any_name() {
    for (status, text) in [
        (400, r#"{"error":"invalid_grant"}"#),
        (401, r#"{"error":{"code":"refresh_token_reused","message":"used"}}"#),
        (400, r#"{"error":{"code":"refresh_token_invalidated"}}"#),
        (401, r#"{"error":{"code":"refresh_token_expired"}}"#),
        (403, r#"{"error":"unauthorized_client","error_description":"refresh_token is invalid"}"#),
        (
            400,
            r#"{"code":400,"error_code":"refresh_token_not_found","msg":"Invalid Refresh Token: Refresh Token Not Found"}"#,
        ),
        (400, r#"{"error":"invalid_request","error_description":"refresh token expired"}"#),
        (400, r#"{"error":"interaction_required"}"#),
        (400, r#"{"error":"login_required"}"#),
        (400, r#"{"error":"consent_required"}"#),
        (401, r#"{"error":"invalid_token"}"#),
        (400, r#"{"error":"Bad Request","status":400,"message":"Invalid refresh token"}"#),
        (400, ""),
        (401, ""),
        (401, "{}"),
    ] {
        let (rig, error) = answered(&body(status, text));
        assert_error(&error, ErrorKind::Expired, Some("log_in"), 4);
        assert!(error.needs_login(), "{text}");
        assert_eq!((rig.records().len(), rig.keys.count()), (2, 1), "{text}: record and note stay");
    }
    let challenge = [("WWW-Authenticate", r#"Bearer error="invalid_token""#)];
    assert_eq!(answered(&with_headers(401, &challenge, "")).1.kind(), ErrorKind::Expired);
}

#[test]
fn what_speaks_of_something_else_ends_no_login() {
    for (status, headers, text, remedy) in [
        (400, &[][..], r#"{"error":"unauthorized_client"}"#, "fix_config"),
        (
            400,
            &[],
            r#"{"error":"unauthorized_client","error_description":"refresh token grant is not allowed"}"#,
            "fix_config",
        ),
        (401, &[], r#"{"error":"Invalid client"}"#, "fix_config"),
        (401, &[], r#"{"error":"InvalidClientException"}"#, "fix_config"),
        (400, &[], r#"{"error":"client_not_found"}"#, "fix_config"),
        (
            400,
            &[],
            r#"{"error":"invalid_request","error_description":"Invalid client_id parameter value."}"#,
            "fix_config",
        ),
        (401, &[("WWW-Authenticate", "Basic realm=\"x\"")], "", "fix_config"),
        (
            400,
            &[],
            r#"{"error":"invalid_request","error_description":"refresh_token is missing or invalid"}"#,
            "ask_administrator",
        ),
        (403, &[], "", "ask_administrator"),
    ] {
        let (_, error) = answered(&with_headers(status, headers, text));
        assert_eq!(error.remedy().map(Remedy::name), Some(remedy), "{text}: {error}");
        assert!(!error.needs_login(), "{text}: {error}");
    }
}

#[test]
fn words_end_a_login_only_where_they_call_the_token_dead() {
    for (words, is_dead) in [
        ("Invalid Refresh Token: Already Used", true),
        ("Unknown or invalid refresh token.", true),
        ("The refresh token has already been used", true),
        ("Your session is over: the refreshToken was revoked, log in again", true),
        ("refresh-token not found", true),
        ("the refresh token is no longer valid", true),
        ("refresh token store: shard unknown", false),
        ("refresh token requested already", false),
        ("Too many refresh token requests; another one is already in progress", false),
        ("Invalid parameter organization_id in refresh_token grant", false),
        ("refresh token from an unknown IP address", false),
        ("not authorized for grant refresh_token, unknown grant", false),
        ("refresh token endpoint not found", false),
    ] {
        for code in ["invalid_request", "unauthorized_client", "Bad Request"] {
            let text = json!({"error": code, "error_description": words}).to_string();
            assert_eq!(answered(&body(400, &text)).1.needs_login(), is_dead, "{code}: {words}");
        }
        let text = json!({"error": "temporarily_unavailable", "error_description": words}).to_string();
        assert!(!answered(&body(400, &text)).1.needs_login(), "{words}");
    }
    for scheme in ["Negotiate", "Digest realm=\"proxy\""] {
        assert!(!answered(&with_headers(401, &[("WWW-Authenticate", scheme)], "")).1.needs_login());
    }
}

#[test]
fn a_gateway_that_lost_the_reply_leaves_a_doubt() {
    for status in [503, 403] {
        let (rig, session) = expired();
        rig.server.inject(Endpoint::Token, Fault::LoseReply);
        rig.server.inject(Endpoint::Token, body(status, "<html>"));
        wait(session.access_token()).unwrap_err();
        assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 2, "once more, and no more (law 7)");
    }
    // A 503 in the place of a reply that is lost: what follows is no news of the login before.
    let (rig, session) = expired();
    rig.server.inject(Endpoint::Token, Fault::status(503));
    rig.server.revoke_everything();
    let error = wait(session.access_token()).unwrap_err();
    assert_error(&error, ErrorKind::Interrupted, Some("log_in"), 4);
    assert!(wait(rig.auth().logout(LogoutRequest::default())).unwrap().failed.is_empty());
    assert_eq!(rig.server.requests_to(Endpoint::Revocation).len(), 1, "what may live is revoked");
}

#[test]
fn a_refusal_of_fewer_scopes_says_nothing_of_the_login() {
    let (rig, session) = expired();
    rig.server.inject(Endpoint::Token, Fault::error(400, "consent_required"));
    let mut narrow = TokenRequest::default();
    narrow.scopes = Some("openid".parse().unwrap());
    wait(session.access_token_with(narrow)).unwrap_err();
    assert!(!rig.auth().contexts().unwrap()[0].has_ended);
    token(&rig.auth().session().unwrap());
}

#[test]
fn a_planted_note_of_a_refusal_is_not_believed() {
    let (rig, session) = expired();
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_grant"));
    wait(session.access_token()).unwrap_err();
    let note = rig.records().into_iter().find(|path| path.extension().is_some()).unwrap();
    let text = std::fs::read_to_string(&note).unwrap();
    let mut planted: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    planted["failure"]["refused"]["proof"] = "AAAA".into();
    std::fs::write(&note, format!("{planted}\n")).unwrap();
    token(&rig.auth().session().unwrap());
}

#[test]
fn a_page_for_people_is_not_the_server() {
    for (status, page) in [
        (403, "<!DOCTYPE html><html><body>Attention Required</body></html>"),
        (404, "\u{feff} <html>\n</html>"),
        (200, "<?xml version=\"1.0\"?><html xmlns=\"x\"></html>"),
    ] {
        let (rig, error) = answered(&with_headers(status, &[("cf-mitigated", "challenge")], page));
        assert_error(&error, ErrorKind::Unreachable, Some("retry"), 5);
        assert!(error.to_string().contains("a web page answered") && error.to_string().contains("not the server"));
        rig.server.clear_faults();
        assert_eq!(rig.server.live_families(), 1);
        token(&rig.auth().session().unwrap());
    }
}

#[test]
fn a_page_in_mid_poll_is_waited_out() {
    let rig = Rig::new();
    for status in [403, 404] {
        rig.server.inject(Endpoint::Token, body(status, "<html>"));
        token(&rig.try_log_in(|_| {}).unwrap());
    }
}

#[test]
fn a_refused_token_is_not_sent_by_every_later_call() {
    let (rig, session) = expired();
    rig.server.revoke_everything();
    let sent = || rig.server.requests_to(Endpoint::Token).len();
    let first = wait(session.access_token()).unwrap_err();
    for _ in 0..6 {
        let error = wait(rig.auth().session().unwrap().access_token()).unwrap_err();
        assert_error(&error, ErrorKind::Expired, Some("log_in"), 4);
        assert_eq!(error.to_string(), first.to_string());
    }
    assert_eq!(sent(), 1);
    // Who insists asks; and an administrator may have undone it after a while.
    forced(&session).unwrap_err();
    assert_eq!(sent(), 2);
    rig.clock.advance(S(599));
    wait(session.access_token()).unwrap_err();
    assert_eq!(sent(), 2);
    rig.clock.advance(S(1));
    wait(session.access_token()).unwrap_err();
    assert_eq!(sent(), 3);
    // A new login is another token.
    token(&rig.log_in());
}

#[test]
fn an_early_refusal_serves_the_valid_token_and_rests() {
    let rig = Rig::new();
    let session = rig.log_in();
    let own = token(&session);
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_grant"));
    rig.clock.advance(S(3595));
    for _ in 0..3 {
        assert_eq!(token(&rig.auth().session().unwrap()), own);
    }
    assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 1);
}

#[test]
fn what_passes_in_a_moment_is_tried_again_within_the_call() {
    let ms = Duration::from_millis;
    let soon = |value: &str| with_headers(503, &[("Retry-After", value)], "");
    for (fault, slept) in [
        (Fault::status(503), vec![ms(500), S(1), S(2)]),
        (Fault::status(429), vec![ms(500), S(1), S(2)]),
        (soon("3"), vec![S(3), S(3), S(3)]),
        (soon("11"), vec![]),
    ] {
        let (rig, session) = expired();
        let before = rig.clock.slept().len();
        slept.iter().for_each(|_| rig.server.inject(Endpoint::Token, fault.clone()));
        if slept.is_empty() {
            rig.server.inject(Endpoint::Token, fault.clone());
            assert_eq!(wait(session.access_token()).unwrap_err().remedy(), Some(&Remedy::Retry { after: Some(S(11)) }));
            continue;
        }
        token(&session);
        let waited: Duration = rig.clock.slept()[before..].iter().sum();
        assert_eq!(waited, slept.iter().sum(), "{fault:?}");
        assert_eq!((rig.server.requests_to(Endpoint::Token).len(), rig.server.counts().reuses), (4, 0));
    }
}

#[test]
fn it_is_tried_again_three_times_and_no_longer_than_ten_seconds() {
    let (rig, session) = expired();
    rig.server.inject_always(Endpoint::Token, Fault::status(503));
    assert_error(&wait(session.access_token()).unwrap_err(), ErrorKind::Unreachable, Some("retry"), 5);
    assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 4);
    rig.server.clear_requests();
    rig.server.inject_always(Endpoint::Token, with_headers(503, &[("Retry-After", "6")], ""));
    rig.clock.advance(S(60));
    wait(session.access_token()).unwrap_err();
    assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 2);
}

#[test]
fn a_valid_token_or_a_possible_rotation_stops_retries() {
    let rig = Rig::new();
    let session = rig.log_in();
    rig.server.inject_always(Endpoint::Token, Fault::status(503));
    rig.clock.advance(S(3595));
    token(&session);
    assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 1);
    rig.server.clear_requests();
    rig.clock.advance(S(60));
    rig.server.inject_always(Endpoint::Token, Fault::status(502));
    wait(session.access_token()).unwrap_err();
    assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 1);
}

#[test]
fn a_date_says_when_to_come_back_by_the_servers_own_clock() {
    let (rig, session) = expired();
    let date = |seconds: u64| httpdate::fmt_http_date(std::time::SystemTime::UNIX_EPOCH + S(4_000_000_000 + seconds));
    let headers = [("Date", date(0)), ("Retry-After", date(30))];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    rig.server.inject(Endpoint::Token, with_headers(429, &headers, ""));
    let error = wait(session.access_token()).unwrap_err();
    assert_eq!(error.remedy(), Some(&Remedy::Retry { after: Some(S(30)) }), "{error:?}");
}

#[test]
fn no_piece_of_a_token_is_quoted() {
    let (rig, session) = expired();
    rig.server.clear_requests();
    let sent = || rig.server.requests_to(Endpoint::Token)[0].parameter("refresh_token").unwrap().to_owned();
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_scope"));
    wait(session.access_token()).unwrap_err();
    let secret = sent();
    let tail = &secret[secret.len() - 12..];
    let middle = format!("…{}… is too wide", &secret[5..17]);
    for words in [format!("the token …{tail} is too wide"), format!("{}… is too wide", &secret[..12]), middle] {
        let text = json!({"error": "invalid_scope", "error_description": words}).to_string();
        rig.server.inject(Endpoint::Token, body(400, &text));
        let error = wait(session.access_token()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("too wide"), "{error:?}");
    }
}

#[test]
fn a_logout_of_a_login_that_had_ended_asks_nobody() {
    let (rig, session) = expired();
    rig.server.revoke_everything();
    wait(session.access_token()).unwrap_err();
    let ended = wait(rig.auth().logout(LogoutRequest::default())).unwrap().done;
    assert_eq!(ended[0].ended.name(), "already_ended");
    assert!(rig.server.requests_to(Endpoint::Revocation).is_empty());
    rig.assert_nothing_left("logged out");
}

#[test]
fn a_revocation_that_meets_a_dead_token_has_ended_it() {
    for (error, words) in [
        ("invalid_request", "refresh token revoked"),
        ("invalid_request", "token not found"),
        ("invalid_grant", ""),
        ("invalid_token", "The token is no longer active"),
    ] {
        let rig = Rig::new();
        rig.log_in();
        let text = json!({"error": error, "error_description": words}).to_string();
        rig.server.inject(Endpoint::Revocation, body(400, &text));
        let ended = wait(rig.auth().logout(LogoutRequest::default())).unwrap();
        assert_eq!(ended.done[0].ended.name(), "already_ended", "{error} {words}");
        assert!(rig.records().is_empty() && rig.auth().contexts().unwrap().is_empty());
    }
}

#[test]
fn a_revocation_that_is_refused_for_another_reason_has_ended_nothing() {
    for (status, error, words) in [
        (403, "Forbidden", "Invalid CSRF token"),
        (401, "invalid_token", "Bearer authentication is needed"),
        (400, "invalid_request", "Unknown token_type_hint"),
        (400, "unauthorized_client", "invalid client for this token"),
        (401, "login_required", ""),
        (400, "temporarily_unavailable", "token store is no longer reachable"),
        (403, "access_denied", "token revocation: unknown source address"),
    ] {
        let rig = Rig::new();
        rig.log_in();
        let text = json!({"error": error, "error_description": words}).to_string();
        rig.server.inject(Endpoint::Revocation, body(status, &text));
        let error = wait(rig.auth().logout(LogoutRequest::default())).unwrap_err();
        assert_eq!(error.remedy().map(Remedy::name), Some("forget_locally"), "{words}: {error}");
        assert_eq!(rig.auth().contexts().unwrap().len(), 1);
    }
    let rig = Rig::new();
    rig.log_in();
    let text = r#"{"error":"unsupported_token_type","error_description":"Invalid token type"}"#;
    rig.server.inject(Endpoint::Revocation, body(400, text));
    let ended = wait(rig.auth().logout(LogoutRequest::default())).unwrap();
    assert_eq!(ended.done[0].ended.name(), "not_revocable");
}

#[test]
fn a_replaced_token_whose_refresh_was_interrupted_is_not_sent() {
    let (rig, session) = expired();
    rig.server.inject_always(Endpoint::Token, Fault::LoseReply);
    wait(session.access_token()).unwrap_err();
    rig.server.clear_faults();
    rig.server.clear_requests();
    token(&rig.try_log_in(|_| {}).unwrap());
    assert_eq!(rig.auth().contexts().unwrap().len(), 1);
    assert!(rig.server.requests_to(Endpoint::Revocation).is_empty());
    assert_eq!(rig.records().len(), 1);
}

#[test]
fn a_revocation_that_is_refused_or_lost_is_looked_after_too() {
    for fault in [Fault::LoseReply, Fault::RefuseAfter] {
        let rig = Rig::with(|behaviour| behaviour.revocation_ends_account = true);
        rig.log_in();
        rig.server.inject(Endpoint::Revocation, fault);
        let error = rig.try_log_in(|_| {}).unwrap_err();
        assert!(error.to_string().contains("has ended this login with the one that it replaces"), "{error}");
    }
}
