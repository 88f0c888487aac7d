//! [`Reply`]: what a server answered, read whole, unpacked and brought to JSON.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "this file may touch the network")]

use std::io;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::de::DeserializeOwned;
use url::Url;
use zeroize::{Zeroize, Zeroizing};

use crate::model::error::{Error, ErrorKind, Remedy};
use crate::model::ids::host_of;
use crate::system::http::body;
use crate::system::http::content_coding::{DecodeError, decode};
use crate::system::http::error::HttpError;
use crate::system::http::redirect::printable_target;

/// The longest reply that is read, in bytes.
const MAX_REPLY: usize = 1 << 20;

/// The longest `Retry-After` that is believed.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A reply of any status. Its body is wiped when dropped.
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// RFC 9110 §10.2.3, as a time from now.
    pub(crate) retry_after: Option<Duration>,
    /// When the server sent it, by its own clock (RFC 9110 §6.6.1).
    pub(crate) date: Option<SystemTime>,
    /// Its `WWW-Authenticate` headers (RFC 9110 §11.6.1).
    pub(crate) challenges: Vec<String>,
    pub(crate) host: String,
    /// JSON, if the server sent JSON or a form.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// The body is not what was asked for. Holds nothing of it.
#[derive(Debug, thiserror::Error)]
#[error("{host} answered with status {status} and a body that is not {expected}")]
pub(crate) struct UnexpectedBody {
    host: String,
    status: u16,
    expected: &'static str,
}

impl Reply {
    /// Sends `request` and reads the reply. `sent`: what the request holds that may be secret; `proxy`: the variable that names one.
    pub(super) async fn receive(
        request: reqwest::RequestBuilder,
        url: &Url,
        sent: &str,
        proxy: Option<&'static str>,
    ) -> Result<Self, HttpError> {
        let host = host_of(url);
        let mut response = request.send().await.map_err(|error| send_error(&error, &host, proxy))?;
        let status = response.status().as_u16();
        let headers = response.headers();
        if response.status().is_redirection() {
            return Err(HttpError::Redirect { host, to: printable_target(url, headers.get(LOCATION), sent) });
        }
        let date = text(headers, DATE).and_then(|date| httpdate::parse_http_date(date).ok());
        let retry_after = text(headers, RETRY_AFTER).and_then(|value| read_retry_after(value, date));
        let challenges = headers.get_all(WWW_AUTHENTICATE).iter();
        let challenges = challenges.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        let codings = content_codings(headers);
        let (mut chunks, mut length) = (Vec::new(), 0);
        let end = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    length += chunk.len();
                    chunks.push(chunk);
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(send_error(&error, &host, proxy)),
            }
            if length > MAX_REPLY {
                break Err(HttpError::TooLarge { host: host.clone(), limit: MAX_REPLY });
            }
        };
        // The connection holds the same buffers: only when it is gone can they be wiped.
        drop(response);
        let mut body = joined(chunks, length);
        end?;
        if let Err(error) = decode(&mut body, &codings, MAX_REPLY)
            // The status of an error says enough. Its body stays as it is: an empty one would say something else.
            && (200..300).contains(&status)
        {
            return Err(decode_error(error, host));
        }
        Self { status, retry_after, date, challenges, host, body }.normalized()
    }

    /// Brings the body to JSON. A page for people is an error, unless the server says that it is broken for now.
    pub(super) fn normalized(mut self) -> Result<Self, HttpError> {
        if self.busy().is_none() && body::is_web_page(&self.body) {
            return Err(HttpError::WebPage { host: self.host, status: self.status });
        }
        self.body = body::to_json(self.body);
        Ok(self)
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns an error if the server is overloaded or broken for now, so that the same request may succeed later.
    pub(crate) fn busy(&self) -> Option<HttpError> {
        let is_busy = self.status == 429 || self.status == 408 || self.status >= 500;
        is_busy.then(|| HttpError::Busy { host: self.host.clone(), status: self.status, retry_after: self.retry_after })
    }

    /// Returns whether the body says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.body.trim_ascii(), b"" | b"{}" | b"null")
    }

    /// Reads the body as a JSON object. `expected` names the object for the error.
    pub(crate) fn json<T: DeserializeOwned>(&self, expected: &'static str) -> Result<T, UnexpectedBody> {
        // serde would take a list for an object too, by the order of its members: any two texts for a token and its type.
        let is_object = self.body.trim_ascii_start().starts_with(b"{");
        let read = is_object.then(|| serde_json::from_slice(&self.body).ok());
        read.flatten().ok_or_else(|| self.is_not(expected))
    }

    /// Returns the error for a body that is not `expected`.
    pub(crate) fn is_not(&self, expected: &'static str) -> UnexpectedBody {
        UnexpectedBody { host: self.host.clone(), status: self.status, expected }
    }
}

impl From<UnexpectedBody> for Error {
    fn from(error: UnexpectedBody) -> Self {
        Self::new(ErrorKind::Protocol, error.to_string()).with(Remedy::AskAdministrator)
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Returns the codings in the order in which they were applied, in lower case.
fn content_codings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let codings = values.flat_map(|value| value.split(',')).map(|coding| coding.trim().to_ascii_lowercase());
    codings.filter(|coding| !coding.is_empty()).collect()
}

/// Returns a `Retry-After`. RFC 9110 §10.2.3: "Retry-After = HTTP-date / delay-seconds". A date is counted from `sent_at`, the server's own
/// time, so that the two clocks need not agree; without `sent_at` a date is not read.
fn read_retry_after(value: &str, sent_at: Option<SystemTime>) -> Option<Duration> {
    let seconds = value.trim().parse().map(Duration::from_secs).ok();
    let until = || httpdate::parse_http_date(value.trim()).ok()?.duration_since(sent_at?).ok();
    seconds.or_else(until).map(|time| time.min(MAX_RETRY_AFTER))
}

fn send_error(error: &reqwest::Error, host: &str, proxy: Option<&'static str>) -> HttpError {
    let timed_out = io::Error::other("timed out");
    let cause: &(dyn std::error::Error + 'static) = if error.is_timeout() { &timed_out } else { error };
    match error.is_connect() || error.is_builder() {
        true => HttpError::unreachable(host, cause, proxy),
        false => HttpError::no_reply(host, cause),
    }
}

fn decode_error(error: DecodeError, host: String) -> HttpError {
    let why = match error {
        DecodeError::TooLarge => return HttpError::TooLarge { host, limit: MAX_REPLY },
        DecodeError::Damaged => "its compressed reply is damaged",
        // The header is not shown: it could hold anything, and what was sent too.
        DecodeError::Unknown => "its reply is in a content coding that is not known here and was not asked for",
    };
    HttpError::NoReply { host, why: why.into() }
}

/// Joins all chunks in one buffer, made at once: one that grows leaves copies behind. The chunks are wiped.
fn joined(chunks: Vec<Bytes>, length: usize) -> Zeroizing<Vec<u8>> {
    let mut body = Zeroizing::new(Vec::with_capacity(length));
    for chunk in chunks {
        body.extend_from_slice(&chunk);
        if let Ok(mut chunk) = chunk.try_into_mut() {
            chunk.zeroize();
        }
    }
    body
}
