//! Replies of servers and resources.
#![allow(clippy::expect_used, reason = "what is expected here is what is checked")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use url::Url;

use super::{CLIENT_SECRET, Members, SENT, assert_quotes_nothing_sent, assert_reveals_no_secret, object, printed};
use crate::model::account::is_subject;
use crate::model::error::Error;
use crate::model::ids::{Issuer, has_user_info, is_loopback};
use crate::model::sanitize::is_plain;
use crate::model::scopes::Scopes;
use crate::model::secret::Secret;
use crate::oauth::challenge::{self, Demand};
use crate::oauth::client_auth::Client;
use crate::oauth::device::DeviceAuthorizationRequest;
use crate::oauth::device_polling::Poll;
use crate::oauth::id_token;
use crate::oauth::metadata::{Endpoints, discover, userinfo_endpoint};
use crate::oauth::pkce::Pkce;
use crate::oauth::token_endpoint::{Grant, RequestedAccess, TokenEndpoint, TokenReply};
use crate::system::clock::Cancel;
use crate::system::http::{Http, Settings};

const ISSUER: &str = "https://id.example.com";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const TEN_YEARS: Duration = Duration::from_secs(3653 * 24 * 60 * 60);

/// A status on its own line and the value of `WWW-Authenticate`.
pub fn challenge(bytes: &[u8]) {
    let (status, header) = reply(bytes);
    let header = String::from_utf8_lossy(&header);
    match challenge::read(status, &header) {
        Demand::Other => {}
        Demand::MoreRights => assert!(matches!(status, 401 | 403), "{status}"),
        Demand::AnotherToken => {
            assert_eq!(status, 401);
            assert!(header.trim().is_empty() || header.to_ascii_lowercase().contains("bearer"), "{header:?}");
        }
        Demand::StepUp { acr_values, max_age } => {
            assert_eq!(status, 401);
            assert!(header.contains("insufficient_user_authentication") || header.contains('\\'), "{header:?}");
            assert!(acr_values.is_some() || max_age.is_some(), "a demand for nothing");
            let is_usable = |values: &String| {
                values.len() <= 512 && !values.trim().is_empty() && values.is_ascii() && is_plain(values)
            };
            assert!(acr_values.as_ref().is_none_or(is_usable), "{acr_values:?}");
        }
    }
}

/// One reply of the device authorization endpoint.
pub fn device_reply(bytes: &[u8]) {
    let (status, body) = reply(bytes);
    let (scopes, url) = (Scopes::default(), url("https://id.example.com/device"));
    let request = DeviceAuthorizationRequest {
        scopes: &scopes,
        scope_parameter: "scope",
        further: Vec::new(),
        with_secret: true,
        resource: None,
        acr_values: None,
        max_age: None,
        pkce: Pkce::Always,
        pkce_methods: &[],
    };
    for may_be_http in [false, true] {
        let answered = with_http(may_be_http, &[(status, body.clone())], |http| {
            request.send(http, &url, &client(), &Cancel::new())
        });
        let device = match answered {
            Ok(device) => device,
            Err(error) => {
                let seen = printed(&error);
                assert_quotes_nothing_sent(&seen, &[CLIENT_SECRET]);
                assert_reveals_no_secret(&seen, &body);
                continue;
            }
        };
        assert!((200..300).contains(&status), "accepted with status {status}");
        let object = object(&body).expect("an answer is an object");
        assert_eq!(text(&object, "device_code").as_deref(), Some(device.device_code.expose()));
        assert!(!device.device_code.expose().is_empty());
        let is_harmless = |c: char| c.is_ascii_alphanumeric() || " -_./:".contains(c);
        assert!((1..=40).contains(&device.user_code.len()) && device.user_code.chars().all(is_harmless));
        for page in [Some(&device.verification_uri), device.verification_uri_complete.as_ref()].into_iter().flatten() {
            is_safe(page, may_be_http);
            assert!(
                page.as_str().len() <= 2048 && page.as_str().bytes().all(|byte| byte.is_ascii_graphic()),
                "{page:?}"
            );
            assert_eq!(Url::parse(page.as_str()).as_ref(), Ok(page), "another page when it is opened");
        }
        let complete = device.verification_uri_complete.as_ref();
        assert!(complete.is_none_or(|complete| complete.host() == device.verification_uri.host()), "{complete:?}");
        assert!((Duration::from_secs(1)..=DAY).contains(&device.expires_in));
        assert!((Duration::from_secs(1)..=TEN_YEARS).contains(&device.interval));
        let mut poll = Poll::new(device.interval, device.expires_in);
        let wait = poll.next(Duration::ZERO, None).expect("a first poll");
        assert!(wait >= device.interval.min(device.expires_in) && wait <= device.expires_in, "{wait:?}");
        assert_reveals_no_secret(&format!("{device:?}"), &body);
    }
}

