//! Where the server of `skiff` is, and its old settings.

use std::env;
use std::path::PathBuf;
use std::sync::LazyLock;

use reqwest::Client;

pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// One pool of connections for the whole program.
pub static CLIENT: LazyLock<Client> = LazyLock::new(Client::new);

/// `~/.config/skiff/config.json`.
pub fn path() -> PathBuf {
    PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".config/skiff/config.json")
}

/// A variable names another server in tests only: the old version's token is sent to this one.
pub fn issuer() -> String {
    let of_a_test = env::var("SKIFF_ISSUER").ok().filter(|_| cfg!(debug_assertions));
    of_a_test.unwrap_or_else(|| "https://id.skiff.example".into())
}

pub fn api() -> String {
    env::var("SKIFF_API").unwrap_or_else(|_| "https://api.skiff.example".into())
}
