//! The groups of [`Config`](super::Config)'s fields.

use std::sync::Arc;
use std::time::Duration;

use crate::custody::Custody;
use crate::oauth::org_selection::Orgs;
use crate::oauth::pkce::Pkce;
use crate::oauth::server_quirks::RevocationReach;
use crate::prompt::passphrase::AskPassphrase;

/// How the server is reached.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Network {
    /// Further root certificates for TLS, PEM, beside those of the operating system. The default is none.
    pub extra_roots: Vec<u8>,
    /// Allows `http` to 127/8, ::1 and `localhost`, without a proxy: for tests and for a server on this machine. The default is
    /// false.
    pub allow_loopback_http: bool,
    /// Limits one request; connecting may take half of it. Keep it below half of
    /// [`Config::lock_timeout`](crate::Config::lock_timeout): a refresh that gets no answer is repeated while others wait. The
    /// default is 12 s.
    pub request_timeout: Duration,
}

/// Where keys may be kept, and who opens them.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CustodyConfig {
    /// Controls which key stores may keep a key. The default is [`Custody::Auto`].
    pub choice: Custody,
    /// Controls how long the kernel may keep a copy of a login's sealing key (Linux; at least a second), so that a cached token needs no
    /// D-Bus and no passphrase, and may remember which record it has seen last. Programs of this user can read the key meanwhile, even
    /// if the key store is locked. The default is `None`: the kernel keeps no copy.
    pub key_cache: Option<Duration>,
    /// Gives the passphrase for keys that are wrapped under one. The default is
    /// [`PassphraseFromEnvironment`](crate::prompt::passphrase::PassphraseFromEnvironment).
    pub passphrase: Option<Arc<dyn AskPassphrase>>,
}

/// How the server handles orgs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OrgsConfig {
    /// Controls how a request names the org of a token. The default is [`Orgs::None`]: the server has no orgs.
    pub selection: Orgs,
    /// The claim of userinfo or of the ID token that lists a person's orgs: texts or whole numbers, objects with an `id` and a `name`, or an
    /// object with the orgs as its member names. The default is `organizations`.
    pub claim: String,
}

/// How the server differs from the RFCs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Quirks {
    /// The parameter that names the scopes. The default is `scope` (RFC 6749 §3.3); Twitch calls it `scopes`.
    pub scope_parameter: String,
    /// Controls whether a login carries a proof key (PKCE, RFC 7636). If the endpoints are set by hand, no metadata is read, and only
    /// [`Pkce::Always`] sends one. The default is [`Pkce::IfListed`].
    pub pkce: Pkce,
    /// Controls whether each refresh names its scopes, for servers that refuse a refresh without
    /// scopes. A refresh then names the granted scopes and the OpenID Connect scopes in
    /// [`Config::scopes`](crate::Config::scopes). RFC 6749 §6 does not require them: "if omitted is
    /// treated as equal to the scope originally granted". The default is false;
    /// [`servers::entra`](crate::servers::entra) sets it.
    pub scopes_in_refresh: bool,
    /// Controls whether the device authorization endpoint gets a `client_secret` too, as RFC 8628 §3.1 demands. Auth0 refuses that.
    /// The default is true.
    pub secret_at_device_authorization: bool,
    /// What a revocation takes with it. A login that replaces another one revokes that one, unless this is
    /// [`Account`](RevocationReach::Account): then the new login would end too. The default is [`RevocationReach::Family`].
    pub revocation_reach: RevocationReach,
}

impl Default for Network {
    fn default() -> Self {
        Self { extra_roots: Vec::new(), allow_loopback_http: false, request_timeout: Duration::from_secs(12) }
    }
}

impl Default for OrgsConfig {
    fn default() -> Self {
        Self { selection: Orgs::None, claim: "organizations".into() }
    }
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            scope_parameter: "scope".into(),
            pkce: Pkce::IfListed,
            scopes_in_refresh: false,
            secret_at_device_authorization: true,
            revocation_reach: RevocationReach::Family,
        }
    }
}
