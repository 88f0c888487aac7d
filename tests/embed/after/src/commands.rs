//! What `skiff` is for.

use hallpass::AfterRefusal;
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::auth;
use crate::config::{CLIENT, Result, api};

pub async fn apps(json: bool) -> Result<()> {
    let apps: Vec<Value> = get(&format!("{}/apps", api())).await?.error_for_status()?.json().await?;
    if json {
        println!("{}", Value::from(apps));
    } else {
        apps.iter().filter_map(Value::as_str).for_each(|app| println!("{app}"));
    }
    Ok(())
}

/// Asks the API, and once more with another token if it refuses the first.
async fn get(url: &str) -> Result<Response> {
    let session = auth::session()?;
    let headers = session.authorization("GET", url).await?;
    let reply = CLIENT.get(url).headers(headers.clone()).send().await?;
    if reply.status() == StatusCode::UNAUTHORIZED && matches!(session.refused(&headers, url), AfterRefusal::Retry) {
        let headers = session.authorization("GET", url).await?;
        return Ok(CLIENT.get(url).headers(headers).send().await?);
    }
    Ok(reply)
}

/// Called from code that is not async.
pub fn git_credential() -> Result<()> {
    let token = auth::session()?.access_token().wait()?;
    println!("username=skiff\npassword={}", token.expose());
    Ok(())
}
