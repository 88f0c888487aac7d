//! A strict authorization server inside your test process, and a clock driven by hand.
//!
//! | file | has |
//! | --- | --- |
//! | `server` | the authorization server, and what a test asks of it |
//! | `behaviour` | what the server promises, and the persons it knows |
//! | `faults` | what goes wrong with a request |
//! | `seen` | what a client sent |
//! | `connection` | sockets, and the faults that cut them |
//! | `endpoints` | which request does what |
//! | `form` | parameters and client authentication |
//! | `reply` | what the server answers |
//! | `state/` | devices, families and tokens |
//! | `token` | opaque tokens, user codes and ID tokens |
//! | `page/` | the verification page |
//! | `clock` | a clock that a test moves |
//! | `prompt` | a person who follows a script |
//! | `contract` | the contract of key stores, case by case |
//!
//! [`AuthorizationServer`] listens on loopback and holds to the RFCs more tightly than most servers in the wild: POST
//! and form bodies only, no parameter twice, single-use device codes, rotating refresh tokens whose re-use ends the
//! whole family. So no mock agrees with a tool's mistakes. What a server
//! promises (lifetimes, intervals, rotation) is a [`Behaviour`]; what goes wrong on the way is a [`Fault`]; what the
//! tool really sent is a list of [`SeenRequest`].
//!
//! ```
//! use std::sync::Arc;
//! use hallpass::testing::{AuthorizationServer, Behaviour, Endpoint, Fault, ManualClock, Person};
//!
//! let clock = ManualClock::new();
//! let mut behaviour = Behaviour::default();
//! behaviour.clock = Arc::new(clock.clone());
//! let server = AuthorizationServer::start_with(behaviour)?;
//!
//! // Bob approves every login at once.
//! server.approve_all_as(&Person::new("bob", "Bob Example", "bob@example.com"));
//!
//! // Point the tool at `server.issuer()`, or take `server.config(folder)`; run it; then check what it did.
//! assert!(server.requests_to(Endpoint::Token).is_empty());
//!
//! // A fault is queued, and meets the next request to the endpoint.
//! server.inject(Endpoint::Token, Fault::LoseReply);
//! # std::io::Result::Ok(())
//! ```
//!
//! A test of your own tool, as a process; it takes its issuer, and [`Network::allow_loopback_http`](crate::config::Network::allow_loopback_http),
//! from its environment in tests:
//!
//! ```no_run
//! use std::process::{Command, Output};
//! use hallpass::testing::{AuthorizationServer, Behaviour, Endpoint};
//!
//! # fn main() -> std::io::Result<()> {
//! let mut behaviour = Behaviour::default();
//! behaviour.client_id = "acme-cli".into(); // the one your tool has
//! behaviour.interval = Some(1); // polls happen in real time: every second then
//! let server = AuthorizationServer::start_with(behaviour)?;
//! server.approve_all();
//! let folder = tempfile::tempdir()?;
//! let acme = |arguments: &[&str]| -> std::io::Result<Output> {
//!     let program = "target/debug/acme"; // env!("CARGO_BIN_EXE_acme") in tests/
//!     let acme = &mut Command::new(program);
//!     acme.env("ACME_ISSUER", server.issuer()).env("ACME_ALLOW_LOOPBACK_HTTP", "1");
//!     acme.env("ACME_HOME", folder.path().join("acme")).env("ACME_CUSTODY", "keyfile");
//!     acme.args(arguments).output()
//! };
//! for command in [&["auth", "login", "--json"][..], &["auth", "token", "--refresh"]] {
//!     let output = acme(command)?;
//!     assert!(output.status.success(), "{output:?}");
//! }
//! assert_eq!((server.counts().refreshes, server.requests_to(Endpoint::Revocation).len()), (1, 0));
//! # Ok(()) }
//! ```
//!
//! Within one process, [`ManualClock`] avoids waiting, and [`ScriptedPrompt`] plays the person.
//!
//! It is for tests only: it uses plain HTTP on loopback, its ID tokens have no real signature, and whoever opens its
//! verification page may approve, as [`Behaviour::person`]. That page is for people too: it works by keyboard, in light
//! and dark, on a phone and without scripts, and asks a member of several orgs to choose one.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a server listens and delays on the machine's own clock; it runs in tests only"
)]

mod behaviour;
mod clock;
mod connection;
mod contract;
mod endpoints;
mod faults;
mod form;
mod page;
mod prompt;
mod reply;
mod seen;
mod server;
mod state;
mod token;

pub use behaviour::{Behaviour, Person};
pub use clock::ManualClock;
pub use contract::{KeyStoreCase, check_key_store};
pub use faults::Fault;
pub use prompt::{Cue, ScriptedPrompt};
pub use seen::{Endpoint, SeenRequest};
pub use server::AuthorizationServer;
pub use state::Counts;
