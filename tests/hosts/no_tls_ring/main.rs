//! A host whose reqwest has no TLS, with hallpass on ring: its own clients panic until it installs a provider.

#[path = "../login.rs"]
mod login;

fn main() {
    login::by_hallpass();
    let panicked = std::panic::catch_unwind(|| drop(reqwest::Client::new())).is_err();
    assert!(panicked, "reqwest has a provider: correct hallpass::manual::embed");
    rustls::crypto::ring::default_provider().install_default().expect("the first");
    drop(reqwest::Client::new());
    login::by_hallpass();
    println!("ok");
}
