//! The authorization server of tests/embed: prints its issuer, and approves every login as Alice, until standard input ends.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::io::{self, Read};
use std::time::Duration;

use hallpass::testing::{AuthorizationServer, Behaviour};

fn main() -> io::Result<()> {
    let mut behaviour = Behaviour::default();
    behaviour.client_id = "skiff-cli".into();
    behaviour.interval = Some(1);
    // Shorter than the tools want a token to be valid: each call refreshes.
    behaviour.access_token_lifetime = Some(Duration::from_secs(8));
    let server = AuthorizationServer::start_with(behaviour)?;
    server.approve_all();
    println!("{}", server.issuer());
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}
