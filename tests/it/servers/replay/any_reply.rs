//! Servers that send anything at all: no panic, no hang, no hot loop, no secret told, and every login ends.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hallpass::config::Pkce;
use hallpass::contexts::Logout;
use hallpass::prompt::Silent;
use hallpass::secret::Secret;
use hallpass::testing::ManualClock;
use hallpass::{Auth, Config, Error, Login, Session};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use url::Url;

use super::server::{Request, Server, reply};
use super::{SECRET, at_home, refreshed};

const CLIENT_SECRET: &str = "cs_s3cr3t_0123456789";
const DEVICE_CODE: &str = "dc_s3cr3t_0123456789";
const REFRESH_TOKEN: &str = "rt_s3cr3t_0123456789";

/// Where a reply may quote what was sent: as long as each of these.
const PLACE: &str = "PLACE_OF_THE_SECRET_";

/// Members that replies have, here and there.
const MEMBERS: &str = "access_token token_type expires_in refresh_token scope id_token error error_description interval message \
                       code status device_code user_code verification_uri verification_url verification_uri_complete issuer \
                       token_endpoint device_authorization_endpoint revocation_endpoint userinfo_endpoint \
                       token_endpoint_auth_methods_supported refresh_expires_in error_code errorSummary user id email sub";

/// Texts that mean something somewhere.
const TEXTS: &str = "authorization_pending slow_down access_denied expired_token invalid_grant token_expired server_error bearer \
                     Bearer DPoP 0 5 -1 1e308 NaN https://id.example.com/x http://127.0.0.1:9/ javascript:x openid ABCD-EFGH \
                     PLACE_OF_THE_SECRET_ e30.e30.e30";

fn word(words: &'static str) -> impl Strategy<Value = String> {
    prop::sample::select(words.split_whitespace().collect::<Vec<_>>()).prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => word(TEXTS),
        1 => any::<String>().prop_map(|text| text.chars().take(60).collect()),
        1 => (any::<char>(), word(TEXTS)).prop_map(|(c, word)| format!("no such thing: {c}{word}{c}.")),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        6 => text().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((word(MEMBERS), inner), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    vec((word(MEMBERS), value()), 0..8).prop_map(|pairs| pairs.into_iter().collect())
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let json = || object().prop_map(|object| Value::Object(object).to_string().into_bytes());
    let form = vec((word(MEMBERS), text()), 0..6).prop_map(|pairs| {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
    });
    prop_oneof![
        6 => json(),
        2 => form,
        1 => json().prop_map(|body| [b"\xef\xbb\xbf", body.as_slice()].concat()),
        1 => (json(), any::<prop::sample::Index>()).prop_map(|(body, at)| body[..at.index(body.len())].to_vec()),
        1 => value().prop_map(|value| value.to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..100),
    ]
}

/// A whole reply.
fn any_reply() -> impl Strategy<Value = Vec<u8>> {
    let status = prop_oneof![
        6 => Just(200_u16),
        3 => Just(400_u16),
        3 => prop::sample::select(vec![401_u16, 403, 404, 428, 429, 500, 503]),
        1 => 200_u16..600,
    ];
    let header = (word("Content-Type Retry-After Date Location WWW-Authenticate Set-Cookie"), "[!-~]{1,12}");
    let told =
        (status, vec(header, 0..3), body()).prop_map(|(status, headers, body)| reply(status, &headers, &body)).boxed();
    prop_oneof![
        12 => told.clone(),
        1 => (told, any::<prop::sample::Index>()).prop_map(|(raw, at)| raw[..at.index(raw.len())].to_vec()),
        1 => vec(any::<u8>(), 0..100),
    ]
}

/// What is answered to one poll.
#[derive(Debug, Clone)]
enum Told {
    Pending,
    SlowDown(Option<u64>),
    Odd(Vec<u8>),
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        3 => Just(Told::Pending),
        3 => prop::option::of(0_u64..100_000).prop_map(Told::SlowDown),
        2 => any_reply().prop_map(Told::Odd),
    ]
}

fn json_reply(status: u16, body: &Value) -> Vec<u8> {
    reply(status, &[("Content-Type".into(), "application/json".into())], body.to_string().as_bytes())
}

fn device_reply() -> Vec<u8> {
    let page = "https://id.example.com/device";
    let body =
        json!({"device_code": DEVICE_CODE, "user_code": "ABCD-EFGH", "verification_uri": page, "expires_in": 900});
    json_reply(200, &body)
}

fn token_reply() -> Vec<u8> {
    let token = "at_s3cr3t_0123456789";
    json_reply(200, &json!({"access_token": token, "token_type": "bearer", "refresh_token": REFRESH_TOKEN}))
}

/// The reply, which quotes `secret` where it can.
fn quoting(raw: &[u8], secret: &str) -> Vec<u8> {
    let mut raw = raw.to_vec();
    while let Some(at) = raw.windows(PLACE.len()).position(|bytes| bytes == PLACE.as_bytes()) {
        raw[at..at + PLACE.len()].copy_from_slice(secret.as_bytes());
    }
    raw
}

/// Logs in at a server that answers like this.
struct Rig {
    server: Server,
    auth: Auth,
    clock: ManualClock,
    _home: TempDir,
    begun: Instant,
}

