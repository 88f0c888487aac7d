//! The login: device flow, token file, refresh.

use std::fs::File;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::Value;

use crate::config::{CLIENT, Result, Settings, issuer, path};

const CLIENT_ID: &str = "skiff-cli";
const SCOPES: &str = "openid profile email offline_access";

#[derive(Deserialize)]
struct Device {
    device_code: String,
    user_code: String,
    verification_uri: String,
    expires_in: u64,
    interval: Option<u64>,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    refresh_token: Option<String>,
    expires_in: u64,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

pub async fn login() -> Result<()> {
    let form = [("client_id", CLIENT_ID), ("scope", SCOPES)];
    let device: Device = CLIENT
        .post(format!("{}/device_authorization", issuer()))
        .form(&form)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    println!("Open {} and type {}", device.verification_uri, device.user_code);
    let mut interval = device.interval.unwrap_or(5);
    let deadline = now() + device.expires_in;
    while now() < deadline {
        tokio::time::sleep(Duration::from_secs(interval)).await;
        let form = [
            ("client_id", CLIENT_ID),
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", &device.device_code),
        ];
        match token_request(&form).await? {
            Ok(tokens) => {
                keep(tokens)?;
                println!("Logged in.");
                return Ok(());
            }
            Err(refused) if refused.error == "authorization_pending" => {}
            Err(refused) if refused.error == "slow_down" => interval += 5,
            Err(refused) => return Err(refused.error.into()),
        }
    }
    Err("the code has expired, run `skiff login` again".into())
}

pub fn logout() -> Result<()> {
    let settings = Settings { other: Settings::load()?.other, ..Settings::default() };
    settings.save()?;
    println!("Logged out.");
    Ok(())
}

pub async fn whoami(json: bool) -> Result<()> {
    let url = format!("{}/userinfo", issuer());
    let person = CLIENT.get(url).bearer_auth(access_token().await?).send().await?;
    let person: Value = person.error_for_status()?.json().await?;
    match json {
        true => println!("{person}"),
        false => println!("{}", person["email"].as_str().unwrap_or("unknown")),
    }
    Ok(())
}

/// A token that is still valid, refreshed if need be.
pub async fn access_token() -> Result<String> {
    if let Ok(token) = std::env::var("SKIFF_API_TOKEN") {
        return Ok(token);
    }
    let settings = Settings::load()?;
    if settings.refresh_token.is_none() {
        return Err("please run `skiff login`".into());
    }
    if let Some(token) = valid_token(&settings) {
        return Ok(token);
    }
    // One process refreshes, the others read what it wrote.
    let lock = File::create(path().with_extension("lock"))?;
    lock.lock()?;
    let settings = Settings::load()?;
    if let Some(token) = valid_token(&settings) {
        return Ok(token);
    }
    let refresh_token = settings.refresh_token.unwrap_or_default();
    let form = [("client_id", CLIENT_ID), ("grant_type", "refresh_token"), ("refresh_token", &refresh_token)];
    match token_request(&form).await? {
        Ok(tokens) => keep(tokens),
        Err(_) => Err("your session has expired, please run `skiff login`".into()),
    }
}

fn valid_token(settings: &Settings) -> Option<String> {
    settings.access_token.clone().filter(|_| settings.expires_at.is_some_and(|at| at > now() + 10))
}

fn keep(tokens: Tokens) -> Result<String> {
    let mut settings = Settings::load()?;
    settings.access_token = Some(tokens.access_token.clone());
    settings.refresh_token = tokens.refresh_token.or(settings.refresh_token);
    settings.expires_at = Some(now() + tokens.expires_in);
    settings.save()?;
    Ok(tokens.access_token)
}

async fn token_request(form: &[(&str, &str)]) -> Result<Result<Tokens, Refused>> {
    let reply = CLIENT.post(format!("{}/token", issuer())).form(form).send().await?;
    match reply.status().is_success() {
        true => Ok(Ok(reply.json().await?)),
        false => Ok(Err(reply.json().await?)),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
