//! The one door to the network.
//!
//! https only (or loopback http where it is allowed), no redirects, no retries, HTTP/1.1, replies of at most 1 MiB, bodies
//! wiped. Blocking: it drives a runtime of its own on the caller's thread, built at the first request.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the one file that may touch the network"
)]

mod content_coding;
mod deflate;
pub(crate) mod error;
pub(crate) mod form;

mod proxy;

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LOCATION,
    RETRY_AFTER, WWW_AUTHENTICATE,
};
use serde::de::DeserializeOwned;
use url::Url;
use zeroize::{Zeroize, Zeroizing};

use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{has_user_info, host_of, is_loopback};
use crate::model::sanitize::quoted;
use crate::model::secret::Secret;
use crate::oauth::normalize;
use crate::system::clock::Cancel;
use crate::system::environment::ProxyVariables;
use crate::system::http::content_coding::decode;
use crate::system::http::error::HttpError;
use crate::system::http::form::Form;
use crate::system::http::proxy::{Proxy, Unusable};

/// The longest reply that is read, in bytes.
const LIMIT: usize = 1 << 20;

/// How long a request that was sent may still finish after a cancel: its reply may hold the only copy of a token.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// How the door is set up; the same for every request of an app.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) user_agent: String,
    /// The longest that one request may take, connecting included.
    pub(crate) timeout: Duration,
    /// Further roots, PEM, beside those of the operating system.
    pub(crate) extra_roots: Vec<u8>,
    pub(crate) allow_loopback_http: bool,
}

/// The door, for one trip on one thread.
pub(crate) struct Http {
    /// `None` only while it is dropped.
    runtime: Option<tokio::runtime::Runtime>,
    client: reqwest::Client,
    allow_loopback_http: bool,
    proxy: Result<Proxy, Unusable>,
    #[cfg(any(test, fuzzing))]
    script: std::cell::RefCell<Option<Script>>,
}

/// What is answered instead of asking anybody: a status and a body each, the last one first.
#[cfg(any(test, fuzzing))]
type Script = Vec<(u16, Vec<u8>)>;

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
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// The body is not the JSON it should be. Keeps nothing of it.
#[derive(Debug, thiserror::Error)]
#[error("{host} answered with status {status} and a body that is not {wanted}")]
pub(crate) struct NotJson {
    host: String,
    status: u16,
    wanted: &'static str,
}

