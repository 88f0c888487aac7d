//! A resource refuses a token: `Session::challenged` and `Session::refused` say what the caller can do.

use hallpass::contexts::Logout;
use hallpass::prompt::Silent;
use hallpass::testing::Endpoint;
use hallpass::{AccessToken, AfterRefusal, Auth, Config, Login, Session, TokenRequest};
use url::Url;

use crate::support::rig::{Rig, S};

pub(super) const INVALID: &str = r#"Bearer realm="api", error="invalid_token", error_description="it was revoked""#;

/// With two APIs.
pub(super) fn config(rig: &Rig) -> Config {
    let mut config = rig.config();
    config.resources = vec![api("https://api.example/v1"), api("https://files.example:8443/")];
    config
}

pub(super) fn session(rig: &Rig) -> Session {
    Auth::new(config(rig)).unwrap().session().unwrap()
}

fn api(url: &str) -> Url {
    url.parse().unwrap()
}

pub(super) fn served(session: &Session) -> AccessToken {
    session.access_token().wait().unwrap()
}

/// Whether the refusal of `token` by `url` is answered with another one.
pub(super) fn retries(session: &Session, token: &AccessToken, url: &str) -> bool {
    matches!(session.challenged(token, url, 401, INVALID), AfterRefusal::Retry)
}

#[test]
fn a_refused_token_is_replaced_once_per_origin_and_minute() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    let first = served(&session);
    assert!(retries(&session, &first, "https://api.example/v1/things?x=1"));
    let second = served(&session);
    assert_ne!(first.expose(), second.expose());
    assert_eq!((rig.request_count(Endpoint::Token), served(&session).expose()), (1, second.expose()));

    assert!(!retries(&session, &second, "https://api.example/another/path"), "the same origin, within the minute");
    assert_eq!((served(&session).expose(), rig.request_count(Endpoint::Token)), (second.expose(), 1));
    assert!(retries(&session, &first, "https://api.example/"), "a slow request: its token has been replaced already");
    assert_eq!((served(&session).expose(), rig.request_count(Endpoint::Token)), (second.expose(), 1));

    assert!(retries(&session, &second, "https://files.example:8443/a"), "another origin");
    let third = served(&session);
    assert_eq!((third.expose() == second.expose(), rig.request_count(Endpoint::Token)), (false, 2));

    rig.clock.advance(S(59));
    assert!(!retries(&session, &third, "https://api.example/"));
    rig.clock.advance(S(1));
    assert!(retries(&session, &third, "https://api.example/"), "the minute is over");
    assert_ne!(served(&session).expose(), third.expose());
    assert_eq!((rig.request_count(Endpoint::Token), rig.server.counts().reuses), (3, 0));
}

#[test]
fn only_configured_origins_can_have_a_token_replaced() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    let first = served(&session);
    for url in [
        "https://evil.example/",
        "https://api.example.evil.example/",
        "http://api.example/v1",
        "https://api.example:8443/v1",
        "https://files.example/",
        "https://api.example@evil.example/",
        "data:text/plain,https://api.example/",
        "api.example/v1",
        "",
    ] {
        let after = [session.challenged(&first, url, 401, INVALID), session.refused(&first, url)];
        assert!(after.iter().all(|after| matches!(after, AfterRefusal::GiveUp)), "{url}");
    }
    let unconfigured = rig.auth().session().unwrap();
    assert!(!retries(&unconfigured, &first, "https://api.example/v1"), "no resources, no replacement");
    assert_eq!((served(&session).expose(), rig.request_count(Endpoint::Token)), (first.expose(), 0));
}

