//! Every event in the terms of OCSF, before the schema of OCSF itself (the Python package ocsf-json-schema).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hallpass::events::{Event, EventCode, TrailPlace};
use serde_json::{Value, json};

use crate::needs::Need::Ocsf;
use crate::needs::ready;

#[test]
fn every_event_is_one_of_ocsf() {
    let Some(()) = ready(&[Ocsf], || ()) else { return };
    let place = TrailPlace::new(7, "hash", Some("code"));
    let mut lines = Vec::new();
    for code in EventCode::ALL {
        for by in [person(), agent(), automation()] {
            for of in [json!({}), issuer_only(), whole()] {
                for (details, place) in [(json!({}), None), (all_details(), Some(&place))] {
                    lines.push(event(*code, &by, &of, &details).to_ocsf(place));
                }
            }
        }
        // As many kinds of credentials as there are.
        for kind in ["service", "workload", "api_key", "environment_token"] {
            let mut of = whole();
            of["credential_kind"] = json!(kind);
            lines.push(event(*code, &agent(), &of, &all_details()).to_ocsf(None));
        }
    }
    let (code, said) = validate(&lines);
    assert_eq!(code, 0, "{said}");
    assert_eq!(said, format!("{} events, 0 wrong\n", lines.len()));
}

/// So that the test above can fail.
#[test]
fn what_is_no_event_of_ocsf_is_refused() {
    let Some(()) = ready(&[Ocsf], || ()) else { return };
    let good = event(EventCode::LoginSucceeded, &person(), &whole(), &all_details()).to_ocsf(None);
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 5] = [
        ("an unknown member", |event| event["invented"] = json!(1)),
        ("time as text", |event| event["time"] = json!("2026-12-01T12:00:00Z")),
        ("another type", |event| event["type_uid"] = json!(300_202)),
        ("no user", |event| drop(event.as_object_mut().unwrap().remove("user"))),
        ("an activity that there is not", |event| event["activity_id"] = json!(77)),
    ];
    for (case, change) in changes {
        let mut event = good.clone();
        change(&mut event);
        let (code, said) = validate(&[event]);
        assert_eq!(code, 1, "{case}: {said}");
    }
}

fn event(code: EventCode, by: &Value, of: &Value, details: &Value) -> Event {
    let line = json!({
        "event": code.name(), "id": "abcdefghijklmnopqrstuvwxyz", "time": "2026-12-01T12:00:00.123Z",
        "flow": "zyxwvutsrqponmlkjihgfedcba", "outcome": code.outcome(), "error_kind": "expired",
        "detail": "it was “not” used, 世界", "by": by, "of": of, "details": details,
    });
    serde_json::from_value(line).unwrap()
}

fn person() -> Value {
    json!({
        "actor": { "kind": "human", "told_by": "terminal" }, "os_user": "ada", "host": "laptop", "pid": 7,
        "program": "acme", "app": "acme", "hallpass": "0.1.0",
    })
}

fn agent() -> Value {
    json!({
        "actor": { "kind": "agent", "name": "claude-code", "told_by": { "variable": "CLAUDECODE" } }, "os_user": "ada",
        "host": "laptop", "pid": 8, "program": "acme", "parent": "zsh", "parent_pid": 6, "app": "acme", "app_version": "3.1", "hallpass": "0.1.0",
    })
}

/// A machine that tells nothing, and a name that nobody filtered.
fn automation() -> Value {
    json!({
        "actor": { "kind": "automation", "name": "\u{202e}nightly 🦀\u{0}", "told_by": { "ancestor": "cron" } }, "os_user": "", "host": "",
        "pid": 1, "program": "", "parent": "crön", "app": "acme", "hallpass": "0.1.0",
    })
}

fn issuer_only() -> Value {
    json!({ "issuer": "https://id.example.com:8443/t", "client_id": "acme-cli", "credential_kind": "person" })
}

fn whole() -> Value {
    json!({
        "issuer": "https://id.example.com", "client_id": "acme-cli", "subject": "1234", "account": "ada@example.com",
        "org": "globex", "context": "work", "grant": "aaaaaaaaaaaaaaaaaaaaaaaaaa", "key_store": "os",
        "credential_kind": "person", "environment": "sandbox", "owner": "team:payments", "template": "deploy",
        "ticket": "PAY-7", "reason": "a new laptop", "approver": "1234",
        "initiator": { "kind": "agent", "name": "claude-code", "told_by": "host" },
    })
}

fn all_details() -> Value {
    json!({
        "scopes_asked": "openid deploy", "scopes_granted": "openid", "resource": "https://api.example.com/",
        "lifetime_asked": 3600, "lifetime_granted": 900, "destination": "stdout", "count": 4, "generation": 7,
        "credential": "abcdefghijklmnopqrstuv", "before": "person:ada",
    })
}

/// Returns the validator's exit code, and what it says.
fn validate(events: &[Value]) -> (i32, String) {
    let mut validator = Command::new(folder().join(".venv/bin/python"))
        .arg(folder().join("validate.py"))
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    validator.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = validator.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/ocsf")
}
