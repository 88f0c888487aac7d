//! A tool at the server that comes with hallpass, where a test is not about the server: every login is approved at
//! once.

use hallpass::testing::{AuthorizationServer, Behaviour};
use serde_json::Value;

use crate::acme::Acme;
use crate::machine::Machine;

/// A server that approves everything, and lets a login poll at once.
pub(crate) fn server() -> AuthorizationServer {
    let mut behaviour = Behaviour::default();
    behaviour.interval = Some(1);
    behaviour.enforce_interval = false;
    let server = AuthorizationServer::start_with(behaviour).unwrap();
    server.approve_all();
    server
}

impl Acme<'_> {
    /// A login that has to work; nothing waits where the clock stands.
    #[track_caller]
    pub(crate) fn log_in(&self) -> &Self {
        self.at_a_standing_clock(0).run(&["auth", "login", "--json"]).exits(0);
        self
    }

    /// The same, while the clock stands, so many seconds from now.
    pub(crate) fn at_a_standing_clock(&self, ahead: i64) -> Self {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        self.clone().with("ACME_CLOCK", &now.saturating_add_signed(ahead).to_string())
    }

    /// The token at hand, or a refreshed one.
    #[track_caller]
    pub(crate) fn token(&self) -> String {
        self.run(&["auth", "token"]).exits(0).word()
    }

    /// The only login there is, as `auth list` shows it.
    #[track_caller]
    pub(crate) fn only_login(&self) -> Value {
        let list = self.run(&["auth", "list", "--json"]).exits(0).json().pop().unwrap();
        assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
        list[0].clone()
    }

    /// Its grant.
    #[track_caller]
    pub(crate) fn grant(&self) -> String {
        self.only_login()["grant"].as_str().unwrap().to_owned()
    }
}

impl Machine {
    /// A file of the grants' folder of `acme`.
    pub(crate) fn grants(&self, name: &str) -> std::path::PathBuf {
        self.home().join(".state/acme/grants").join(name)
    }
}
