//! A host whose rustls has ring, as reqwest 0.12 brings it.

#[path = "../login.rs"]
mod login;

fn main() {
    if std::env::args().any(|argument| argument == "hallpass-first") {
        login::by_hallpass();
    }
    by_host();
    login::by_hallpass();
    by_host();
    println!("ok");
}

/// Panics without a default provider, and where rustls cannot choose one of two.
fn by_host() {
    drop(rustls::ClientConfig::builder());
    drop(reqwest::Client::new());
}
