//! Real processes of `acme` that race, are stopped, killed, lose replies and meet full disks, on a machine of their own with a
//! real keyring. Each matrix prints what became of every case; one of them alone, with its full counts:
//! `HALLPASS_FULL=1 cargo test --all-features --test processes storm -- --nocapture`.
//!
//! | file | holds |
//! | --- | --- |
//! | `storm.rs` | 128 processes at expiry, one refresh |
//! | `lock.rs` | who meets at one lock, who cannot, and a holder that stands still |
//! | `kill.rs` | SIGKILL after every step and at any instant |
//! | `signals.rs` | SIGINT, SIGTERM, and hosts that leave in mid-exchange |
//! | `loss.rs` | replies that do not come, or come wrong |
//! | `adoption.rs` | an old login that is taken over, killed at every step |
//! | `moves.rs` | keys that move, killed at every step, and among refreshes and logouts |
//! | `disk.rs` | disks and stores that fail at every step |
//! | `trail.rs` | the trail under many writers, kills and a full disk |
//! | `rig.rs` | a server in this process, a machine, logins on it |
//! | `control.rs` | a process sent signals, stopped at a failpoint |
//! | `volume.rs` | a small file system that fills up or turns read-only |
//! | `relay.rs` | a way to the server that can be cut |
//! | `table.rs` | outcomes, printed |
//! | `hosts/` | programs that embed the library badly |
//!
//! The rest is `tests/real/support`.
#![cfg(target_os = "linux")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test plays the parts that the library leaves to its host, and fails by panicking"
)]

mod adoption;
mod control;
mod disk;
mod kill;
mod lock;
mod loss;
mod moves;
mod relay;
mod rig;
mod signals;
mod storm;
mod table;
mod trail;
mod volume;

#[allow(dead_code, reason = "tests/real uses the rest")]
#[path = "../real/support/mod.rs"]
mod support;

use support::{acme, http, kernel, machine, needs, process, provider, tls};