impl Http {
    /// Builds runtime and TLS client: some milliseconds, so that only a trip that sends something has a door.
    pub(crate) fn new(settings: &Settings) -> Result<Self, HttpError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| HttpError::no_runtime(&error))?;
        let mut client = reqwest::Client::builder()
            .user_agent(&settings.user_agent)
            .timeout(settings.timeout)
            // Shorter than the whole, so that what was never sent is known as that.
            .connect_timeout(settings.timeout / 2)
            .redirect(reqwest::redirect::Policy::none())
            // A request that rotates a token must never be sent twice by a layer that does not know it.
            .retry(reqwest::retry::never())
            // Between two requests nobody drives the runtime, so a pooled connection would be a dead one.
            .pool_max_idle_per_host(0)
            .http1_only()
            .referer(false)
            // The client would pass over a variable that it does not understand: see `proxy`.
            .no_proxy();
        let mut proxy = Proxy::of(&ProxyVariables::read());
        if !settings.allow_loopback_http {
            proxy = Ok(proxy?);
        } else {
            // Plain http to this machine goes through no proxy, good or not.
            proxy.iter_mut().for_each(Proxy::pass_over_this_machine);
            // `localhost` is this machine whatever a name service says. RFC 6761 §6.3: "Name resolution APIs and libraries SHOULD recognize localhost names as special and SHOULD
            // always return the IP loopback address for address queries".
            let here = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
            client = client.resolve_to_addrs("localhost", &here.map(|address| SocketAddr::new(address, 0)));
        }
        if let Ok(Proxy { address: Some((name, address)), except }) = &proxy {
            let unusable = |_| Unusable { name, what: "it is refused" };
            let address = reqwest::Proxy::https(address.clone()).map_err(unusable)?;
            client = client.proxy(address.no_proxy(reqwest::NoProxy::from_string(except)));
        }
        let wrong =
            |why: &str| HttpError::Setup { why: why.into(), remedy: Remedy::FixConfig { field: "extra_roots" } };
        if !settings.extra_roots.is_empty() {
            let roots = reqwest::Certificate::from_pem_bundle(&settings.extra_roots).ok();
            let roots = roots.filter(|roots| !roots.is_empty());
            client = client.tls_certs_merge(roots.ok_or_else(|| wrong("the extra roots hold no PEM certificate"))?);
        }
        let client = client.build().map_err(|error| HttpError::without_roots(&error))?;
        Ok(Self {
            runtime: Some(runtime),
            client,
            allow_loopback_http: settings.allow_loopback_http,
            proxy,
            #[cfg(any(test, fuzzing))]
            script: None.into(),
        })
    }

    /// From now on asks nobody, and answers with these; then with 404 and nothing.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn answer_with(&self, replies: &[(u16, Vec<u8>)]) {
        *self.script.borrow_mut() = Some(replies.iter().rev().cloned().collect());
    }

    pub(crate) fn get(&self, url: &Url, bearer: Option<&Secret>, cancel: &Cancel) -> Result<Reply, HttpError> {
        let authorization = bearer.map(|token| Zeroizing::new(format!("Bearer {}", token.expose())));
        self.send(url, authorization, None, cancel)
    }

    /// `authorization` is the whole header value, for example `Basic …`.
    pub(crate) fn post(
        &self,
        url: &Url,
        form: Form,
        authorization: Option<Zeroizing<String>>,
        cancel: &Cancel,
    ) -> Result<Reply, HttpError> {
        self.send(url, authorization, Some(form), cancel)
    }

    /// Whether a secret may travel to `url`: https, or http to a literal loopback address where that is allowed.
    pub(crate) fn is_secure(&self, url: &Url) -> bool {
        let http = url.scheme() == "http" && self.allow_loopback_http && is_loopback(url);
        (url.scheme() == "https" || http) && url.host().is_some() && !has_user_info(url)
    }

    fn send(
        &self,
        url: &Url,
        authorization: Option<Zeroizing<String>>,
        form: Option<Form>,
        cancel: &Cancel,
    ) -> Result<Reply, HttpError> {
        if !self.is_secure(url) {
            return Err(HttpError::Insecure { host: host_of(url) });
        }
        #[cfg(any(test, fuzzing))]
        if let Some(script) = self.script.borrow_mut().as_mut() {
            let (status, body) = script.pop().unwrap_or((404, Vec::new()));
            let body = Zeroizing::new(body);
            return Reply { status, retry_after: None, date: None, challenges: Vec::new(), host: host_of(url), body }
                .shaped();
        }
        let sent = sent(authorization.as_ref().map(|value| value.as_str()), form.as_ref());
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        // RFC 9110 §12.5.3: "If no Accept-Encoding header field is in the request, any content coding is considered acceptable by the user
        // agent."
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(value) = authorization {
            // Not a copy, which nobody would wipe.
            let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value)).map_err(|_| HttpError::Setup {
                why: "a secret has characters that no header takes".into(),
                remedy: Remedy::FixConfig { field: "client_secret" },
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let request = match form {
            None => self.client.get(url.clone()),
            Some(form) => {
                let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
                headers.insert(CONTENT_TYPE, form_type);
                self.client.post(url.clone()).body(form.into_body())
            }
        };
        let proxy = match &self.proxy {
            Ok(proxy) => proxy.variable_for(url.host_str().unwrap_or_default()),
            Err(_) if url.scheme() == "http" => None,
            // Never a direct connection instead.
            Err(unusable) => return Err((*unusable).into()),
        };
        let reply = read(request.headers(headers), url, &sent, proxy);
        match &self.runtime {
            Some(runtime) => runtime.block_on(until_cancelled(reply, cancel)),
            None => Err(HttpError::Cancelled),
        }
    }
}

