//! The headers of a request: `Session::authorization`, and what they are good for after a refusal.

use hallpass::{AfterRefusal, Auth, ErrorKind, Session};
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use crate::support::rig::{Rig, S, assert_error, token};

const API: &str = "https://api.example.com/me";

/// A login of a configuration that names the API.
fn logged_in() -> (Rig, Session) {
    let rig = Rig::new();
    rig.log_in();
    let mut config = rig.config();
    config.resources = vec![API.parse().unwrap()];
    let session = Auth::new(config).unwrap().session().unwrap();
    (rig, session)
}

fn bearer(text: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(text).unwrap())])
}

#[test]
fn the_headers_carry_the_token_and_are_marked_as_secret() {
    let (rig, session) = Rig::logged_in();
    let headers = session.authorization("GET", API).wait().unwrap();
    let value = &headers[AUTHORIZATION];
    assert_eq!(value.to_str().unwrap(), format!("Bearer {}", token(&session)));
    assert!(value.is_sensitive() && headers.len() == 1);
    assert!(!format!("{headers:?}").contains(&token(&session)));
    rig.clock.advance(S(3600));
    let later = session.authorization("POST", API).wait().unwrap();
    assert_ne!(later[AUTHORIZATION], *value, "an expired one is refreshed");
}

#[test]
fn a_token_goes_nowhere_in_the_clear() {
    let (rig, session) = Rig::expired();
    for (method, url) in [
        ("GET", "http://api.example.com/me"),
        ("GET", "https://alice:s3cret@api.example.com/me"),
        ("GET", "ftp://api.example.com/me"),
        ("GET", "/me?key=s3cret"),
        ("GET", "https://"),
        ("G ET", API),
        ("", API),
    ] {
        let error = session.authorization(method, url).wait().unwrap_err();
        assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
        assert!(error.to_string().starts_with("cannot authorize a request"), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    assert!(rig.server.requests().is_empty(), "nothing was fetched for it");
}

#[test]
fn plain_http_to_this_machine_takes_the_configuration_s_word() {
    let (rig, session) = Rig::logged_in();
    let url = format!("{}/userinfo", rig.server.issuer());
    assert!(session.authorization("GET", &url).wait().is_ok());
    let mut config = rig.config();
    config.issuer = "https://id.example.com".parse().unwrap();
    config.network.allow_loopback_http = false;
    config.environment.token = Some(std::sync::Arc::new(hallpass::secret::Secret::new("from-outside".into())));
    let session = Auth::new(config).unwrap().session().unwrap();
    assert!(session.authorization("GET", &url).wait().is_err());
    assert!(session.authorization("GET", API).wait().is_ok());
}

#[test]
fn refused_headers_are_replaced_as_their_token_is() {
    let (rig, session) = logged_in();
    let headers = session.authorization("GET", API).wait().unwrap();
    assert!(matches!(session.challenged(&headers, API, 401, ""), AfterRefusal::Retry));
    let again = session.authorization("GET", API).wait().unwrap();
    assert_ne!(again, headers);
    assert!(matches!(session.refused(&headers, API), AfterRefusal::Retry), "the old ones have been replaced");
    assert!(matches!(session.refused(&again, API), AfterRefusal::NotAllowed));
    assert_eq!(rig.server.counts().refreshes, 1);
}

#[test]
fn headers_without_our_token_have_nothing_replaced_twice() {
    let (rig, session) = logged_in();
    for headers in [HeaderMap::new(), bearer("Basic YTpi"), bearer("bearer")] {
        assert!(matches!(session.refused(&headers, API), AfterRefusal::GiveUp), "{headers:?}");
    }
    let own = token(&session);
    for _ in 0..3 {
        // Whoever sends another token than the session's gets the session's.
        let _ = session.refused(&bearer("Bearer of-somebody-else"), API);
        token(&session);
    }
    assert!(rig.server.counts().refreshes <= 1, "once a minute at most");
    assert_eq!(token(&session), own, "which was served all along");
}