/// One or two documents, an empty line between them: the issuer is that of whoever is believed, and the endpoints are safe.
pub fn metadata(bytes: &[u8]) {
    let (first, second) = match bytes.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&bytes[..at], &bytes[at + 2..]),
        None => (bytes, &b"404"[..]),
    };
    let replies = [reply(first), reply(second)];
    let issuer: Issuer = ISSUER.parse().expect("an issuer");
    let is_named = |name: &str, url: &Url| {
        replies.iter().filter(|(status, _)| (200..300).contains(status)).filter_map(|(_, body)| object(body)).any(
            |found| {
                let parsed = text(&found, name).and_then(|text| Url::parse(&text).ok());
                text(&found, "issuer").as_deref() == Some(ISSUER) && parsed.as_ref() == Some(url)
            },
        )
    };
    let by_hand = Endpoints::default();
    for may_be_http in [false, true] {
        let cancel = Cancel::new();
        match with_http(may_be_http, &replies, |http| discover(http, &issuer, &by_hand, &cancel)) {
            Ok(found) => {
                let named = [
                    ("device_authorization_endpoint", found.device_authorization.as_ref().ok()),
                    ("token_endpoint", Some(&found.token)),
                    ("revocation_endpoint", found.revocation.as_ref()),
                    ("userinfo_endpoint", found.userinfo.as_ref()),
                ];
                for (name, url) in named.into_iter().filter_map(|(name, url)| Some((name, url?))) {
                    is_safe(url, may_be_http);
                    assert!(is_named(name, url), "nobody who is the issuer says that {url} is its {name}");
                }
            }
            Err(error) => drop(printed(&error)),
        }
        match with_http(may_be_http, &replies, |http| userinfo_endpoint(http, &issuer, &cancel)) {
            Ok(Some(url)) => {
                is_safe(&url, may_be_http);
                assert!(is_named("userinfo_endpoint", &url), "{url}");
            }
            Ok(None) => {}
            Err(error) => drop(printed(&error)),
        }
    }
}

/// One reply of the token endpoint, to a device code and to a refresh token.
pub fn token_reply(bytes: &[u8]) {
    let (status, body) = reply(bytes);
    let (url, client, sent) = (url("https://id.example.com/token"), client(), Secret::new(SENT.into()));
    let [polled, refreshed] = [Grant::DeviceCode(&sent), Grant::RefreshToken(&sent)].map(|grant| {
        let answered = with_http(false, &[(status, body.clone())], |http| {
            TokenEndpoint { http, url: &url, client: &client }.request(
                &grant,
                &RequestedAccess::default(),
                &Cancel::new(),
            )
        });
        match answered {
            Ok(reply) => {
                assert!((200..300).contains(&status), "accepted with status {status}");
                is_usable(&reply, &body);
                true
            }
            Err(error) => {
                let seen = format!("{error:?} {error}");
                let seen = format!("{seen} {}", printed(&Error::from(error)));
                assert_quotes_nothing_sent(&seen, &[CLIENT_SECRET, SENT]);
                assert_reveals_no_secret(&seen, &body);
                false
            }
        }
    });
    assert_eq!(polled, refreshed, "what is a token does not depend on what it was asked with");
}

