//! `acme`, run as a process.
//!
//! | file | tests |
//! | --- | --- |
//! | `captures` | what a person sees at 30, 80 and 200 columns |
//! | `commands` | exit codes and output of each command |
//! | `environment` | values of variables |
//! | `governance` | whose a login is, what happened to it, what should be done about it |
//! | `filtering` | text from outside, filtered and quoted (law 12) |
//! | `help` | help, the manual page, completions, wrong arguments |
//! | `hosts` | hosts with commands and variables of other names |
//! | `key_store` | key stores that are unknown or fail |
//! | `login` | `auth login` |
//! | `lost_parts` | a key, a record or the index is gone |
//! | `status` | `auth status`, `auth list` |
//! | `switch` | `auth switch`, `auth rename` |

#[cfg(all(target_os = "linux", feature = "os-store", feature = "passphrase", feature = "qr"))]
mod captures;
mod commands;
mod environment;
mod filtering;
mod governance;
mod help;
#[cfg(all(target_os = "linux", feature = "os-store", feature = "passphrase", feature = "qr"))]
mod hosts;
mod key_store;
mod login;
mod lost_parts;
mod status;
mod switch;
