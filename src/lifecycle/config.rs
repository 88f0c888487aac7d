//! [`Config`]: what a host says about itself. The constructor takes what is required; the rest are fields.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::custody::Custody;
use crate::model::error::Result;
use crate::model::ids::{AppName, ClientId, Issuer};
use crate::model::scopes::Scopes;
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
    /// Names the app: its folder, its items in the OS key store and its environment variables.
    pub app: AppName,
    /// The authorization server.
    pub issuer: Issuer,
    /// The app's name at the authorization server.
    pub client_id: ClientId,
    /// The secret of a confidential client (RFC 6749 §2.1). A command-line tool is a public client and has none, but some
    /// servers want one all the same. The default is `None`.
    pub client_secret: Option<Arc<Secret>>,
    /// The scopes that a login asks for. The default is `openid offline_access email`.
    pub scopes: Scopes,
    /// The parameter that names the scopes. The default is `scope` (RFC 6749 §3.3); Twitch calls it `scopes`.
    pub scope_parameter: String,
    /// Further parameters of a login, by name: Auth0's `audience`. They are not secret, and none of them has its own field
    /// here. The default is none.
    pub login_parameters: Vec<(String, String)>,
    /// Controls whether a login carries a proof key (PKCE, RFC 7636). If the endpoints are set by hand, no metadata is read, and only
    /// [`Pkce::Always`] sends one. The default is [`Pkce::IfListed`].
    pub pkce: Pkce,
    /// Controls whether each refresh names its scopes, for servers that refuse a refresh without
    /// scopes. A refresh then names the granted scopes and the OpenID Connect scopes in `scopes`.
    /// RFC 6749 §6 does not require them: "if omitted is treated as equal to the scope originally
    /// granted". The default is false; [`servers::entra`](crate::servers::entra) sets it.
    pub scopes_in_refresh: bool,
    /// Controls whether the device authorization endpoint gets a `client_secret` too, as RFC 8628 §3.1 demands. Auth0 refuses that.
    /// The default is true.
    pub secret_at_device_authorization: bool,
    /// The resource that tokens are for (RFC 8707), for servers that need it named. The default is `None`.
    pub resource: Option<Url>,
    /// The APIs that tokens are sent to. Only their origins can have a token replaced with
    /// [`Session::challenged`](crate::Session::challenged) and [`refused`](crate::Session::refused). The default is none.
    pub resources: Vec<Url>,
    /// Replaces the metadata's endpoint. If this and `token_endpoint` are set, a login reads no metadata. The default is `None`.
    pub device_authorization_endpoint: Option<Url>,
    /// Replaces the metadata's endpoint. The default is `None`.
    pub token_endpoint: Option<Url>,
    /// Replaces the metadata's endpoint. The default is `None`.
    pub revocation_endpoint: Option<Url>,
    /// Controls how a request names the org of a token. The default is [`Orgs::None`]: the server has no orgs.
    pub orgs: Orgs,
    /// The claim of userinfo or of the ID token that lists a person's orgs: texts or whole numbers, objects with an `id` and a `name`, or an
    /// object with the orgs as its member names. The default is `organizations`.
    pub orgs_claim: String,
    /// What a revocation takes with it. A login that replaces another one revokes that one, unless this is
    /// [`Account`](RevocationReach::Account): then the new login would end too. The default is [`RevocationReach::Family`].
    pub revocation_reach: RevocationReach,
    /// Further root certificates for TLS, PEM, beside those of the operating system. The default is none.
    pub extra_roots: Vec<u8>,
    /// Allows `http` to 127/8, ::1 and `localhost`, without a proxy: for tests and for a server on this machine. The default is
    /// false.
    pub allow_loopback_http: bool,
    /// Limits one request; connecting may take half of it. Keep it below half of `lock_timeout`: a refresh that gets no
    /// answer is repeated while others wait. The default is 12 s.
    pub request_timeout: Duration,
    /// Limits the wait for another process that works on the same login. The default is 30 s.
    pub lock_timeout: Duration,
    /// Controls where keys may be kept. The default is [`Custody::Auto`].
    pub custody: Custody,
    /// Controls how long the kernel may keep a copy of a login's sealing key (Linux; at least a second), so that a cached token needs no
    /// D-Bus and no passphrase, and may remember which record it has seen last. Programs of this user can read the key meanwhile, even
    /// if the key store is locked. The default is `None`: the kernel keeps no copy.
    pub key_cache: Option<Duration>,
    /// Gives the passphrase for keys that are wrapped under one. The default is [`PassphraseFromEnvironment`](crate::prompt::passphrase::PassphraseFromEnvironment).
    pub passphrase: Option<Arc<dyn AskPassphrase>>,
    /// The app's state folder, an absolute path. The default is the platform's folder for this user.
    pub state_dir: Option<PathBuf>,
    /// Gives the time. The default is the system's clock.
    pub clock: Arc<dyn Clock>,
    /// Terminal, desktop and the app's own variables. The default is what [`new`](Self::new) found.
    pub environment: Environment,
}

impl Config {
    /// Makes a configuration with the defaults.
    ///
    /// # Errors
    /// `Config` if a name is not valid.
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
            orgs: Orgs::None,
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

    /// Returns whether this configuration can use a login of `client` at `issuer`: the issuer may also be that of one of its orgs.
    pub(crate) fn owns(&self, issuer: &Issuer, client: &ClientId) -> bool {
        self.client_id == *client && (self.issuer == *issuer || self.orgs.makes(issuer))
    }

    /// Returns whether a login needs no metadata.
    pub(crate) fn has_endpoints(&self) -> bool {
        self.device_authorization_endpoint.is_some() && self.token_endpoint.is_some()
    }
}
