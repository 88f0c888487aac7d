//! What the tests share.
//!
//! | file | holds |
//! | --- | --- |
//! | `acme` | `acme` as a process |
//! | `faults` | replies of a server, word by word |
//! | `keys` | a key store that does as it is told |
//! | `passphrase` | a person who is asked for a passphrase |
//! | `printed` | everything that was printed |
//! | `rig` | a server, a clock driven by hand, a state folder, logins |

pub(crate) mod acme;
pub(crate) mod faults;
pub(crate) mod keys;
#[cfg(feature = "passphrase")]
pub(crate) mod passphrase;
pub(crate) mod printed;
pub(crate) mod rig;
