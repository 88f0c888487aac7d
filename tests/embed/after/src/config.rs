//! Where the server of `skiff` is, and its old settings.

use std::env;
use std::path::PathBuf;

pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// `~/.config/skiff/config.json`.
pub fn path() -> PathBuf {
    PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".config/skiff/config.json")
}

pub fn issuer() -> String {
    env::var("SKIFF_ISSUER").unwrap_or_else(|_| "https://id.skiff.example".into())
}

pub fn api() -> String {
    env::var("SKIFF_API").unwrap_or_else(|_| "https://api.skiff.example".into())
}
