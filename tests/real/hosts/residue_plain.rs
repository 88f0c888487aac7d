//! A host that logs in, takes a token, refreshes, takes another and drops everything, and stands still after each step until a
//! line comes on standard input: then others look for secrets in its memory. Configured as `acme` is, but for the client secret,
//! which comes on standard input: an environment stays in memory for as long as its process.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a host may speak, and reads what a test tells it"
)]

#[path = "../../../examples/acme/config.rs"]
mod config;

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use hallpass::prompt::{Prompt, Verification};
use hallpass::secret::Secret;
use hallpass::{Auth, Login, Result, TokenRequest};

pub(crate) fn main() -> Result<()> {
    // Kept to the end, so that whoever finds no other secret knows that they looked in the right place.
    let planted = Secret::new(line());
    let mut config = config::from_environment()?;
    config.client_secret = Some(Arc::new(Secret::new(line())));

    let auth = Auth::new(config)?;
    let session = auth.login(Login::new(Page)).wait()?;
    stand_still("logged in");
    session.access_token().wait()?;
    stand_still("token");
    session.access_token_with(TokenRequest::new().refresh()).wait()?;
    stand_still("refreshed");
    session.access_token().wait()?;
    let headers = session.authorization("GET", "https://api.example.com/").wait()?;
    session.refused(&headers, "https://api.example.com/");
    drop(headers);
    stand_still("another token");
    drop((session, auth));
    stand_still("dropped");
    drop(planted);
    Ok(())
}

/// Prints the page for the person.
struct Page;

impl Prompt for Page {
    fn show(&self, verification: &Verification) -> io::Result<()> {
        let page = verification.verification_uri_complete.as_ref().unwrap_or(&verification.verification_uri);
        println!("{page}");
        Ok(())
    }
}

fn stand_still(step: &str) {
    println!("{step}");
    line();
}

/// The next line, which leaves nothing behind: a buffered reader would keep it, and so would a string that grows.
fn line() -> String {
    let (mut stdin, mut line, mut byte) = (File::open("/dev/stdin").expect("a stdin"), String::with_capacity(128), [0]);
    while stdin.read(&mut byte).is_ok_and(|length| length == 1) && byte != *b"\n" {
        line.push(char::from(byte[0]));
    }
    line
}
