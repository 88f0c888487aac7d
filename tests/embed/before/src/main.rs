//! `skiff`, a small CLI with a login of its own.

mod auth;
mod commands;
mod config;

use std::process::ExitCode;

use clap::Parser;

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
    /// Log in
    Login,
    /// Log out
    Logout,
    /// Show who is logged in
    Whoami,
    /// List your apps
    Apps,
    /// Answer git's question for a password
    GitCredential,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Skiff { json, command } = Skiff::parse();
    let done = match command {
        Command::Login => auth::login().await,
        Command::Logout => auth::logout(),
        Command::Whoami => auth::whoami(json).await,
        Command::Apps => commands::apps(json).await,
        Command::GitCredential => commands::git_credential(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}
