//! Which proxy a request goes through, by the variables that curl and others read.
//!
//! `system/environment/network` reads the variables, and this file judges them. The HTTP client would ignore a value that it does not
//! understand and then connect directly, without a word to the person who set the proxy.

use url::Url;

use crate::model::error::Remedy;
use crate::model::setting::Setting;
use crate::system::environment::{ProxyVariable, ProxyVariables};
use crate::system::http::error::HttpError;

/// The proxy for https, and the hosts that are reached without it. Plain http goes to this machine only, and never through a proxy.
/// Not `Debug`: an address may hold a password.
pub(crate) struct Proxy {
    /// The variable that names it, and its address.
    pub(crate) address: Option<(&'static str, Url)>,
    pub(crate) except: String,
}

/// A variable that names a proxy that cannot be used. Its value is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnusableProxy {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
}

impl From<UnusableProxy> for HttpError {
    fn from(UnusableProxy { name, what }: UnusableProxy) -> Self {
        let why = format!("{name} names a proxy that cannot be used ({what})");
        Self::Setup { why, remedy: Remedy::FixConfig { setting: Setting::Variable(name) } }
    }
}

/// The longest address of a proxy, in bytes.
const MAX_ADDRESS: usize = 2048;

impl Proxy {
    /// Checks every variable that is set, used or not: the person who set it relies on it.
    pub(crate) fn from_variables(variables: &ProxyVariables) -> Result<Self, UnusableProxy> {
        let ProxyVariables { https, http, all, except } = variables;
        let checked = |variable: &Option<ProxyVariable>| variable.as_ref().map(address).transpose();
        let (https, _, all) = (checked(https)?, checked(http)?, checked(all)?);
        // curl takes blanks between hosts as well as commas.
        let except = except.split([',', ' ', '\t']).filter(|host| !host.is_empty()).collect::<Vec<_>>().join(",");
        Ok(Self { address: https.or(all), except })
    }

    /// Excepts this machine.
    pub(crate) fn bypass_this_machine(&mut self) {
        self.except += ",localhost,127.0.0.1,::1";
    }

    /// Returns the variable that names the proxy of `host`, for a message. An exception with a port or a star has no effect: the HTTP client
    /// knows names, domains and addresses.
    pub(crate) fn variable_for(&self, host: &str) -> Option<&'static str> {
        let (variable, _) = self.address.as_ref()?;
        let is_named = |named: &str| {
            let domain = named.trim_start_matches('.');
            named == "*" || host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
        };
        (!self.except.split(',').any(is_named)).then_some(*variable)
    }
}

/// Reads the address that a variable names.
fn address((name, value): &ProxyVariable) -> Result<(&'static str, Url), UnusableProxy> {
    let wrong = |what| UnusableProxy { name, what };
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
    match has_host {
        _ if text.len() > MAX_ADDRESS => Err(wrong("its address is too long")),
        true => Ok((name, url)),
        false => Err(wrong("its address has no host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::secret::Secret;

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
