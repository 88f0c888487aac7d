//! [`Setting`]: what an error asks to be corrected.

use std::fmt;

/// What [`Remedy::FixConfig`](crate::Remedy::FixConfig) asks to be corrected: a field of [`Config`](crate::Config), an argument of a
/// call or of a command, or a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Setting {
    /// [`Config::app`](crate::Config::app).
    App,
    /// [`Config::issuer`](crate::Config::issuer).
    Issuer,
    /// [`Config::client_id`](crate::Config::client_id).
    ClientId,
    /// [`Config::client_secret`](crate::Config::client_secret).
    ClientSecret,
    /// [`Config::scopes`](crate::Config::scopes).
    Scopes,
    /// [`Config::login_parameters`](crate::Config::login_parameters).
    LoginParameters,
    /// [`Config::user_agent`](crate::Config::user_agent).
    UserAgent,
    /// [`Config::state_dir`](crate::Config::state_dir), or the variable that names the state folder.
    StateDir,
    /// [`Config::endpoints`](crate::Config::endpoints), if it is not known which.
    Endpoints,
    /// [`Endpoints::device_authorization`](crate::config::Endpoints::device_authorization).
    DeviceAuthorizationEndpoint,
    /// [`Endpoints::token`](crate::config::Endpoints::token).
    TokenEndpoint,
    /// [`Endpoints::revocation`](crate::config::Endpoints::revocation).
    RevocationEndpoint,
    /// [`Network::extra_roots`](crate::config::Network::extra_roots).
    ExtraRoots,
    /// [`CustodyConfig::choice`](crate::config::CustodyConfig::choice).
    Custody,
    /// [`Environment::custody`](crate::config::Environment::custody).
    RequestedCustody,
    /// [`Environment::passphrase_fd`](crate::config::Environment::passphrase_fd).
    PassphraseFd,
    /// [`Environment::token`](crate::config::Environment::token).
    Token,
    /// The arguments of a command.
    Arguments,
    /// The name of a context.
    Context,
    /// The folder that a rule is for.
    Folder,
    /// The id of a grant.
    Grant,
    /// [`TokenRequest::min_validity`](crate::TokenRequest::min_validity).
    MinValidity,
    /// The key store that [`MoveKeys`](crate::contexts::MoveKeys) moves keys to.
    MoveTo,
    /// An org.
    Org,
    /// The owner of a login.
    Owner,
    /// What a login is for: its environment.
    EnvironmentName,
    /// The place in the trail that events are read from.
    Cursor,
    /// The method or the URL of a request, given to [`Session::authorization`](crate::Session::authorization).
    Request,
    /// The scopes of a request, as opposed to those of the configuration.
    Scope,
    /// A variable of this name: `SSL_CERT_FILE`, `HTTPS_PROXY`, or one that the host reads.
    Variable(&'static str),
}

impl Setting {
    /// Returns the name in messages: for a field of [`Config`](crate::Config) its path, such as `network.extra_roots`.
    pub fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Issuer => "issuer",
            Self::ClientId => "client_id",
            Self::ClientSecret => "client_secret",
            Self::Scopes => "scopes",
            Self::LoginParameters => "login_parameters",
            Self::UserAgent => "user_agent",
            Self::StateDir => "state_dir",
            Self::Endpoints => "endpoints",
            Self::DeviceAuthorizationEndpoint => "endpoints.device_authorization",
            Self::TokenEndpoint => "endpoints.token",
            Self::RevocationEndpoint => "endpoints.revocation",
            Self::ExtraRoots => "network.extra_roots",
            Self::Custody => "custody.choice",
            Self::RequestedCustody => "environment.custody",
            Self::PassphraseFd => "environment.passphrase_fd",
            Self::Token => "environment.token",
            Self::Arguments => "arguments",
            Self::Context => "context",
            Self::Folder => "folder",
            Self::Grant => "grant",
            Self::MinValidity => "min_validity",
            Self::MoveTo => "move_to",
            Self::Org => "org",
            Self::Owner => "owner",
            Self::EnvironmentName => "environment",
            Self::Cursor => "cursor",
            Self::Request => "request",
            Self::Scope => "scope",
            Self::Variable(name) => name,
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
