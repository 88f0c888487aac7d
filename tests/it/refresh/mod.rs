//! Refreshing a token.
//!
//! | file | tests |
//! | --- | --- |
//! | `bad_disk` | a disk that cannot be written for a moment |
//! | `before_expiry` | the window before a token's end (law 7) |
//! | `clock` | clocks that jump at a refresh |
//! | `crash` | what a dead process left is finished (law 3) |
//! | `dead_token` | a refresh token that the server no longer takes |
//! | `dropped_caller` | callers that stop waiting (law 4) |
//! | `explorer/` | every interleaving of callers, server and disk, tried out |
//! | `failures` | the server is away or refuses |
//! | `invalid_grant` | revoked, expired, or refreshed by another process (law 6) |
//! | `lock` | another process holds the lock (law 2) |
//! | `lost_reply` | the reply to a refresh is lost |
//! | `on_demand` | an expired token is refreshed, once |
//! | `replies` | what a reply may change (laws 8 and 17) |
//! | `retries` | retries within the call, `Retry-After` |
//! | `shared` | many callers share one refresh (law 2) |

mod bad_disk;
mod before_expiry;
mod clock;
mod crash;
mod dead_token;
mod dropped_caller;
mod explorer;
mod failures;
mod invalid_grant;
mod lock;
mod lost_reply;
mod on_demand;
mod replies;
mod retries;
mod shared;
