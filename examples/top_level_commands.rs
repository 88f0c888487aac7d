//! A tool with `railway login`, `railway logout` and `railway whoami`, as many have them: each command of hallpass can be mounted by
//! itself, under any name. `hallpass::cli::parse` finds them, so that hints and help say `railway login`.
//!
//! `cargo run --example top_level_commands --features cli -- --help`

use std::process::ExitCode;

use hallpass::{Auth, Config, cli};

/// Deploys things
#[derive(clap::Parser)]
#[command(name = "railway", bin_name = "railway", version)]
enum Railway {
    Login(cli::Login),
    Logout(cli::Logout),
    Whoami(cli::Whoami),
    /// Deploy the current folder
    Deploy,
}

fn main() -> ExitCode {
    let config = Config::new("railway", "https://id.example.com", "railway-cli");
    match cli::parse() {
        Railway::Login(login) => login.run(config),
        Railway::Logout(logout) => logout.run(config),
        Railway::Whoami(whoami) => whoami.run(config),
        Railway::Deploy => {
            deploy(config).map_or_else(|error| cli::report(cli::commands::<Railway>(), &error), |()| 0.into())
        }
    }
}

fn deploy(config: hallpass::Result<Config>) -> hallpass::Result<()> {
    let headers = Auth::new(config?)?.session()?.authorization("POST", "https://api.example.com/deploy").wait()?;
    drop(headers); // A request with these headers deploys.
    Ok(())
}
