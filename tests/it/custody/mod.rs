//! Where keys rest.
//!
//! | file | tests |
//! | --- | --- |
//! | `contract` | the contract of a key store |
//! | `credential_manager` | Windows: the Credential Manager, and files that others hold open |
//! | `erasure` | keys are erased with their login |
//! | `key_files` | keys in files |
//! | `moves` | keys that move to another key store |
//! | `passphrase` | keys under a passphrase |
//! | `selection` | which key stores may hold a key |
//! | `store_faults` | key stores that are locked, away or slow (law 10) |

mod contract;
#[cfg(all(windows, feature = "os-store"))]
mod credential_manager;
mod erasure;
#[cfg(feature = "passphrase")]
mod key_files;
#[cfg(feature = "passphrase")]
mod moves;
#[cfg(feature = "passphrase")]
mod passphrase;
#[cfg(feature = "passphrase")]
mod selection;
mod store_faults;
