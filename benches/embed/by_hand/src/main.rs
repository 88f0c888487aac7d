//! The same host without hallpass: device login, tokens in the OS's store, refresh when it is due. What it leaves out (locks
//! between processes, crashes between reply and store, a store that is locked or silent, wiping, discovery, several logins) is
//! what hallpass is for.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyring::Entry;
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::{
    AuthType, ClientId, DeviceAuthorizationUrl, RefreshToken, Scope, StandardDeviceAuthorizationResponse,
    TokenResponse, TokenUrl, reqwest,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Stored {
    access_token: String,
    refresh_token: Option<String>,
    expires_at: u64,
}

impl Stored {
    fn keep(entry: &Entry, reply: &BasicTokenResponse, before: Option<String>) -> Result<Self, Box<dyn Error>> {
        let stored = Self {
            access_token: reply.access_token().secret().clone(),
            refresh_token: reply.refresh_token().map(|token| token.secret().clone()).or(before),
            expires_at: now() + reply.expires_in().unwrap_or(Duration::from_secs(3600)).as_secs(),
        };
        entry.set_secret(&serde_json::to_vec(&stored)?)?;
        Ok(stored)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = BasicClient::new(ClientId::new("acme-cli".into()))
        .set_auth_type(AuthType::RequestBody)
        .set_device_authorization_url(DeviceAuthorizationUrl::new(
            "https://id.example.com/device_authorization".into(),
        )?)
        .set_token_uri(TokenUrl::new("https://id.example.com/token".into())?);
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let entry = Entry::new("acme", "acme-cli")?;
    let stored = match entry.get_secret() {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(keyring::Error::NoEntry) => {
            let scopes = ["openid", "offline_access", "email"].map(|scope| Scope::new(scope.into()));
            let device: StandardDeviceAuthorizationResponse =
                client.exchange_device_code().add_scopes(scopes).request_async(&http).await?;
            eprintln!("Open {} and enter {}", **device.verification_uri(), device.user_code().secret());
            let reply =
                client.exchange_device_access_token(&device).request_async(&http, tokio::time::sleep, None).await?;
            Stored::keep(&entry, &reply, None)?
        }
        Err(error) => return Err(error.into()),
    };
    let stored = match stored.refresh_token {
        Some(token) if stored.expires_at < now() + 10 => {
            let reply = client.exchange_refresh_token(&RefreshToken::new(token.clone())).request_async(&http).await?;
            Stored::keep(&entry, &reply, Some(token))?
        }
        _ => stored,
    };
    println!("{}", stored.access_token);
    Ok(())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
