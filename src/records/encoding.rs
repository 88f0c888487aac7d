//! How a record is written down: times as numbers, secrets within the seal alone, through a buffer that is wiped.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::model::secret::Secret;

/// Times as whole seconds since 1970, UTC.
pub(super) mod time {
    use serde::{Deserializer, Serializer};

    use super::*;

    pub(in crate::records) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(seconds(time))
    }

    pub(in crate::records) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        u64::deserialize(deserializer).and_then(from_seconds)
    }

    pub(in crate::records) mod option {
        use super::*;

        pub(in crate::records) fn serialize<S: Serializer>(
            time: &Option<SystemTime>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            time.as_ref().map(seconds).serialize(serializer)
        }

        pub(in crate::records) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<SystemTime>, D::Error> {
            Option::<u64>::deserialize(d)?.map(from_seconds).transpose()
        }
    }

    fn seconds(time: &SystemTime) -> u64 {
        time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    fn from_seconds<E: serde::de::Error>(seconds: u64) -> Result<SystemTime, E> {
        // Up to the end of the year 9999, the last that RFC 3339 can write.
        match seconds <= 253_402_300_799 {
            true => Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
            false => Err(E::custom("a time out of range")),
        }
    }
}

/// The only code that writes secrets down: inside the seal.
pub(super) mod exposed {
    use serde::{Deserializer, Serializer};

    use super::*;

    pub(in crate::records) fn serialize<S: Serializer>(secret: &Arc<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(in crate::records) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Secret>, D::Error> {
        String::deserialize(deserializer).map(|text| Arc::new(Secret::new(text)))
    }
}

/// A buffer that leaves no copy behind when it grows or is dropped.
#[derive(Default)]
pub(super) struct WipedBuffer(pub(super) Zeroizing<Vec<u8>>);

impl Write for WipedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity((2 * needed).max(8 << 10)));
            larger.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
