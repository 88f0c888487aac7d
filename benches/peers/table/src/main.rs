//! hallpass beside two crates that keep a session alive in Rust programs: prints a table. See `benches/peers/run`.

mod contenders;

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};
use std::{env, thread};

use hallpass::testing::{AuthorizationServer, Behaviour, Endpoint, Fault};
use tokio::runtime::Runtime;

use self::contenders::{Contender, Hallpass, Huskarl, Login, Yup};

/// As many as ask at once.
const CROWD: usize = 64;

/// How many hits are timed together.
const BATCH: u32 = 10_000;

/// How long a token serves before the storm.
const FRESH: Duration = Duration::from_secs(3);

/// How long the server holds a reply of its token endpoint back in the storm.
const DELAY: Duration = Duration::from_millis(100);

fn main() {
    let rounds = env::args().nth(1).map_or(60, |rounds| rounds.parse().expect("the number of rounds"));
    // What an async program has, and what the peers want to be asked in.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    // Beside the build: a folder for temporary files is often a RAM disk, where a write costs nothing.
    let folder = env::current_exe().expect("a path").parent().expect("a folder").to_owned();
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let mut rows = [
        Row::new::<Hallpass>(&runtime, folder.path()),
        Row::new::<Huskarl>(&runtime, folder.path()),
        Row::new::<Yup>(&runtime, folder.path()),
    ];
    // One after the other in each round: what else the machine does meanwhile meets them alike.
    for round in 0..rounds {
        for row in &mut rows {
            row.measure(&runtime);
        }
        eprint!("\r== round {} of {rounds} ", round + 1);
    }
    eprintln!();
    report(&mut rows, rounds);
}

/// One crate, logged in to a server of its own, and what came of it.
struct Row {
    contender: Arc<dyn Contender>,
    server: AuthorizationServer,
    /// Nanoseconds a hit.
    alone: Vec<f64>,
    /// Nanoseconds a hit, of all threads together.
    crowded: Vec<f64>,
    /// Milliseconds.
    refresh: Vec<f64>,
    storm: Storm,
}

/// What came of many who ask at once as the token at hand has ended.
struct Storm {
    refreshes: usize,
    reuses: usize,
    /// How many got a token, and how many of these tokens work afterwards.
    got: usize,
    work: usize,
    /// Whether there is a token that works when all is over.
    alive: bool,
    took: Duration,
}

impl Row {
    fn new<C: Login>(runtime: &Runtime, folder: &std::path::Path) -> Self {
        let storm = storm::<C>(runtime, folder);
        let server = server(Duration::from_secs(3600), C::SECRET);
        let contender: Arc<dyn Contender> = Arc::new(C::log_in(runtime, &server, &folder.join(C::NAME)));
        let requests = server.requests().len();
        let _guard = runtime.enter();
        (0..BATCH).for_each(|_| drop(contender.hit()));
        assert_eq!(server.requests().len(), requests, "{}: a token at hand asks nobody", contender.name());
        Self { contender, server, alone: Vec::new(), crowded: Vec::new(), refresh: Vec::new(), storm }
    }

    fn measure(&mut self, runtime: &Runtime) {
        let _guard = runtime.enter();
        let began = Instant::now();
        (0..BATCH).for_each(|_| drop(self.contender.hit()));
        self.alone.push(nanoseconds(began.elapsed()) / f64::from(BATCH));

        let each = BATCH / 10;
        let took = at_once(runtime, &self.contender, |contender| {
            (0..each).for_each(|_| drop(contender.hit()));
        })
        .0;
        self.crowded.push(nanoseconds(took) / f64::from(each) / CROWD as f64);

        let before = self.server.counts().refreshes;
        let began = Instant::now();
        self.contender.refresh(runtime);
        self.refresh.push(nanoseconds(began.elapsed()) / 1e6);
        assert_eq!(self.server.counts().refreshes, before + 1, "{}: one refresh", self.contender.name());
    }
}

