//! Logs a person in, from nothing to a name, against an authorization server that this example brings along.
//!
//! `cargo run --example quickstart --features testing` opens the approval page; with `--approve`, or without a terminal, the
//! example approves itself.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::field_reassign_with_default,
    reason = "an example is a whole program"
)]

use std::io::IsTerminal;

use hallpass::Terminal;
use hallpass::testing::{AuthorizationServer, Behaviour};
use hallpass::{Auth, Login, Result};

fn main() -> Result<()> {
    // A real tool has its vendor's server here, and `Config::new("acme", "https://id.example.com", "acme-cli")?`.
    let mut behaviour = Behaviour::default();
    behaviour.interval = Some(1);
    let server = AuthorizationServer::start_with(behaviour).expect("a port on loopback");
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut config = server.config(home.path())?;

    let nobody_here = !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal();
    if nobody_here || std::env::args().any(|argument| argument == "--approve") {
        server.approve_all();
        // A real tool leaves this alone: without a terminal there is nobody to approve.
        config.environment.terminal = true;
    }

    let auth = Auth::new(config)?;
    let session = auth.session_or_login(Login::new(Terminal::stderr())).wait()?;
    let token = session.access_token().wait()?;
    println!("The token is good for: {}", token.scopes());
    println!("The server knows you as: {}", session.userinfo().wait()?.account);
    Ok(())
}
