//! 128 processes that find one expired token at once: one refresh, 128 times its token, no failure.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use hallpass::testing::{Endpoint, Fault, Person};

use crate::acme::Acme;
use crate::machine::Machine;
use crate::needs::Need::{Django, Keyring, Provider as Node};
use crate::needs::say;
use crate::process::Running;
use crate::provider::{Provider, Wish};
use crate::rig::{OWN, Rig, Server, alone, full, seconds_since_1970};

const PROCESSES: usize = 128;

/// How long the successor of the expired token lives, in seconds.
const LIFETIME: u64 = 300;

/// How long a server holds its reply back, so that all others come while one asks.
const REPLY_AFTER: Duration = Duration::from_millis(300);

#[test]
fn a_storm_on_the_embedded_server_makes_one_refresh() {
    let Some(_cores) = alone(&[Keyring]) else { return };
    let rig = Rig::new(Server::Strict);
    rig.server.inject_always(Endpoint::Token, Fault::DelayReply(REPLY_AFTER));
    rig.log_in(OWN);
    storms(&rig, &rig.machine, &rig.acme());
    assert_eq!(rig.server.counts().reuses, 0);
}

#[test]
fn a_storm_on_oidc_provider_makes_one_refresh() {
    let Some(_cores) = alone(&[Node, Keyring]) else { return };
    let machine = Machine::desktop();
    let server = Provider::start(&[("OIDC_TOKEN_DELAY_MS", &REPLY_AFTER.as_millis().to_string())]);
    let acme = machine.acme(&server.issuer);
    acme.login(&server, "ada", Wish::Approve, &[]).exits(0);
    storms(&server, &machine, &acme);
}

#[test]
fn a_storm_on_django_makes_one_refresh() {
    let Some(_cores) = alone(&[Django, Keyring]) else { return };
    let machine = Machine::desktop();
    let server = Provider::django(&[("OIDC_TOKEN_DELAY_MS", &REPLY_AFTER.as_millis().to_string())]);
    let acme = machine
        .acme(&server.issuer)
        .with("ACME_DEVICE_AUTHORIZATION_ENDPOINT", &server.endpoint("device/auth"))
        .with("ACME_SCOPES", "openid email");
    acme.login(&server, "ada", Wish::Approve, &[]).exits(0);
    storms(&server, &machine, &acme);
}

/// Half of the orgs' tokens are spent and half are not there yet: the server makes one token for each, and nobody gets another's.
#[test]
fn a_storm_over_four_orgs_makes_one_refresh_for_each() {
    const ORGS: [&str; 4] = ["acme", "globex", "hooli", "initech"];
    const CALLERS: usize = 64;
    let Some(_cores) = alone(&[Keyring]) else { return };
    let rig = Rig::new(Server::Strict);
    rig.server.set_behaviour(|behaviour| behaviour.org_parameter = Some("organization_id".into()));
    rig.server.approve_all_as(&Person::default().in_orgs(&ORGS));
    rig.log_in(OWN);
    let rounds = if full() { 20 } else { 3 };
    for round in 0..rounds {
        rig.lifetime(1);
        for org in &ORGS[round % 2..round % 2 + 2] {
            rig.acme().run(&["auth", "token", "--refresh", "--org", org]).exits(0);
        }
        rig.lifetime(300);
        let before = rig.rotations();
        // At the next round they have expired for the processes too, whose clock goes an hour further each time.
        let clock = seconds_since_1970() + 3600 * (round as u64 + 1);
        let acme = rig.acme().with("ACME_CLOCK", &clock.to_string());
        let callers: Vec<_> =
            (0..CALLERS).map(|number| acme.start(&["auth", "token", "--org", ORGS[number % ORGS.len()]])).collect();
        for (number, caller) in callers.into_iter().enumerate() {
            let token = caller.finish().exits(0);
            assert_eq!(rig.server.org_of(&token.word()).as_deref(), Some(ORGS[number % ORGS.len()]), "round {round}");
        }
        assert_eq!(rig.rotations() - before, ORGS.len(), "refreshes of round {round}");
    }
    assert_eq!(rig.server.counts().reuses, 0);
    say(&format!(
        "{rounds} rounds of {CALLERS} processes over {} orgs: {} refreshes, {} tokens, 0 failures, 0 of another org",
        ORGS.len(),
        rounds * ORGS.len(),
        rounds * CALLERS
    ));
}

