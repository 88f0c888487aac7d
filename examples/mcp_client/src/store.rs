//! rmcp's [`CredentialStore`] on hallpass: one context for each MCP server.
//!
//! rmcp gets access tokens and never a refresh token, so that hallpass alone refreshes: one process at a time, with no lost token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use hallpass::adoption::{Adoption, OldTokens};
use hallpass::contexts::Logout;
use hallpass::ids::ContextName;
use hallpass::prompt::Silent;
use hallpass::{AccessToken, AfterRefusal, Auth, Config, ErrorKind, Result, Selector, Session, TokenRequest};
use rmcp::transport::auth::{AuthError, CredentialStore, StoredCredentials};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

/// The name of this program: its state folder has the logins at all servers.
pub const APP: &str = "mcp-client";

/// The credentials of this program at one MCP server. Clones share one cache of its tokens.
#[derive(Clone)]
pub struct Store {
    auth: Auth,
    context: ContextName,
    client_id: String,
    issuer: String,
}

impl Store {
    /// Opens the store for the MCP server at `url`, whose authorization server is `issuer`.
    pub fn open(url: &Url, issuer: &str, client_id: &str) -> Result<Self> {
        let mut config = Config::new(APP, issuer, client_id)?;
        let context = context_of(url, issuer, client_id)?;
        // RFC 8707: each token is for one MCP server.
        config.resource = Some(url.clone());
        config.resources = vec![url.clone()];
        // MCP servers on this machine have no TLS.
        config.network.allow_loopback_http = true;
        let (client_id, issuer) = (client_id.to_owned(), issuer.to_owned());
        Ok(Self { auth: Auth::new(config)?, context, client_id, issuer })
    }

    /// Says whether to try again, after the server at `url` has refused this store's token: the next load has another token, or none if
    /// only a new login helps.
    pub async fn after_refusal(&self, url: &str, www_authenticate: &str) -> Result<bool, AuthError> {
        let session = self.session().map_err(failed)?;
        let Some(sent) = session.cached_token(TokenRequest::new()) else { return Ok(false) };
        match session.challenged(&sent, url, 401, www_authenticate) {
            AfterRefusal::Retry => Ok(true),
            AfterRefusal::LogIn => self.clear().await.map(|()| true),
            _ => Ok(false),
        }
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
        let reply = serde_json::to_value(reply).map_err(|error| AuthError::CredentialStoreError(error.to_string()))?;
        let text = |name: &str| reply[name].as_str().unwrap_or_default().to_owned();
        let mut tokens = OldTokens::new()
            .refresh_token(text("refresh_token"))
            .access_token(text("access_token"))
            .scopes(credentials.granted_scopes.join(" ").as_str());
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

/// Names a context after the host of an MCP server. No other server, authorization server or client has the same name, so that none of
/// them takes the place of this login.
fn context_of(url: &Url, issuer: &str, client_id: &str) -> Result<ContextName> {
    let host = url.host_str().unwrap_or_default().replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "");
    let hash = Sha256::digest(format!("{url} {issuer} {client_id}"));
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{host:.40}-{hash}").parse()
}

fn credentials(token: &AccessToken, client_id: &str) -> StoredCredentials {
    let scopes: Vec<String> = token.scopes().iter().map(ToString::to_string).collect();
    let mut reply = json!({"access_token": token.expose(), "token_type": "bearer", "scope": scopes.join(" ")});
    if let Some(end) = token.expires_at() {
        reply["expires_in"] = Value::from(end.duration_since(SystemTime::now()).unwrap_or_default().as_secs());
    }
    // No time of receipt: rmcp would call a token too old some time before its end, and it has no refresh token. The token is valid now,
    // and rmcp loads one for each request.
    StoredCredentials::new(client_id.to_owned(), serde_json::from_value(reply).ok(), scopes, None)
}

fn failed(error: hallpass::Error) -> AuthError {
    let because = error.because().map(|why| format!(" ({why})")).unwrap_or_default();
    AuthError::CredentialStoreError(format!("{error}{because}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_login_has_a_name_of_its_own() {
        let name = |url: &str, issuer: &str, client_id: &str| {
            context_of(&url.parse().unwrap(), issuer, client_id).unwrap().to_string()
        };
        let own = name("https://mcp.example.com/a/b", "https://id.example.com", "mcp-client");
        assert!(own.starts_with("mcp.example.com-"), "{own}");
        assert_eq!(own, name("https://mcp.example.com/a/b", "https://id.example.com", "mcp-client"));
        assert_ne!(own, name("https://mcp.example.com/a-b", "https://id.example.com", "mcp-client"));
        assert_ne!(own, name("https://mcp.example.com/a/b", "https://login.example.com", "mcp-client"));
        assert_ne!(own, name("https://mcp.example.com/a/b", "https://id.example.com", "another"));
        name(&format!("https://{}.example.com/mcp", "long.".repeat(20) + "x"), "https://id.example.com", "mcp-client");
        name("http://[::1]:8080/mcp", "http://[::1]:8081", "mcp-client");
    }
}
