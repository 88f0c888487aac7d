//! TLS: which feature for which host.
//!
//! hallpass has two TLS features. Both use rustls and trust the operating system's roots; errors and settings are the same.
//!
//! | feature | cryptography |
//! | --- | --- |
//! | `tls-aws-lc` (default) | aws-lc, as reqwest 0.13 has it |
//! | `tls-ring` | ring; the tree has no aws-lc |
//!
//! Cargo builds each crate once, with the features that anybody in the tree asks for. So the choice matters to the host's own TLS too:
//!
//! | host | feature |
//! | --- | --- |
//! | uses no TLS, or reqwest without a TLS feature | `tls-aws-lc` |
//! | uses rustls 0.23 or reqwest 0.13 with their defaults | `tls-aws-lc` |
//! | uses reqwest with `native-tls` | `tls-aws-lc`; reqwest keeps native-tls for the host |
//! | has rustls with ring only, for example through reqwest 0.12 with `rustls-tls` | `tls-ring` |
//! | has rustls with both, and installs a provider in `main` | either |
//! | is a library | neither: it passes both features on, and the program chooses |
//!
//! ```toml
//! hallpass = { version = "0.1", default-features = false, features = ["os-store", "browser", "tls-ring"] }
//! ```
//!
//! To see which crates bring a provider: `cargo tree -e features -i aws-lc-rs`, or `-i ring`. With both features hallpass uses aws-lc.
//! With neither it does not compile. Both need a C compiler.
//!
//! # Why a host can panic
//!
//! `rustls::ClientConfig::builder()` takes the process's default provider. Without one, it takes the only provider that rustls is built with.
//! With aws-lc and ring in one tree it cannot choose, and panics: "Could not automatically determine the process-level CryptoProvider".
//! So a host with ring should take `tls-ring`. hallpass itself installs no provider. Under `tls-ring` it does not look for one either;
//! under `tls-aws-lc` it uses the one that the host has installed, and aws-lc if the host has installed none.
//!
//! # A host without TLS, under `tls-ring`
//!
//! hallpass then switches `reqwest/rustls-no-provider` on. It is the host's reqwest 0.13 too, so that `reqwest::Client::new()` panics: "No
//! rustls crypto provider is configured". This is so for clients that only send plain http as well. Choose one:
//!
//! - `tls-aws-lc` in place of `tls-ring`. Nothing else is needed.
//! - A provider, first in `main`, with `rustls = { version = "0.23", default-features = false, features = ["ring"] }`:
//!
//!   ```text
//!   rustls::crypto::ring::default_provider().install_default().expect("no other provider is installed");
//!   ```
//!
//! `tests/hosts/run` builds and runs such hosts: `ring`, `aws_lc`, `no_tls` and `no_tls_ring`.
