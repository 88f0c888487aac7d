//! Where the endpoints are: what a server's metadata may say, and what a second document adds.

use hallpass::config::Setting;
use hallpass::contexts::{Logout, LogoutOutcome};
use hallpass::testing::{AuthorizationServer, Endpoint, Fault};
use hallpass::{Config, ErrorKind, Remedy};
use serde_json::Value;

use crate::support::faults::json_body;
use crate::support::rig::{Rig, assert_error};

fn field(name: &str, value: impl Into<Value>) -> Fault {
    Fault::ReplyField(name.into(), value.into())
}

#[test]
fn unusable_metadata_ends_the_login_before_anything_is_sent() {
    use ErrorKind::{Config, Protocol, Unreachable};
    for (case, fault, kind, remedy, code) in [
        ("another issuer", field("issuer", "https://other.example"), Protocol, "fix_config", 1),
        ("a slash more", field("issuer", "http://127.0.0.1/"), Protocol, "fix_config", 1),
        ("issuer with escapes", field("issuer", "\u{1b}[2J\u{202e}x"), Protocol, "fix_config", 1),
        ("no issuer", field("issuer", Value::Null), Protocol, "ask_administrator", 1),
        ("no token endpoint", field("token_endpoint", Value::Null), Protocol, "ask_administrator", 1),
        ("no device endpoint", field("device_authorization_endpoint", Value::Null), Protocol, "ask_administrator", 1),
        ("http token endpoint", field("token_endpoint", "http://192.0.2.1/t"), Protocol, "ask_administrator", 1),
        ("ftp token endpoint", field("token_endpoint", "ftp://127.0.0.1/t"), Protocol, "ask_administrator", 1),
        ("a name like loopback's", field("token_endpoint", "http://localhost.x/t"), Protocol, "ask_administrator", 1),
        ("user info", field("token_endpoint", "https://a:b@id.example/t"), Protocol, "ask_administrator", 1),
        ("not a URL", field("token_endpoint", "/token"), Protocol, "ask_administrator", 1),
        ("http device", field("device_authorization_endpoint", "http://192.0.2.1/"), Protocol, "ask_administrator", 1),
        ("HTML", Fault::HtmlReply, Unreachable, "retry", 5),
        ("200 with error", Fault::error(200, "invalid_request"), Protocol, "ask_administrator", 1),
        ("half of JSON", json_body(200, "{\"issuer\":\"htt"), Protocol, "ask_administrator", 1),
        ("a number", json_body(200, "7"), Protocol, "ask_administrator", 1),
        ("10 MB", Fault::HugeBody(10 << 20), Protocol, "ask_administrator", 1),
        ("empty 400", Fault::status(400), Config, "fix_config", 2),
        ("404", Fault::status(404), Config, "fix_config", 2),
        ("503", Fault::status(503), Unreachable, "retry", 5),
        ("429", Fault::status(429), Unreachable, "retry", 5),
        ("cut", Fault::CutBefore, Unreachable, "retry", 5),
        ("cut in half", Fault::TruncatedReply, Unreachable, "retry", 5),
        ("not HTTP", Fault::Garbage, Unreachable, "retry", 5),
    ] {
        let rig = Rig::new();
        rig.server.inject_always(Endpoint::Metadata, fault);
        let error = rig.try_log_in(|_| {}).unwrap_err();
        assert_error(&error, kind, Some(remedy), code);
        let message = format!("{error:?}");
        assert!(!message.contains(['\u{1b}', '\u{202e}']), "{case}: {message}");
        assert_eq!(rig.server.requests().len(), rig.request_count(Endpoint::Metadata), "{case}");
        assert!(!rig.home().exists(), "{case}: a login that could not begin leaves no folder");
        rig.assert_nothing_left(case);
    }
}

#[test]
fn an_issuer_is_https_or_an_allowed_loopback() {
    for bad in ["http://id.example.com", "http://192.0.2.1", "http://localhost.x:1", "ftp://127.0.0.1", "x"] {
        let error = Config::new("acme", bad, "acme-cli").unwrap_err();
        assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
        assert_eq!(error.remedy(), Some(&Remedy::FixConfig { setting: Setting::Issuer }));
    }
    let rig = Rig::new();
    let error = rig.try_log_in(|config| config.network.allow_loopback_http = false).unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
    assert!(rig.server.requests().is_empty());
    rig.assert_nothing_left("loopback http");
}

#[test]
fn a_refused_connection_is_unreachable() {
    let rig = Rig::new();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = rig.try_log_in(|config| config.issuer = format!("http://{gone}").parse().unwrap()).unwrap_err();
    assert_error(&error, ErrorKind::Unreachable, Some("retry"), 5);
    assert!(error.to_string().contains(&gone.to_string()), "{error}");
    assert!(!rig.home().exists());
}

