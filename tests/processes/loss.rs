//! Replies that do not come, or come wrong, while a token has expired or is about to. No network error ends a login: the next
//! call with a server that is well works, unless that server has rotated and takes no token twice, and then the error says so.

use std::time::Duration;

use hallpass::testing::{Endpoint, Fault};

use crate::needs::Need::Keyring;
use crate::process::Run;
use crate::relay::Relay;
use crate::rig::{Rig, Server, among_others, seconds_since_1970};
use crate::table::{Column, on_both_servers};

/// How long the access tokens live here, in seconds.
const LIFETIME: u64 = 3600;

/// How good the token is when the reply is lost.
#[derive(Clone, Copy, PartialEq)]
enum Token {
    Expired,
    /// A new one is needed.
    InItsLastSeconds,
    /// A new one is fetched early.
    NearItsEnd,
}

/// What happens to every request, until the server is well again.
#[derive(Clone, Debug)]
enum Trouble {
    Refused,
    Reset,
    Fault(Fault),
}

fn troubles() -> Vec<(&'static str, Trouble, &'static str)> {
    let retry_after = Fault::Status {
        status: 503,
        headers: vec![("Retry-After".into(), "7".into())],
        content_type: "text/plain".into(),
        body: String::new(),
    };
    // With the kind of the error where no valid token is left.
    vec![
        ("connection refused", Trouble::Refused, "unreachable"),
        ("connection reset", Trouble::Reset, "unreachable"),
        ("500", Trouble::Fault(Fault::status(500)), "unreachable"),
        ("503 with Retry-After", Trouble::Fault(retry_after), "unreachable"),
        ("lost before rotating", Trouble::Fault(Fault::CutBefore), "unreachable"),
        ("lost after rotating", Trouble::Fault(Fault::LoseReply), "unreachable"),
        ("truncated", Trouble::Fault(Fault::TruncatedReply), "unreachable"),
        ("timeout before rotating", Trouble::Fault(Fault::Hang), "unreachable"),
        ("timeout after rotating", Trouble::Fault(Fault::DelayReply(Duration::from_secs(4))), "unreachable"),
        ("garbage", Trouble::Fault(Fault::Garbage), "unreachable"),
        ("a page", Trouble::Fault(Fault::HtmlReply), "unreachable"),
        ("another subject", Trouble::Fault(Fault::OtherSubject("mallory".into())), "protocol"),
    ]
}

#[test]
fn no_lost_reply_ends_a_live_login() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    on_both_servers("a refresh in trouble, and the next call once the server is well", |server| {
        let rig = Rig::new(server);
        let mut relay = Relay::to(rig.server.issuer());
        let mut column = Column::new();
        for (name, trouble, kind) in troubles() {
            let tokens = [
                (Token::Expired, "token expired"),
                (Token::InItsLastSeconds, "5 s left"),
                (Token::NearItsEnd, "100 s left"),
            ];
            for (token, left) in tokens {
                let outcome = case(&rig, &mut relay, &trouble, kind, token);
                column.push((format!("{name}, {left}"), outcome));
            }
        }
        column
    });
}

/// A reply that is lost once, with no valid token left, is asked for again at once.
#[test]
fn a_reply_lost_once_is_retried_at_once() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    on_both_servers("a refresh whose first reply is lost", |server| {
        let rig = Rig::logged_in(server);
        let faults = [("lost before rotating", Fault::CutBefore), ("lost after rotating", Fault::LoseReply)];
        let outcome = |(name, fault): (&str, Fault)| {
            rig.expire(&rig.acme());
            let before = rig.rotations();
            rig.server.inject(Endpoint::Token, fault);
            let run = rig.acme().run(&["auth", "token", "--json"]);
            let spent = rig.rotations() > before && server == Server::Strict && name == "lost after rotating";
            let outcome = match spent {
                false => {
                    assert!(served(&rig, &run).is_some(), "{run}");
                    "works at the second try"
                }
                true => {
                    run.exits(4).fails_with("interrupted", "login");
                    "exit 4 (interrupted)"
                }
            };
            (name.to_owned(), outcome.to_owned())
        };
        faults.map(outcome).into()
    });
}

fn case(rig: &Rig, relay: &mut Relay, trouble: &Trouble, kind: &str, token: Token) -> String {
    let login = seconds_since_1970();
    let relayed = |seconds: u64| {
        let acme = rig.acme().with("ACME_CLOCK", &(login + seconds).to_string());
        acme.with("ACME_TOKEN_ENDPOINT", &relay.url("/token")).with("ACME_REQUEST_TIMEOUT", "1")
    };
    let begin = match token {
        Token::Expired => LIFETIME + 10,
        Token::InItsLastSeconds => LIFETIME - 5,
        Token::NearItsEnd => LIFETIME - 100,
    };
    let (at_login, now, later) = (relayed(0), relayed(begin), relayed(LIFETIME + 120));
    at_login.run(&["auth", "login", "--json"]).exits(0);
    let old = served(rig, &at_login.run(&["auth", "token", "--json"])).unwrap();

    let requests = || rig.server.requests_to(Endpoint::Token).len();
    let (rotations_before, requests_before) = (rig.rotations(), requests());
    trouble.begins(rig, relay);
    let first = now.run(&["auth", "token", "--json"]);
    let told = match token {
        Token::Expired => {
            assert!(matches!(first.code, Some(1 | 5)), "{first}");
            first.fails_with(kind, "");
            format!("exit {} ({kind})", first.code.unwrap())
        }
        Token::InItsLastSeconds | Token::NearItsEnd => {
            assert_eq!(served(rig, &first).as_ref(), Some(&old), "what still works is served: {first}");
            let asked = requests() - requests_before;
            let expected = if matches!(trouble, Trouble::Fault(_)) { 1 } else { 0 };
            assert_eq!(asked, expected, "a lost reply is not asked for again while a valid token is left: {first}");
            "serves the valid token".to_owned()
        }
    };
    trouble.ends(rig, relay);
    if token == Token::NearItsEnd {
        // An answer that was lost is asked for again only at the token's end: where re-use ends a login, that ends the token too.
        let again = now.run(&["auth", "token", "--json"]);
        assert!(served(rig, &again).is_some(), "the valid token was ended: {again}");
    }

    let rotated = rig.rotations() > rotations_before;
    let next = later.run(&["auth", "token", "--json"]);
    if rotated && rig.kind == Server::Strict && next.code == Some(4) {
        next.fails_with("interrupted", "login");
        return format!("{told}; then exit 4 (interrupted)");
    }
    assert_ne!(served(rig, &next), Some(old), "the next call has no new token: {next}");
    format!("{told}; then works")
}

/// The token that a run printed, if the server takes it.
#[track_caller]
fn served(rig: &Rig, run: &Run) -> Option<String> {
    assert_eq!(run.code, Some(0), "{run}");
    let token = run.json().pop().unwrap()["access_token"].as_str().unwrap().to_owned();
    rig.takes(&token).then_some(token)
}

impl Trouble {
    fn begins(&self, rig: &Rig, relay: &mut Relay) {
        match self {
            Self::Refused => relay.close(),
            Self::Reset => relay.resets(true),
            Self::Fault(fault) => rig.server.inject_always(Endpoint::Token, fault.clone()),
        }
    }

    fn ends(&self, rig: &Rig, relay: &mut Relay) {
        relay.open();
        relay.resets(false);
        rig.server.clear_faults();
    }
}
