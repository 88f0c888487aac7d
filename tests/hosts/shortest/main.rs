//! Runs the README's shortest use: it logs in, it finds that login again, and it logs in again once the login has ended.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use hallpass::testing::{AuthorizationServer, Behaviour, Endpoint, ManualClock};
use tempfile::TempDir;

mod readme {
    #![allow(unused_imports, reason = "the configuration is another here")]
    include!(concat!(env!("OUT_DIR"), "/shortest.rs"));
}

static CLOCK: LazyLock<ManualClock> = LazyLock::new(ManualClock::new);
static HOME: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));
static CONFIG: LazyLock<hallpass::Config> = LazyLock::new(|| {
    let mut config = SERVER.config(HOME.path()).expect("a configuration");
    config.environment.terminal = true;
    config
});
static SERVER: LazyLock<AuthorizationServer> = LazyLock::new(|| {
    let mut behaviour = Behaviour::default();
    behaviour.clock = Arc::new(CLOCK.clone());
    let server = AuthorizationServer::start_with(behaviour).expect("a port");
    server.approve_all();
    server
});

/// The server's own API, which says whose token it is.
fn api() -> String {
    format!("{}/userinfo", SERVER.issuer())
}

fn config() -> hallpass::Result<hallpass::Config> {
    Ok(CONFIG.clone())
}

fn main() {
    for (what, logins) in [("nobody was logged in", 1), ("there is a login", 1), ("the login has ended", 2)] {
        if logins == 2 {
            SERVER.revoke_everything();
            CLOCK.advance(Duration::from_secs(3600));
        }
        let asked = SERVER.requests_to(Endpoint::UserInfo).len();
        readme::main().expect(what);
        assert!(SERVER.requests_to(Endpoint::UserInfo).len() > asked, "{what}: the API was not asked");
        assert_eq!(SERVER.requests_to(Endpoint::DeviceAuthorization).len(), logins, "{what}");
        println!();
    }
    println!("ok");
}
