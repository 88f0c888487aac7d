//! A server that is only away for a moment: tried again within the call, and left alone as long as it asks for.

use std::time::Duration;

use hallpass::testing::{Endpoint, Fault};
use hallpass::{ErrorKind, Remedy};

use crate::support::faults::with_headers;
use crate::support::rig::{Rig, S, assert_error, forced, token};

#[test]
fn a_short_outage_is_retried_within_the_call() {
    let ms = Duration::from_millis;
    let soon = |value: &str| with_headers(503, &[("Retry-After", value)], "");
    for (fault, slept) in [
        (Fault::status(503), vec![ms(500), S(1), S(2)]),
        (Fault::status(429), vec![ms(500), S(1), S(2)]),
        (soon("3"), vec![S(3), S(3), S(3)]),
        (soon("11"), vec![]),
    ] {
        let (rig, session) = Rig::expired();
        let before = rig.clock.slept().len();
        slept.iter().for_each(|_| rig.server.inject(Endpoint::Token, fault.clone()));
        if slept.is_empty() {
            rig.server.inject(Endpoint::Token, fault.clone());
            assert_eq!(
                session.access_token().wait().unwrap_err().remedy(),
                Some(&Remedy::Retry { after: Some(S(11)) })
            );
            continue;
        }
        token(&session);
        let waited: Duration = rig.clock.slept()[before..].iter().sum();
        assert_eq!(waited, slept.iter().sum(), "{fault:?}");
        assert_eq!((rig.request_count(Endpoint::Token), rig.server.counts().reuses), (4, 0));
    }
}

#[test]
fn retries_end_after_three_or_after_ten_seconds() {
    let (rig, session) = Rig::expired();
    rig.server.inject_always(Endpoint::Token, Fault::status(503));
    assert_error(&session.access_token().wait().unwrap_err(), ErrorKind::Unreachable, Some("retry"), 5);
    assert_eq!(rig.request_count(Endpoint::Token), 4);
    rig.server.clear_requests();
    rig.server.inject_always(Endpoint::Token, with_headers(503, &[("Retry-After", "6")], ""));
    rig.clock.advance(S(60));
    session.access_token().wait().unwrap_err();
    assert_eq!(rig.request_count(Endpoint::Token), 2);
}

#[test]
fn a_valid_token_or_a_possible_rotation_stops_retries() {
    let (rig, session) = Rig::logged_in();
    rig.server.inject_always(Endpoint::Token, Fault::status(503));
    rig.clock.advance(S(3595));
    token(&session);
    assert_eq!(rig.request_count(Endpoint::Token), 1);
    rig.server.clear_requests();
    rig.clock.advance(S(60));
    rig.server.inject_always(Endpoint::Token, Fault::status(502));
    session.access_token().wait().unwrap_err();
    assert_eq!(rig.request_count(Endpoint::Token), 1);
}

#[test]
fn a_retry_after_date_is_read_by_the_servers_clock() {
    let (rig, session) = Rig::expired();
    let date = |seconds: u64| httpdate::fmt_http_date(std::time::SystemTime::UNIX_EPOCH + S(4_000_000_000 + seconds));
    let headers = [("Date", date(0)), ("Retry-After", date(30))];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    rig.server.inject(Endpoint::Token, with_headers(429, &headers, ""));
    let error = session.access_token().wait().unwrap_err();
    assert_eq!(error.remedy(), Some(&Remedy::Retry { after: Some(S(30)) }), "{error:?}");
}

#[test]
fn retry_after_pauses_all_processes_for_a_minute_at_most() {
    for (status, after, heeded) in [(503, 20, 20), (429, 20, 20), (503, 3600, 60), (429, 3600, 60)] {
        let (rig, session) = Rig::logged_in();
        rig.clock.advance(S(4000));
        let mut fault = Fault::status(status);
        if let Fault::Status { headers, .. } = &mut fault {
            headers.push(("Retry-After".into(), after.to_string()));
        }
        rig.server.inject(Endpoint::Token, fault);
        let refused = |expected| {
            for session in [session.clone(), rig.auth().session().unwrap()] {
                for error in [session.access_token().wait().unwrap_err(), forced(&session).unwrap_err()] {
                    assert_error(&error, ErrorKind::Unreachable, Some("retry"), 5);
                    let Some(Remedy::Retry { after: Some(after) }) = error.remedy() else { panic!("{error:?}") };
                    assert!(
                        after == &S(expected) || rig.request_count(Endpoint::Token) == 1 && after <= &S(3600),
                        "{after:?}"
                    );
                }
            }
        };
        refused(heeded);
        rig.clock.advance(S(heeded - 1));
        refused(1);
        assert_eq!(rig.request_count(Endpoint::Token), 1, "{status} {after}");
        rig.clock.advance(S(1));
        assert!(rig.server.is_live_access_token(&token(&session)), "{status} {after}");
        assert_eq!((rig.request_count(Endpoint::Token), rig.server.counts().reuses), (2, 0));
    }
}

#[test]
fn retry_after_is_kept_to_the_last_second() {
    let (rig, session) = Rig::logged_in();
    rig.clock.advance(S(4000) + Duration::from_millis(900));
    let mut fault = Fault::status(429);
    if let Fault::Status { headers, .. } = &mut fault {
        headers.push(("Retry-After".into(), "20".into()));
    }
    rig.server.inject(Endpoint::Token, fault);
    assert!(session.access_token().wait().is_err());
    rig.clock.advance(Duration::from_millis(19_500));
    assert!(session.access_token().wait().is_err());
    assert_eq!(rig.request_count(Endpoint::Token), 1);
}
