//! What `skiff` is for.

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::auth;
use crate::config::{CLIENT, Result, api};

pub async fn apps(json: bool) -> Result<()> {
    let url = format!("{}/apps", api());
    let apps = CLIENT.get(url).bearer_auth(auth::access_token().await?).send().await?;
    let apps: Vec<Value> = apps.error_for_status()?.json().await?;
    if json {
        println!("{}", Value::from(apps));
    } else {
        apps.iter().filter_map(Value::as_str).for_each(|app| println!("{app}"));
    }
    Ok(())
}

/// Called from code that is not async.
pub fn git_credential() -> Result<()> {
    let token = block_in_place(|| Handle::current().block_on(auth::access_token()))?;
    println!("username=skiff\npassword={token}");
    Ok(())
}
