//! Parses [`KeyStoreName`].

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use super::KeyStoreName;
use crate::model::error::{Error, Result};
use crate::model::sanitize::quoted;
use crate::model::setting::Setting;

impl KeyStoreName {
    /// Makes the name of a host's own key store: 1 to 64 visible ASCII characters without slashes.
    ///
    /// ```
    /// use hallpass::custody::KeyStoreName;
    ///
    /// let name = KeyStoreName::custom("vault")?;
    /// assert_eq!(name.as_str(), "vault");
    /// assert!(KeyStoreName::custom("OS").is_err());
    /// # Ok::<(), hallpass::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Config` if the name has other characters, or if a key store of hallpass has it.
    pub fn custom(name: &str) -> Result<Self> {
        Self::of_a_host(name).filter(|_| !Self::is_reserved(name)).ok_or_else(|| {
            let why = match Self::is_reserved(name) {
                true => "hallpass has a key store of this name",
                false => "it takes 1 to 64 visible ASCII characters without slashes",
            };
            let name = quoted(name);
            Error::config(Setting::Custody, format!("\"{name}\" cannot name a host's key store: {why}"))
        })
    }
}

/// Takes every valid name: a name that no key store of hallpass has is a host's own.
impl FromStr for KeyStoreName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::known(text).or_else(|| Self::of_a_host(text)).map_or_else(|| Self::custom(text), Ok)
    }
}

impl<'de> Deserialize<'de> for KeyStoreName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_name_is_no_custom_one_and_each_is_read_as_written() {
        for name in KeyStoreName::KNOWN {
            assert_eq!(name.as_str().parse::<KeyStoreName>().unwrap(), name);
            assert!(KeyStoreName::custom(name.as_str()).is_err(), "{name}");
        }
        let own = KeyStoreName::custom("vault").unwrap();
        assert_eq!(serde_json::from_str::<KeyStoreName>("\"vault\"").unwrap(), own);
        assert_eq!(serde_json::to_string(&own).unwrap(), "\"vault\"");
    }

    #[test]
    fn a_name_is_visible_ascii_and_no_path() {
        let long = "x".repeat(65);
        for bad in ["", "a b", "a/b", "a\\b", "ä", "a\n", "\u{1b}[m", &long] {
            assert!(bad.parse::<KeyStoreName>().is_err() && KeyStoreName::custom(bad).is_err(), "{bad:?}");
        }
        assert!(long[1..].parse::<KeyStoreName>().is_ok());
    }
}