#[test]
fn a_missing_right_is_told_from_what_is_no_refusal() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    let first = served(&session);
    let after = |status, header| session.challenged(&first, "https://api.example/", status, header);
    for (status, header) in [
        (403, r#"Bearer error="insufficient_scope", scope="admin""#),
        (401, r#"Bearer error="insufficient_scope", scope="admin""#),
        (401, r#"Bearer error=insufficient_scope scope="a b" extra"#),
        (403, INVALID),
        (403, ""),
    ] {
        assert!(matches!(after(status, header), AfterRefusal::NotAllowed), "{status} {header}");
    }
    for (status, header) in [
        (400, r#"Bearer error="invalid_request""#),
        (401, r#"Basic realm="x""#),
        (500, ""),
        (200, INVALID),
        (401, r#"Bearer error="insufficient_user_authentication""#),
    ] {
        assert!(matches!(after(status, header), AfterRefusal::GiveUp), "{status} {header}");
    }
    assert_eq!((served(&session).expose(), rig.request_count(Endpoint::Token)), (first.expose(), 0));
    let bare = session.challenged(&first, "https://api.example/", 401, "");
    assert!(matches!(bare, AfterRefusal::Retry), "many resources send no header");
}

#[test]
fn a_fresh_token_that_is_refused_lacks_a_right() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    assert!(retries(&session, &served(&session), "https://api.example/"));
    let fresh = served(&session);
    for after in [
        session.challenged(&fresh, "https://api.example/", 401, INVALID),
        session.challenged(&fresh, "https://api.example/", 401, ""),
        session.refused(&fresh, "https://api.example/graphql"),
    ] {
        assert!(matches!(after, AfterRefusal::NotAllowed), "{after:?}");
    }
    assert_eq!((served(&session).expose(), rig.request_count(Endpoint::Token)), (fresh.expose(), 1));
}

#[test]
fn a_refusal_with_status_200_is_one_without_a_challenge() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    let first = served(&session);
    assert!(matches!(session.refused(&first, "https://api.example/graphql"), AfterRefusal::Retry));
    let second = served(&session);
    assert_ne!(first.expose(), second.expose());
    // A slow request: its token has been replaced already.
    assert!(matches!(session.refused(&first, "https://api.example/graphql"), AfterRefusal::Retry));
    // A token for another target is its caller's own.
    let mut request = TokenRequest::default();
    request = request.scopes("openid".parse().unwrap());
    let other = session.access_token_with(request).wait().unwrap();
    assert!(matches!(session.refused(&other, "https://api.example/graphql"), AfterRefusal::GiveUp));
}

#[test]
fn a_login_that_gives_no_better_token_has_to_be_made_again() {
    let url = "https://api.example/";
    // Without a refresh token.
    let rig = Rig::with(|behaviour| behaviour.refresh_token = false);
    rig.log_in();
    let without = session(&rig);
    let first = served(&without);
    assert!(matches!(without.challenged(&first, url, 401, INVALID), AfterRefusal::LogIn));
    assert_eq!(served(&without).expose(), first.expose(), "other resources may accept it");

    // Ended at the server.
    let rig = Rig::new();
    rig.log_in();
    let ended = session(&rig);
    let first = served(&ended);
    rig.server.revoke_everything();
    assert!(matches!(ended.refused(&first, url), AfterRefusal::Retry), "nobody knows it yet");
    assert!(ended.access_token().wait().unwrap_err().needs_login());
    let sent = rig.request_count(Endpoint::Token);
    assert!(matches!(ended.refused(&first, url), AfterRefusal::LogIn));
    assert!(matches!(session(&rig).challenged(&first, url, 401, ""), AfterRefusal::LogIn));

    // Logged out by another process.
    drop(rig.auth().logout(Logout::default()).wait().unwrap());
    assert!(matches!(ended.refused(&first, url), AfterRefusal::LogIn));
    assert_eq!(rig.request_count(Endpoint::Token), sent);
}

#[test]
fn a_step_up_is_a_login_that_asks_for_more() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), Some("work"));
    let auth = Auth::new(config(&rig)).unwrap();
    let session = auth.session().unwrap();
    let header =
        r#"Bearer error="insufficient_user_authentication", acr_values="phr mfa", max_age="300", scope="admin""#;
    let AfterRefusal::StepUp(step_up) = session.challenged(&served(&session), "https://api.example/", 401, header)
    else {
        panic!("no step-up")
    };
    assert_eq!((step_up.acr_values.as_deref(), step_up.max_age), (Some("phr mfa"), Some(S(300))));
    rig.server.approve_all();
    auth.login(step_up.login(Silent)).wait().unwrap();
    let sent = &rig.server.requests_to(Endpoint::DeviceAuthorization)[0];
    assert_eq!((sent.parameter("acr_values"), sent.parameter("max_age")), (Some("phr mfa"), Some("300")));
    assert_eq!(
        sent.parameter("scope"),
        Some("openid offline_access email"),
        "a resource does not choose what a person approves"
    );
    let contexts = rig.auth().contexts().unwrap();
    assert_eq!((contexts.len(), contexts[0].name.to_string().as_str()), (1, "work"));
}

