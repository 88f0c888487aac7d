//! A refresh token that is dead, by whatever name the server says so; it is remembered, and not sent by each later call.

use hallpass::testing::{Endpoint, Fault, Person};
use hallpass::{Error, ErrorKind, Remedy};
use serde_json::json;

use crate::support::faults::{json_body, with_headers};
use crate::support::rig::{Rig, S, assert_error, forced, token};

fn answered(fault: &Fault) -> (Rig, Error) {
    let (rig, session) = Rig::expired();
    rig.server.inject_always(Endpoint::Token, fault.clone());
    let error = session.access_token().wait().unwrap_err();
    (rig, error)
}

#[test]
fn a_dead_refresh_token_is_recognised_by_any_name() {
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
        let (rig, error) = answered(&json_body(status, text));
        assert_error(&error, ErrorKind::Expired, Some("log_in"), 4);
        assert!(error.needs_login(), "{text}");
        assert_eq!((rig.records().len(), rig.keys.count()), (2, 1), "{text}: record and note stay");
    }
    let challenge = [("WWW-Authenticate", r#"Bearer error="invalid_token""#)];
    assert_eq!(answered(&with_headers(401, &challenge, "")).1.kind(), ErrorKind::Expired);
}

#[test]
fn errors_about_other_things_end_no_login() {
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
fn a_description_ends_a_login_only_if_it_calls_the_token_dead() {
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
            assert_eq!(answered(&json_body(400, &text)).1.needs_login(), is_dead, "{code}: {words}");
        }
        let text = json!({"error": "temporarily_unavailable", "error_description": words}).to_string();
        assert!(!answered(&json_body(400, &text)).1.needs_login(), "{words}");
    }
    for scheme in ["Negotiate", "Digest realm=\"proxy\""] {
        assert!(!answered(&with_headers(401, &[("WWW-Authenticate", scheme)], "")).1.needs_login());
    }
}

#[test]
fn a_forged_note_of_a_refusal_is_not_believed() {
    let (rig, session) = Rig::expired();
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_grant"));
    session.access_token().wait().unwrap_err();
    let note = rig.records().into_iter().find(|path| path.extension().is_some()).unwrap();
    let text = std::fs::read_to_string(&note).unwrap();
    let mut planted: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    planted["failure"]["refused"]["proof"] = "AAAA".into();
    std::fs::write(&note, format!("{planted}\n")).unwrap();
    token(&rig.auth().session().unwrap());
}

#[test]
fn an_html_page_does_not_end_the_login() {
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
fn a_refused_token_is_not_sent_by_every_later_call() {
    let (rig, session) = Rig::expired();
    rig.server.revoke_everything();
    let sent = || rig.request_count(Endpoint::Token);
    let first = session.access_token().wait().unwrap_err();
    for _ in 0..6 {
        let error = rig.auth().session().unwrap().access_token().wait().unwrap_err();
        assert_error(&error, ErrorKind::Expired, Some("log_in"), 4);
        assert_eq!(error.to_string(), first.to_string());
    }
    assert_eq!(sent(), 1);
    // Who insists asks; and an administrator may have undone it after a while.
    forced(&session).unwrap_err();
    assert_eq!(sent(), 2);
    rig.clock.advance(S(599));
    session.access_token().wait().unwrap_err();
    assert_eq!(sent(), 2);
    rig.clock.advance(S(1));
    session.access_token().wait().unwrap_err();
    assert_eq!(sent(), 3);
    // A new login is another token.
    token(&rig.log_in());
}

#[test]
fn an_unknown_error_code_is_among_the_servers_words() {
    for (code, words, said) in [
        ("call_0800_now", Some("or else"), Some("call_0800_now: or else")),
        ("call_0800_now", None, Some("call_0800_now")),
        ("invalid_request", Some("or else"), Some("or else")),
        ("invalid_request", None, None),
    ] {
        let rig = Rig::new();
        let session = rig.log_in_as(&Person::default(), Some("work"));
        let reply = json_body(400, &json!({"error": code, "error_description": words}).to_string());
        rig.server.inject(Endpoint::Token, reply);
        let error = forced(&session).unwrap_err();
        let named = if code == "invalid_request" { code } else { "an unknown error" };
        assert!(error.to_string().ends_with(&format!(" refused with {named}")), "{error}");
        assert_eq!(error.server_says(), said);
        // In a sentence about something else, too.
        let mut request = hallpass::TokenRequest::default();
        request = request.scopes("openid".parse().unwrap());
        rig.server.inject(Endpoint::Token, json_body(400, r#"{"error":"invalid_scope"}"#));
        let error = session.access_token_with(request).wait().unwrap_err().to_string();
        assert!(error.contains("gives the login work no token with the scopes openid"), "{error}");
    }
}
