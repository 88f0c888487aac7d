//! Logging out.
//!
//! | file | tests |
//! | --- | --- |
//! | `dead_token` | a login that may have ended at the server |
//! | `forgotten` | a login is forgotten on this machine |
//! | `revocation` | revocation at the server (law 13) |

mod dead_token;
mod forgotten;
mod revocation;
