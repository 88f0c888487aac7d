//! The whole tool, as a process, against what nobody here wrote: a certified authorization server (oidc-provider on
//! Node), four more that share no code with it (django-oauth-toolkit, django-allauth and Authlib on Python, Better Auth on Node), and real
//! Secret Services (gnome-keyring, KeePassXC and KWallet on a private D-Bus). `tests/all` installs them.
//!
//! Only the contract of `acme`, the reference CLI, is used here: its arguments, environment, exit codes and JSON; and in `ocsf.rs` the rendering of
//! events, before the schema of OCSF.
//!
//! | file | holds |
//! | --- | --- |
//! | `support/` | what tests/processes uses too: machines, servers, the tool under test |
//! | `life.rs` | the life of a login, for servers that differ in a table alone |
//! | `typist.rs` | a person at a terminal of their own |
//! | `embedded.rs` | the server that comes with hallpass, where a test is not about the server |
//! | `webdriver.rs` | a person's browser |
//! | `memory.rs` | what a process holds in its memory, seen by another |
//! | `hosts/` | a program for that |
//! | the others | tests |
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

mod allauth;
mod authlib;
mod better_auth;
mod browser;
mod contract;
mod custody;
mod destination;
mod django;
mod doctor;
mod embedded;
mod foreign_bus;
mod hardening;
mod kernel_keys;
mod late_store;
mod life;
mod locked_store;
mod login;
mod login_prompt;
mod memory;
mod ocsf;
mod oidc_provider;
mod repairs;
mod residue;
mod store_faults;
mod stores;
mod support;
mod terminal;
mod traffic;
mod typist;
mod unlock_prompt;
mod webdriver;

use support::{acme, http, kernel, machine, needs, process, provider, tls};
