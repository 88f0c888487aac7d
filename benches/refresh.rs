//! What a refresh costs this machine beyond its network: `cargo bench --bench refresh --all-features`.
//!
//! | measured | is |
//! | --- | --- |
//! | `bare record` | write 3 KB, sync, rename, sync the folder: what no program that keeps a token can do without |
//! | `bare intent and record` | the same after a first write and sync into the same new file, as hallpass does it |
//! | `exchange` | a refresh over HTTP and nothing else: thread, runtime, client and connection new, as in hallpass |
//! | `refresh` | a forced refresh through the public API, keys in memory |
//! | `cached token` | a new `Auth` and the token at hand: a whole process without its start |
//!
//! and then all but the last `side by side`, one after the other in each round: what else this machine does meanwhile
//! meets them alike, and a bare record comes after a request as a commit does. The closing lines are from there.
//!
//! The commit is `refresh` less `exchange`: lock, key, sealing, and two durable writes, the intent before the exchange
//! and the record after it. The aim is a commit of at most three bare records. Since it syncs once more than one of
//! those does, it is set against both bare figures.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark measures with the real clock, disk and network, and fails by panicking"
)]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use criterion::Criterion;
use hallpass::prompt::Silent;
use hallpass::testing::{AuthorizationServer, Behaviour};
use hallpass::{Auth, Login, TokenRequest};
use serde_json::Value;
use url::form_urlencoded::Serializer;

/// What the sealed record of a login takes, its tokens on the long side.
const RECORD: [u8; 3 << 10] = [b'x'; 3 << 10];

/// Below so many runs (under `--test`, say) a median says nothing.
const ENOUGH: usize = 10;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    // Beside the build: a folder for temporary files is often a RAM disk, where a sync costs nothing.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let server = server();
    let config = server.config(&folder.path().join("home")).unwrap();
    let session = Auth::new(config.clone()).unwrap().login(Login::new(Silent)).wait().unwrap();
    let mut bare = Bare::log_in(&server);
    let forced = TokenRequest::new().refresh();

    let mut works: [(&str, &mut dyn FnMut()); 4] = [
        ("bare record", &mut || commit(folder.path())),
        ("bare intent and record", &mut || {
            write(folder.path());
            commit(folder.path());
        }),
        ("exchange", &mut || bare.refresh()),
        ("refresh", &mut || drop(session.access_token_with(forced.clone()).wait().unwrap())),
    ];
    for (name, work) in &mut works {
        criterion.bench_function(name, |bencher| bencher.iter(&mut *work));
    }
    let medians = side_by_side(&mut criterion, &mut works);

    let refreshes = server.counts().refreshes;
    criterion.bench_function("cached token", |bencher| {
        bencher.iter(|| Auth::new(config.clone()).unwrap().session().unwrap().access_token().wait().unwrap());
    });
    assert_eq!(server.counts().refreshes, refreshes, "a cached token asks nobody");
    assert_eq!(server.counts().reuses, 0, "each refresh sent the newest token");
    criterion.final_summary();

    let Some([record, both, exchange, refresh]) = medians else {
        println!("commit: not measured in this run");
        return;
    };
    let commit = refresh - exchange;
    println!("commit = refresh − exchange = {refresh:.2} − {exchange:.2} = {commit:.2} ms (medians, side by side)");
    println!("commit ÷ bare record = {commit:.2} ÷ {record:.2} = {:.1}, aim: at most 3", commit / record);
    println!("commit ÷ bare intent and record = {commit:.2} ÷ {both:.2} = {:.1}", commit / both);
}

/// The medians in milliseconds; `None` where the command line left this out.
fn side_by_side<const N: usize>(
    criterion: &mut Criterion,
    works: &mut [(&str, &mut dyn FnMut()); N],
) -> Option<[f64; N]> {
    let mut times = [const { Vec::new() }; N];
    criterion.bench_function("side by side", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut total = Duration::ZERO;
            for _ in 0..rounds {
                for ((_, work), times) in works.iter_mut().zip(&mut times) {
                    let began = Instant::now();
                    work();
                    let took = began.elapsed();
                    times.push(took);
                    total += took;
                }
            }
            total
        });
    });
    let enough = times[0].len() >= ENOUGH;
    enough.then(|| {
        times.map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2].as_secs_f64() * 1000.0
        })
    })
}

fn write(folder: &Path) {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(folder.join("next")).unwrap();
    file.write_all(&RECORD).unwrap();
    file.sync_all().unwrap();
}

fn commit(folder: &Path) {
    write(folder);
    fs::rename(folder.join("next"), folder.join("record")).unwrap();
    // Elsewhere a folder cannot be opened, and hallpass does not sync it either.
    if cfg!(unix) {
        File::open(folder).unwrap().sync_all().unwrap();
    }
}

/// A server on loopback that rotates, and a person who approves everything.
fn server() -> AuthorizationServer {
    let mut behaviour = Behaviour::default();
    behaviour.interval = Some(1);
    let server = AuthorizationServer::start_with(behaviour).unwrap();
    server.approve_all();
    server
}

/// A client that only talks: no lock, no disk, no care.
struct Bare {
    issuer: String,
    client_id: String,
    refresh_token: String,
}

impl Bare {
    fn log_in(server: &AuthorizationServer) -> Self {
        let mut bare =
            Self { issuer: server.issuer().to_owned(), client_id: server.client_id(), refresh_token: String::new() };
        let device = bare.post("/device_authorization", &[("scope", "openid offline_access email")]);
        let grant_type = "urn:ietf:params:oauth:grant-type:device_code";
        let code = device["device_code"].as_str().unwrap();
        bare.take(&bare.post("/token", &[("grant_type", grant_type), ("device_code", code)]));
        bare
    }

    fn refresh(&mut self) {
        let token = self.refresh_token.clone();
        self.take(&self.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", &token)]));
    }

    fn take(&mut self, reply: &Value) {
        self.refresh_token = reply["refresh_token"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned();
    }

    /// On a thread of its own, with runtime and client made for this request, as src/lifecycle/jobs.rs and src/system/http/mod.rs do.
    fn post(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let url = format!("{}{path}", self.issuer);
        let body = Serializer::new(String::new()).append_pair("client_id", &self.client_id).extend_pairs(form).finish();
        thread::spawn(move || {
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
            let request = client.post(url).header("accept", "application/json");
            let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
            let reply = runtime.block_on(async { request.send().await.unwrap().bytes().await.unwrap() });
            runtime.shutdown_background();
            serde_json::from_slice(&reply).unwrap()
        })
        .join()
        .unwrap()
    }
}
