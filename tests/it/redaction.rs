//! Nothing secret is printed or lies on disk in the clear (law 11).

use std::fmt::Debug;
use std::io::Write;
use std::sync::Arc;

use hallpass::clock::{Cancel, SystemClock};
use hallpass::contexts::Logout;
use hallpass::custody::{Custody, KeyStoreName, MemoryKeyStore};
use hallpass::prompt::Silent;
use hallpass::secret::Secret;
use hallpass::testing::{Behaviour, Endpoint, Fault};
use hallpass::{Auth, Config, Login, Selector, Session, TokenRequest};
use serde_json::json;

use crate::support::faults::json_body;
use crate::support::printed::{Loud, Printed};
use crate::support::rig::{Rig, S, token};

const CLIENT_SECRET: &str = "cs_8sLq2vJx";

fn print_all(printed: &Printed, rig: &Rig, config: &Config, auth: &Auth, session: &Session) {
    let access_token = session.access_token().wait().unwrap();
    let info = session.userinfo().wait().unwrap();
    let (login, logout, request) = (Login::new(Silent), Logout::default(), TokenRequest::default());
    let select = Selector::default();
    let values: [&dyn Debug; 19] = [
        &access_token,
        &info,
        config,
        auth,
        session,
        &session.context(),
        &auth.contexts().unwrap(),
        &login,
        &logout,
        &request,
        &select,
        &rig.server,
        &rig.server.requests(),
        &rig.server.counts(),
        &rig.keys,
        &rig.clock,
        &(
            MemoryKeyStore::new(),
            Custody::Only(vec![KeyStoreName::Memory]),
            KeyStoreName::Os,
            Silent,
            SystemClock,
            Cancel::new(),
        ),
        &Secret::new(CLIENT_SECRET.into()),
        &config.environment,
    ];
    values.iter().for_each(|value| printed.debug(value));
    let names: [&dyn std::fmt::Display; 5] =
        [&config.issuer, &config.client_id, &config.scopes, &info.account, access_token.scopes()];
    names.iter().for_each(|name| writeln!(printed.clone(), "{name}").unwrap());
}

#[test]
fn a_life_from_login_to_logout_prints_and_stores_no_secret() {
    let rig = Rig::with(|behaviour| behaviour.client_secret = Some(CLIENT_SECRET.into()));
    let mut behaviour = Behaviour::default();
    behaviour.client_secret = Some(CLIENT_SECRET.into());
    let printed = Printed::default();
    printed.debug(&behaviour);
    let mut config = rig.config();
    config.client_secret = Some(Arc::new(Secret::new(CLIENT_SECRET.into())));
    let auth = Auth::new(config.clone()).unwrap();
    rig.server.approve_all();
    // Once without success, for the errors' sake.
    rig.server.inject(Endpoint::Token, Fault::error(400, "access_denied"));
    printed.error(&auth.login(Login::new(Loud::new(&printed))).wait().unwrap_err());
    let session = auth.login(Login::new(Loud::new(&printed))).wait().unwrap();
    let mut access_tokens = Vec::new();
    for _ in 0..3 {
        access_tokens.push(token(&session));
        print_all(&printed, &rig, &config, &auth, &session);
        printed.files(&rig.home());
        rig.clock.advance(S(3600));
    }
    rig.server.inject(Endpoint::Token, Fault::OtherSubject("mallory".into()));
    printed.error(&session.access_token().wait().unwrap_err());
    printed.files(&rig.home());
    printed.debug(&auth.logout(Logout::default()).wait().unwrap());
    printed.files(&rig.home());

    let requests = rig.server.requests();
    let sent =
        requests.iter().flat_map(|seen| ["device_code", "refresh_token", "token"].map(|name| seen.parameter(name)));
    let sent: Vec<&str> = sent.flatten().collect();
    assert!(sent.len() >= 5 && access_tokens.len() == 3, "{}", sent.len());
    let headers: Vec<&str> = requests.iter().filter_map(|seen| seen.authorization.as_deref()).collect();
    let headers = headers.iter().filter_map(|header| header.split(' ').nth(1));
    printed.assert_free_of(
        sent.into_iter().chain(access_tokens.iter().map(String::as_str)).chain([CLIENT_SECRET]).chain(headers),
    );
    let keys = "hallpass1.";
    printed.assert_free_of([keys]);
}

