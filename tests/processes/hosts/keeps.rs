//! A host that keeps its `Auth` in a static, which is never dropped: it begins a refresh, and once a line on standard input
//! tells it to, it returns from `main`, and waits for all jobs before that if its argument says so. Configured as `acme` is.
#![allow(clippy::disallowed_methods, reason = "a host may read its arguments")]

#[path = "../../../examples/acme/config.rs"]
mod config;

use std::sync::LazyLock;
use std::time::Duration;

use hallpass::{Auth, Result};

static AUTH: LazyLock<Result<Auth>> = LazyLock::new(|| Auth::new(config::from_environment()?));

fn main() -> Result<()> {
    let token = AUTH.clone()?.access_token();
    let _ = std::io::stdin().read_line(&mut String::new());
    drop(token);
    if std::env::args().nth(1).as_deref() == Some("shuts-down") {
        Auth::shutdown_all(Duration::from_secs(5));
    }
    Ok(())
}
