//! The embedded server, strict and in order.
//!
//! | file | subject |
//! | --- | --- |
//! | `faults` | what goes wrong with a request, on order |
//! | `page` | the verification page |
//! | `raw` | requests as bytes, which no client of ours would send |

mod faults;
mod page;
pub(crate) mod raw;

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::raw::{CLIENT, DEVICE_CODE, exchange, login, post, refresh, server, server_behaviour, subject_of, userinfo};
use hallpass::clock::{Cancel, Clock as _};
use hallpass::testing::{Endpoint, ManualClock, Person};

#[test]
fn a_manual_clock_moves_only_when_told() {
    let clock = ManualClock::new();
    let (same, start) = (clock.clone(), clock.now());
    let (second, cancel) = (Duration::from_secs(1), Cancel::new());
    clock.advance(second);
    same.sleep(second, &cancel);
    cancel.cancel();
    same.sleep(second, &cancel);
    assert_eq!(clock.now(), start + 2 * second);
    assert_eq!(clock.slept(), [second]);
    clock.set(start);
    assert_eq!(same.now(), start);
}

#[test]
fn a_login_lives_from_the_device_code_to_the_revocation() -> io::Result<()> {
    let (server, clock) = server()?;
    let device = post(&server, "/device_authorization", &[CLIENT, ("scope", "openid email offline_access")])?;
    assert_eq!((device.status, device.json("interval")), (200, "5".into()));
    assert!(device.head.contains("cache-control: no-store"), "{}", device.head);
    let poll = [CLIENT, ("grant_type", DEVICE_CODE), ("device_code", &device.json("device_code"))];
    assert_eq!(post(&server, "/token", &poll)?.error(), (400, "authorization_pending".into()));

    let typed = device.json("user_code").to_lowercase().replace('-', "");
    assert!(server.approve_as(&typed, &Person::new("bob", "Bob Example", "bob@example.com")));
    assert!(!server.approve(&typed), "a code is decided once");
    clock.advance(Duration::from_secs(5));
    let tokens = post(&server, "/token", &poll)?;
    assert_eq!(tokens.json("scope"), "openid email offline_access");
    assert_eq!(subject_of(&tokens), "bob");

    let access_token = tokens.json("access_token");
    let claims = userinfo(&server, &access_token)?;
    assert_eq!((claims.json("sub"), claims.json("email")), ("bob".into(), "bob@example.com".into()));
    clock.advance(Duration::from_secs(3600));
    let expired = userinfo(&server, &access_token)?;
    assert_eq!(expired.status, 401);
    assert!(expired.head.contains("error=\"invalid_token\""), "{}", expired.head);

    let refreshed = refresh(&server, &tokens.json("refresh_token"), &[("scope", "openid")])?;
    assert_eq!((refreshed.status, refreshed.json("scope")), (200, "openid".into()));
    let newest = refreshed.json("refresh_token");
    assert_eq!(refresh(&server, &newest, &[("scope", "profile")])?.error(), (400, "invalid_scope".into()));
    assert_eq!(post(&server, "/revoke", &[CLIENT, ("token", "rt_nobody")])?.status, 200);
    assert_eq!(server.live_families(), 1);
    assert_eq!(post(&server, "/revoke", &[CLIENT, ("token", &newest)])?.status, 200);
    assert_eq!(server.live_families(), 0);
    assert_eq!(userinfo(&server, &refreshed.json("access_token"))?.status, 401);
    assert_eq!(refresh(&server, &newest, &[])?.error(), (400, "invalid_grant".into()));
    Ok(())
}

#[test]
fn a_poll_that_comes_too_early_slows_the_client_down_for_good() -> io::Result<()> {
    let (server, clock) = server()?;
    let device = post(&server, "/device_authorization", &[CLIENT])?;
    let poll = [CLIENT, ("grant_type", DEVICE_CODE), ("device_code", &device.json("device_code"))];
    let mut errors = Vec::new();
    for wait in [0, 4, 9, 14, 15, 15, 900] {
        clock.advance(Duration::from_secs(wait));
        errors.push(post(&server, "/token", &poll)?.json("error"));
    }
    // 4 < 5, 9 < 10, 14 < 15, and then the interval is 20.
    let (pending, slow) = ("authorization_pending", "slow_down");
    assert_eq!(errors, [pending, slow, slow, slow, slow, slow, "expired_token"]);
    assert_eq!(server.counts().slow_downs, 5);
    Ok(())
}

