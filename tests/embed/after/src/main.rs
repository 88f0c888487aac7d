//! `skiff`, a small CLI whose login is hallpass.

mod auth;
mod commands;
mod config;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hallpass::config::Commands;
use hallpass::{Auth, cli};

/// Sails your apps
#[derive(Parser)]
#[command(name = "skiff", version)]
struct Skiff {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Login(cli::Login),
    Logout(cli::Logout),
    Whoami(cli::Whoami),
    /// List your apps
    Apps,
    /// Answer git's question for a password
    GitCredential,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Skiff { json, command } = cli::parse_with(&auth::variables());
    let code = match (command, auth::adopt_old_login().await) {
        // A new login needs no old one.
        (Command::Login(login), _) => login.run(auth::config()),
        (_, Err(error)) => end(Err(error.into()), json),
        (Command::Logout(logout), Ok(())) => logout.run(auth::config()),
        (Command::Whoami(whoami), Ok(())) => whoami.run(auth::config()),
        (Command::Apps, Ok(())) => end(commands::apps(json).await, json),
        (Command::GitCredential, Ok(())) => end(commands::git_credential(), json),
    };
    // AUTH is in a static, which is never dropped: a refresh that is under way is finished and kept.
    Auth::shutdown_all(Duration::from_secs(5));
    code
}

/// What hints may name.
fn commands() -> Commands {
    cli::commands::<Skiff>().with_variables(auth::variables())
}

fn end(done: config::Result<()>, json: bool) -> ExitCode {
    let Err(error) = done else { return ExitCode::SUCCESS };
    match error.downcast::<hallpass::Error>() {
        Ok(error) if json => cli::report_json(commands(), &error),
        Ok(error) => cli::report(commands(), &error),
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}
