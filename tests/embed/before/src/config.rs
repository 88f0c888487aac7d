//! The settings of `skiff`, and where its server is.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::{env, fs};

use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// One pool of connections for the whole program.
pub static CLIENT: LazyLock<Client> = LazyLock::new(Client::new);

/// `~/.config/skiff/config.json`.
#[derive(Default, Serialize, Deserialize)]
pub struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// `default_app` and others.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Settings {
    pub fn load() -> Result<Self> {
        match fs::read(path()) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(_) => Ok(Self::default()),
        }
    }

    pub fn save(&self) -> Result<()> {
        fs::create_dir_all(path().parent().unwrap())?;
        Ok(fs::write(path(), serde_json::to_vec_pretty(self)?)?)
    }
}

pub fn path() -> PathBuf {
    PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".config/skiff/config.json")
}

pub fn issuer() -> String {
    env::var("SKIFF_ISSUER").unwrap_or_else(|_| "https://id.skiff.example".into())
}

pub fn api() -> String {
    env::var("SKIFF_API").unwrap_or_else(|_| "https://api.skiff.example".into())
}
