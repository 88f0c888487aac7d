//! Behaviour of the crate, a folder per subject, in one binary. The first subject is the crate itself.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test plays the parts that the library leaves to its host, and fails by panicking"
)]

mod architecture;
#[cfg(all(feature = "testing", feature = "cli"))]
mod behaviour;
mod explorer;
#[cfg(feature = "testing")]
mod replay;
#[cfg(feature = "testing")]
mod testing;
