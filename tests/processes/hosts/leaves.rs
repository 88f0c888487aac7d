//! A host that leaves in mid-exchange: it begins a refresh, and once a line on standard input tells it to, it drops the job
//! and goes as its argument says. Configured as `acme` is.
#![allow(clippy::disallowed_methods, clippy::exit, reason = "a host may read its arguments, and leave as it likes")]

#[path = "../../../examples/acme/config.rs"]
mod config;

use std::process::exit;
use std::time::Duration;

use hallpass::{Auth, Result};

fn main() -> Result<()> {
    let auth = Auth::new(config::from_environment()?)?;
    let session = auth.session()?;
    let token = session.access_token();
    let _ = std::io::stdin().read_line(&mut String::new());
    drop(token);
    match std::env::args().nth(1).as_deref() {
        Some("settles") => {
            auth.shutdown(Duration::from_secs(5));
            exit(0)
        }
        Some("exits") => exit(0),
        _ => Ok(()),
    }
}
