//! Logs people in to command-line tools.
//!
//! A person runs `acme auth login`, approves in a browser, and from then on the tool has a valid access token: in forty
//! processes at once, after a killed terminal, after the server rotated the refresh token.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use hallpass::prompt::Terminal;
//! use hallpass::{Auth, Config, LoginRequest, blocking};
//!
//! # fn main() -> hallpass::Result<()> {
//! let auth = Auth::new(Config::new("acme", "https://id.example.com", "acme-cli")?)?;
//! // Logs in if nobody is logged in, or if the login has ended; without a terminal, returns an error instead.
//! let session = auth.session_or_login(LoginRequest::default(), Arc::new(Terminal::stderr()));
//! let token = blocking::wait(blocking::wait(session)?.access_token())?;
//! let header = format!("Authorization: Bearer {}", token.expose());
//! # drop(header);
//! # Ok(()) }
//! ```
//!
//! In an async program, `.await` the same futures, on any executor. With the feature `cli`, the module `cli` brings
//! `auth login`, `token`, `status`, `list`, `switch`, `rename`, `doctor` and `logout` to a clap parser.
//!
//! # The picture
//!
//! ```text
//!    face      lib.rs        cli/ (clap)        testing/ (embedded authorization server)     ← public names only
//!                │
//!    living    auth  login  logout  switch  session  userinfo  rotation  token  relocation  doctor  leftovers  context  config  servers  wiring  worker
//!                │                        │
//!    wire      oauth/  ─── never names ───┼───  custody/  seal  record  attempt  grant  home           keeping
//!                │                        │
//!    words     secret  id  text  clock  duration  error  remedy  prompt  passphrase  posture  browser  surroundings
//!              hardening  failpoint  tty  wrap
//! ```
//!
//! Arrows point down, or along a layer without a circle; a test reads every path in the source and fails on any other.
//!
//! Two ideas carry the house. *A place keeps the key, a sealed file keeps the record*: a login puts one small random key into the
//! OS's store, or where else the host and the person chose, and its tokens rest in a file that only this key opens. *The core is blocking, async is a face*:
//! a login or a refresh runs top to bottom on a thread of its own, and a future waits for it.
//!
//! How it works, what it protects from and what not: [`manual`]. The laws that comments name: [`manual::laws`].

/// The README's code compiles.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
struct Readme;

mod attempt;
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
pub mod doctor;
mod duration;
mod error;
mod failpoint;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod grant;
mod hardening;
mod home;
mod id;
mod leftovers;
mod login;
mod logout;
pub mod manual;
mod oauth;
mod org;
pub mod passphrase;
mod posture;
pub mod prompt;
mod record;
mod relocation;
mod remedy;
mod rotation;
mod seal;
mod secret;
pub mod servers;
mod session;
mod surroundings;
mod switch;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
mod token;
#[cfg(unix)]
mod tty;
mod userinfo;
mod wiring;
mod worker;
mod wrap;

pub use auth::Auth;
pub use config::Config;
pub use context::{ChosenBy, Context, Each, Missing, Select};
pub use error::{Error, ErrorKind, Remedy, Result};
pub use hardening::hardening;
pub use id::{Account, AppName, ClientId, ContextName, GrantId, Issuer, Org, Scopes};
pub use login::LoginRequest;
pub use logout::{Ended, LoggedOut, LogoutRequest};
pub use oauth::dialect::Reach;
pub use oauth::pkce::Pkce;
pub use org::OrgBy;
pub use relocation::{MoveRequest, Moved};
pub use secret::Secret;
pub use session::{Next, Session};
pub use surroundings::{Machine, Surroundings};
pub use token::{AccessToken, TokenRequest};
pub use userinfo::{Membership, Userinfo};
/// A global allocator that wipes every block as it is freed: for what crates below this one leave of a secret, which only the
/// host can have wiped. It is set in one line, where `System` can be any other allocator:
///
/// ```
/// use std::alloc::System;
///
/// #[global_allocator]
/// static ALLOCATOR: hallpass::ZeroizingAllocator<System> = hallpass::ZeroizingAllocator(System);
/// ```
#[cfg(feature = "zeroizing-allocator")]
pub use zeroizing_alloc::ZeroAlloc as ZeroizingAllocator;
