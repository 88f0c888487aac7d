//! The names of things. Each is parsed once, and valid from then on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::{Host, Url};

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::sanitize::{is_plain, quoted};
use crate::model::setting::Setting;

/// The name of the host application, `[a-z][a-z0-9-]{0,31}`: names its folder, its items in the OS store and its
/// environment variables.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppName(String);

impl FromStr for AppName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match is_short_name(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(invalid(Setting::App, "app name", text, SHORT_NAME)),
        }
    }
}

/// An issuer identifier (RFC 8414 §2): "a URL that uses the "https" scheme and has no query or fragment components".
///
/// `http` is accepted for a loopback address and `localhost` only, and works only with `config.network.allow_loopback_http`. The text is
/// kept as written, since issuers are compared as strings (RFC 8414 §3.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Issuer {
    text: String,
    url: Url,
}

impl Issuer {
    /// Returns the issuer as a URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the host, and the port unless it is the scheme's default.
    pub fn host(&self) -> String {
        host_of(&self.url)
    }

    fn invalid(text: &str, expected: &str) -> Error {
        invalid(Setting::Issuer, "issuer", text, expected)
    }
}

impl FromStr for Issuer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let url = Url::parse(text).map_err(|_| Self::invalid(text, "a URL"))?;
        if has_user_info(&url) {
            // The text is not repeated: it may contain a password.
            let message = format!("an issuer at {} with user information is not valid", host_of(&url));
            return Err(Error::config(Setting::Issuer, message));
        }
        let plain_http = url.scheme() == "http" && is_loopback(&url);
        if (url.scheme() != "https" && !plain_http) || url.host().is_none() {
            return Err(Self::invalid(text, "an https URL (plain http for 127.0.0.1, [::1] and localhost only)"));
        }
        if url.query().is_some() || url.fragment().is_some() || !is_plain(text) {
            return Err(Self::invalid(text, "a URL without query or fragment"));
        }
        Ok(Self { text: text.to_owned(), url })
    }
}

/// A client identifier (RFC 6749 §2.2): visible ASCII, at most 255 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(String);

impl FromStr for ClientId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // RFC 6749 appendix A.1: client-id = *VSCHAR.
        match (1..=255).contains(&text.len()) && text.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
            true => Ok(Self(text.to_owned())),
            false => Err(invalid(Setting::ClientId, "client id", text, "1 to 255 visible ASCII characters")),
        }
    }
}

/// What a token speaks for inside an account: an organisation's identifier, as the server spells it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Org(String);

impl FromStr for Org {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match (1..=255).contains(&text.len()) && is_plain(text) && !text.trim().is_empty() {
            true => Ok(Self(text.to_owned())),
            false => Err(invalid(Setting::Org, "org", text, "1 to 255 visible characters")),
        }
    }
}

/// What a grant is for, such as `sandbox` or `production`: `[a-z][a-z0-9-]{0,31}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnvironmentName(String);

impl FromStr for EnvironmentName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match is_short_name(text) {
            true => Ok(Self(text.to_owned())),
            false => Err(invalid(Setting::EnvironmentName, "environment", text, SHORT_NAME)),
        }
    }
}

/// The identity of one grant: 128 random bits in base32, the only thing ever used as a file name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantId(String);

impl GrantId {
    /// Creates an id from the operating system's random numbers.
    pub(crate) fn random() -> Result<Self> {
        random_text().map(Self)
    }
}

impl FromStr for GrantId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.len() == 26 && text.bytes().all(|b| BASE32.contains(&b)) {
            true => Ok(Self(text.to_owned())),
            false => Err(invalid(Setting::Grant, "grant id", text, "26 characters of base32")),
        }
    }
}

/// Returns 128 random bits in base32.
pub(crate) fn random_text() -> Result<String> {
    let mut bits = [0_u8; 16];
    getrandom::fill(&mut bits).map_err(no_randomness)?;
    let number = u128::from_be_bytes(bits);
    let indices = (0..26).map(|position| ((number >> (position * 5)) & 31) as usize);
    Ok(indices.map(|index| char::from(BASE32[index])).collect())
}

/// RFC 4648 §6, in lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A person's name for a (grant, org): at most 64 of `[A-Za-z0-9._@+-]`, unique ignoring case, never a path.
#[derive(Debug, Clone)]
pub struct ContextName(String);

impl ContextName {
    /// Returns the valid name that is nearest to what a server calls an account; `default` if no character is valid.
    pub(crate) fn derived(from: &str) -> Self {
        let valid: String = from.chars().filter(|c| Self::allows(*c)).take(64).collect();
        valid.parse().unwrap_or_else(|_| Self("default".to_owned()))
    }

