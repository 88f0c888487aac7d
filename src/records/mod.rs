//! What is kept of one grant, in the state folder: the sealed record `<id>`, the lock `<id>.lock`, and `<id>.next`.
//!
//! | file | has |
//! | --- | --- |
//! | `record` | the record: tokens and where they may go, as bytes that only its key opens |
//! | `header` | what can be read of a record without its key |
//! | `encoding` | times as numbers, secrets within the seal alone, a buffer that is wiped |
//! | `grant_files` | a grant's files without its key: inspect, lock, erase |
//! | `unlock` | the way to a grant's key: the kernel's copy, or its key store |
//! | `open_grant` | a grant with its key: create, read, begin a refresh, commit (laws 3 and 5) |
//! | `copied` | whether a record was restored from a backup, or copied from another machine |
//! | `refresh_journal` | the content of `<id>.next` until it holds the next record |
//! | `uses` | `<id>.uses`: what was told of a grant's use, and what was only counted |

mod copied;
mod encoding;
pub(crate) mod grant_files;
pub(crate) mod header;
pub(crate) mod open_grant;
pub(crate) mod record;
pub(crate) mod refresh_journal;
mod unlock;
pub(crate) mod uses;
