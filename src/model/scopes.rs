//! [`Scopes`]: what a token may be used for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::error::{Error, Result};
use crate::model::ids::invalid;
use crate::model::setting::Setting;

/// A list of scope tokens (RFC 6749 §3.3), in the order given, each once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Returns the scope tokens.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Returns whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the scopes of OpenID Connect (Core §5.4, §11) that `others` has: servers (Entra ID) leave them out when a reply lists what was
    /// granted.
    pub(crate) fn with_those_of_openid(&self, others: &Self) -> Self {
        let of_openid = ["openid", "profile", "email", "offline_access"];
        let more = others.iter().filter(|scope| of_openid.contains(scope) && !self.contains(scope));
        Self(self.iter().chain(more).map(str::to_owned).collect())
    }

    /// Returns whether the list contains `scope`.
    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|own| own == scope)
    }
}

impl FromStr for Scopes {
    type Err = Error;

    /// Reads a space-delimited list.
    fn from_str(text: &str) -> Result<Self> {
        let mut scopes = Self::default();
        for token in text.split(' ').filter(|token| !token.is_empty()) {
            // RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
            if !token.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
                return Err(invalid(Setting::Scopes, "scope", token, "visible ASCII without quotes and backslashes"));
            }
            if !scopes.contains(token) {
                scopes.0.push(token.to_owned());
            }
        }
        Ok(scopes)
    }
}

impl TryFrom<&str> for Scopes {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        text.parse()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Parsed again when read: no file brings in a scope that the parser would refuse.
impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parsing_never_panics_and_round_trips(text in any::<String>()) {
            if let Ok(scopes) = text.parse::<Scopes>() {
                prop_assert_eq!(scopes.to_string().parse::<Scopes>().unwrap(), scopes);
            }
        }
    }
}