    fn allows(c: char) -> bool {
        c.is_ascii_alphanumeric() || "._@+-".contains(c)
    }
}

impl FromStr for ContextName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let valid = (1..=64).contains(&text.len()) && text.chars().all(Self::allows) && !text.starts_with(['-', '.']);
        match valid {
            true => Ok(Self(text.to_owned())),
            false => Err(invalid(
                Setting::Context,
                "context name",
                text,
                "1 to 64 of A-Z a-z 0-9 . _ @ + -, not starting with - or .",
            )),
        }
    }
}

impl PartialEq for ContextName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ContextName {}

/// Names are written as text, and parsed again when read: no file brings in a name that the parser would refuse.
macro_rules! as_text {
    ($($name:ident $text:tt),*) => {$(
        impl $name {
            /// Returns the text that the name was parsed from.
            pub fn as_str(&self) -> &str {
                &self.$text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.$text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Error;

            fn try_from(text: &str) -> Result<Self> {
                text.parse()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.$text)
            }
        }
    )*};
}

macro_rules! read_from_text {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_text!(AppName 0, Issuer text, ClientId 0, Org 0, EnvironmentName 0, GrantId 0, ContextName 0);
read_from_text!(AppName, Issuer, ClientId, Org, EnvironmentName, GrantId, ContextName);

const SHORT_NAME: &str = "a lower-case letter, then at most 31 of a-z, 0-9 and -";

fn is_short_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 32
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Returns whether a secret may travel to `url`: https, or http to this machine if that is allowed.
pub(crate) fn may_carry_a_secret(url: &Url, allow_loopback_http: bool) -> bool {
    let http = url.scheme() == "http" && allow_loopback_http && is_loopback(url);
    (url.scheme() == "https" || http) && url.host().is_some() && !has_user_info(url)
}

/// Returns whether the host is this machine: an address of 127/8, ::1, or `localhost`, which `system::http` resolves to these without DNS.
/// For any other name, whoever answers DNS would choose the address.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

pub(crate) fn has_user_info(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Returns the host, and the port unless it is the scheme's default: what a person compares.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

pub(crate) fn no_randomness(error: getrandom::Error) -> Error {
    Error::new(ErrorKind::Custody, "the operating system gave no random numbers").caused_by(error)
}

pub(super) fn invalid(setting: Setting, what: &str, text: &str, expected: &str) -> Error {
    Error::config(setting, format!("\"{}\" is not a valid {what}: it takes {expected}", quoted(text)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn issuers_are_https_or_loopback() {
        for good in [
            "https://a.example",
            "https://a.example/",
            "https://a.example/t/v2.0",
            "http://127.0.0.1:80",
            "http://[::1]:9",
            "http://localhost:1",
        ] {
            assert_eq!(good.parse::<Issuer>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a",
            "http://a.example",
            "http://localhost.a.example",
            "http://localhost.:1",
            "https://u@a.example",
            "https://a.example?x",
            "https://a.example#",
            "file:///etc",
            "https://a.example/\u{202e}",
        ] {
            assert!(bad.parse::<Issuer>().is_err(), "{bad}");
        }
    }

    #[test]
    fn context_names_are_no_paths_and_ignore_case() {
        for bad in ["", ".", "..", "a/b", "a\\b", "-x", "a b", "é", &"x".repeat(65)] {
            assert!(bad.parse::<ContextName>().is_err(), "{bad}");
        }
        assert_eq!("Work".parse::<ContextName>().unwrap(), "work".parse().unwrap());
        assert_eq!(ContextName::derived("Zoë <z@x.org>").as_str(), "Zoz@x.org");
        assert_eq!(ContextName::derived("世界").as_str(), "default");
    }

    #[test]
    fn grant_ids_are_random_and_parse() {
        let id = GrantId::random().unwrap();
        assert_eq!(id.as_str().parse::<GrantId>().unwrap(), id);
        assert_ne!(id, GrantId::random().unwrap());
    }

    proptest! {
        #[test]
        fn parsers_never_panic(text in any::<String>()) {
            if let Ok(name) = ContextName::derived(&text).as_str().parse::<ContextName>() {
                prop_assert!(name.as_str().len() <= 64);
            }
            let _ = (text.parse::<Issuer>(), text.parse::<AppName>(), text.parse::<ClientId>(), text.parse::<GrantId>());
        }
    }
}
