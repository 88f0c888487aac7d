//! What hallpass does, seen from outside: through the public names, against the embedded server, without real waits. A folder is a
//! subject, and its `mod.rs` begins with a table of its files.
//!
//! | folder or file | subject |
//! | --- | --- |
//! | `login/` `refresh/` `logout/` | the life of a login |
//! | `adoption/` | a login that another program made, taken over |
//! | `access_token/` | which access token a session gives |
//! | `account/` | whose login it is |
//! | `contexts/` `orgs/` | several logins side by side, and what a token speaks for |
//! | `records/` `custody/` `state_dir/` | what rests on this machine, and where |
//! | `trail/` | what happened to credentials, in lines that show tampering |
//! | `jobs/` | work that begins at the call, and its end |
//! | `servers/` | which server is asked, and how servers differ |
//! | `cli/` | `acme`, run as a process |
//! | `redaction` `silence` | what is never printed |
//! | `testing/` | the embedded server itself |
//! | `support/` | what the tests share |
//! | `architecture/` | the source itself: its folders, dependencies, names |

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test plays the parts that the library leaves to its host, and fails by panicking"
)]

#[cfg(all(feature = "testing", feature = "cli"))]
mod access_token;
#[cfg(all(feature = "testing", feature = "cli"))]
mod account;
#[cfg(all(feature = "testing", feature = "cli"))]
mod adoption;
mod architecture;
#[cfg(all(feature = "testing", feature = "cli"))]
mod cli;
#[cfg(all(feature = "testing", feature = "cli"))]
mod contexts;
#[cfg(all(feature = "testing", feature = "cli"))]
mod custody;
#[cfg(all(feature = "testing", feature = "cli"))]
mod jobs;
#[cfg(all(feature = "testing", feature = "cli"))]
mod login;
#[cfg(all(feature = "testing", feature = "cli"))]
mod logout;
#[cfg(all(feature = "testing", feature = "cli"))]
mod orgs;
#[cfg(all(feature = "testing", feature = "cli"))]
mod records;
#[cfg(all(feature = "testing", feature = "cli"))]
mod redaction;
#[cfg(all(feature = "testing", feature = "cli"))]
mod refresh;
#[cfg(all(feature = "testing", feature = "cli"))]
mod servers;
#[cfg(all(target_os = "linux", feature = "testing", feature = "cli"))]
mod silence;
#[cfg(all(feature = "testing", feature = "cli"))]
mod state_dir;
#[cfg(all(feature = "testing", feature = "cli"))]
mod support;
#[cfg(feature = "testing")]
mod testing;
#[cfg(all(feature = "testing", feature = "cli"))]
mod trail;
