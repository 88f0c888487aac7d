//! The types that every other folder uses. Nothing here knows a file, a server or a person.
//!
//! | file | has |
//! | --- | --- |
//! | `ids` | names of things, parsed once: apps, issuers, clients, orgs, grants, contexts |
//! | `key_store_name` | the names of the key stores |
//! | `commands` | how a host's commands are called |
//! | `variables` | how a host's environment variables are called |
//! | `scopes` | what a token may be used for |
//! | `account` | who a grant belongs to |
//! | `actor` | who runs this program: a person, an agent, or automation |
//! | `provenance` | what a credential is, whose it is, and how it came to be |
//! | `event` | one moment in the life of a credential |
//! | `secret` | a string that is wiped when it is dropped |
//! | `error` | what happened, of which kind |
//! | `remedy` | what to do about it |
//! | `setting` | which field, argument or variable an error is about |
//! | `protection` | what a key store promises: how long it keeps a key, who can read it |
//! | `sanitize` | filters for text from outside, before it reaches a terminal |
//! | `wrap` | line breaking, to the width of a window |
//! | `duration` | durations as people write them |

pub(crate) mod account;
pub(crate) mod actor;
pub(crate) mod commands;
pub(crate) mod duration;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod ids;
pub(crate) mod key_store_name;
pub(crate) mod protection;
pub(crate) mod provenance;
pub(crate) mod remedy;
pub mod sanitize;
pub(crate) mod scopes;
pub(crate) mod secret;
pub(crate) mod setting;
pub(crate) mod variables;
pub(crate) mod wrap;