/// Whatever the name service says of that name.
#[test]
fn localhost_is_loopback_if_loopback_is_allowed() {
    let rig = Rig::new();
    let here = rig.server.issuer().replace("127.0.0.1", "localhost");
    let at = |path: &str| url::Url::parse(&format!("{here}{path}")).ok();
    rig.try_log_in(|config| {
        config.endpoints.device_authorization = at("/device_authorization");
        config.endpoints.token = at("/token");
    })
    .unwrap();
    let error = rig
        .try_log_in(|config| {
            config.issuer = here.parse().unwrap();
            config.network.allow_loopback_http = false;
        })
        .unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
    assert!(error.to_string().contains("config.network.allow_loopback_http allows this machine"), "{error}");
}

/// A login can do without it; and nothing is sent there.
#[test]
fn an_unsafe_optional_endpoint_is_dropped() {
    for name in ["revocation_endpoint", "userinfo_endpoint"] {
        for value in ["http://192.0.2.1/x", "https://u:p@id.example/x", "no address"] {
            let rig = Rig::new();
            rig.server.inject_always(Endpoint::Metadata, field(name, value));
            rig.try_log_in(|_| {}).unwrap();
            let ended = rig.auth().logout(Logout::default()).wait().unwrap();
            let wanted =
                if name == "revocation_endpoint" { LogoutOutcome::NotRevocable } else { LogoutOutcome::Revoked };
            assert_eq!(ended.done[0].ended, wanted, "{name}: {value}");
        }
    }
}

#[test]
fn the_error_says_what_each_address_answered() {
    let rig = Rig::new();
    rig.server.inject(Endpoint::Metadata, Fault::status(404));
    rig.server.inject(Endpoint::Metadata, field("issuer", "https://other.example"));
    let error = rig.try_log_in(|_| {}).unwrap_err();
    let (issuer, first) = (rig.server.issuer(), "/.well-known/oauth-authorization-server answered with status 404");
    let second = "/.well-known/openid-configuration is of another issuer, \"https://other.example\"";
    assert_eq!(error.to_string(), format!("no metadata of issuer {issuer} can be used"));
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), format!("{first}; {second}"));
}

#[test]
fn a_redirect_is_not_followed() {
    let rig = Rig::new();
    let elsewhere = AuthorizationServer::start().unwrap();
    for endpoint in [Endpoint::Metadata, Endpoint::DeviceAuthorization, Endpoint::Token] {
        rig.server.clear_faults();
        rig.server.inject_always(endpoint, Fault::Redirect(format!("{}/token", elsewhere.issuer())));
        let error = rig.try_log_in(|_| {}).unwrap_err();
        assert_error(&error, ErrorKind::Protocol, Some("ask_administrator"), 1);
        rig.assert_nothing_left(&format!("{endpoint:?}"));
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn openid_discovery_is_the_second_address() {
    for status in [404, 400, 403, 500] {
        let rig = Rig::new();
        rig.server.inject(Endpoint::Metadata, Fault::status(status));
        rig.try_log_in(|_| {}).unwrap();
        let asked: Vec<_> = rig.server.requests_to(Endpoint::Metadata).into_iter().map(|seen| seen.path).collect();
        assert_eq!(asked, ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]);
    }
}

/// What django-oauth-toolkit does: userinfo stands in the one, revocation in the other.
#[test]
fn one_document_fills_the_gaps_of_the_other() {
    let names = ["device_authorization_endpoint", "token_endpoint", "revocation_endpoint", "userinfo_endpoint"];
    for name in names {
        let rig = Rig::with(|behaviour| behaviour.id_token = false);
        rig.server.inject(Endpoint::Metadata, field(name, Value::Null));
        let session = rig.try_log_in(|_| {}).unwrap();
        assert_eq!(rig.request_count(Endpoint::Metadata), 2, "{name}");
        assert!(session.context().unwrap().account.email.is_some(), "{name}: userinfo was asked");
        session.userinfo().wait().unwrap();
        let ended = rig.auth().logout(Logout::default()).wait().unwrap();
        assert_eq!(ended.done[0].ended, LogoutOutcome::Revoked, "{name}");
    }
}

#[test]
fn an_unusable_second_document_adds_nothing() {
    for second in [Fault::status(404), Fault::CutBefore, Fault::HtmlReply, field("issuer", "https://other.example")] {
        let rig = Rig::new();
        rig.server.inject(Endpoint::Metadata, field("userinfo_endpoint", Value::Null));
        rig.server.inject(Endpoint::Metadata, second.clone());
        let session = rig.try_log_in(|_| {}).unwrap();
        assert!(session.context().unwrap().account.email.is_some(), "{second:?}: the ID token has it");
        let info = session.userinfo().wait().unwrap();
        assert_eq!(info.refused.unwrap().kind(), ErrorKind::Protocol, "{second:?}: no userinfo endpoint");
    }
}

#[test]
fn the_second_address_is_asked_if_the_first_fails() {
    for fault in [Fault::HtmlReply, Fault::Redirect("/login".into()), Fault::status(404), Fault::status(500)] {
        let rig = Rig::new();
        rig.server.inject(Endpoint::Metadata, fault.clone());
        assert!(rig.try_log_in(|_| {}).is_ok(), "{fault:?}");
        assert_eq!(rig.request_count(Endpoint::Metadata), 2);
    }
}
