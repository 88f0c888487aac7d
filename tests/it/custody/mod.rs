#[cfg(all(windows, feature = "os-store"))]
mod credential_manager;
#[cfg(feature = "passphrase")]
pub(crate) mod key_files;
mod moves;
#[cfg(feature = "passphrase")]
pub(crate) mod passphrase;
pub(crate) mod store_faults;
