//! [`HttpError`]: why a request brought no reply, and what can be done about it.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use crate::model::error::{Error, ErrorKind, Remedy};
use crate::model::sanitize::quoted;
use crate::model::setting::Setting;
use crate::system::environment::{is_out_of_files, roots_trouble};

/// No reply: the request did not get through, or the reply cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// The connection could not be made: the server has not seen the request.
    #[error("cannot reach {host}: {why}")]
    Unreachable { host: String, why: String, remedy: Option<Remedy> },
    /// The connection broke after the request may have been sent: the server may have acted on it.
    #[error("{host} did not answer: {why}")]
    NoReply { host: String, why: String },
    /// The server is overloaded or broken for now.
    #[error("{host} is not able to answer (status {status})")]
    Busy { host: String, status: u16, retry_after: Option<Duration> },
    /// A firewall, a proxy or a captive portal answered in the server's place.
    #[error("a web page answered at {host}, not the server (status {status})")]
    WebPage { host: String, status: u16 },
    #[error("{host} answered with more than {limit} bytes")]
    TooLarge { host: String, limit: usize },
    #[error("{host} redirected the request to {to}, which is not followed")]
    Redirect { host: String, to: String },
    #[error("refusing to send anything to {host}: the address is not https, or has user information")]
    Insecure { host: String },
    #[error("cannot set up the connection: {why}")]
    Setup { why: String, remedy: Remedy },
    #[error("cancelled")]
    Cancelled,
}

