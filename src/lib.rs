//! hallpass

pub mod clock;
#[cfg(feature = "testing")]
pub mod testing;
