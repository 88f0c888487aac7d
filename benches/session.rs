//! What a token at hand costs in memory: `cargo bench --bench session --all-features`.
//!
//! | measured | is |
//! | --- | --- |
//! | `session_hit/access_token` | [`Session::access_token`], its future polled once, which is enough |
//! | `session_hit/cached_token` | [`Session::cached_token`], which makes no future |
//! | `session_hit/clock` | the machine's clock, read once, as each of those does |
//! | `session_contended` | the same session, asked by one thread, by one a core, and by 64 at once; and a token in a `Mutex` |
//!
//! The aims: 100 ns for a hit, and no lock on its way. Both are in the closing lines: a thread that meets a lock which is taken
//! goes to sleep, which Linux counts as a voluntary switch; a thread that is only one of too many for the cores does not. In sum
//! a `Mutex` can be quicker all the same where cores are few: a hit counts up and down two things that all threads share.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark measures with the real clock, disk and network, and fails by panicking"
)]

use std::fs;
use std::hint::black_box;
use std::pin::pin;
use std::sync::{Barrier, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use criterion::Criterion;
use hallpass::prompt::Silent;
use hallpass::testing::{AuthorizationServer, Behaviour};
use hallpass::{AccessToken, Auth, Login, Session, TokenRequest};

/// As many as ask at once.
const CROWD: usize = 64;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut behaviour = Behaviour::default();
    behaviour.interval = Some(1);
    let server = AuthorizationServer::start_with(behaviour).unwrap();
    server.approve_all();
    let config = server.config(&folder.path().join("home")).unwrap();
    let session = Auth::new(config).unwrap().login(Login::new(Silent)).wait().unwrap();
    // A login leaves its token on the disk: the first who asks takes it from there.
    session.access_token().wait().unwrap();
    let requests = server.requests().len();

    let mut group = criterion.benchmark_group("session_hit");
    group.bench_function("access_token", |bencher| bencher.iter(|| hit(&session)));
    group.bench_function("token_at_hand", |bencher| {
        bencher.iter(|| session.cached_token(TokenRequest::default()).unwrap());
    });
    group.bench_function("clock", |bencher| bencher.iter(SystemTime::now));
    group.finish();

    let cores = thread::available_parallelism().unwrap().get();
    let locked = Mutex::new(hit(&session));
    let free = || drop(black_box(hit(&session)));
    let behind_a_lock = || drop(black_box(locked.lock().unwrap().clone()));
    let mut crowds: [Crowd<'_>; 4] = [
        Crowd::new("one thread", 1, &free),
        Crowd::new("one thread a core", cores, &free),
        Crowd::new("64 threads", CROWD, &free),
        Crowd::new("64 threads, a token in a Mutex", CROWD, &behind_a_lock),
    ];
    let mut group = criterion.benchmark_group("session_contended");
    for crowd in &mut crowds {
        group.bench_function(crowd.name, |bencher| bencher.iter_custom(|hits| crowd.run(hits)));
    }
    group.finish();
    criterion.final_summary();
    assert_eq!(server.requests().len(), requests, "a token at hand asks nobody");

    let alone = crowds[0].per_second();
    for crowd in &crowds {
        if crowd.hits == 0 {
            println!("{}: not measured in this run", crowd.name);
            continue;
        }
        let (all, each) = (crowd.per_second(), crowd.per_second() / crowd.threads as f64);
        let switches = crowd.switches.map_or_else(|| "uncounted".to_owned(), |switches| switches.to_string());
        println!(
            "{}: {:.1} million hits a second together ({:.2} × one thread), {:.2} million each; \
             {switches} voluntary switches in {} million hits",
            crowd.name,
            all / 1e6,
            all / alone,
            each / 1e6,
            crowd.hits / 1_000_000,
        );
    }
}

/// A future that has its token at hand is ready at its first poll, and has no use for a waker.
fn hit(session: &Session) -> AccessToken {
    match pin!(session.access_token()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(token) => token.unwrap(),
        Poll::Pending => panic!("no token at hand"),
    }
}

/// Threads that do the same at once.
struct Crowd<'a> {
    name: &'static str,
    threads: usize,
    work: &'a (dyn Fn() + Sync),
    hits: u64,
    took: Duration,
    /// `None` where the system does not tell.
    switches: Option<u64>,
}

impl<'a> Crowd<'a> {
    fn new(name: &'static str, threads: usize, work: &'a (dyn Fn() + Sync)) -> Self {
        Self { name, threads, work, hits: 0, took: Duration::ZERO, switches: Some(0) }
    }

    /// Each thread `hits` times; the time for all of them together.
    fn run(&mut self, hits: u64) -> Duration {
        let (begin, work) = (Barrier::new(self.threads + 1), self.work);
        let (took, switches) = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads)
                .map(|_| {
                    let begin = &begin;
                    scope.spawn(move || {
                        begin.wait();
                        let before = voluntary_switches();
                        (0..hits).for_each(|_| work());
                        Some(voluntary_switches()? - before?)
                    })
                })
                .collect();
            // Before the barrier opens: where cores are few, the others may be done before this thread has its turn.
            let began = Instant::now();
            begin.wait();
            let switches: Option<u64> = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
            (began.elapsed(), switches)
        });
        self.hits += hits * self.threads as u64;
        self.took += took;
        self.switches = self.switches.and_then(|own| Some(own + switches?));
        took
    }

    fn per_second(&self) -> f64 {
        self.hits as f64 / self.took.as_secs_f64()
    }
}

/// How often this thread has gone to sleep by itself, as Linux counts.
fn voluntary_switches() -> Option<u64> {
    let status = fs::read_to_string("/proc/thread-self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok())
}