impl Reply {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the server is overloaded or broken for now, so that asking again later makes sense.
    pub(crate) fn busy(&self) -> Option<HttpError> {
        let busy = self.status == 429 || self.status == 408 || self.status >= 500;
        let error = || HttpError::Busy { host: self.host.clone(), status: self.status, retry_after: self.retry_after };
        busy.then(error)
    }

    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.body.trim_ascii(), b"" | b"{}" | b"null")
    }

    /// The body as a JSON object, whatever its declared type: servers mislabel it, and what is not JSON does not parse.
    /// `wanted` names it for the error.
    pub(crate) fn json<T: DeserializeOwned>(&self, wanted: &'static str) -> Result<T, NotJson> {
        // serde would take a list for an object too, by the order of its members: any two texts for a token and its type.
        let is_object = self.body.trim_ascii_start().starts_with(b"{");
        let read = is_object.then(|| serde_json::from_slice(&self.body).ok());
        read.flatten().ok_or_else(|| self.is_not(wanted))
    }

    /// The error that the body tells of, as RFC 6749 §5.2 would have it told.
    pub(crate) fn error<T: DeserializeOwned>(&self, wanted: &'static str) -> Result<T, NotJson> {
        let told = normalize::error(self.is_success(), &self.body);
        told.and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(|| self.is_not(wanted))
    }

    pub(crate) fn is_not(&self, wanted: &'static str) -> NotJson {
        NotJson { host: self.host.clone(), status: self.status, wanted }
    }

    /// With the body in the RFCs' shape. A page for people is no reply, unless the server says that it is broken for now.
    fn shaped(mut self) -> Result<Self, HttpError> {
        if self.busy().is_none() && normalize::is_page(&self.body) {
            return Err(HttpError::WebPage { host: self.host, status: self.status });
        }
        self.body = normalize::body(self.body);
        Ok(self)
    }
}

impl From<NotJson> for Error {
    fn from(error: NotJson) -> Self {
        Self::new(ErrorKind::Protocol, error.to_string()).with(Remedy::AskAdministrator)
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        // Dropping a runtime waits for its blocking calls, and a hung name lookup is one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn read(
    request: reqwest::RequestBuilder,
    url: &Url,
    sent: &str,
    proxy: Option<&'static str>,
) -> Result<Reply, HttpError> {
    let host = host_of(url);
    let failed = |error: reqwest::Error| {
        let timed_out = io::Error::other("timed out");
        let cause: &(dyn std::error::Error + 'static) = if error.is_timeout() { &timed_out } else { &error };
        match error.is_connect() || error.is_builder() {
            true => HttpError::unreachable(&host, cause, proxy),
            false => HttpError::no_reply(&host, cause),
        }
    };
    let mut response = request.send().await.map_err(failed)?;
    let status = response.status().as_u16();
    if response.status().is_redirection() {
        return Err(HttpError::Redirect { host, to: target(url, response.headers().get(LOCATION), sent) });
    }
    let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let date = header(DATE).and_then(|value| httpdate::parse_http_date(value).ok());
    let retry_after = header(RETRY_AFTER).and_then(|value| retry_after(value, date));
    let challenges = response.headers().get_all(WWW_AUTHENTICATE).iter();
    let challenges = challenges.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    let codings = response.headers().get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let codings = codings.flat_map(|value| value.split(',')).map(|coding| coding.trim().to_ascii_lowercase());
    let codings: Vec<_> = codings.filter(|coding| !coding.is_empty()).collect();
    let (mut chunks, mut length) = (Vec::new(), 0);
    let end = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                length += chunk.len();
                chunks.push(chunk);
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(failed(error)),
        }
        if length > LIMIT {
            break Err(HttpError::TooLarge { host: host.clone(), limit: LIMIT });
        }
    };
    // The connection holds the same buffers: only when it is gone can they be wiped.
    drop(response);
    let mut body = joined(chunks, length);
    end?;
    match decode(&mut body, &codings, LIMIT) {
        Ok(()) => {}
        // The status says enough. A body that cannot be read is no empty one, which would say something else.
        Err(_) if !(200..300).contains(&status) => {}
        Err(content_coding::Failed::TooLarge) => return Err(HttpError::TooLarge { host, limit: LIMIT }),
        Err(content_coding::Failed::Damaged) => {
            return Err(HttpError::NoReply { host, why: "its compressed reply is damaged".into() });
        }
        // The header is not shown: it could hold anything, and what was sent too.
        Err(content_coding::Failed::Unknown) => {
            let why = "its reply is in a content coding that is not known here and was not asked for";
            return Err(HttpError::NoReply { host, why: why.into() });
        }
    }
    Reply { status, retry_after, date, challenges, host, body }.shaped()
}

