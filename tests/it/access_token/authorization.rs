//! `Session::authorization`: the headers of a request, and what is done with them after a refusal.

use hallpass::testing::Endpoint;
use hallpass::{AfterRefusal, Auth, ErrorKind};
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::challenge::{INVALID, config, served, session};
use crate::support::rig::{Rig, S, assert_error, token};

const API: &str = "https://api.example/v1/things";

fn headers(text: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(text))])
}

#[test]
fn the_header_carries_the_token_and_is_sensitive() {
    let (_rig, session) = Rig::logged_in();
    let headers = session.authorization("GET", API).wait().unwrap();
    assert_eq!((headers.len(), headers[AUTHORIZATION].to_str().unwrap()), (1, &*format!("Bearer {}", token(&session))));
    assert!(headers[AUTHORIZATION].is_sensitive() && headers.clone()[AUTHORIZATION].is_sensitive());
    assert!(!format!("{headers:?}").contains(&token(&session)));
}

#[test]
fn a_request_that_may_carry_no_token_gets_none() {
    let (rig, session) = Rig::expired();
    for (method, url) in [
        ("", API),
        ("GET /", API),
        ("GET\r\nHost: evil", API),
        ("GET", ""),
        ("GET", "api.example/v1"),
        ("GET", "https://"),
        ("GET", "https://api.example:port/"),
        ("GET", "http://api.example/"),
        ("GET", "http://localhost.example/"),
        ("GET", "ftp://api.example/"),
        ("GET", "data:text/plain,x"),
        ("GET", "https://user@api.example/"),
        ("GET", "https://:secret@api.example/"),
    ] {
        let error = session.authorization(method, url).wait().unwrap_err();
        assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
        assert!(!format!("{error}{error:?}").contains("secret"), "{error:?}");
        assert!(error.to_string().starts_with("cannot authorize a request"), "{error}");
    }
    assert_eq!(rig.server.requests(), [], "and nothing is refreshed for it");
    for method in ["GET", "POST", "PROPFIND", "get"] {
        assert!(session.authorization(method, API).wait().is_ok(), "{method}");
    }
}

#[test]
fn plain_http_to_this_machine_is_allowed_by_the_configuration() {
    let rig = Rig::new();
    rig.log_in();
    let local = ["http://127.0.0.1:8080/", "http://[::1]/", "http://localhost:3000/x"];
    let session = rig.auth().session().unwrap();
    for url in local {
        assert!(session.authorization("GET", url).wait().is_ok(), "{url}");
    }
    assert!(session.authorization("GET", "http://user@127.0.0.1/").wait().is_err());
    // The issuer of the embedded server is plain http too.
    let mut config = rig.config();
    config.issuer = "https://id.example.com".parse().unwrap();
    config.network.allow_loopback_http = false;
    config.environment.token = Some(std::sync::Arc::new(hallpass::secret::Secret::new("given".into())));
    let strict = Auth::new(config).unwrap().session().unwrap();
    for url in local {
        let error = strict.authorization("GET", url).wait().unwrap_err();
        assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
    }
    assert_eq!(strict.authorization("GET", API).wait().unwrap()[AUTHORIZATION], "Bearer given");
}

#[test]
fn refused_headers_are_replaced_like_their_token() {
    for ask in [
        |session: &hallpass::Session, sent: &HeaderMap| session.challenged(sent, API, 401, INVALID),
        |session: &hallpass::Session, sent: &HeaderMap| session.refused(sent, API),
    ] {
        let rig = Rig::new();
        rig.log_in();
        let session = session(&rig);
        let sent = session.authorization("GET", API).wait().unwrap();
        assert!(matches!(ask(&session, &sent), AfterRefusal::Retry));
        let again = session.authorization("GET", API).wait().unwrap();
        assert_ne!(sent, again);
        assert!(matches!(ask(&session, &sent), AfterRefusal::Retry), "a slow request: it has been replaced already");
        assert!(matches!(ask(&session, &again), AfterRefusal::NotAllowed), "within the minute");
        assert!(matches!(session.refused(&served(&session), API), AfterRefusal::NotAllowed), "and by token too");
        assert_eq!(rig.request_count(Endpoint::Token), 1);
    }
}

#[test]
fn headers_without_a_bearer_token_give_up() {
    let rig = Rig::new();
    rig.log_in();
    let session = session(&rig);
    for sent in [HeaderMap::new(), headers("Basic YWxpY2U6cHc="), headers("Bearer"), headers("token x")] {
        let after = [session.challenged(&sent, API, 401, INVALID), session.refused(&sent, API)];
        assert!(after.iter().all(|after| matches!(after, AfterRefusal::GiveUp)), "{sent:?}: {after:?}");
    }
    served(&session);
    assert_eq!(rig.server.requests(), []);
}

/// A host that sends a token of somebody else, and asks us about its refusal, must not have our login refreshed each time.
#[test]
fn a_foreign_token_costs_at_most_one_refresh_a_minute() {
    let rig = Rig::new();
    rig.log_in();
    let session = Auth::new(config(&rig)).unwrap().session().unwrap();
    for (minute, is_cached) in [(0, false), (1, true), (2, true)] {
        for _ in 0..5 {
            let _ = session.refused(&headers("Bearer foreign"), API);
            served(&session);
            assert_eq!(served(&session).expose(), token(&session));
        }
        assert!(rig.request_count(Endpoint::Token) <= minute + 1, "cached before: {is_cached}");
        rig.clock.advance(S(60));
    }
    assert_eq!(rig.server.counts().reuses, 0);
}