impl HttpError {
    /// Makes the error of a connection that could not be made. `proxy`: the variable that names one.
    pub(crate) fn unreachable(host: &str, error: &(dyn StdError + 'static), proxy: Option<&'static str>) -> Self {
        let (why, remedy) = innermost_cause(error);
        let through = proxy.map(|variable| format!(" ({variable} names a proxy)")).unwrap_or_default();
        Self::Unreachable { host: host.to_owned(), why: why + &through, remedy }
    }

    /// Makes the error of a connection that broke.
    pub(crate) fn no_reply(host: &str, error: &(dyn StdError + 'static)) -> Self {
        let (why, _) = innermost_cause(error);
        Self::NoReply { host: host.to_owned(), why }
    }

    /// Makes the error of a client that could not be built: with roots that were read, only loading the system's roots can fail.
    pub(crate) fn client_not_built(error: &(dyn StdError + 'static)) -> Self {
        match roots_trouble() {
            Some((why, remedy)) => Self::Setup { why, remedy },
            None => Self::Setup { why: innermost_cause(error).0, remedy: Remedy::TrustRoot },
        }
    }

    /// Makes the error of extra roots that no certificate can be read from.
    pub(crate) fn no_root_in_pem() -> Self {
        let why = "the extra roots hold no PEM certificate".into();
        Self::Setup { why, remedy: Remedy::FixConfig { setting: Setting::ExtraRoots } }
    }

    /// Makes the error of a machine that lacks what a connection needs.
    pub(crate) fn no_runtime(error: &io::Error) -> Self {
        let remedy = if is_out_of_files(error) { Remedy::RaiseLimit } else { Remedy::Retry { after: None } };
        Self::Setup { why: quoted(&error.to_string()), remedy }
    }

    /// Returns whether the server has certainly not acted on the request: it never got the request, or counted it and no more.
    pub(crate) fn was_not_processed(&self) -> bool {
        let is_counted = matches!(self, Self::Busy { status: 429, .. });
        is_counted || matches!(self, Self::Unreachable { .. } | Self::Insecure { .. } | Self::Setup { .. })
    }

    /// Returns whether the server has most likely not acted on the request. RFC 9110 §15.6.4: "The 503 (Service Unavailable) status code indicates that the server
    /// is currently unable to handle the request". Not certain: a gateway says so of a server whose reply it has lost.
    pub(crate) fn was_likely_not_processed(&self) -> bool {
        matches!(self, Self::Busy { status: 503, .. } | Self::WebPage { status: 400..500, .. })
    }

    /// Returns how long to wait before the same request may succeed; `None` if waiting would not help.
    pub(crate) fn retry_delay(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => Some(retry_after.unwrap_or_default()),
            Self::Unreachable { .. } | Self::NoReply { .. } | Self::WebPage { .. } => Some(Duration::ZERO),
            _ => None,
        }
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        let message = error.to_string();
        match error {
            HttpError::Unreachable { host, why, remedy } => {
                let remedy = remedy.unwrap_or(Remedy::Retry { after: None });
                Self::with_reason(ErrorKind::Unreachable, format!("cannot reach {host}"), why).with(remedy)
            }
            HttpError::NoReply { host, why } => {
                let error = Self::with_reason(ErrorKind::Unreachable, format!("{host} did not answer"), why);
                error.with(Remedy::Retry { after: None })
            }
            HttpError::WebPage { .. } => Self::new(ErrorKind::Unreachable, message).with(Remedy::Retry { after: None }),
            HttpError::Busy { retry_after, .. } => {
                Self::new(ErrorKind::Unreachable, message).with(Remedy::Retry { after: retry_after })
            }
            HttpError::TooLarge { .. } | HttpError::Redirect { .. } => {
                Self::new(ErrorKind::Protocol, message).with(Remedy::AskAdministrator)
            }
            HttpError::Insecure { .. } => Self::config(Setting::Issuer, message),
            HttpError::Setup { why, remedy } => {
                let is_for_now = matches!(remedy, Remedy::RaiseLimit | Remedy::Retry { .. });
                let kind = if is_for_now { ErrorKind::Unreachable } else { ErrorKind::Config };
                Self::with_reason(kind, "cannot set up the connection".into(), why).with(remedy)
            }
            HttpError::Cancelled => Self::cancelled(),
        }
    }
}

/// Returns the innermost cause, which says most ("Connection refused"), without the URL around it; and what can be done, if that is known.
fn innermost_cause(error: &(dyn StdError + 'static)) -> (String, Option<Remedy>) {
    let mut cause = error;
    loop {
        if cause.downcast_ref::<io::Error>().is_some_and(is_out_of_files) {
            return (quoted(&cause.to_string()), Some(Remedy::RaiseLimit));
        }
        match cause.source() {
            Some(next) => cause = next,
            None => break,
        }
    }
    // By their names: the types are those of another crate, and differ between systems.
    let (text, debug) = (quoted(&cause.to_string()), format!("{cause:?}"));
    let is = |name: &str| debug.contains(name) || text.contains(name);
    if is("CaUsedAsEndEntity") {
        return ("its certificate is that of an authority, and not of a server".into(), Some(Remedy::AskAdministrator));
    }
    if is("UnknownIssuer") {
        let trouble = roots_trouble().map(|(why, _)| format!("; {why}")).unwrap_or_default();
        let why = format!("its certificate leads to no root that is trusted here{trouble}");
        return (why, Some(Remedy::TrustRoot));
    }
    // RFC 7301 §3.2: "In the event that the server supports no protocols that the client advertises, then the server SHALL respond with a
    // fatal "no_application_protocol" alert."
    if is("NoApplicationProtocol") {
        return ("it does not speak HTTP/1.1, perhaps HTTP/2 only".into(), Some(Remedy::AskAdministrator));
    }
    if is("invalid HTTP version") {
        return ("it answers in another protocol than HTTP/1.1, perhaps HTTP/2 only".into(), None);
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error as other crates build it: only the name of the innermost cause says what happened.
    #[derive(Debug, thiserror::Error)]
    #[error("an outer error")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    enum Inner {
        #[error("a certificate")]
        InvalidCertificate(&'static str),
        #[error("received fatal alert")]
        AlertReceived(&'static str),
        #[error("{0}")]
        Io(#[from] io::Error),
        #[error("Connection refused")]
        Refused,
    }

    #[test]
    fn the_innermost_cause_says_what_to_do() {
        let out_of_files = |number| Inner::Io(io::Error::from_raw_os_error(number));
        for (cause, part, remedy) in [
            (Inner::InvalidCertificate("UnknownIssuer"), "leads to no root", Some(Remedy::TrustRoot)),
            (Inner::InvalidCertificate("CaUsedAsEndEntity"), "of an authority", Some(Remedy::AskAdministrator)),
            (Inner::AlertReceived("NoApplicationProtocol"), "HTTP/2 only", Some(Remedy::AskAdministrator)),
            (out_of_files(24), "(os error 24)", Some(Remedy::RaiseLimit)),
            (out_of_files(23), "(os error 23)", Some(Remedy::RaiseLimit)),
            (Inner::Refused, "Connection refused", None),
        ] {
            let (why, found) = innermost_cause(&Outer(cause));
            assert!(why.contains(part), "{why}");
            assert_eq!(found, remedy.filter(|remedy| cfg!(unix) || *remedy != Remedy::RaiseLimit), "{why}");
        }
    }
}