/// What a storm asks of a server.
trait Stormed {
    /// How long the access tokens live that are issued from now on, in seconds.
    fn lifetime(&self, seconds: u64);
    /// How many requests the token endpoint has had.
    fn token_requests(&self) -> u64;
    /// Whether userinfo takes an access token.
    fn takes(&self, token: &str) -> bool;
}

fn storms<S: Stormed>(server: &S, machine: &Machine, acme: &Acme<'_>) {
    let rounds = if full() { 20 } else { 3 };
    let (mut storms, mut readers, mut refreshes) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        refreshes.push(expire(server, acme));
        let before = server.token_requests();
        let storm = at_once(machine, acme);
        assert_eq!(server.token_requests() - before, 1, "requests to the token endpoint in round {round}");
        assert_eq!(storm.tokens.len(), 1, "all have the one new token");
        assert!(server.takes(storm.tokens.first().unwrap()), "the server does not take the token of round {round}");

        let reading = at_once(machine, acme);
        assert_eq!(reading.tokens, storm.tokens);
        assert_eq!(server.token_requests() - before, 1, "a fresh token asks nobody");
        say(&format!(
            "round {round:2}: {PROCESSES} processes in {:.2?}, the slowest {:.2?}; reading a fresh token {:.2?}",
            storm.wall, storm.slowest, reading.wall
        ));
        storms.push(storm.wall);
        readers.push(reading.wall);
    }
    let (storm, reading, refresh) = (median(storms), median(readers), median(refreshes));
    let ratio = storm.saturating_sub(refresh).as_secs_f64() / reading.as_secs_f64();
    say(&format!(
        "{rounds} rounds: {rounds} refreshes, {} tokens, 0 failures; median of a storm {storm:.2?} = one refresh \
         ({refresh:.2?}) + {ratio:.2} x {PROCESSES} processes that read a fresh token ({reading:.2?}); the issue allows 2",
        rounds * PROCESSES
    ));
}

/// Leaves an expired token on disk, whose successor will live long. Says how long that refresh took.
fn expire<S: Stormed>(server: &S, acme: &Acme<'_>) -> Duration {
    server.lifetime(1);
    let refresh = acme.run(&["auth", "token", "--refresh"]).exits(0);
    thread::sleep(Duration::from_secs(1));
    server.lifetime(LIFETIME);
    refresh.took
}

struct Outcome {
    tokens: BTreeSet<String>,
    wall: Duration,
    slowest: Duration,
}

/// All processes at once, every other one in its own environment.
fn at_once(machine: &Machine, acme: &Acme<'_>) -> Outcome {
    let elsewhere = Elsewhere::new(machine);
    let started = Instant::now();
    let start = |number: usize| {
        let mut command = acme.command(&["auth", "token"]);
        if number % 2 == 1 {
            elsewhere.apply(&mut command);
        }
        Running::start(&mut command)
    };
    let running: Vec<Running> = (0..PROCESSES).map(start).collect();
    let runs: Vec<_> = running.into_iter().map(Running::finish).collect();
    let wall = started.elapsed();
    let slowest = runs.iter().map(|run| run.took).max().unwrap();
    Outcome { tokens: runs.into_iter().map(|run| run.exits(0).word()).collect(), wall, slowest }
}

/// Other folders for everything but the state of `acme` itself, which `ACME_HOME` names.
struct Elsewhere {
    home: PathBuf,
    folder: PathBuf,
}

impl Elsewhere {
    fn new(machine: &Machine) -> Self {
        let folder = machine.scratch().join("elsewhere");
        fs::create_dir_all(&folder).unwrap();
        Self { home: machine.home().join(".state/acme"), folder }
    }

    fn apply(&self, command: &mut std::process::Command) {
        let all = [
            "HOME",
            "TMPDIR",
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
            "XDG_RUNTIME_DIR",
        ];
        command.envs(all.map(|name| (name, &self.folder))).current_dir(&self.folder).env("ACME_HOME", &self.home);
    }
}

impl Stormed for Rig {
    fn lifetime(&self, seconds: u64) {
        self.lifetime(seconds);
    }

    fn token_requests(&self) -> u64 {
        self.server.requests_to(Endpoint::Token).len() as u64
    }

    fn takes(&self, token: &str) -> bool {
        self.takes(token)
    }
}

impl Stormed for Provider {
    fn lifetime(&self, seconds: u64) {
        self.lifetime(seconds);
    }

    fn token_requests(&self) -> u64 {
        self.asked("token")
    }

    fn takes(&self, token: &str) -> bool {
        self.userinfo(token).is_some()
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
