//! A rig: the whole configuration from `ACME_…` variables, so that scripts and tests can drive it. A real tool writes these
//! values into its source instead.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hallpass::clock::{Cancel, Clock, parse_duration};
use hallpass::config::{Orgs, Pkce, Setting};
use hallpass::events::{Actor, ActorKind};
use hallpass::secret::Secret;
use hallpass::{Config, Result};
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
        config.network.extra_roots = std::fs::read(&file).unwrap_or_else(|error| format!("{file}: {error}").into());
    }
    config.resource = url("RESOURCE")?;
    config.endpoints.device_authorization = url("DEVICE_AUTHORIZATION_ENDPOINT")?;
    config.endpoints.token = url("TOKEN_ENDPOINT")?;
    config.endpoints.revocation = url("REVOCATION_ENDPOINT")?;
    let org = variable("ORG_PARAM").map_or(Cow::Borrowed("organization_id"), Cow::Owned);
    config.orgs.selection = match variable("ORG_BY").as_deref() {
        None | Some("refresh") => Orgs::ByRefresh(org),
        Some("login") => Orgs::ByLogin(org),
        Some("scope") => Orgs::ByScope(org),
        Some("exchange") => Orgs::ByExchange(org),
        Some("issuer") => Orgs::ByIssuer(org),
        Some(_) => Orgs::None,
    };
    config.quirks.scopes_in_refresh = variable("REFRESH_SCOPES").is_some_and(|value| value == "1");
    config.quirks.pkce = match variable("PKCE").as_deref() {
        Some("always") => Pkce::Always,
        Some("never") => Pkce::Never,
        _ => Pkce::IfListed,
    };
    config.network.allow_loopback_http = variable("ALLOW_LOOPBACK_HTTP").is_some_and(|value| value == "1");
    // An hour without D-Bus, of which `ACME_KEY_CACHE=0` lets a script have none.
    let key_cache = duration("ACME_KEY_CACHE")?.unwrap_or(Duration::from_secs(3600));
    config.custody.key_cache = Some(key_cache).filter(|time| !time.is_zero());
    if let Some(timeout) = duration("ACME_REQUEST_TIMEOUT")? {
        config.network.request_timeout = timeout;
    }
    if let Some(timeout) = duration("ACME_LOCK_TIMEOUT")? {
        config.lock_timeout = timeout;
    }
    config.app_version = Some(env!("CARGO_PKG_VERSION").into());
    config.actor = variable("ACTOR").map(|text| actor(&text));
    if let Some(since_1970) = duration("ACME_CLOCK")? {
        config.clock = Arc::new(StandingClock(SystemTime::UNIX_EPOCH + since_1970));
    }
    Ok(config)
}

/// Reads `agent:fixer`. Whatever is no kind is automation.
fn actor(text: &str) -> Actor {
    let (kind, name) = text.split_once(':').map_or((text, None), |(kind, name)| (kind, Some(name)));
    let kind = match kind {
        "human" => ActorKind::Human,
        "agent" => ActorKind::Agent,
        _ => ActorKind::Automation,
    };
    Actor::new(kind, name)
}

/// Shows one time for ever, so that a script need not wait for a token to expire; nor does it wait between two polls.
#[derive(Debug)]
struct StandingClock(SystemTime);

impl Clock for StandingClock {
    fn now(&self) -> SystemTime {
        self.0
    }

    fn sleep(&self, _duration: Duration, _cancel: &Cancel) {}
}

fn url(name: &str) -> Result<Option<Url>> {
    Ok(variable(name).map(|text| Url::parse(&text)).transpose()?)
}

fn duration(variable: &'static str) -> Result<Option<Duration>> {
    value(variable).map(|text| parse_duration(Setting::Variable(variable), &text)).transpose()
}

fn variable(name: &str) -> Option<String> {
    value(&format!("ACME_{name}"))
}

/// Without the line break that editors and mounted secrets leave at its end; an empty one is as good as unset.
fn value(variable: &str) -> Option<String> {
    let value = std::env::var(variable).ok()?;
    Some(value.trim_end_matches(['\r', '\n']).to_owned()).filter(|value| !value.is_empty())
}
