//! A resource refuses a token: [`Session::challenged`](hallpass::Session::challenged).

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use hallpass::blocking::wait;
use hallpass::prompt::Silent;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{AccessToken, AfterRefusal, Auth, Config, ErrorKind, Secret, Session};
use url::Url;

use crate::support::rig::{Rig, S, assert_error, token};

const INVALID: &str = r#"Bearer realm="api", error="invalid_token", error_description="it was revoked""#;

/// With two APIs.
fn config(rig: &Rig) -> Config {
    let mut config = rig.config();
    config.resources = vec![api("https://api.example/v1"), api("https://files.example:8443/")];
    config
}

fn session(rig: &Rig) -> Session {
    Auth::new(config(rig)).unwrap().session().unwrap()
}

fn api(url: &str) -> Url {
    url.parse().unwrap()
}

fn served(session: &Session) -> AccessToken {
    wait(session.access_token()).unwrap()
}

/// Whether the refusal of `token` by `url` is answered with another one.
fn retries(session: &Session, token: &AccessToken, url: &str) -> bool {
    matches!(session.challenged(token, &api(url), 401, INVALID), AfterRefusal::Retry)
}

fn asked(rig: &Rig) -> usize {
    rig.server.requests_to(Endpoint::Token).len()
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
    assert_eq!((asked(&rig), served(&session).expose()), (1, second.expose()));

    assert!(!retries(&session, &second, "https://api.example/another/path"), "the same origin, within the minute");
    assert_eq!((served(&session).expose(), asked(&rig)), (second.expose(), 1));
    assert!(retries(&session, &first, "https://api.example/"), "a slow request: its token has been replaced already");
    assert_eq!((served(&session).expose(), asked(&rig)), (second.expose(), 1));

    assert!(retries(&session, &second, "https://files.example:8443/a"), "another origin");
    let third = served(&session);
    assert_eq!((third.expose() == second.expose(), asked(&rig)), (false, 2));

    rig.clock.advance(S(59));
    assert!(!retries(&session, &third, "https://api.example/"));
    rig.clock.advance(S(1));
    assert!(retries(&session, &third, "https://api.example/"), "the minute is over");
    assert_ne!(served(&session).expose(), third.expose());
    assert_eq!((asked(&rig), rig.server.counts().reuses), (3, 0));
}

#[test]
fn a_clock_that_was_set_back_makes_no_minute_longer() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    assert!(retries(&session, &served(&session), "https://api.example/"));
    let second = served(&session);
    rig.clock.set(rig.now() - S(30));
    assert!(retries(&session, &second, "https://api.example/"));
}

#[test]
fn only_the_origins_of_the_configuration_are_listened_to() {
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
    ] {
        assert!(!retries(&session, &first, url), "{url}");
    }
    let unconfigured = rig.auth().session().unwrap();
    assert!(!retries(&unconfigured, &first, "https://api.example/v1"), "no resources, no replacement");
    assert_eq!((served(&session).expose(), asked(&rig)), (first.expose(), 0));
}