#[test]
fn a_step_up_in_vain_is_not_asked_for_again() {
    let rig = Rig::new();
    rig.log_in();
    let auth = Auth::new(config(&rig)).unwrap();
    rig.server.approve_all();
    let header = r#"Bearer error="insufficient_user_authentication", max_age="0""#;
    let ask = |session: &Session| session.challenged(&served(session), "https://api.example/", 401, header);
    let session = auth.session().unwrap();
    assert!(matches!(ask(&session), AfterRefusal::StepUp(_)), "and the person leaves it");
    let AfterRefusal::StepUp(step_up) = ask(&session) else { panic!("they may try again") };
    let session = auth.login(step_up.login(Silent)).wait().unwrap();
    assert!(matches!(ask(&session), AfterRefusal::NotAllowed), "the person has just done it");
    rig.clock.advance(S(61));
    assert!(matches!(ask(&session), AfterRefusal::StepUp(_)));
}

#[test]
fn what_is_printed_of_refused_headers_is_no_secret() {
    let mut headers = http::HeaderMap::new();
    headers.insert("authorization", "Bearer s3cret".parse().unwrap());
    headers.insert("cookie", "sid=s3cret".parse().unwrap());
    assert_eq!(format!("{:?}", hallpass::refusal::SentToken::from(&headers)), "SentToken(_)");
}

#[test]
fn a_step_up_asks_for_no_more_scopes_than_the_login_had() {
    let rig = Rig::new();
    rig.server.approve_all();
    let auth = Auth::new(config(&rig)).unwrap();
    let session = auth.login(Login::new(Silent).scopes("openid")).wait().unwrap();
    rig.server.clear_requests();
    let header = r#"Bearer error="insufficient_user_authentication", max_age="0""#;
    let AfterRefusal::StepUp(step_up) = session.challenged(&served(&session), "https://api.example/", 401, header)
    else {
        panic!()
    };
    auth.login(step_up.login(Silent)).wait().unwrap();
    let sent = &rig.server.requests_to(Endpoint::DeviceAuthorization)[0];
    assert_eq!(sent.parameter("scope"), Some("openid"));
}

#[test]
fn challenges_are_read_as_servers_write_them() {
    for header in [
        r#"Bearer scope="" error="invalid_token" error_description="the token has expired""#,
        "Bearer error=\"invalid_token\", error_description=\"ung\u{fc}ltig\"",
        r#"Bearer error=invalid_token, error_description=The token expired"#,
        r#"Bearer error="invalid_token",error_description="a \"b\" c""#,
        r#"Bearer realm=https://api.example/x, error="invalid_token""#,
        r#"Negotiate, Bearer error="invalid_token""#,
        r#"Negotiate YII=, Bearer error="invalid_token""#,
    ] {
        let rig = Rig::new();
        rig.log_in();
        let session = session(&rig);
        let next = session.challenged(&served(&session), "https://api.example/", 401, header);
        assert!(matches!(next, AfterRefusal::Retry), "{header}");
    }
}