/// The server is hallpass's own: strict, on loopback, and the re-use of a refresh token ends the login.
fn server(lifetime: Duration, secret: Option<&str>) -> AuthorizationServer {
    let mut behaviour = Behaviour::default();
    behaviour.interval = Some(1);
    behaviour.access_token_lifetime = Some(lifetime);
    behaviour.client_secret = secret.map(str::to_owned);
    let server = AuthorizationServer::start_with(behaviour).expect("a server");
    server.approve_all();
    server
}

fn storm<C: Login>(runtime: &Runtime, folder: &std::path::Path) -> Storm {
    let server = server(C::lifetime(FRESH), C::SECRET);
    let contender: Arc<dyn Contender> =
        Arc::new(C::log_in(runtime, &server, &folder.join(format!("{}-storm", C::NAME))));
    let before = server.counts();
    // As a server that is not on this machine: who asks meanwhile has no new token yet.
    server.inject_always(Endpoint::Token, Fault::DelayReply(DELAY));
    thread::sleep(FRESH + Duration::from_millis(200));
    let (took, tokens) = at_once(runtime, &contender, |contender| contender.token());
    assert!(took < FRESH, "{}: the storm outlasted the new token", C::NAME);
    let after = server.counts();
    let tokens: Vec<String> = tokens.into_iter().flatten().collect();
    let _guard = runtime.enter();
    Storm {
        refreshes: after.refreshes - before.refreshes,
        reuses: after.reuses - before.reuses,
        got: tokens.len(),
        work: tokens.iter().filter(|token| server.is_live_access_token(token)).count(),
        alive: contender.token().is_some_and(|token| server.is_live_access_token(&token)),
        took,
    }
}

/// The same by as many threads at once, in the runtime; how long it took, and what it brought.
fn at_once<T: Send>(
    runtime: &Runtime,
    contender: &Arc<dyn Contender>,
    work: impl Fn(&dyn Contender) -> T + Sync,
) -> (Duration, Vec<T>) {
    let begin = Barrier::new(CROWD + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..CROWD)
            .map(|_| {
                scope.spawn(|| {
                    let _guard = runtime.enter();
                    begin.wait();
                    work(&**contender)
                })
            })
            .collect();
        // Before the barrier opens: where cores are few, some are done before this thread has its turn again.
        let began = Instant::now();
        begin.wait();
        let brought = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        (began.elapsed(), brought)
    })
}

fn report(rows: &mut [Row; 3], rounds: u32) {
    let medians: Vec<_> = rows
        .iter_mut()
        .map(|row| [&mut row.alone, &mut row.crowded, &mut row.refresh].map(|times| median(times)))
        .collect();
    let [alone, crowded, refresh] = [0, 1, 2].map(|column: usize| medians[0][column]);
    println!(
        "| | token at hand | × | 64 threads at once, a hit | × | refresh, kept | × | kept how | 64 at expiry: refreshes | \
         got a token that works | took | alive afterwards |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- | --- | ---: | --- |");
    for (row, [hit, crowd, job]) in rows.iter().zip(&medians) {
        let Storm { refreshes, reuses, got, work, alive, took } = &row.storm;
        println!(
            "| {} | {hit:.0} ns | {:.2} | {crowd:.0} ns | {:.2} | {job:.2} ms | {:.2} | {} | {refreshes}, re-uses refused: {reuses} \
             | {work} of {CROWD} ({got} got one) | {:.0} ms | {} |",
            row.contender.name(),
            hit / alone,
            crowd / crowded,
            job / refresh,
            row.contender.keeps(),
            took.as_secs_f64() * 1000.0,
            if *alive { "yes" } else { "**no**" },
        );
    }
    let cores = thread::available_parallelism().map_or(0, usize::from);
    println!();
    println!(
        "- Medians of {rounds} rounds in one run, {cores} cores. × is the ratio to hallpass. A hit of a crowd is the time of"
    );
    println!(
        "  all over the number of all hits: where no lock is in the way, it is about that of one thread over the cores."
    );
    println!(
        "- 64 at expiry: each reply of the token endpoint is held back by {} ms; a re-use ends the login.",
        DELAY.as_millis()
    );
    for row in rows {
        println!("- {}: {}", row.contender.name(), row.contender.notes());
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}
