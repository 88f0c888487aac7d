//! What it costs to know which of 200 logins is meant: `cargo bench --bench contexts --all-features`.
//!
//! | measured | is |
//! | --- | --- |
//! | `by default` | a new `Auth` and its session: the index read, the default found, the header of its record read |
//! | `by folder` | the same with 20 rules for folders, the current folder ten deep in one of them |
//! | `by argument` | the same, named |
//! | `contexts` | all of them, with what the headers of their records tell |
//! | `inventory` | the same with warnings and counts of uses |
//! | `auth list`, a process | `acme auth list` from start to end, its median: needs `cargo build --release --example acme --all-features` first |
//!
//! The aims: 200 µs for each of the first three, 30 ms for the inventory, 20 ms for the process.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark measures with the real clock and disk, and fails by panicking"
)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use criterion::Criterion;
use hallpass::custody::{Custody, MemoryKeyStore};
use hallpass::prompt::Silent;
use hallpass::testing::{AuthorizationServer, Behaviour, ManualClock, Person};
use hallpass::{Auth, Config, Login, Selector};

const LOGINS: usize = 200;
const RULES: usize = 20;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    // Outside this work tree, where `acme` takes no state folder from a variable.
    let folder = tempfile::tempdir().unwrap();
    let (server, home) = (server(), folder.path().join("home"));
    let mut config = server.config(&home).unwrap();
    config.state_dir = Some(home.clone());
    config.custody.choice = Custody::Custom(Arc::new(MemoryKeyStore::new()));
    for number in 0..LOGINS {
        log_in(&server, &config, number);
    }

    let session = |config: &Config, select: &Selector| Auth::new(config.clone()).unwrap().session_for(select).unwrap();
    let none = Selector::default();
    criterion.bench_function("by default", |bencher| bencher.iter(|| session(&config, &none)));
    let named = Selector::context("person150@example.com".parse().unwrap());
    criterion.bench_function("by argument", |bencher| bencher.iter(|| session(&config, &named)));
    for number in 0..RULES {
        bind(&config, number, folder.path());
    }
    let deep = folder.path().join("projects/15/a/b/c/d/e/f/g/h/i/j");
    std::fs::create_dir_all(&deep).unwrap();
    config.environment.folder = Some(deep);
    assert_eq!(session(&config, &none).context().unwrap().name.as_str(), "person15@example.com");
    criterion.bench_function("by folder", |bencher| bencher.iter(|| session(&config, &none)));
    criterion.bench_function("inventory", |bencher| {
        bencher.iter(|| assert_eq!(Auth::new(config.clone()).unwrap().inventory().unwrap().len(), LOGINS));
    });
    criterion.bench_function("contexts", |bencher| {
        bencher.iter(|| assert_eq!(Auth::new(config.clone()).unwrap().contexts().unwrap().len(), LOGINS));
    });
    criterion.final_summary();
    list(&config, &home);
}

fn server() -> AuthorizationServer {
    let mut behaviour = Behaviour::default();
    // So that no login waits for its interval.
    behaviour.clock = Arc::new(ManualClock::new());
    AuthorizationServer::start_with(behaviour).unwrap()
}

fn log_in(server: &AuthorizationServer, config: &Config, number: usize) {
    let (subject, email) = (format!("person{number}"), format!("person{number}@example.com"));
    server.approve_all_as(&Person::new(&subject, "Some Person", &email));
    Auth::new(config.clone()).unwrap().login(Login::new(Silent)).wait().unwrap();
}

fn bind(config: &Config, number: usize, folder: &Path) {
    let mut config = config.clone();
    let project = folder.join(format!("projects/{number}"));
    std::fs::create_dir_all(&project).unwrap();
    config.environment.folder = Some(project);
    let name = format!("person{number}@example.com").parse().unwrap();
    Auth::new(config).unwrap().pin_folder(&name).wait().unwrap();
}

/// The median of the whole process, which reads 200 logins as no person's machine has them.
fn list(config: &Config, home: &Path) {
    let acme = std::env::current_exe().unwrap().with_file_name("../examples/acme");
    if !acme.exists() {
        return println!("auth list, a process: not measured, as acme is not built");
    }
    let mut times = Vec::new();
    for _ in 0..100 {
        let began = Instant::now();
        let mut command = Command::new(&acme);
        command
            .args(["auth", "list", "--json"])
            .env_clear()
            .env("ACME_HOME", home)
            .env("ACME_ALLOW_LOOPBACK_HTTP", "1");
        let output = command.env("ACME_ISSUER", config.issuer.as_str()).stderr(Stdio::inherit()).output().unwrap();
        times.push(began.elapsed());
        assert!(
            output.status.success() && output.stdout.windows(9).filter(|text| text == b"\"context\"").count() == LOGINS
        );
    }
    times.sort_unstable();
    println!(
        "auth list, a process: {:.1} ms (median of {})",
        times[times.len() / 2].as_secs_f64() * 1000.0,
        times.len()
    );
}
