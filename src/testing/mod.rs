//! A strict authorization server inside your test process, and a clock driven by hand.
//!
//! [`AuthorizationServer`] listens on loopback and holds to the RFCs more tightly than most servers in the wild: POST
//! and form bodies only, no parameter twice, single-use device codes, rotating refresh tokens whose re-use ends the
//! whole family. A tool that logs in here has not been helped along by a mock that agrees with it. What a server
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
//! // Somebody approves every login at once.
//! server.approve_all_as(&Person::new("bob", "Bob Example", "bob@example.com"));
//!
//! // Point the tool at `server.issuer()`, or take `server.config(home)`; run it; then ask what it did.
//! assert!(server.requests_to(Endpoint::Token).is_empty());
//!
//! // What goes wrong is said beforehand, and meets the next request to the endpoint.
//! server.inject(Endpoint::Token, Fault::LoseReply);
//! # std::io::Result::Ok(())
//! ```
//!
//! It is for tests only: it speaks plain HTTP on loopback, its ID tokens carry no real signature, and whoever opens its
//! verification page may approve.

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
mod reply;
mod seen;
mod server;
mod state;
mod token;

pub use behaviour::{Behaviour, Person};
pub use clock::ManualClock;
pub use contract::{CustodyCase, check_custody};
pub use faults::Fault;
pub use seen::{Endpoint, SeenRequest};
pub use server::AuthorizationServer;
pub use state::Counts;
