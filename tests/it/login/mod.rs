//! Logging in.
//!
//! | file | tests |
//! | --- | --- |
//! | `clock` | clocks that jump while a login waits |
//! | `interrupted` | cancelled, dropped, not shown, not saved |
//! | `network` | a bad network while a login waits |
//! | `pkce` | RFC 7636 |
//! | `polling` | the cadence of the polls, and their end |
//! | `replaced` | a new login replaces an old one |
//! | `replies` | what the token endpoint answers |
//! | `session_or_login` | `Auth::session_or_login` |
//! | `verification` | what the server hands over for a person's eyes (law 12) |

mod clock;
mod interrupted;
mod network;
mod pkce;
mod polling;
mod replaced;
mod replies;
mod session_or_login;
mod verification;
