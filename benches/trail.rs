//! What the trail costs: `cargo bench --bench trail --all-features`.
//!
//! | measured | is |
//! | --- | --- |
//! | `counted` | an export of a cached token that is only counted: record opened, count written |
//! | `told` | the same with its event: the trail's lock, its last line read, a line written |
//! | `verify` | a verification of a million lines, each with the code of a grant that lives |
//!
//! The aims: an event 100 µs (`told` less `counted`), a million lines 2 s. Making them takes a minute or two; `LINES=100000` makes fewer.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark measures with the real clock and disk, and fails by panicking"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use hallpass::custody::{Custody, MemoryKeyStore};
use hallpass::events::ExportTo;
use hallpass::prompt::Silent;
use hallpass::testing::{AuthorizationServer, Behaviour, ManualClock};
use hallpass::{Auth, Login, TokenRequest};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::new();
    let mut behaviour = Behaviour::default();
    behaviour.clock = Arc::new(clock.clone());
    behaviour.access_token_lifetime = None;
    let server = AuthorizationServer::start_with(behaviour).unwrap();
    server.approve_all();
    let mut config = server.config(folder.path()).unwrap();
    config.state_dir = Some(folder.path().join("home"));
    config.custody.choice = Custody::Custom(Arc::new(MemoryKeyStore::new()));
    let auth = Auth::new(config).unwrap();
    let session = auth.login(Login::new(Silent)).wait().unwrap();
    let export = || session.cached_export(TokenRequest::new(), ExportTo::StandardOutput).unwrap();

    export();
    criterion.bench_function("counted", |bencher| bencher.iter(export));
    criterion.bench_function("told", |bencher| {
        bencher.iter(|| {
            clock.advance(Duration::from_secs(3600));
            export()
        });
    });

    let lines: u64 = std::env::var("LINES").map_or(1_000_000, |lines| lines.parse().unwrap());
    let begun = Instant::now();
    let mut written = auth.verify_trail().wait().unwrap().lines;
    while written < lines {
        clock.advance(Duration::from_secs(3600));
        export();
        written += 1;
    }
    println!("{written} lines: written in {:.1?}", begun.elapsed());
    let mut times = [(); 5].map(|()| {
        let begun = Instant::now();
        let report = auth.verify_trail().wait().unwrap();
        assert!(
            report.is_intact() && report.lines >= lines && report.proved_until == report.range.map(|(_, last)| last)
        );
        begun.elapsed()
    });
    times.sort();
    println!("verify: {:.2?}, the median of 5 (from {:.2?} to {:.2?})", times[2], times[0], times[4]);
}
