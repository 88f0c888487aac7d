//! The whole tool, as a process, against what nobody here wrote: a certified authorization server (oidc-provider on
//! Node), four more that share no code with it (django-oauth-toolkit, django-allauth and Authlib on Python, Better Auth on Node), and real
//! Secret Services (gnome-keyring, KeePassXC and KWallet on a private D-Bus). `tests/all` installs them.
//!
//! Only the contract of `acme`, the reference CLI, is used here: its arguments, environment, exit codes and JSON.
//!
//! | file | holds |
//! | --- | --- |
//! | `needs.rs` | what a test needs on this machine, and what is said where it is missing |
//! | `machine.rs` | a machine of a test's own: home, D-Bus, keyring |
//! | `acme.rs` | the tool under test |
//! | `process.rs` | a child process with a time limit, read line by line |
//! | `provider.rs` | the authorization servers, what they saw, and the person at the browser |
//! | `life.rs` | the life of a login, for servers that differ in a table alone |
//! | `typist.rs` | a person at a terminal of their own |
//! | `embedded.rs` | the server that comes with hallpass, where a test is not about the server |
//! | `tls.rs` | a private CA |
//! | `webdriver.rs` | a person's browser |
//! | `memory.rs` | what a process holds in its memory, seen by another |
//! | `hosts/` | a program for that |
//! | `kernel.rs` | the user's keyring in the kernel |
//! | `http.rs` | the smallest HTTP client, and a bystander that counts who calls |
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

mod acme;
mod allauth;
mod authlib;
mod better_auth;
mod borders;
mod browser;
mod contract;
mod custody;
mod django;
mod doctor;
mod embedded;
mod face;
mod foreign_bus;
mod hardening;
mod http;
mod kernel;
mod kernel_keys;
mod late_store;
mod life;
mod locked_store;
mod login;
mod machine;
mod memory;
mod needs;
mod oidc_provider;
mod places;
mod process;
mod prompt;
mod provider;
mod repairs;
mod residue;
mod stores;
mod terminal;
mod tls;
mod traffic;
mod typist;
mod webdriver;
