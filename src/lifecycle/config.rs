//! [`Config`]: what a host says about itself. What is required stands in the constructor, the rest are fields.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::custody::Custody;
use crate::model::error::Result;
use crate::model::ids::{AppName, ClientId, Issuer, Scopes};
use crate::model::secret::Secret;
use crate::oauth::org_selection::Orgs;
use crate::oauth::pkce::Pkce;
use crate::oauth::server_quirks::RevocationReach;
use crate::prompt::passphrase::AskPassphrase;
use crate::system::clock::{Clock, SystemClock};
use crate::system::environment::Environment;

/// The configuration of one app at one authorization server.
///
/// ```
/// # fn main() -> hallpass::Result<()> {
/// let mut config = hallpass::Config::new("acme", "https://id.example.com", "acme-cli")?;
/// config.scopes = "openid offline_access deploy".parse()?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The app: names its folder, its items in the OS store and its environment variables.
    pub app: AppName,
    /// The authorization server.
    pub issuer: Issuer,
    /// The app's name at the authorization server.
    pub client_id: ClientId,
    /// The secret of a confidential client (RFC 6749 §2.1). A command-line tool is a public client and has none; some
    /// servers want one all the same.
    pub client_secret: Option<Arc<Secret>>,
    /// What a login asks for.
    pub scopes: Scopes,
    /// The parameter that scopes are asked for in: `scope` (RFC 6749 §3.3), but `scopes` at Twitch.
    pub scope_parameter: String,
    /// What a server wants to be told at a login beyond the RFCs, by name: Auth0's `audience`. Not a secret, and nothing that has a
    /// field of its own here.
    pub login_parameters: Vec<(String, String)>,
    /// Controls whether a login carries a proof key (PKCE, RFC 7636). The default is [`Pkce::IfListed`]. Where the endpoints are set by hand
    /// no metadata is read, so that only [`Pkce::Always`] sends one there.
    pub pkce: Pkce,
    /// Controls whether each refresh names its scopes, for servers that refuse one that names none: those that were granted, and those of
    /// OpenID Connect in `scopes`. RFC 6749 §6 leaves them out: "if omitted is treated as equal to the scope originally granted". The
    /// default is false; [`servers::entra`](crate::servers::entra) sets it.
    pub scopes_in_refresh: bool,
    /// Whether a `client_secret` goes to the device authorization endpoint too, as RFC 8628 §3.1 has it. Auth0 refuses that.
    pub secret_at_device_authorization: bool,
    /// The resource that tokens are for (RFC 8707), for servers that want it named.
    pub resource: Option<Url>,
    /// The APIs that tokens are sent to. Only their origins can have a token replaced with
    /// [`Session::challenged`](crate::Session::challenged).
    pub resources: Vec<Url>,
    /// For servers whose metadata lacks it. Where this and `token_endpoint` are set, no metadata is asked for at a login.
    pub device_authorization_endpoint: Option<Url>,
    /// For servers whose metadata lacks it.
    pub token_endpoint: Option<Url>,
    /// For servers whose metadata lacks it.
    pub revocation_endpoint: Option<Url>,
    /// How the server is told which org a token shall speak for. By default it has none.
    pub orgs: Orgs,
    /// The claim of userinfo or of the ID token that lists a person's orgs: texts or whole numbers, objects with an `id` and a `name`, or an
    /// object whose members are called like the orgs. By default `organizations`.
    pub orgs_claim: String,
    /// What a revocation takes with it. A login that takes the place of another one has that revoked, unless it is
    /// [`Account`](RevocationReach::Account): then the new one would end too.
    pub revocation_reach: RevocationReach,
    /// Further roots for TLS, PEM, beside those of the operating system.
    pub extra_roots: Vec<u8>,
    /// Allows `http` to 127/8, ::1 and `localhost`: for tests and for a server on this machine. No proxy is used then.
    pub allow_loopback_http: bool,
    /// The longest that one request may take; connecting may take half of it. Less than half of `lock_timeout`: a refresh that gets no
    /// answer is repeated while others wait.
    pub request_timeout: Duration,
    /// The longest wait for another process that works on the same login.
    pub lock_timeout: Duration,
    /// Where keys may rest.
    pub custody: Custody,
    /// How long the kernel may keep a copy of a login's sealing key (Linux; at least a second), so that a token at hand needs no D-Bus and no
    /// passphrase; and remember which record it has seen last. Programs of this user can read it meanwhile, though the store be
    /// locked. By default it keeps none.
    pub key_cache: Option<Duration>,
    /// Where a passphrase comes from, for keys that rest under one: by default from [`Inherited`](crate::prompt::passphrase::Inherited).
    pub passphrase: Option<Arc<dyn AskPassphrase>>,
    /// The app's state folder, an absolute path, instead of the platform's.
    pub state_dir: Option<PathBuf>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Terminal, desktop and the app's own variables, read when the configuration was made.
    pub environment: Environment,
}

impl Config {
    /// A configuration with the defaults: scopes `openid offline_access email`, keys where [`Custody::Auto`] puts them, requests of
    /// at most 12 s, 30 s of patience for another process.
    ///
    /// # Errors
    /// `Config` where a name is not valid.
    pub fn new(app: &str, issuer: &str, client_id: &str) -> Result<Self> {
        let app: AppName = app.parse()?;
        Ok(Self {
            environment: Environment::read(&app),
            app,
            issuer: issuer.parse()?,
            client_id: client_id.parse()?,
            client_secret: None,
            scope_parameter: "scope".into(),
            login_parameters: Vec::new(),
            pkce: Pkce::IfListed,
            scopes_in_refresh: false,
            secret_at_device_authorization: true,
            resource: None,
            resources: Vec::new(),
            scopes: "openid offline_access email".parse()?,
            device_authorization_endpoint: None,
            token_endpoint: None,
            revocation_endpoint: None,
            orgs: Orgs::Nothing,
            revocation_reach: RevocationReach::Family,
            orgs_claim: "organizations".into(),
            extra_roots: Vec::new(),
            allow_loopback_http: false,
            request_timeout: Duration::from_secs(12),
            lock_timeout: Duration::from_secs(30),
            custody: Custody::Auto,
            key_cache: None,
            passphrase: None,
            state_dir: None,
            clock: Arc::new(SystemClock),
        })
    }

    /// Whether a login needs no metadata.
    pub(crate) fn has_endpoints(&self) -> bool {
        self.device_authorization_endpoint.is_some() && self.token_endpoint.is_some()
    }
}
