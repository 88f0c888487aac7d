//! A host whose old version kept its refresh token in a file: it takes that login over, and prints an access token. Configured as
//! `acme` is.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a host may read its arguments, and print")]

#[path = "../../../examples/acme/config.rs"]
mod config;

use hallpass::adoption::{Adoption, OldTokens};
use hallpass::prompt::Silent;
use hallpass::{Auth, Result};

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_default();
    let auth = Auth::new(config::from_environment()?)?;
    let read = |bytes: &[u8]| {
        let token = std::str::from_utf8(bytes)?.trim();
        Ok((token != "log in again").then(|| OldTokens::new().refresh_token(token)))
    };
    let adoption = Adoption::of_file(Silent, path, read, |_| b"log in again\n".to_vec());
    let session = auth.adopt(adoption).wait()?;
    println!("{}", session.access_token().wait()?.expose());
    Ok(())
}
