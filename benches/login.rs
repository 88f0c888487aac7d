//! What hallpass adds to the requests of a login: `cargo bench --bench login --all-features`.
//!
//! | measured | is |
//! | --- | --- |
//! | `login` | a first device login through the public API: in a home of its own, approved at once, the key in memory |
//! | `by sockets` | the same requests with the same parameters, each over a bare socket: what server and loopback take |
//! | `by a client` | the same requests by an HTTP client that is made for them, on a thread and a runtime of its own |
//!
//! All on a clock that takes no time, so that the wait before a poll is none. The three run one after the other in each round,
//! so that whatever else the machine does meets them alike. `login` less `by sockets` is all that hallpass adds: the client with
//! its TLS roots, which plain HTTP has no use for, checks, sealing, and durable writes.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark measures with the real clock, disk and network, and fails by panicking"
)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use criterion::Criterion;
use hallpass::prompt::Silent;
use hallpass::testing::{AuthorizationServer, Behaviour, Endpoint, ManualClock, SeenRequest};
use hallpass::{Auth, Login};
use serde_json::Value;
use url::form_urlencoded::Serializer;

/// Below so many runs (under `--test`, say) a median says nothing.
const ENOUGH: usize = 10;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    // Beside the build: a folder for temporary files is often a RAM disk, where a sync costs nothing.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut behaviour = Behaviour::default();
    behaviour.clock = Arc::new(ManualClock::new());
    let server = AuthorizationServer::start_with(behaviour).unwrap();
    server.approve_all();

    // What one login asks is asked again by hand.
    log_in(&server, &folder.path().join("home"));
    let asked = server.requests();
    let by_sockets = || ask_all(&asked, &|request| ask_by_socket(server.issuer(), request));
    let by_client = || thread::scope(|scope| scope.spawn(|| ask_by_client(server.issuer(), &asked)).join().unwrap());
    for by_hand in [&by_sockets as &dyn Fn(), &by_client] {
        server.clear_requests();
        by_hand();
        assert_eq!(endpoints(&server.requests()), endpoints(&asked), "the same requests by hand");
    }

    let mut times = [const { Vec::new() }; 3];
    criterion.bench_function("login, side by side", |bencher| {
        bencher.iter_custom(|rounds| {
            let before: Duration = times.iter().flatten().sum();
            for _ in 0..rounds {
                let home = folder.path().join(format!("home-{}", times[0].len()));
                times[0].push(timed(|| log_in(&server, &home)));
                times[1].push(timed(by_sockets));
                times[2].push(timed(by_client));
                server.clear_requests();
            }
            times.iter().flatten().sum::<Duration>() - before
        });
    });
    criterion.final_summary();

    let rounds = times[0].len();
    if rounds < ENOUGH {
        return println!("login: not measured in this run");
    }
    let [login, sockets, client] = times.map(median);
    println!("a login asks {:?}; medians of {rounds} rounds:", endpoints(&asked));
    println!("login − by sockets = {login:.2} − {sockets:.2} = {:.2} ms: what hallpass adds", login - sockets);
    println!("login − by a client = {login:.2} − {client:.2} = {:.2} ms: without the client", login - client);
}

/// In a home of its own, as a person's first login is: it takes the place of no other.
fn log_in(server: &AuthorizationServer, home: &Path) {
    let auth = Auth::new(server.config(home).unwrap()).unwrap();
    auth.login(Login::new(Silent)).wait().unwrap();
}

/// The requests of a login once more, with the codes and tokens that come back.
fn ask_all(asked: &[SeenRequest], ask: &dyn Fn(&Request) -> Value) {
    let (mut device_code, mut access_token) = (String::new(), String::new());
    for seen in asked {
        let form = seen.form.iter().map(|(name, value)| match name.as_str() {
            "device_code" => (name.as_str(), device_code.as_str()),
            name => (name, value.as_str()),
        });
        let reply = ask(&Request {
            method: seen.method.clone(),
            path: seen.path.clone(),
            bearer: seen.authorization.as_ref().map(|_| access_token.clone()),
            body: Serializer::new(String::new()).extend_pairs(form).finish(),
        });
        let member = |name: &str| reply[name].as_str().map(str::to_owned);
        device_code = member("device_code").unwrap_or(device_code);
        access_token = member("access_token").unwrap_or(access_token);
    }
}

struct Request {
    method: String,
    path: String,
    bearer: Option<String>,
    body: String,
}

fn ask_by_socket(issuer: &str, request: &Request) -> Value {
    let host = issuer.strip_prefix("http://").unwrap();
    let Request { method, path, bearer, body } = request;
    let authorization = bearer.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\nConnection: close\r\n{authorization}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut socket = TcpStream::connect(host).unwrap();
    // In one piece, as a packet of its own for a small body would wait for the other side.
    socket.write_all((head + body).as_bytes()).unwrap();
    let mut reply = String::new();
    socket.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{reply}");
    serde_json::from_str(body).unwrap()
}

/// Set up as src/system/http/mod.rs does it.
fn ask_by_client(issuer: &str, asked: &[SeenRequest]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = reqwest::Client::builder()
        .user_agent("bench")
        .timeout(Duration::from_secs(12))
        .connect_timeout(Duration::from_secs(6))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .http1_only()
        .referer(false)
        .no_proxy()
        .build()
        .unwrap();
    ask_all(asked, &|request| {
        let method = request.method.parse().unwrap();
        let mut built =
            client.request(method, format!("{issuer}{}", request.path)).header("accept", "application/json");
        if let Some(token) = &request.bearer {
            built = built.bearer_auth(token);
        }
        if !request.body.is_empty() {
            built = built.header("content-type", "application/x-www-form-urlencoded").body(request.body.clone());
        }
        let reply = runtime.block_on(async {
            let reply = built.send().await.unwrap();
            assert_eq!(reply.status(), 200);
            reply.bytes().await.unwrap()
        });
        serde_json::from_slice(&reply).unwrap()
    });
    runtime.shutdown_background();
}

fn endpoints(requests: &[SeenRequest]) -> Vec<Endpoint> {
    requests.iter().map(|request| request.endpoint).collect()
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// In milliseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
