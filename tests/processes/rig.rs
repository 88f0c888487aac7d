//! A server in this process, a machine, and logins on it.

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};
use std::{env, fs};

use hallpass::testing::{AuthorizationServer, Behaviour};

use crate::acme::Acme;
use crate::http;
use crate::machine::Machine;
use crate::needs::{Need, ready};

/// The context that things happen to.
pub(crate) const OWN: &str = "work";

/// The context of another grant in the same home.
const OTHER: &str = "home";

/// How a server takes a refresh token that it has rotated already.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Server {
    /// As a theft: the login ends (RFC 9700 §4.14.2).
    Strict,
    /// As the retry of somebody who lost the reply: it rotates once more.
    Graceful,
}

pub(crate) struct Rig {
    pub kind: Server,
    pub server: AuthorizationServer,
    pub machine: Machine,
    /// The state folder of `acme`.
    pub home: PathBuf,
}

impl Server {
    pub(crate) const BOTH: [Server; 2] = [Server::Strict, Server::Graceful];
}

impl Rig {
    /// Nobody is logged in yet.
    pub(crate) fn new(kind: Server) -> Rig {
        let mut behaviour = Behaviour::default();
        behaviour.interval = Some(1);
        // A login on a standing clock polls without waiting.
        behaviour.enforce_interval = false;
        if kind == Server::Graceful {
            behaviour.grace = Duration::from_secs(3600);
        }
        let server = AuthorizationServer::start_with(behaviour).unwrap();
        server.approve_all();
        let machine = Machine::desktop();
        Rig { kind, server, home: machine.home().join(".state/acme"), machine }
    }

    /// With a login in the context that things happen to.
    pub(crate) fn logged_in(kind: Server) -> Rig {
        let rig = Rig::new(kind);
        rig.log_in(OWN);
        rig
    }

    /// `acme` in the context that things happen to.
    pub(crate) fn acme(&self) -> Acme<'_> {
        let acme = self.machine.acme(self.server.issuer()).with("ACME_CONTEXT", OWN);
        acme.with("ACME_HOME", self.home.to_str().unwrap())
    }

    /// Logs in to a context, again if need be.
    pub(crate) fn log_in(&self, context: &str) {
        self.log_in_at(context, seconds_since_1970());
    }

    /// Logs in while the clock of `acme` stands at `seconds_since_1970`.
    pub(crate) fn log_in_at(&self, context: &str, seconds_since_1970: u64) {
        let acme = self.acme().with("ACME_CLOCK", &seconds_since_1970.to_string());
        acme.run(&["auth", "login", "--json", "--context", context]).exits(0);
    }

    /// How long the access tokens live that are issued from now on.
    pub(crate) fn lifetime(&self, seconds: u64) {
        self.server.set_behaviour(|behaviour| behaviour.access_token_lifetime = Some(Duration::from_secs(seconds)));
    }

    /// Makes the token on disk one that has expired, and its successor one that has not. This is a refresh, so that it works only
    /// on a login that is whole.
    pub(crate) fn expire(&self, acme: &Acme<'_>) {
        self.lifetime(1);
        let an_hour_ago = (seconds_since_1970() - 3600).to_string();
        acme.clone().with("ACME_CLOCK", &an_hour_ago).run(&["auth", "token", "--refresh"]).exits(0);
        self.lifetime(300);
    }

    /// How often the server has rotated a refresh token.
    pub(crate) fn rotations(&self) -> usize {
        self.server.counts().rotations
    }

    /// Whether the server's userinfo endpoint takes an access token.
    pub(crate) fn takes(&self, token: &str) -> bool {
        let bearer = format!("Bearer {token}");
        http::get(&format!("{}/userinfo", self.server.issuer()), &[("authorization", &bearer)]).status == 200
    }

    /// The record of a context.
    pub(crate) fn record(&self, context: &str) -> PathBuf {
        let list = self.acme().run(&["auth", "list", "--json"]).exits(0);
        let contexts = list.json().pop().unwrap();
        let own = contexts.as_array().unwrap().iter().find(|entry| entry["context"] == context);
        self.home.join("grants").join(own.unwrap()["grant"].as_str().unwrap())
    }

    /// Asserts what may be left by a refresh that came to a bad end, says what the next call made of it, and leaves a login that
    /// works. `before`: how often the server had rotated before that refresh. `interrupted`: whether it may be named as that,
    /// which is so only where the server has rotated and takes no token twice.
    #[track_caller]
    pub(crate) fn aftermath(&self, before: usize, interrupted: bool) -> &'static str {
        let acme = self.acme();
        acme.run(&["auth", "status"]).exits(0);
        let at_its_end = self.rotations();
        let next = acme.run(&["auth", "token", "--json"]);
        // Counted now: what a process sent may reach the server after its death. This call, refused, has not rotated.
        let has_rotated = self.rotations() > before;
        if next.code == Some(4) && interrupted && self.kind == Server::Strict && has_rotated {
            next.fails_with("interrupted", "login");
            self.log_in(OWN);
            return "named as interrupted; a login mends it";
        }
        let next = next.exits(0);
        let token = next.json().pop().unwrap()["access_token"].as_str().unwrap().to_owned();
        assert!(self.takes(&token), "the server does not take what the next call served: {next}");
        match (at_its_end > before, self.rotations() > at_its_end) {
            (false, _) => "works: the server had not rotated",
            (true, false) => "works: the new token was there",
            (true, true) => "works: the server took the old token again",
        }
    }
}

