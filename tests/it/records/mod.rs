//! The sealed records of logins.
//!
//! | file | tests |
//! | --- | --- |
//! | `damaged` | records that are damaged, gone or out of a backup |
//! | `formats` | records and indexes of each format that there ever was |
//! | `size` | records do not grow without end |

mod damaged;
mod formats;
mod size;
