//! A rig: the whole configuration from `ACME_…` variables, so that scripts and tests can drive it. A real tool writes these
//! values into its source instead.

use std::sync::Arc;

use hallpass::{Config, Result, Secret};
use url::Url;

pub(crate) fn from_environment() -> Result<Config> {
    let issuer = variable("ISSUER").unwrap_or_else(|| "https://id.example.com".into());
    let client_id = variable("CLIENT_ID").unwrap_or_else(|| "acme-cli".into());
    let mut config = Config::new("acme", &issuer, &client_id)?;
    config.client_secret = variable("CLIENT_SECRET").map(|secret| Arc::new(Secret::new(secret)));
    if let Some(scopes) = variable("SCOPES") {
        config.scopes = scopes.parse()?;
    }
    if let Some(file) = variable("CA_FILE") {
        // A file that cannot be read is as good as one without a certificate, which is refused.
        config.extra_roots = std::fs::read(&file).unwrap_or_else(|error| format!("{file}: {error}").into());
    }
    config.resource = url("RESOURCE")?;
    config.device_authorization_endpoint = url("DEVICE_AUTHORIZATION_ENDPOINT")?;
    config.token_endpoint = url("TOKEN_ENDPOINT")?;
    config.revocation_endpoint = url("REVOCATION_ENDPOINT")?;
    config.allow_loopback_http = variable("ALLOW_LOOPBACK_HTTP").is_some_and(|value| value == "1");
    Ok(config)
}

fn url(name: &str) -> Result<Option<Url>> {
    Ok(variable(name).map(|text| Url::parse(&text)).transpose()?)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(format!("ACME_{name}")).ok().filter(|value| !value.is_empty())
}
