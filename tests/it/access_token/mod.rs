//! Which access token a session gives.
//!
//! | file | tests |
//! | --- | --- |
//! | `authorization` | the headers of a request |
//! | `cached` | a token that is still valid |
//! | `challenge` | a resource refuses a token: `Session::challenged` and `refused` |
//! | `environment` | a token that a variable gives |
//! | `lifetimes` | how long tokens and logins live |
//! | `long_lived` | `Auth::access_token`, for programs that run for long |
//! | `min_validity` | a caller that needs a token for some time to come |
//! | `refused_token` | a refused token is replaced once, and never served again |
//! | `scopes` | fewer scopes, another resource |

mod authorization;
mod cached;
mod challenge;
mod environment;
mod lifetimes;
mod long_lived;
mod min_validity;
mod refused_token;
mod scopes;