#[test]
fn what_another_token_would_not_help_is_given_up() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    let first = served(&session);
    for (status, header) in [
        (403, r#"Bearer error="insufficient_scope", scope="admin""#),
        (401, r#"Bearer error="insufficient_scope", scope="admin""#),
        (403, INVALID),
        (400, r#"Bearer error="invalid_request""#),
        (401, r#"Basic realm="x""#),
        (500, ""),
        (200, INVALID),
        (401, r#"Bearer error="insufficient_user_authentication""#),
    ] {
        let next = session.challenged(&first, &api("https://api.example/"), status, header);
        assert!(matches!(next, AfterRefusal::GiveUp), "{status} {header}: {next:?}");
    }
    assert_eq!((served(&session).expose(), asked(&rig)), (first.expose(), 0));
    let bare = session.challenged(&first, &api("https://api.example/"), 401, "");
    assert!(matches!(bare, AfterRefusal::Retry), "many resources send no header");
}

#[test]
fn a_step_up_is_a_login_that_asks_for_more() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), Some("work"));
    let auth = Auth::new(config(&rig)).unwrap();
    let session = auth.session().unwrap();
    let header =
        r#"Bearer error="insufficient_user_authentication", acr_values="phr mfa", max_age="300", scope="admin""#;
    let AfterRefusal::StepUp(request) =
        session.challenged(&served(&session), &api("https://api.example/"), 401, header)
    else {
        panic!("no step-up")
    };
    assert_eq!(request.context.as_ref().map(|name| name.to_string()).as_deref(), Some("work"));
    assert_eq!((request.acr_values.as_deref(), request.max_age), (Some("phr mfa"), Some(S(300))));
    let asked_for = request.scopes.as_ref().map(ToString::to_string);
    assert_eq!(
        asked_for.as_deref(),
        Some("openid offline_access email"),
        "a resource does not choose what a person approves"
    );
    assert!(!request.replace);
    rig.server.approve_all();
    wait(auth.login(request, Arc::new(Silent))).unwrap();
    let sent = &rig.server.requests_to(Endpoint::DeviceAuthorization)[0];
    assert_eq!((sent.parameter("acr_values"), sent.parameter("max_age")), (Some("phr mfa"), Some("300")));
    assert!(!sent.parameter("scope").unwrap().contains("admin"));
    let contexts = rig.auth().contexts().unwrap();
    assert_eq!((contexts.len(), contexts[0].name.to_string().as_str()), (1, "work"));
}

#[test]
fn forty_processes_whose_token_was_refused_make_one_refresh() {
    let rig = Rig::new();
    rig.log_in();
    rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(50)));
    let barrier = Arc::new(Barrier::new(40));
    let threads: Vec<_> = (0..40)
        .map(|_| {
            let (session, barrier) = (session(&rig), barrier.clone());
            thread::spawn(move || {
                let first = served(&session);
                barrier.wait();
                assert!(retries(&session, &first, "https://api.example/"));
                let second = token(&session);
                assert_ne!(second, first.expose());
                second
            })
        })
        .collect();
    let mut tokens: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    tokens.dedup();
    assert_eq!((tokens.len(), asked(&rig), rig.server.counts().reuses), (1, 1, 0));
}

#[test]
fn a_replacement_that_fails_says_why_and_does_not_serve_the_refused_token() {
    for (foretold, kind) in [(None, ErrorKind::Expired), (Some(86_400), ErrorKind::Revoked)] {
        let rig = Rig::new();
        if let Some(seconds) = foretold {
            rig.server.inject(Endpoint::Token, Fault::ReplyField("refresh_expires_in".into(), seconds.into()));
        }
        rig.try_log_in(|_| {}).unwrap();
        let session = session(&rig);
        let first = served(&session);
        rig.server.revoke_everything();
        assert!(retries(&session, &first, "https://api.example/"));
        assert_error(&wait(session.access_token()).unwrap_err(), kind, Some("log_in"), 4);
        // Who tries again is told again, and never served what was refused.
        assert!(retries(&session, &first, "https://api.example/"));
        assert_error(&wait(session.access_token()).unwrap_err(), kind, Some("log_in"), 4);
    }
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    let first = served(&session);
    rig.server.inject_always(Endpoint::Token, Fault::status(503));
    assert!(retries(&session, &first, "https://api.example/"));
    assert_error(&wait(session.access_token()).unwrap_err(), ErrorKind::Unreachable, Some("retry"), 5);
}

#[test]
fn a_refused_token_of_a_login_that_has_ended_is_not_served_again() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    let first = served(&session);
    rig.server.revoke_everything();
    assert!(retries(&session, &first, "https://api.example/"));
    for _ in 0..2 {
        assert_error(&wait(session.access_token()).unwrap_err(), ErrorKind::Expired, Some("log_in"), 4);
    }
}

#[test]
fn a_token_from_the_environment_is_never_replaced() {
    let rig = Rig::new();
    rig.log_in();
    let mut config = config(&rig);
    config.environment.token = Some(Arc::new(Secret::new("given".into())));
    let session = Auth::new(config).unwrap().session().unwrap();
    assert!(!retries(&session, &served(&session), "https://api.example/"));
    let step_up = r#"Bearer error="insufficient_user_authentication", max_age="0""#;
    let next = session.challenged(&served(&session), &api("https://api.example/"), 401, step_up);
    assert!(matches!(next, AfterRefusal::GiveUp));
    assert_eq!((token(&session).as_str(), asked(&rig)), ("given", 0));
}