/// What a request sends that may be secret, in lower case, as hosts are.
fn sent(authorization: Option<&str>, form: Option<&Form>) -> Zeroizing<String> {
    let (authorization, form) = (authorization.unwrap_or_default(), form.map_or("", Form::expose));
    let mut sent = Zeroizing::new(String::with_capacity(authorization.len() + form.len()));
    sent.push_str(authorization);
    sent.push_str(form);
    sent.make_ascii_lowercase();
    sent
}

/// Where a redirect leads, without what may be a secret there: the server may quote what was `sent`, in a path or even in a host.
fn target(from: &Url, location: Option<&HeaderValue>, sent: &str) -> String {
    /// The shortest piece that counts, in bytes.
    const MIN_SECRET_PIECE: usize = 12;
    let Some(to) = location.and_then(|value| from.join(value.to_str().ok()?).ok()) else {
        return "no address".into();
    };
    // A long path could be a sentence of the server's, and stands in words of ours.
    let is_shown = |path: &str| sent.is_empty() && path.len() <= 64;
    let (host, path) = (host_of(&to), Some(to.path()).filter(|path| is_shown(path)).unwrap_or_default());
    let quotes = |piece: &[u8]| sent.as_bytes().windows(MIN_SECRET_PIECE).any(|own| own == piece);
    match host.as_bytes().windows(MIN_SECRET_PIECE).any(quotes) {
        true => "an address that is not shown".into(),
        false => quoted(&format!("{}://{host}{path}", to.scheme())),
    }
}

/// One buffer of all chunks, made at once: one that grows leaves copies behind. The chunks are wiped.
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

/// RFC 9110 §10.2.3: "Retry-After = HTTP-date / delay-seconds". A date is counted from `sent_at`, the server's own time, so that the
/// two clocks need not agree; without that it is not read. A day is the most that is believed.
fn retry_after(value: &str, sent_at: Option<SystemTime>) -> Option<Duration> {
    let day = Duration::from_secs(24 * 60 * 60);
    let seconds = value.trim().parse().map(Duration::from_secs).ok();
    let until = || httpdate::parse_http_date(value.trim()).ok()?.duration_since(sent_at?).ok();
    seconds.or_else(until).map(|time| time.min(day))
}

/// Waits for the reply; after a cancel only for a moment more.
async fn until_cancelled<T>(
    reply: impl Future<Output = Result<T, HttpError>>,
    cancel: &Cancel,
) -> Result<T, HttpError> {
    let mut reply = pin!(reply);
    let mut cancelled = pin!(async {
        cancel.cancelled().await;
        tokio::time::sleep(CANCEL_GRACE).await;
    });
    poll_fn(|cx| match reply.as_mut().poll(cx) {
        Poll::Ready(reply) => Poll::Ready(reply),
        Poll::Pending => cancelled.as_mut().poll(cx).map(|()| Err(HttpError::Cancelled)),
    })
    .await
}
