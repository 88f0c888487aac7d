//! Which proxy a request goes through, by the variables that curl and others read.
//!
//! Read here and not by the HTTP client, which takes what it does not understand for nothing and then connects directly: a person who
//! has set a proxy would be told nothing of it.

use url::Url;

use crate::error::Remedy;
use crate::oauth::http_error::HttpError;
use crate::surroundings::{ProxyVariable, ProxyVariables};

/// The proxy for https, and the hosts that are asked without it. Plain http goes to this machine only, and never through a proxy.
#[derive(Debug, Default)]
pub(crate) struct Proxy {
    /// The variable that names it, and its address.
    pub(crate) address: Option<(&'static str, Url)>,
    pub(crate) except: String,
}

/// The longest address of a proxy, in bytes.
const LONGEST: usize = 2048;

impl Proxy {
    /// Checks every variable that is set, whether or not it is the one that is used: whoever set it believes in it.
    pub(crate) fn of(variables: &ProxyVariables) -> Result<Self, HttpError> {
        let ProxyVariables { https, http, all, except } = variables;
        let checked = |variable: &Option<ProxyVariable>| variable.as_ref().map(address).transpose();
        let (https, _, all) = (checked(https)?, checked(http)?, checked(all)?);
        // curl takes blanks between hosts as well as commas.
        let except = except.split([',', ' ', '\t']).filter(|host| !host.is_empty()).collect::<Vec<_>>().join(",");
        Ok(Self { address: https.or(all), except })
    }
}

/// The address that a variable names. Its value is not repeated: it may hold a password.
fn address((name, value): &ProxyVariable) -> Result<(&'static str, Url), HttpError> {
    let wrong = |what: &str| unusable(name, what);
    let text = value.expose();
    // `host:port` is an http proxy everywhere.
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let mut url = Url::parse(&with_scheme).map_err(|_| wrong("its address is not valid"))?;
    match url.scheme() {
        "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h" => {}
        // What desktops write. They speak SOCKS 5 to it, and leave names to the proxy.
        "socks" => url.set_scheme("socks5h").map_err(|()| wrong("its address is not valid"))?,
        _ => return Err(wrong("its scheme is none of http, https, socks, socks4, socks4a, socks5, socks5h")),
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-:[]".contains(c);
    let has_host = url.host_str().is_some_and(|host| !host.is_empty() && host.chars().all(is_plain));
    match has_host && text.len() <= LONGEST {
        true => Ok((name, url)),
        false => Err(wrong("its address has no host")),
    }
}

/// The error of the variable `name`, whatever its value.
pub(crate) fn unusable(name: &'static str, what: &str) -> HttpError {
    let why = format!("{name} names a proxy that cannot be used ({what})");
    HttpError::Setup { why, remedy: Remedy::FixConfig { field: name } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn every_scheme_that_works_is_taken() {
        let pairs = "proxy:8080 http://proxy:8080/ http://u:p%20w@p:80/x http://u:p%20w@p/x https://[::1]:8443 https://[::1]:8443/ \
                     socks5h://p socks5h://p socks5://[::1]:9 socks5://[::1]:9 socks4a://p:9 socks4a://p:9 socks://p:1/ socks5h://p:1/";
        let words: Vec<_> = pairs.split_whitespace().collect();
        for pair in words.chunks(2) {
            let (_, url) = address(&("HTTPS_PROXY", Secret::new(pair[0].into()))).unwrap();
            assert_eq!(url.as_str(), pair[1]);
        }
    }
}