#[test]
fn an_unreadable_body_is_not_printed() {
    const TOKEN: &str = "at_pLaNtEd_0123456789";
    let bodies = [
        format!("{{\"access_token\":\"{TOKEN}\",\"token_type\":5}}"),
        format!("{{\"access_token\":\"{TOKEN}\",\"token_type\":[\"bearer\"]}}"),
        format!("{{\"access_token\":[\"{TOKEN}\"],\"token_type\":\"bearer\"}}"),
        format!("{{\"access_token\":\"{TOKEN}\\n\",\"token_type\":\"bearer\"}}"),
        format!("{{\"access_token\":\"{TOKEN}\",\"token_type\":\"bearer\",\"refresh_token\":\"x y\"}}"),
        format!("{{\"access_token\":\"{TOKEN}\",\"token_type\":\"{TOKEN}\"}}"),
        format!("{{\"access_token\":\"x\",\"token_type\":\"bearer\",\"id_token\":\"{TOKEN}\"}}"),
        format!("{{\"access_token\":\"x\",\"token_type\":\"bearer\",\"refresh_token\":\"{TOKEN}"),
        format!("access_token={TOKEN}&token_type=mac"),
        format!("<html>{TOKEN}</html>"),
    ];
    for endpoint in [Endpoint::Metadata, Endpoint::DeviceAuthorization, Endpoint::Token] {
        for (body, status) in bodies.iter().flat_map(|body| [200, 400, 401, 404].map(|status| (body, status))) {
            let rig = Rig::new();
            rig.server.inject_always(
                endpoint,
                Fault::Status {
                    status,
                    headers: vec![
                        ("X-Token".into(), TOKEN.into()),
                        ("WWW-Authenticate".into(), format!("Bearer {TOKEN}")),
                    ],
                    content_type: "application/json".into(),
                    body: body.clone(),
                },
            );
            let printed = Printed::default();
            rig.server.approve_all();
            printed.error(&rig.auth().login(Login::new(Loud::new(&printed))).wait().unwrap_err());
            printed.assert_free_of([TOKEN]);
        }
    }
}

#[test]
fn secrets_in_redirects_and_addresses_are_not_printed() {
    const TOKEN: &str = "at_pLaNtEd_0123456789";
    let address = json!(format!("https://user:{TOKEN}@id.example/?access_token={TOKEN}"));
    for (endpoint, fault) in [
        (Endpoint::Token, Fault::Redirect(format!("http://127.0.0.1:9/?access_token={TOKEN}"))),
        (Endpoint::Token, Fault::Redirect(format!("http://127.0.0.1:9/{TOKEN}"))),
        (Endpoint::Metadata, Fault::ReplyField("token_endpoint".into(), address.clone())),
        (Endpoint::DeviceAuthorization, Fault::ReplyField("verification_uri".into(), address)),
    ] {
        let rig = Rig::new();
        rig.server.inject_always(endpoint, fault);
        let printed = Printed::default();
        printed.error(&rig.try_log_in(|_| {}).unwrap_err());
        printed.assert_free_of([TOKEN]);
    }
}

#[test]
fn a_password_in_an_issuer_is_not_printed() {
    let printed = Printed::default();
    printed.error(&Config::new("acme", "https://alice:pw_hunter2@id.example.com", "acme-cli").unwrap_err());
    printed.assert_free_of(["pw_hunter2"]);
}

#[test]
fn an_environment_token_is_not_printed() {
    let rig = Rig::new();
    let mut config = rig.config();
    config.environment.token = Some(Arc::new(Secret::new("at_environment".into())));
    let auth = Auth::new(config.clone()).unwrap();
    let session = auth.session().unwrap();
    let printed = Printed::default();
    printed.debug(&(&config, &auth, &session, session.access_token().wait().unwrap()));
    printed.error(&session.userinfo().wait().unwrap_err());
    printed.assert_free_of(["at_environment"]);
}

#[test]
fn a_description_that_quotes_a_token_is_not_printed_or_saved() {
    let (rig, session) = Rig::expired();
    rig.server.inject(Endpoint::Token, Fault::CutBefore);
    rig.server.inject(Endpoint::Token, Fault::CutBefore);
    assert!(session.access_token().wait().is_err());
    let sent = rig.server.requests_to(Endpoint::Token)[0].parameter("refresh_token").unwrap().to_owned();
    let body = format!(r#"{{"error":"invalid_grant","error_description":"Invalid refresh token: {sent}"}}"#);
    rig.server.inject(Endpoint::Token, json_body(400, &body));
    let error = session.access_token().wait().unwrap_err();
    let on_disk =
        rig.records().iter().any(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(&sent));
    assert!(!on_disk, "in clear on disk");
    assert!(!format!("{error:?}").contains(&sent));
}

#[test]
fn no_piece_of_a_token_is_printed() {
    let (rig, session) = Rig::expired();
    rig.server.clear_requests();
    let sent = || rig.server.requests_to(Endpoint::Token)[0].parameter("refresh_token").unwrap().to_owned();
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_scope"));
    session.access_token().wait().unwrap_err();
    let secret = sent();
    let tail = &secret[secret.len() - 12..];
    let middle = format!("…{}… is too wide", &secret[5..17]);
    for words in [format!("the token …{tail} is too wide"), format!("{}… is too wide", &secret[..12]), middle] {
        let text = json!({"error": "invalid_scope", "error_description": words}).to_string();
        rig.server.inject(Endpoint::Token, json_body(400, &text));
        let error = session.access_token().wait().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("too wide"), "{error:?}");
    }
}
