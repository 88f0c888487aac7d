//! A bad network ends no login as long as the code lives.

use std::io::copy;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use hallpass::clock::Cancel;
use hallpass::prompt::{Silent, WaitReason};
use hallpass::testing::{Endpoint, Fault};
use hallpass::{Auth, ErrorKind, Login};
use url::Url;

use crate::support::faults::json_body;
use crate::support::rig::{Rig, S, ScriptedPrompt, assert_error, on_wait, token};

fn busy(status: u16, retry_after: Option<u64>) -> Fault {
    Fault::Status {
        status,
        headers: retry_after.iter().map(|after| ("Retry-After".into(), after.to_string())).collect(),
        content_type: "text/html".into(),
        body: "<html>come back later</html>".into(),
    }
}

#[test]
fn a_poll_without_an_answer_does_not_end_the_login() {
    for fault in [
        Fault::CutBefore,
        Fault::Garbage,
        Fault::Hang,
        busy(500, None),
        busy(502, None),
        busy(503, None),
        busy(429, None),
        busy(408, None),
        Fault::error(500, "server_error"),
        Fault::error(503, "temporarily_unavailable"),
    ] {
        let rig = Rig::new();
        rig.server.approve_all();
        rig.server.inject(Endpoint::Token, fault.clone());
        let mut config = rig.config();
        config.network.request_timeout = Duration::from_millis(if fault == Fault::Hang { 300 } else { 20_000 });
        let start = rig.now();
        let prompt = ScriptedPrompt::recording();
        let login = Auth::new(config).unwrap().login(Login::new(prompt.clone())).wait();
        assert!(login.is_ok(), "{fault:?}: {login:?}");
        // RFC 8628 §3.5: the polling frequency goes down, "such as doubling the polling interval".
        assert_eq!(rig.gaps(start), [5, 10], "{fault:?}");
        let reasons: Vec<_> = prompt.waits().iter().map(|wait| wait.reason).collect();
        assert_eq!(reasons, [WaitReason::Pending, WaitReason::Unreachable], "{fault:?}");
    }
}

#[test]
fn a_pending_reply_that_is_cut_in_half_does_not_end_the_login() {
    let rig = Rig::new();
    rig.server.inject(Endpoint::Token, Fault::TruncatedReply);
    let start = rig.now();
    rig.auth().login(Login::new(rig.approves_at(2))).wait().unwrap();
    assert_eq!(rig.gaps(start), [5, 10]);
}

#[test]
fn an_html_page_in_mid_poll_does_not_end_the_login() {
    let rig = Rig::new();
    for status in [403, 404] {
        rig.server.inject(Endpoint::Token, json_body(status, "<html>"));
        token(&rig.try_log_in(|_| {}).unwrap());
    }
}

#[test]
fn a_refused_connection_does_not_end_the_login() {
    let rig = Rig::new();
    rig.server.approve_all();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut config = rig.config();
    config.endpoints.token = Some(Url::parse(&format!("http://{address}/token")).unwrap());
    let server = rig.server.issuer().trim_start_matches("http://").to_owned();
    let prompt = on_wait(move |count| {
        if count == 3 {
            let listener = TcpListener::bind(address).unwrap();
            let server = server.clone();
            thread::spawn(move || forward(&listener, &server));
        }
    });
    let start = rig.now();
    Auth::new(config).unwrap().login(Login::new(prompt)).wait().unwrap();
    assert_eq!(rig.gaps(start), [5 + 10 + 20], "only the third poll arrived");
}

/// Hands one connection on to the server.
fn forward(listener: &TcpListener, server: &str) {
    let (client, _) = listener.accept().unwrap();
    let server = TcpStream::connect(server).unwrap();
    let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || copy(&mut from_client, &mut to_server));
    let (mut from_server, mut to_client) = (server, client);
    let _ = copy(&mut from_server, &mut to_client);
}

#[test]
fn the_wait_grows_until_the_server_answers_again() {
    let rig = Rig::new();
    (0..5).for_each(|_| rig.server.inject(Endpoint::Token, busy(503, None)));
    let start = rig.now();
    rig.auth().login(Login::new(rig.approves_at(8))).wait().unwrap();
    assert_eq!(rig.gaps(start), [5, 10, 20, 40, 60, 60, 5, 5]);
}

#[test]
fn retry_after_is_honoured() {
    for (status, after, gap) in [(503, 120, 120), (429, 90, 90), (503, 1, 10)] {
        let rig = Rig::new();
        rig.server.approve_all();
        rig.server.inject(Endpoint::Token, busy(status, Some(after)));
        let start = rig.now();
        rig.auth().login(Login::new(Silent)).wait().unwrap();
        assert_eq!(rig.gaps(start), [5, gap], "{status} {after}");
    }
}

#[test]
fn a_huge_retry_after_leaves_room_for_a_last_poll() {
    let rig = Rig::new();
    rig.server.approve_all();
    rig.server.inject(Endpoint::Token, busy(503, Some(80_000)));
    let start = rig.now();
    // At the very end of its life the server no longer takes the code; that it was asked is what counts.
    let login = rig.auth().login(Login::new(Silent)).wait();
    assert_eq!(rig.gaps(start), [5, 895]);
    assert_error(&login.unwrap_err(), ErrorKind::CodeExpired, Some("log_in"), 1);
}

#[test]
fn the_error_says_that_the_server_stayed_away() {
    let rig = Rig::new();
    rig.server.inject_always(Endpoint::Token, Fault::CutBefore);
    let error = rig.auth().login(Login::new(Silent)).wait().unwrap_err();
    assert_error(&error, ErrorKind::Unreachable, Some("log_in"), 5);
    assert!(format!("{error:?}").contains("because:"), "{error:?}");
    assert!(rig.request_count(Endpoint::Token) > 10);
    rig.assert_nothing_left("away");
}

#[test]
fn a_cancel_ends_a_request_that_hangs() {
    let rig = Rig::new();
    rig.server.inject_always(Endpoint::Token, Fault::Hang);
    let auth = rig.auth();
    let cancel = Cancel::new();
    let login = crate::support::rig::begun(auth.login(Login::new(Silent).cancel(cancel.clone())));
    crate::support::rig::until("the poll", || !rig.server.requests_to(Endpoint::Token).is_empty());
    cancel.cancel();
    let error = login.wait().unwrap_err();
    assert_error(&error, ErrorKind::Cancelled, None, 130);
    assert!(auth.shutdown(S(0)));
    rig.assert_nothing_left("hang");
}

#[test]
fn requests_name_the_host_s_user_agent() {
    let rig = Rig::new();
    let version = env!("CARGO_PKG_VERSION");
    for (own, sent) in [(None, "acme"), (Some("railway/4.0 (linux)"), "railway/4.0 (linux)")] {
        rig.server.clear_requests();
        rig.try_log_in(|config| config.user_agent = own.map(str::to_owned)).unwrap();
        let sent = format!("{sent} hallpass/{version}");
        assert!(rig.server.requests().iter().all(|seen| seen.user_agent.as_ref() == Some(&sent)));
    }
    for bad in ["", "two\nlines", "\u{e4}"] {
        let error = rig.try_log_in(|config| config.user_agent = Some(bad.into())).unwrap_err();
        assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
    }
}
