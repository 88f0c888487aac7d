//! hallpass
#![forbid(unsafe_code)]

mod auth;
pub mod blocking;
#[cfg(feature = "browser")]
mod browser;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
mod config;
mod context;
pub mod custody;
mod error;
mod grant;
mod home;
mod id;
mod login;
mod logout;
mod oauth;
pub mod prompt;
mod record;
mod rotation;
mod secret;
mod session;
mod surroundings;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod token;
mod wiring;
mod worker;

pub use auth::Auth;
pub use config::Config;
pub use context::{Context, Select};
pub use error::{Error, ErrorKind, Remedy, Result};
pub use id::{Account, AppName, ClientId, ContextName, GrantId, Issuer, Org, Scopes};
pub use login::LoginRequest;
pub use logout::{Ended, LoggedOut, LogoutRequest};
pub use secret::Secret;
pub use session::{Session, Userinfo};
pub use surroundings::Surroundings;
pub use token::{AccessToken, TokenRequest};
