//! hallpass
#![forbid(unsafe_code)]

#[cfg(feature = "browser")]
mod browser;
pub mod clock;
pub mod custody;
mod error;
mod grant;
mod home;
mod id;
mod oauth;
pub mod prompt;
mod record;
mod secret;
mod surroundings;
#[cfg(feature = "testing")]
pub mod testing;
mod text;

pub use error::*;
pub use secret::Secret;
pub use id::*;