impl Rig {
    fn new(discovers: bool, mut answer: impl FnMut(&Request) -> Vec<u8> + Send + 'static) -> Self {
        let server = Server::start(move |request, _| answer(request));
        let (clock, home) = (ManualClock::new(), tempfile::tempdir().unwrap());
        let mut config = Config::new("acme", &server.here(), "acme-cli").unwrap();
        if !discovers {
            let at = |path: &str| Url::parse(&format!("{}{path}", server.here())).ok();
            config.endpoints.device_authorization = at("/d");
            config.endpoints.token = at("/t");
            config.endpoints.revocation = at("/r");
        }
        config.client_secret = Some(Arc::new(Secret::new(CLIENT_SECRET.into())));
        config.quirks.pkce = Pkce::Always;
        at_home(&mut config, home.path(), &clock);
        Self { server, auth: Auth::new(config).unwrap(), clock, _home: home, begun: Instant::now() }
    }

    fn log_in(&self) -> hallpass::Result<Session> {
        self.auth.login(Login::new(Silent)).wait()
    }

    fn end(&self, error: Option<&Error>) {
        assert!(self.begun.elapsed() < Duration::from_secs(20), "it hangs");
        if let Some(error) = error {
            let told = format!("{error} {error:?} {error:#?}");
            assert!(!told.contains(SECRET), "{told}");
            assert!(!error.to_string().contains(char::is_control), "{told:?}");
        }
    }
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn any_device_authorization_reply_ends_the_login(raw in any_reply()) {
        let rig = Rig::new(false, move |request| match request.path.as_str() {
            "/d" => quoting(&raw, CLIENT_SECRET),
            _ => json_reply(400, &json!({"error": "access_denied"})),
        });
        rig.end(rig.log_in().err().as_ref());
        prop_assert!(rig.server.seen().len() <= 2);
    }

    #[test]
    fn any_replies_to_polls_keep_the_interval(answers in vec(told(), 0..12)) {
        let told = answers.clone();
        let mut next = answers.into_iter();
        let rig = Rig::new(false, move |request| match request.path.as_str() {
            "/d" => device_reply(),
            "/t" => match next.next() {
                None | Some(Told::Pending) => json_reply(400, &json!({"error": "authorization_pending"})),
                Some(Told::SlowDown(interval)) => json_reply(400, &json!({"error": "slow_down", "interval": interval})),
                Some(Told::Odd(raw)) => quoting(&raw, DEVICE_CODE),
            },
            _ => reply(200, &[], b""),
        });
        rig.end(rig.log_in().err().as_ref());
        let (slept, mut least) = (rig.clock.slept(), Duration::from_secs(5));
        prop_assert!(slept.len() <= 180, "{} polls", slept.len());
        let mut told = told.iter();
        for wait in &slept {
            prop_assert!(*wait >= least, "{wait:?} < {least:?} in {slept:?}");
            if let Some(Told::SlowDown(interval)) = told.next() {
                least = (least + Duration::from_secs(5)).max(Duration::from_secs(interval.unwrap_or(0).min(900)));
            }
        }
        let total: Duration = slept.iter().sum();
        prop_assert!(total <= Duration::from_secs(900) + *slept.last().unwrap(), "{slept:?}");
    }

    #[test]
    fn any_metadata_ends_the_login_with_an_error(raw in any_reply(), other in any_reply()) {
        let replies = Mutex::new([raw, other].into_iter());
        let rig = Rig::new(true, move |_| replies.lock().unwrap().next().unwrap_or_default());
        let error = rig.log_in().unwrap_err();
        rig.end(Some(&error));
        prop_assert!(rig.server.seen().len() <= 2);
    }

    #[test]
    fn any_replies_to_refresh_and_revocation_end_the_calls(raw in any_reply(), other in any_reply()) {
        let rig = Rig::new(false, move |request| match (request.path.as_str(), request.field("refresh_token")) {
            ("/d", _) => device_reply(),
            ("/t", None) => token_reply(),
            ("/t", Some(_)) => quoting(&raw, REFRESH_TOKEN),
            _ => quoting(&other, REFRESH_TOKEN),
        });
        let session = rig.log_in().unwrap();
        rig.end(refreshed(&session).err().as_ref());
        rig.end(rig.auth.logout(Logout::default()).wait().err().as_ref());
        // Nobody asks again and again: device code, token, at most two refreshes and a revocation.
        prop_assert!(rig.server.seen().len() <= 5);
    }
}

#[test]
fn a_quoted_code_verifier_is_not_printed() {
    let sent = Arc::new(Mutex::new(String::new()));
    let seen = sent.clone();
    let rig = Rig::new(false, move |request| match (request.path.as_str(), request.field("code_verifier")) {
        ("/d", _) => device_reply(),
        (_, verifier) => {
            verifier.unwrap().clone_into(&mut seen.lock().unwrap());
            let words = format!("the verifier {} is odd", verifier.unwrap());
            json_reply(400, &json!({"error": "invalid_request", "error_description": words}))
        }
    });
    let error = rig.log_in().unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(told.contains("invalid_request") && !told.contains(&sent.lock().unwrap()[..12]), "{told}");
}
