//! The sealed records of logins.
//!
//! | file | tests |
//! | --- | --- |
//! | `damaged` | records that are damaged, gone or out of a backup |
//! | `size` | records do not grow without end |

mod damaged;
mod size;
