//! TLS: which crate does its cryptography, and which roots it trusts. Each provider is a file with one function, `configure`.
//!
//! | file | has |
//! | --- | --- |
//! | `aws_lc` | the feature `tls-aws-lc`: the configuration that reqwest makes |
//! | `ring` | the feature `tls-ring`: a configuration that is made here |
//! | `handshakes` | tests of both providers against a TLS server |

#[cfg(feature = "tls-aws-lc")]
mod aws_lc;
#[cfg(test)]
#[cfg(all(target_os = "linux", feature = "tls-ring"))]
mod handshakes;
#[cfg(feature = "tls-ring")]
#[cfg_attr(feature = "tls-aws-lc", allow(dead_code, reason = "compiled and tested, even where aws-lc is used"))]
mod ring;

// A feature adds names, it never changes a default: with both features, aws-lc is used.
#[cfg(feature = "tls-aws-lc")]
pub(super) use aws_lc::configure;
#[cfg(all(feature = "tls-ring", not(feature = "tls-aws-lc")))]
pub(super) use ring::configure;
