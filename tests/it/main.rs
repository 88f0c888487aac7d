//! Behaviour of the crate, a file per subject, in one binary. The first two subjects are the crate itself.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test plays the parts that the library leaves to its host, and fails by panicking"
)]

#[cfg(all(feature = "testing", feature = "cli"))]
mod access_token;
#[cfg(all(feature = "testing", feature = "cli"))]
mod account;
mod architecture;
#[cfg(all(feature = "testing", feature = "cli"))]
mod cli;
#[cfg(all(feature = "testing", feature = "cli"))]
mod contexts;
#[cfg(all(feature = "testing", feature = "cli"))]
mod custody;
#[cfg(all(feature = "testing", feature = "cli"))]
mod login;
#[cfg(all(feature = "testing", feature = "cli"))]
mod logout;
#[cfg(all(feature = "testing", feature = "cli"))]
mod odd_ends;
#[cfg(all(feature = "testing", feature = "cli"))]
mod orgs;
#[cfg(all(feature = "testing", feature = "cli"))]
mod redaction;
#[cfg(all(feature = "testing", feature = "cli"))]
mod refresh;
#[cfg(all(feature = "testing", feature = "cli"))]
mod second_look;
#[cfg(all(feature = "testing", feature = "cli"))]
mod servers;
#[cfg(all(feature = "testing", feature = "cli"))]
mod state_dir;
#[cfg(all(feature = "testing", feature = "cli"))]
mod support;
#[cfg(feature = "testing")]
mod testing;
