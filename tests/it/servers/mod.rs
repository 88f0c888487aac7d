//! Authorization servers: which one is asked, and how it differs.
//!
//! | file | tests |
//! | --- | --- |
//! | `configured` | endpoints, roots, secrets and parameters of a host |
//! | `destination` | a configuration that differs from the login's (law 16) |
//! | `foreign_endpoints` | endpoints off the issuer's origin (law 16) |
//! | `metadata` | RFC 8414, OpenID Connect Discovery |
//! | `network` | proxies, TLS roots, open files |
//! | `ready` | the ready configurations: `hallpass::servers` |
//! | `replay/` | recorded conversations with servers, and odd ones |

mod configured;
mod destination;
mod foreign_endpoints;
mod metadata;
mod network;
mod ready;
mod replay;
