//! `acme`, the reference host of `hallpass::cli`: a whole tool that logs people in. Its configuration comes from the
//! environment, see `config.rs`.
#![allow(clippy::disallowed_methods, reason = "a tool may read its environment")]

mod config;

use std::process::ExitCode;

use clap::Parser;
use hallpass::cli::{self, FullAuthCommand, Whoami};

/// What reqwest, rustls and others leave of a secret is wiped as it is freed.
#[cfg(feature = "zeroizing-allocator")]
#[global_allocator]
static ALLOCATOR: hallpass::secret::ZeroizingAllocator<std::alloc::System> =
    hallpass::secret::ZeroizingAllocator(std::alloc::System);

/// The reference tool of hallpass
#[derive(Parser)]
#[command(name = "acme", version)]
enum Acme {
    Auth(FullAuthCommand),
    Whoami(Whoami),
}

fn main() -> ExitCode {
    match cli::parse() {
        Acme::Auth(auth) => auth.run(config::from_environment()),
        Acme::Whoami(whoami) => whoami.run(config::from_environment()),
    }
}