/// Another login in the same home, which nothing that happens may touch.
pub(crate) struct Bystander {
    record: PathBuf,
    bytes: Vec<u8>,
    token: String,
}

impl Bystander {
    /// Logs it in.
    pub(crate) fn new(rig: &Rig) -> Self {
        rig.log_in(OTHER);
        let token = rig.acme().run(&["auth", "token", "--context", OTHER]).exits(0).word();
        let record = rig.record(OTHER);
        Self { bytes: fs::read(&record).unwrap(), record, token }
    }

    /// Its record is the same, byte for byte, and nothing is under way with it.
    #[track_caller]
    pub(crate) fn is_untouched(&self) {
        assert!(fs::read(&self.record).unwrap() == self.bytes, "{} has changed", self.record.display());
        assert!(!self.record.with_extension("next").exists(), "a refresh of {} was begun", self.record.display());
    }

    /// And its token is served, and good.
    #[track_caller]
    pub(crate) fn is_well(&self, rig: &Rig) {
        self.is_untouched();
        let token = rig.acme().run(&["auth", "token", "--context", OTHER]).exits(0).word();
        assert!(token == self.token && rig.takes(&token), "the other login has another token, or a dead one");
    }

    /// The last thing to ask: it can be refreshed, so that its family is alive.
    #[track_caller]
    pub(crate) fn can_be_refreshed(&self, rig: &Rig) {
        self.is_well(rig);
        rig.acme().run(&["auth", "token", "--refresh", "--context", OTHER]).exits(0);
    }
}

/// The wall clock.
pub(crate) fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// True under `tests/all --full`.
pub(crate) fn full() -> bool {
    env::var("HALLPASS_FULL").is_ok_and(|value| value == "1")
}

static CORES: RwLock<()> = RwLock::new(());

/// For a test that uses all of this machine, and measures. `None` if the test has to be left out.
pub(crate) fn alone(needs: &[Need]) -> Option<RwLockWriteGuard<'static, ()>> {
    ready(needs, || CORES.write().unwrap_or_else(PoisonError::into_inner))
}

/// For any other test, which would disturb that. `None` if the test has to be left out.
pub(crate) fn among_others(needs: &[Need]) -> Option<RwLockReadGuard<'static, ()>> {
    ready(needs, || CORES.read().unwrap_or_else(PoisonError::into_inner))
}
