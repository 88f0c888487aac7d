//! Whose login it is, by the ID token: odd spellings are read, and a token of somebody else is refused.

use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hallpass::ErrorKind;
use hallpass::testing::{Endpoint, Fault, Person};
use serde_json::{Value, json};

use super::{id_token, known_as};
use crate::support::faults::unsigned_jwt;
use crate::support::rig::{Rig, assert_error, forced, token};

#[test]
fn claims_in_odd_spellings_are_read() {
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
fn the_error_names_why_an_id_token_is_refused() {
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
fn only_the_subject_of_a_huge_id_token_is_kept() {
    let rig = Rig::new();
    rig.server.inject(Endpoint::Token, id_token(&rig, &json!({"groups": "x".repeat(20_000)})));
    let session = rig.try_log_in(|_| {}).unwrap();
    rig.server.inject_always(Endpoint::UserInfo, Fault::status(403));
    let info = session.userinfo().wait().unwrap();
    assert_eq!((info.json.as_str(), info.refused.is_some()), (r#"{"sub":"alice"}"#, true));
    let record = rig.records().into_iter().find(|path| path.extension().is_none()).unwrap();
    assert!(std::fs::metadata(record).unwrap().len() < 8_000);
}

#[test]
fn empty_claims_do_not_name_another_person() {
    let (rig, session) = Rig::logged_in();
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
fn an_id_token_of_another_org_does_not_choose_the_org() {
    let rig = Rig::with(|behaviour| behaviour.org_parameter = Some("organization_id".into()));
    rig.server.approve_all_as(&Person::default().in_orgs(&["acme", "globex"]));
    let mut config = rig.config();
    config.orgs.selection = hallpass::config::Orgs::ByRefresh("organization_id".into());
    let auth = hallpass::Auth::new(config).unwrap();
    let own = auth.login(hallpass::Login::new(hallpass::prompt::Silent)).wait().unwrap();
    let mut select = hallpass::Selector::default();
    select.org = Some("globex".parse().unwrap());
    let globex = auth.session_for(&select).unwrap();
    token(&globex);
    rig.server.inject_always(Endpoint::UserInfo, Fault::status(403));
    for (session, org) in [(globex, Some("globex")), (own, None)] {
        let info = session.userinfo().wait().unwrap();
        let claims: Value = serde_json::from_str(&info.json).unwrap();
        assert_eq!((info.orgs.len(), claims.get("org_id").and_then(Value::as_str)), (2, org), "{claims}");
    }
}

#[test]
fn a_foreign_id_token_is_refused_and_the_grant_revoked() {
    let rig = Rig::new();
    let good = json!({"iss": rig.server.issuer(), "aud": "acme-cli", "sub": "alice", "exp": 4_000_000_000_u64});
    let expired = rig.now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 3600;
    for (claim, value) in [
        ("iss", json!("https://other.example")),
        ("iss", json!(format!("{}/", rig.server.issuer()))),
        ("aud", json!("other-cli")),
        ("aud", json!(["other-cli", "third-cli"])),
        ("exp", json!(expired)),
        ("exp", Value::Null),
        ("sub", json!("")),
        ("sub", json!("a\u{1b}[2J")),
    ] {
        let mut claims = good.clone();
        claims[claim] = value.clone();
        rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), unsigned_jwt(&claims).into()));
        let error = rig.try_log_in(|_| {}).unwrap_err();
        let remedy = if value == expired { "set_clock" } else { "ask_administrator" };
        assert_error(&error, ErrorKind::Protocol, Some(remedy), 1);
        rig.assert_nothing_left(&format!("{claim} {value}"));
    }
    for odd in ["x", "a.b", "a.b.c", "..."] {
        rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), odd.into()));
        let error = rig.try_log_in(|_| {}).unwrap_err();
        assert_error(&error, ErrorKind::Protocol, Some("ask_administrator"), 1);
        rig.assert_nothing_left(odd);
    }
    rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), unsigned_jwt(&good).into()));
    rig.try_log_in(|_| {}).unwrap();
}
