//! [`Config`]: what a host says about itself. The constructor takes what is required; the rest are fields.
//!
//! | file | has |
//! | --- | --- |
//! | `mod` | the configuration |
//! | `groups` | the fields that belong together: network, custody, orgs, quirks; `oauth/metadata` has the endpoints |

mod groups;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

pub use groups::{CustodyConfig, Network, OrgsConfig, Quirks};

use crate::model::actor::Actor;
use crate::model::commands::Commands;
use crate::model::error::Result;
use crate::model::ids::{AppName, ClientId, Issuer};
use crate::model::scopes::Scopes;
use crate::model::secret::Secret;
use crate::model::variables::Variables;
pub use crate::oauth::metadata::Endpoints;
use crate::system::clock::{Clock, SystemClock};
use crate::system::environment::Environment;

/// The configuration of one app at one authorization server.
///
/// ```
/// use hallpass::custody::{Custody, KeyStoreName};
///
/// # fn main() -> hallpass::Result<()> {
/// let mut config = hallpass::Config::new("acme", "https://id.example.com", "acme-cli")?;
/// config.scopes = "openid offline_access deploy".parse()?;
/// config.custody.choice = Custody::Only(vec![KeyStoreName::Os]);
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
    /// Further parameters of a login, by name: Auth0's `audience`. They are not secret, and none of them has its own field
    /// here. The default is none.
    pub login_parameters: Vec<(String, String)>,
    /// The resource that tokens are for (RFC 8707), for servers that need it named. The default is `None`.
    pub resource: Option<Url>,
    /// The APIs that tokens are sent to. Only their origins can have a token replaced with
    /// [`Session::challenged`](crate::Session::challenged). The default is none.
    pub resources: Vec<Url>,
    /// Replaces endpoints of the server's metadata. The default is none.
    pub endpoints: Endpoints,
    /// Controls how the server is reached.
    pub network: Network,
    /// Controls where keys may be kept.
    pub custody: CustodyConfig,
    /// Describes the server's orgs. The default is that it has none.
    pub orgs: OrgsConfig,
    /// Describes how the server differs from the RFCs. The default is a server that does not.
    pub quirks: Quirks,
    /// Limits the wait for another process that works on the same login. The default is 30 s.
    pub lock_timeout: Duration,
    /// The app's state folder, an absolute path. The default is the platform's folder for this user.
    pub state_dir: Option<PathBuf>,
    /// Gives the time. The default is the system's clock.
    pub clock: Arc<dyn Clock>,
    /// Terminal, desktop and the app's own variables. The default is what [`new`](Self::new) found.
    pub environment: Environment,
    /// The first part of the `User-Agent` of requests; hallpass and its version follow. The default is the app's name.
    pub user_agent: Option<String>,
    /// Who runs the program, if the host knows: it decides over what the environment says. The default is `None`: the environment tells.
    pub actor: Option<Actor>,
    /// The version of the host's program, for events. The default is `None`.
    pub app_version: Option<String>,
    commands: Option<Commands>,
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
            commands: None,
            app,
            issuer: issuer.parse()?,
            client_id: client_id.parse()?,
            client_secret: None,
            scopes: "openid offline_access email".parse()?,
            login_parameters: Vec::new(),
            resource: None,
            resources: Vec::new(),
            endpoints: Endpoints::default(),
            network: Network::default(),
            custody: CustodyConfig::default(),
            orgs: OrgsConfig::default(),
            quirks: Quirks::default(),
            lock_timeout: Duration::from_secs(30),
            state_dir: None,
            clock: Arc::new(SystemClock),
            user_agent: None,
            actor: None,
            app_version: None,
        })
    }

    /// Names the app's environment variables, and reads them anew. The default is [`Variables::prefixed`] with the app's name in capitals:
    /// `ACME_TOKEN`, `ACME_CONTEXT` and so on.
    pub fn set_variables(&mut self, variables: Variables) {
        self.environment.read_own(&self.app, variables);
    }

    /// Names the host's commands for [`Error::hint`](crate::Error::hint). The default is [`Commands::below`] with the path `auth`.
    ///
    /// The commands of the feature `cli` name those that `cli::parse` finds in the clap tree, and these beside them: a login that
    /// the host wrote itself. The variables of `commands` do not count: use [`set_variables`](Self::set_variables).
    pub fn set_commands(&mut self, commands: Commands) {
        self.commands = Some(commands);
    }

    /// Returns the host's commands and variables, for [`Error::hint`](crate::Error::hint).
    pub fn commands(&self) -> Commands {
        let commands = self.commands.clone().unwrap_or_else(|| self.app.as_str().into());
        commands.with_variables(self.environment.variables.clone())
    }

    /// Returns the commands that were found in a host's clap tree, and those of [`set_commands`](Self::set_commands) that are not
    /// among them.
    pub fn commands_beside(&self, found: Commands) -> Commands {
        let all = self.commands.iter().fold(found, |found, own| found.or(own));
        all.with_variables(self.environment.variables.clone())
    }

    /// Returns whether this configuration can use a login of `client` at `issuer`: the issuer may also be that of one of its orgs.
    pub(crate) fn owns(&self, issuer: &Issuer, client: &ClientId) -> bool {
        self.client_id == *client && (self.issuer == *issuer || self.orgs.selection.makes(issuer))
    }
}
