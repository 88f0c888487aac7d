//! The state folder.
//!
//! | file | tests |
//! | --- | --- |
//! | `blocked` | folders and disks that block the state folder |
//! | `index` | an index that is damaged, of another version or by hand |
//! | `ownership` | owners, modes and links |
//! | `path` | where the state folder may lie (law 16) |
//! | `tampered_index` | an index that somebody else has changed (law 16) |

#[cfg(unix)]
mod blocked;
mod index;
#[cfg(unix)]
mod ownership;
mod path;
mod tampered_index;
