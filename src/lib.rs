//! Logs people in to command-line tools.
//!
//! A person runs `acme auth login`, approves in a browser, and from then on the tool has a valid access token: in forty
//! processes at once, after a killed terminal, after the server rotated the refresh token.
//!
//! ```no_run
//! use hallpass::{Auth, Config, Login, Terminal};
//!
//! # fn main() -> hallpass::Result<()> {
//! let auth = Auth::new(Config::new("acme", "https://id.example.com", "acme-cli")?)?;
//! // Logs in if nobody is logged in, or if the login has ended; without a terminal, returns an error instead.
//! let session = auth.session_or_login(Login::new(Terminal::stderr())).wait()?;
//! let url = "https://api.example.com/me";
//! let headers = session.authorization("GET", url).wait()?; // or .await, on any executor
//! // reqwest::blocking::Client::new().get(url).headers(headers).send()?
//! # drop(headers);
//! # Ok(()) }
//! ```
//!
//! With the feature `cli`, a clap parser gets `auth login`, `token`, `status`, `list`, `switch`, `rename`, `doctor` and `logout`:
//!
//! ```no_run
//! # #[cfg(feature = "cli")]
//! # mod host {
//! use hallpass::{Config, cli};
//!
//! /// Deploys things
//! #[derive(clap::Parser)]
//! #[command(name = "acme", version)]
//! enum Acme {
//!     /// Log in and out
//!     Auth(cli::AuthCommand),
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     match cli::parse() {
//!         Acme::Auth(auth) => auth.run(Config::new("acme", "https://id.example.com", "acme-cli")),
//!     }
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! # In five minutes
//!
//! The program that embeds this crate is called the *host* in these pages. Read [`Auth`], which has a method for each thing that a host can
//! ask for and says what blocks. Then read [`Login`], [`Session`] and [`Job`]: a call that may take time returns a [`Job`], to `.await` or to
//! [`wait`](Job::wait) for. The names at the root are enough for most hosts. Each other type is in one module:
//!
//! | to do this | see |
//! | --- | --- |
//! | log in, and authorize each request | [`Auth`], [`Login`], [`Session`], [`Terminal`] |
//! | configure your app and your server | [`Config`], [`config`], [`servers`] |
//! | replace a login of your own | [`adoption`] |
//! | choose where keys rest | [`custody`] |
//! | select, list, end or move one of several logins | [`Context`], [`Selector`], [`contexts`] |
//! | learn who is logged in | [`account`], [`Session::userinfo`] |
//! | say whose a login is, and what happened to it | [`events`], [`Auth::inventory`], [`Auth::verify_trail`] |
//! | go on after an API refuses a token | [`AfterRefusal`], [`refusal`] |
//! | show a login in your own way | [`prompt`] |
//! | name an account's parts: issuer, client, context, org, scopes | [`ids`] |
//! | handle errors, and examine the machine | [`Error`], [`ErrorKind`], [`Remedy`], [`doctor`] |
//! | keep secrets out of memory dumps | [`secret`] |
//! | print a server's words safely; give the time | [`sanitize`], [`clock`] |
//! | have the `auth` commands | the module `cli` (feature `cli`) |
//! | test your tool | the module `testing` (feature `testing`) |
//!
//! # The picture
//!
//! ```text
//!    root         auth  session  job  servers            cli/   testing/   manual/    what others see
//!                   │
//!    lifecycle/   login  refresh  contexts  switch  logout  userinfo  doctor          what happens to a credential
//!                   │
//!    records/     record  grant files  open grant  refresh journal                    what is kept of one grant
//!                   │
//!    governance/  permit  trail                                                       what may happen, and what did
//!                   │
//!    custody/     key stores                                                          where the keys rest that open the records
//!                   │
//!    oauth/       the RFCs          state_dir/   the folder         prompt/           the person
//!                   │
//!    system/      clock  environment  http  browser  tty                              this machine
//!    model/       ids  scopes  account  error  remedy  secret  protection             types that every folder uses
//! ```
//!
//! A folder uses the folders below it. Of these, `custody` and `records` do not use `oauth`, and `oauth`, `state_dir` and `prompt` do
//! not use each other. `cli` and `testing` use public names only. `tests/it/architecture/` reads every path in the source and fails on
//! any other. Each folder's `mod.rs` begins with a table of its files.
//!
//! Two ideas carry the house. *A key store keeps the key, a sealed file keeps the record*: a login puts one small random key into the
//! OS's store, or into another key store that the host and the person chose. Its tokens rest in a file that only this key opens.
//! *The core is blocking, async is a face*: a login or a refresh runs top to bottom on its own thread, and a [`Job`] waits for it.
//!
//! [`manual`] says how it works, and what it protects from and what not. [`manual::laws`] has the laws that comments name.

/// The README's code compiles.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(not(any(feature = "tls-aws-lc", feature = "tls-ring")))]
compile_error!("hallpass needs a TLS provider: switch on the feature `tls-aws-lc` (the default) or `tls-ring`");

mod auth;
#[cfg(feature = "cli")]
pub mod cli;
pub mod custody;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod governance;
mod job;
mod lifecycle;
pub mod manual;
mod model;
mod oauth;
mod oversight;
pub mod prompt;
mod records;
pub mod servers;
mod session;
mod state_dir;
mod system;
#[cfg(feature = "testing")]
pub mod testing;

pub use auth::Auth;
pub use job::Job;
pub use lifecycle::access_token::{AccessToken, TokenRequest};
pub use lifecycle::config::Config;
pub use lifecycle::contexts::{Context, Selector};
pub use lifecycle::doctor;
pub use lifecycle::login::Login;
pub use lifecycle::refusal::AfterRefusal;
pub use model::error::{Error, ErrorKind, Remedy, Result};
pub use model::sanitize;
pub use prompt::terminal::Terminal;
pub use session::Session;
pub use system::clock;

/// Who is logged in.
pub mod account {
    pub use crate::lifecycle::userinfo::{Membership, Userinfo};
    pub use crate::model::account::Account;
}

/// Takes over logins that another program made: see [`Auth::adopt`].
pub mod adoption {
    pub use crate::lifecycle::adoption::{Adoption, OldTokens};
}

/// The parts of a [`Config`].
pub mod config {
    pub use crate::lifecycle::config::{CustodyConfig, Endpoints, Network, OrgsConfig, Quirks};
    pub use crate::model::commands::{Command, Commands};
    pub use crate::model::setting::Setting;
    pub use crate::model::variables::Variables;
    pub use crate::oauth::org_selection::Orgs;
    pub use crate::oauth::pkce::Pkce;
    pub use crate::oauth::server_quirks::RevocationReach;
    pub use crate::system::environment::{Environment, Machine};
}

/// The details of a [`Context`], and the operations on one login or on all: log out, move keys.
pub mod contexts {
    pub use crate::lifecycle::contexts::{ChosenBy, Logins, Missing, Outcomes};
    pub use crate::lifecycle::inventory::{InventoryItem, InventoryWarning};
    pub use crate::lifecycle::logout::{LoggedOut, Logout, LogoutOutcome};
    pub use crate::lifecycle::move_keys::{MoveKeys, MoveOutcome};
}

/// What happened to credentials, who did it, and whose they are.
pub mod events {
    pub use crate::governance::ocsf::TrailPlace;
    pub use crate::governance::trail::read::{Cursor, LoggedEvent};
    pub use crate::governance::trail::verify::{TrailFinding, TrailFindingKind, TrailReport};
    pub use crate::lifecycle::access_token::ExportTo;
    pub use crate::model::actor::{Actor, ActorKind, ToldBy};
    pub use crate::model::event::{Details, Event, EventCode, EventOutcome, Runner, Subject};
    pub use crate::model::provenance::{CredentialKind, Owner, OwnerKind, Provenance};
}

/// The names of things. Each is parsed once, and valid from then on.
pub mod ids {
    pub use crate::model::ids::{AppName, ClientId, ContextName, EnvironmentName, GrantId, Issuer, Org};
    pub use crate::model::scopes::Scopes;
}

/// The types of a refused request: see [`Session::challenged`] and [`Session::refused`].
pub mod refusal {
    pub use crate::lifecycle::login::StepUp;
    pub use crate::lifecycle::refusal::SentToken;
}

/// Keeps secrets in memory from other programs.
pub mod secret {
    pub use crate::model::secret::Secret;
    pub use crate::system::hardening::harden_process;
    /// A global allocator that wipes every block as it is freed: other crates leave copies of secrets,
    /// and only the host program can wipe those. One line sets it; `System` can be any other allocator:
    ///
    /// ```
    /// use std::alloc::System;
    ///
    /// #[global_allocator]
    /// static ALLOCATOR: hallpass::secret::ZeroizingAllocator<System> = hallpass::secret::ZeroizingAllocator(System);
    /// ```
    #[cfg(feature = "zeroizing-allocator")]
    pub use zeroizing_alloc::ZeroAlloc as ZeroizingAllocator;
}
