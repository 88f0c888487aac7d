//! The login: hallpass, and the old version's file until nobody has one any more.

use std::sync::LazyLock;

use hallpass::adoption::{Adoption, OldTokens};
use hallpass::config::Variables;
use hallpass::{Auth, Config, ErrorKind, Result, Session, Terminal};
use serde_json::{Map, Value};

use crate::config::{api, issuer, path};

static AUTH: LazyLock<Result<Auth>> = LazyLock::new(|| Auth::new(config()?));

pub fn config() -> Result<Config> {
    let mut config = Config::new("skiff", &issuer(), "skiff-cli")?;
    config.scopes = "openid profile email offline_access".parse()?;
    config.resources = vec![api().parse()?];
    // For a server on this machine, in tests.
    config.network.allow_loopback_http = cfg!(debug_assertions);
    config.set_variables(variables());
    Ok(config)
}

/// CI jobs set `SKIFF_API_TOKEN`.
pub fn variables() -> Variables {
    let mut variables = Variables::prefixed("SKIFF");
    variables.token = Some("SKIFF_API_TOKEN".into());
    variables
}

/// The login that commands use.
pub fn session() -> Result<Session> {
    AUTH.clone()?.session()
}

/// Version 1 kept its tokens in its settings. Without such tokens this asks nobody.
pub async fn adopt_old_login() -> Result<()> {
    let old = Adoption::of_file(Terminal::stderr(), path(), read, without_tokens).lock(path().with_extension("lock"));
    match AUTH.clone()?.adopt(old).await {
        // Nobody is logged in: the command says so if it needs a login.
        Err(error) if error.kind() != ErrorKind::NotLoggedIn => Err(error),
        _ => Ok(()),
    }
}

fn read(settings: &[u8]) -> crate::config::Result<Option<OldTokens>> {
    let settings: Value = serde_json::from_slice(settings)?;
    Ok(settings["refresh_token"].as_str().map(|token| OldTokens::new().refresh_token(token)))
}

/// Version 1 asks for a login without them.
fn without_tokens(settings: &[u8]) -> Vec<u8> {
    let mut settings: Map<String, Value> = serde_json::from_slice(settings).unwrap_or_default();
    settings.retain(|name, _| !["access_token", "refresh_token", "expires_at"].contains(&name.as_str()));
    serde_json::to_vec_pretty(&settings).unwrap_or_default()
}
