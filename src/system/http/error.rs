//! [`HttpError`]: why a request brought no reply, and what can be done about it.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use crate::model::error::{Error, ErrorKind, Remedy};
use crate::model::sanitize::quoted;
use crate::system::environment::{is_out_of_files, roots_trouble};

/// No reply: the request did not get through, or what came back is not to be read.
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
    /// The connection could not be made. `proxy`: the variable that names one.
    pub(crate) fn unreachable(host: &str, error: &(dyn StdError + 'static), proxy: Option<&'static str>) -> Self {
        let (why, remedy) = told(error);
        let through = proxy.map(|variable| format!(" ({variable} names a proxy)")).unwrap_or_default();
        Self::Unreachable { host: host.to_owned(), why: why + &through, remedy }
    }

    /// The connection broke.
    pub(crate) fn no_reply(host: &str, error: &(dyn StdError + 'static)) -> Self {
        let (why, _) = told(error);
        Self::NoReply { host: host.to_owned(), why }
    }

    /// The client could not be built. With roots that were read, the one thing that can fail is to load the system's.
    pub(crate) fn without_roots(error: &(dyn StdError + 'static)) -> Self {
        match roots_trouble() {
            Some((why, remedy)) => Self::Setup { why, remedy },
            None => Self::Setup { why: told(error).0, remedy: Remedy::TrustRoot },
        }
    }

    /// This machine does not give what a connection needs.
    pub(crate) fn no_runtime(error: &io::Error) -> Self {
        let remedy = if is_out_of_files(error) { Remedy::RaiseLimit } else { Remedy::Retry { after: None } };
        Self::Setup { why: quoted(&error.to_string()), remedy }
    }

    /// Whether the server has certainly not acted on the request: it never had it, or counted it and no more.
    pub(crate) fn was_not_heard(&self) -> bool {
        let is_counted = matches!(self, Self::Busy { status: 429, .. });
        is_counted || matches!(self, Self::Unreachable { .. } | Self::Insecure { .. } | Self::Setup { .. })
    }

    /// Whether it was most likely turned away unseen. RFC 9110 §15.6.4: "The 503 (Service Unavailable) status code indicates that the server
    /// is currently unable to handle the request". Not certain: a gateway says so of a server whose reply it has lost.
    pub(crate) fn was_turned_away(&self) -> bool {
        matches!(self, Self::Busy { status: 503, .. } | Self::WebPage { status: 400..500, .. })
    }

    /// How long to wait before the same request may succeed; `None` if waiting would not help.
    pub(crate) fn passes_after(&self) -> Option<Duration> {
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
        // What others say may have a colon of its own.
        let told = |kind, what: String, why: String, remedy| match why.contains(": ") {
            true => Self::new(kind, what).with(remedy).because(why),
            false => Self::new(kind, format!("{what}: {why}")).with(remedy),
        };
        let unreachable = |what, why, remedy: Option<Remedy>| {
            told(ErrorKind::Unreachable, what, why, remedy.unwrap_or(Remedy::Retry { after: None }))
        };
        match error {
            HttpError::Unreachable { host, why, remedy } => unreachable(format!("cannot reach {host}"), why, remedy),
            HttpError::NoReply { host, why } => unreachable(format!("{host} did not answer"), why, None),
            HttpError::WebPage { .. } => Self::new(ErrorKind::Unreachable, message).with(Remedy::Retry { after: None }),
            HttpError::Busy { retry_after, .. } => {
                Self::new(ErrorKind::Unreachable, message).with(Remedy::Retry { after: retry_after })
            }
            HttpError::TooLarge { .. } | HttpError::Redirect { .. } => {
                Self::new(ErrorKind::Protocol, message).with(Remedy::AskAdministrator)
            }
            HttpError::Insecure { .. } => Self::config("issuer", message),
            HttpError::Setup { why, remedy } => {
                let is_for_now = matches!(remedy, Remedy::RaiseLimit | Remedy::Retry { .. });
                let kind = if is_for_now { ErrorKind::Unreachable } else { ErrorKind::Config };
                told(kind, "cannot set up the connection".into(), why, remedy)
            }
            HttpError::Cancelled => Self::cancelled(),
        }
    }
}

/// The innermost cause, which says it best ("Connection refused"), without the URL around it; and what can be done where that is known.
fn told(error: &(dyn StdError + 'static)) -> (String, Option<Remedy>) {
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
    let (text, name) = (quoted(&cause.to_string()), format!("{cause:?}"));
    let is = |names: &[&str]| names.iter().any(|one| name.contains(one) || text.contains(one));
    if is(&["CaUsedAsEndEntity"]) {
        return ("its certificate is that of an authority, and not of a server".into(), Some(Remedy::AskAdministrator));
    }
    if is(&["UnknownIssuer"]) {
        let trouble = roots_trouble().map(|(why, _)| format!("; {why}")).unwrap_or_default();
        let why = format!("its certificate leads to no root that is trusted here{trouble}");
        return (why, Some(Remedy::TrustRoot));
    }
    // RFC 7301 §3.2: "In the event that the server supports no protocols that the client advertises, then the server SHALL respond with a
    // fatal "no_application_protocol" alert."
    if is(&["NoApplicationProtocol"]) {
        return ("it does not speak HTTP/1.1, perhaps HTTP/2 only".into(), Some(Remedy::AskAdministrator));
    }
    if is(&["invalid HTTP version"]) {
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
            let (why, told) = told(&Outer(cause));
            assert!(why.contains(part), "{why}");
            assert_eq!(told, remedy.filter(|remedy| cfg!(unix) || *remedy != Remedy::RaiseLimit), "{why}");
        }
    }
}