#[test]
fn a_spent_refresh_token_ends_the_family_after_its_grace() -> io::Result<()> {
    let (server, clock) = server()?;
    server.set_behaviour(|behaviour| behaviour.grace = Duration::from_secs(30));
    let first = login(&server)?.json("refresh_token");
    let second = refresh(&server, &first, &[])?.json("refresh_token");
    clock.advance(Duration::from_secs(29));
    let third = refresh(&server, &first, &[])?;
    assert_eq!((third.status, server.counts().reuses), (200, 0));
    assert!(server.is_live_refresh_token(&second));
    clock.advance(Duration::from_secs(1));
    assert_eq!(refresh(&server, &first, &[])?.error(), (400, "invalid_grant".into()));
    assert!(!server.is_live_refresh_token(&second) && !server.is_live_refresh_token(&third.json("refresh_token")));
    assert!(!server.is_live_access_token(&third.json("access_token")));
    assert_eq!((server.live_families(), server.counts().reuses), (0, 1));
    Ok(())
}

#[test]
fn a_device_code_is_used_once() -> io::Result<()> {
    let (server, _) = server()?;
    let tokens = login(&server)?;
    let seen = server.requests_to(Endpoint::Token);
    let device_code = seen.last().and_then(|poll| poll.parameter("device_code")).unwrap_or_default();
    let poll = [CLIENT, ("grant_type", DEVICE_CODE), ("device_code", device_code)];
    assert_eq!(post(&server, "/token", &poll)?.error(), (400, "invalid_grant".into()));
    assert!(!server.is_live_refresh_token(&tokens.json("refresh_token")));
    Ok(())
}

#[test]
fn requests_outside_the_rfcs_are_refused() -> io::Result<()> {
    let (server, _) = server()?;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let json = "Content-Type: application/json\r\n";
    let basic = format!("{form}Authorization: Basic {}\r\n", STANDARD.encode("acme-cli:secret"));
    let full = "client_id=acme-cli&grant_type=refresh_token&refresh_token=rt_x";
    let cases = [
        ("GET", "/token", "", "", 405, "invalid_request"),
        ("POST", "/token", json, "{}", 400, "invalid_request"),
        ("POST", "/token?refresh_token=rt_x", form, full, 400, "invalid_request"),
        ("POST", "/token", form, "client_id=acme-cli&client_id=acme-cli", 400, "invalid_request"),
        ("POST", "/token", form, "grant_type=refresh_token", 400, "invalid_request"),
        ("POST", "/token", form, "client_id=acme-cli", 400, "invalid_request"),
        ("POST", "/token", form, "client_id=acme-cli&grant_type=refresh_token&refresh_token=", 400, "invalid_request"),
        ("POST", "/token", form, "client_id=acme-cli&grant_type=password", 400, "unsupported_grant_type"),
        ("POST", "/token", form, "client_id=other&grant_type=refresh_token", 401, "invalid_client"),
        ("POST", "/token", &basic, full, 401, "invalid_client"),
        ("POST", "/token", form, full, 400, "invalid_grant"),
        ("POST", "/device_authorization", form, "client_id=acme-cli&scope=root", 400, "invalid_scope"),
        ("POST", "/revoke", form, "client_id=acme-cli", 400, "invalid_request"),
    ];
    for (method, path, headers, body, status, error) in cases {
        let reply = exchange(&server, method, path, headers, body)?;
        assert_eq!(reply.error(), (status, error.into()), "{method} {path} {body}");
    }
    server.set_behaviour(|behaviour| behaviour.client_secret = Some("secret".into()));
    assert_eq!(exchange(&server, "POST", "/token", form, full)?.error(), (401, "invalid_client".into()));
    assert_eq!(exchange(&server, "POST", "/token", &basic, full)?.error(), (400, "invalid_grant".into()));
    let posted = format!("{full}&client_secret=secret");
    assert_eq!(exchange(&server, "POST", "/token", form, &posted)?.error(), (400, "invalid_grant".into()));
    assert_eq!(exchange(&server, "POST", "/token", &basic, &posted)?.error(), (400, "invalid_request".into()));
    Ok(())
}

#[test]
fn nothing_secret_is_in_debug() -> io::Result<()> {
    let (server, _) = server()?;
    server.set_behaviour(|behaviour| behaviour.client_secret = Some("hunter2".into()));
    let headers = "Content-Type: application/x-www-form-urlencoded\r\nAuthorization: Bearer at_hunter2\r\n";
    exchange(&server, "POST", "/token?token=rt_hunter2", headers, "client_id=acme-cli&refresh_token=rt_hunter2")?;
    let text = format!("{server:?} {:?} {:?}", server.requests(), server_behaviour(&server));
    assert!(text.contains("acme-cli") && !text.contains("hunter2"), "{text}");
    assert_eq!(server.requests().first().and_then(|seen| seen.parameter("refresh_token")), Some("rt_hunter2"));
    server.clear_requests();
    assert!(server.requests().is_empty());
    Ok(())
}
