//! A host that leaves in mid-exchange: it begins a refresh, and once a line on standard input tells it to, it drops the job
//! and goes as its argument says. Configured as `acme` is.
#![allow(clippy::disallowed_methods, clippy::exit, reason = "a host may read its arguments, and leave as it likes")]

#[path = "../../../examples/acme/config.rs"]
mod config;

use std::process::exit;
use std::sync::OnceLock;
use std::time::Duration;

use hallpass::{Auth, Result};

/// Is never dropped.
static AUTH: OnceLock<Auth> = OnceLock::new();

fn main() -> Result<()> {
    let how = std::env::args().nth(1).unwrap_or_default();
    let auth = Auth::new(config::from_environment()?)?;
    if how.starts_with("static") {
        let _ = AUTH.set(auth.clone());
    }
    let session = auth.session()?;
    let token = session.access_token();
    let _ = std::io::stdin().read_line(&mut String::new());
    drop(token);
    match how.as_str() {
        "shuts down" => {
            auth.shutdown(Duration::from_secs(5));
            exit(0)
        }
        "static, shuts all down" => {
            Auth::shutdown_all(Duration::from_secs(5));
        }
        "exits" => exit(0),
        _ => {}
    }
    Ok(())
}
