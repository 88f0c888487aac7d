//! Events in the terms of OCSF: nothing is lost, and nothing is invented. `tests/real/ocsf.rs` holds them against the schema.

use hallpass::events::{Event, EventCode};
use serde_json::{Value, json};

#[test]
fn no_member_of_an_event_is_lost_in_ocsf() {
    for code in EventCode::ALL {
        let line = whole(*code);
        let event: Event = serde_json::from_value(line.clone()).unwrap();
        assert_eq!(json!(event), line, "so that each member is one that events have");
        let rendered = words(&event.to_ocsf(None));
        for word in words(&line) {
            // An owner and a token's scopes may be taken apart, and a finding is always new.
            let parts: Vec<&str> = word.split(&[':', ' '][..]).filter(|_| word.starts_with("team:")).collect();
            let is_there = |word: &str| rendered.iter().any(|one| one.to_lowercase().contains(&word.to_lowercase()));
            let is_status = Some(word.as_str()) == line["outcome"].as_str() && event.to_ocsf(None)["status"] == "New";
            let is_kept = is_there(&word) || is_status || !parts.is_empty() && parts.iter().all(|part| is_there(part));
            assert!(is_kept, "{}: {word} is lost", code.name());
        }
    }
}

#[test]
fn what_is_unknown_is_left_out_of_ocsf() {
    for code in EventCode::ALL {
        let event: Event = serde_json::from_value(sparse(*code)).unwrap();
        let rendered = event.to_ocsf(None);
        let text = rendered.to_string();
        assert!(!text.contains("null") && !text.contains("\"\"") && !text.contains("{}"), "{text}");
        assert_eq!(rendered["device"]["name"], "unknown");
        assert!(rendered["device"].get("hostname").is_none() && rendered["actor"].get("user").is_none(), "{text}");
    }
}

#[test]
fn a_forged_number_does_not_break_the_rendering() {
    for number in [0, i64::MAX as u64 / 1000, u64::MAX / 1000, u64::MAX] {
        let mut line = whole(EventCode::Refreshed);
        line["details"]["lifetime_granted"] = json!(number);
        let event: Event = serde_json::from_value(line).unwrap();
        let token = &event.to_ocsf(None)["authentication_token"];
        assert_eq!(token["created_time"], 1_796_126_400_123_u64);
        assert_eq!(token.get("expiration_time").is_some(), number == 0, "{number}");
    }
}

#[test]
fn agents_and_services_are_no_interactive_logons() {
    let logon = |actor: &str, kind: &str| {
        let mut line = whole(EventCode::Refreshed);
        line["by"]["actor"]["kind"] = json!(actor);
        line["of"]["credential_kind"] = json!(kind);
        let rendered = serde_json::from_value::<Event>(line).unwrap().to_ocsf(None);
        (rendered["logon_type_id"].as_u64().unwrap(), rendered["user"]["type_id"].as_u64().unwrap())
    };
    assert_eq!(logon("human", "person"), (2, 1));
    assert_eq!(logon("agent", "person"), (99, 1));
    assert_eq!(logon("automation", "service"), (3, 4));
    assert_eq!(logon("agent", "workload"), (3, 4));
}

/// An event with every member, each of them another word.
fn whole(code: EventCode) -> Value {
    json!({
        "event": code.name(), "id": "id-of-it", "time": "2026-12-01T12:00:00.123Z", "flow": "flow-of-it",
        "outcome": code.outcome(), "error_kind": "kind-of-error", "detail": "a detail, 世界",
        "by": {
            "actor": { "kind": "agent", "name": "fixer", "told_by": { "variable": "FIXER" } }, "os_user": "ada",
            "host": "laptop", "pid": 71, "program": "program-of-it", "parent": "zsh", "parent_pid": 72, "app": "acme",
            "app_version": "3.1", "hallpass": "0.1.7",
        },
        "of": {
            "issuer": "https://id.example.com:8443/t", "client_id": "acme-cli", "subject": "subject-1", "account": "ada@example.com",
            "org": "globex", "context": "work", "grant": "aaaaaaaaaaaaaaaaaaaaaaaaaa", "key_store": "kernel",
            "credential_kind": "api_key", "environment": "sandbox", "owner": "team:payments", "template": "deploy",
            "ticket": "PAY-7", "reason": "a new machine", "approver": "subject-2",
            "initiator": { "kind": "automation", "name": "nightly", "told_by": { "ancestor": "cron" } },
        },
        "details": {
            "scopes_asked": "asked", "scopes_granted": "granted", "resource": "https://api.example.com/",
            "lifetime_asked": 3601, "lifetime_granted": 901, "destination": "stdout", "count": 41, "generation": 77,
            "credential": "abcdefghijklmnopqrstuv", "before": "person:bob",
        },
    })
}

/// An event of a machine that tells nothing.
fn sparse(code: EventCode) -> Value {
    json!({
        "event": code.name(), "id": "x", "time": "1970-01-01T00:00:00.000Z", "flow": "y", "outcome": code.outcome(),
        "by": {
            "actor": { "kind": "automation", "told_by": "nothing" }, "os_user": "", "host": "", "pid": 1, "program": "",
            "app": "acme", "hallpass": "0.1.0",
        },
        "of": {},
    })
}

/// All values, as text.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Null => vec![],
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(words).collect(),
        Value::Object(members) => members.values().flat_map(words).collect(),
        other => vec![other.to_string()],
    }
}