fn is_usable(reply: &TokenReply, body: &[u8]) {
    let object = object(body).expect("a reply is an object");
    assert_eq!(text(&object, "access_token").as_deref(), Some(reply.access_token.expose()));
    for token in [Some(&reply.access_token), reply.refresh_token.as_ref()].into_iter().flatten() {
        let token = token.expose();
        assert!(
            (1..=32 << 10).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic()),
            "{token:?}"
        );
    }
    let lives = [reply.expires_in, reply.refresh_expires_in];
    assert!(lives.into_iter().flatten().all(|life| life <= TEN_YEARS), "{lives:?}");
    assert!(!lives.contains(&Some(Duration::ZERO)), "{lives:?}");
    let begun = SystemTime::UNIX_EPOCH;
    let end = reply.expires_at(begun);
    assert!(end.is_none_or(|end| end > begun && end <= begun + TEN_YEARS), "{end:?}");
    assert!(!reply.token_type.bytes().any(|byte| byte.is_ascii_uppercase()));
    let scopes = reply.scopes.as_ref().map(Scopes::to_string).unwrap_or_default();
    assert!(scopes.len() <= 8 << 10 && is_plain(&scopes), "{scopes:?}");
    assert!(reply.user.as_ref().is_none_or(|user| user.sub().is_some_and(|sub| is_subject(&sub))));
    assert_reveals_no_secret(&format!("{reply:?}"), body);
    let issuer: Issuer = ISSUER.parse().expect("an issuer");
    let checked =
        reply.id_token.as_ref().map(|token| id_token::validate(token, &issuer, &client().id, SystemTime::UNIX_EPOCH));
    match checked {
        Some(Ok(claims)) => assert!(claims.sub().is_some_and(|sub| is_subject(&sub)), "{claims:?}"),
        Some(Err(error)) => drop(printed(&error)),
        None => {}
    }
    let unverified = id_token::unverified_claims(reply.id_token.as_ref());
    let _ = id_token::names_another_login(&unverified, &issuer, &client().id, Some("alice"));
}

/// Splits a status on its own line from the body; without a status it is 200. A redirect is never read, so that its status is 200 too.
fn reply(bytes: &[u8]) -> (u16, Vec<u8>) {
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let status = std::str::from_utf8(&bytes[..line]).ok().and_then(|line| line.parse().ok());
    match status.filter(|status| (200..300).contains(status) || (400..600).contains(status)) {
        Some(status) => (status, bytes.get(line + 1..).unwrap_or_default().to_vec()),
        None => (200, bytes.to_vec()),
    }
}

fn text(object: &Members, name: &str) -> Option<String> {
    serde_json::from_str(object.get(name)?.get()).ok()
}

fn is_safe(url: &Url, may_be_http: bool) {
    let is_http = url.scheme() == "http" && may_be_http && is_loopback(url);
    assert!((url.scheme() == "https" || is_http) && url.host().is_some() && !has_user_info(url), "{url:?}");
}

fn client() -> Client {
    let secret = Some(Arc::new(Secret::new(CLIENT_SECRET.into())));
    Client { id: "acme-cli".parse().expect("a client"), secret, secret_in_form: false }
}

fn url(text: &str) -> Url {
    text.parse().expect("an address")
}

/// Calls `ask` with the product's HTTP client, which gets these replies instead of a server's.
fn with_http<T>(allow_loopback_http: bool, replies: &[(u16, Vec<u8>)], ask: impl FnOnce(&Http) -> T) -> T {
    thread_local! {
        static CLIENTS: [Http; 2] = [false, true].map(|allow_loopback_http| {
            let (user_agent, timeout) = ("acme".to_owned(), Duration::from_secs(1));
            let settings = Settings { user_agent, timeout, extra_roots: Vec::new(), allow_loopback_http };
            Http::new(&settings).expect("an HTTP client")
        });
    }
    CLIENTS.with(|clients| {
        let http = &clients[usize::from(allow_loopback_http)];
        http.answer_with(replies);
        ask(http)
    })
}
