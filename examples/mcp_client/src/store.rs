//! rmcp's [`CredentialStore`] on hallpass: one context for each MCP server.
//!
//! rmcp gets access tokens and never a refresh token, so that hallpass alone refreshes: one process at a time, with no lost token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use hallpass::adoption::{Adoption, OldTokens};
use hallpass::contexts::Logout;
use hallpass::ids::ContextName;
use hallpass::prompt::Silent;
use hallpass::{AccessToken, Auth, Config, ErrorKind, Result, Selector, Session};
use rmcp::transport::auth::{AuthError, CredentialStore, StoredCredentials};
use serde_json::{Value, json};

/// The credentials of this program at one MCP server.
pub struct Store {
    auth: Auth,
    context: ContextName,
    client_id: String,
    issuer: String,
}

impl Store {
    /// Opens the store for the MCP server at `url`, whose authorization server is `issuer`.
    pub fn open(url: &str, issuer: &str, client_id: &str) -> Result<Self> {
        let mut config = Config::new("mcp-client", issuer, client_id)?;
        // RFC 8707: each token is for one MCP server.
        config.resource = Some(url.parse()?);
        // MCP servers on this machine have no TLS.
        config.network.allow_loopback_http = true;
        let (client_id, issuer) = (client_id.to_owned(), issuer.to_owned());
        Ok(Self { auth: Auth::new(config)?, context: context_of(url)?, client_id, issuer })
    }

    fn session(&self) -> Result<Session> {
        self.auth.session_for(&Selector::context(self.context.clone()))
    }

    /// Returns a valid access token, refreshed if need be.
    async fn token(&self) -> Result<AccessToken> {
        self.session()?.access_token().await
    }
}

#[async_trait]
impl CredentialStore for Store {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        match self.token().await {
            Ok(token) => Ok(Some(credentials(&token, &self.client_id).with_issuer(Some(self.issuer.clone())))),
            // Without credentials, rmcp asks the person to authorize it.
            Err(error) if error.needs_login() || error.kind() == ErrorKind::NotLoggedIn => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Takes over what rmcp's own code exchange brought. Its refresh token is exchanged at once, so that the copies in rmcp's memory die.
    async fn save(&self, credentials: StoredCredentials) -> Result<(), AuthError> {
        let Some(reply) = credentials.token_response else { return self.clear().await };
        let Ok(reply) = serde_json::to_value(reply) else { return Ok(()) };
        let text = |name: &str| reply[name].as_str().unwrap_or_default().to_owned();
        let mut tokens = OldTokens::new().refresh_token(text("refresh_token")).access_token(text("access_token"));
        if let (Some(lifetime), Some(received)) = (reply["expires_in"].as_u64(), credentials.token_received_at) {
            tokens = tokens.expires_at(UNIX_EPOCH + Duration::from_secs(received + lifetime));
        }
        // Another account at this server takes the place of the one before.
        let adoption = Adoption::of_tokens(Silent, tokens).context(self.context.clone()).replace();
        self.auth.adopt(adoption).await.map(drop).map_err(failed)
    }

    async fn clear(&self) -> Result<(), AuthError> {
        if self.session().is_err() {
            return Ok(());
        }
        let ended = self.auth.logout(Logout::new(Selector::context(self.context.clone()))).await;
        ended.and_then(|outcomes| outcomes.into_result()).map(drop).map_err(failed)
    }
}

/// Names a context after the host and the path of an MCP server.
fn context_of(url: &str) -> Result<ContextName> {
    let name: String = url.split("://").last().unwrap_or(url).trim_end_matches('/').into();
    name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-").parse()
}

fn credentials(token: &AccessToken, client_id: &str) -> StoredCredentials {
    let scopes: Vec<String> = token.scopes().iter().map(ToString::to_string).collect();
    let now = SystemTime::now();
    let mut reply = json!({"access_token": token.expose(), "token_type": "bearer", "scope": scopes.join(" ")});
    if let Some(end) = token.expires_at() {
        // From now: rmcp counts from the time that it is given below.
        reply["expires_in"] = Value::from(end.duration_since(now).unwrap_or_default().as_secs());
    }
    let received = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    StoredCredentials::new(client_id.to_owned(), serde_json::from_value(reply).ok(), scopes, Some(received))
}

fn failed(error: hallpass::Error) -> AuthError {
    let because = error.because().map(|why| format!(" ({why})")).unwrap_or_default();
    AuthError::CredentialStoreError(format!("{error}{because}"))
}
