//! What every host here does with hallpass: two logins over TLS, one that does not trust the server and one that reads its metadata.

use std::sync::Arc;

use hallpass::custody::{Custody, MemoryKeyStore};
use hallpass::prompt::Silent;
use hallpass::{Auth, Config, Error, Login, Remedy};

/// Panics unless hallpass's own TLS works.
pub fn by_hallpass() {
    let error = log_in(Vec::new());
    assert_eq!(error.remedy(), Some(&Remedy::TrustRoot), "{error:?}");
    let error = log_in(std::fs::read(variable("HOST_ROOTS")).expect("the roots"));
    assert!(error.to_string().contains("names no token_endpoint"), "{error:?}");
}

/// The server's metadata name no endpoint, so that every login fails.
fn log_in(extra_roots: Vec<u8>) -> Error {
    let mut config = Config::new("host", &variable("HOST_ISSUER"), "host").expect("a configuration");
    config.network.extra_roots = extra_roots;
    config.state_dir = Some(variable("HOST_STATE").into());
    config.custody.choice = Custody::Custom(Arc::new(MemoryKeyStore::default()));
    let auth = Auth::new(config).expect("no state folder is needed yet");
    auth.login(Login::new(Silent)).wait().expect_err("no endpoint")
}

fn variable(name: &str) -> String {
    std::env::var(name).expect(name)
}
