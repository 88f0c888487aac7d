//! The HTTP client: https only (or loopback http if that is allowed), no redirects, no retries, HTTP/1.1, replies of at most 1 MiB,
//! bodies wiped. Blocking: [`Http`] drives its own runtime on the caller's thread.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "this file may touch the network")]

use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use url::Url;
use zeroize::Zeroizing;

use crate::model::error::Remedy;
use crate::model::ids::{host_of, may_carry_a_secret};
use crate::model::secret::Secret;
use crate::model::setting::Setting;
use crate::system::clock::Cancel;
use crate::system::environment::ProxyVariables;
use crate::system::http::error::HttpError;
use crate::system::http::form::Form;
use crate::system::http::proxy::{Proxy, UnusableProxy};
use crate::system::http::redirect::secrets_sent;
use crate::system::http::reply::Reply;
use crate::system::http::tls;

/// How long a request that was sent may still finish after a cancel: its reply may hold the only copy of a token.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// How the client is set up; the same for every request of an app.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) user_agent: String,
    /// The longest that one request may take, connecting included.
    pub(crate) timeout: Duration,
    /// Further roots, PEM, beside those of the operating system.
    pub(crate) extra_roots: Vec<u8>,
    pub(crate) allow_loopback_http: bool,
}

/// The HTTP client of one job, on one thread.
pub(crate) struct Http {
    /// `None` only while it is dropped.
    runtime: Option<tokio::runtime::Runtime>,
    client: reqwest::Client,
    allow_loopback_http: bool,
    /// A proxy that cannot be used is an error as soon as a request needs it.
    proxy: Result<Proxy, UnusableProxy>,
    #[cfg(any(test, fuzzing))]
    script: std::cell::RefCell<Option<Script>>,
}

/// Replies that are given without asking a server: a status and a body each, the last one first.
#[cfg(any(test, fuzzing))]
type Script = Vec<(u16, Vec<u8>)>;

impl Http {
    /// Builds runtime and TLS client, which takes some milliseconds: only for a job that sends something.
    pub(crate) fn new(settings: &Settings) -> Result<Self, HttpError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| HttpError::no_runtime(&error))?;
        let proxy = match Proxy::from_variables(&ProxyVariables::read()) {
            Ok(mut proxy) if settings.allow_loopback_http => {
                proxy.bypass_this_machine();
                Ok(proxy)
            }
            Err(unusable) if !settings.allow_loopback_http => return Err(unusable.into()),
            // Plain http to this machine goes through no proxy, good or not.
            proxy => proxy,
        };
        Ok(Self {
            runtime: Some(runtime),
            client: client(settings, proxy.as_ref().ok())?,
            allow_loopback_http: settings.allow_loopback_http,
            proxy,
            #[cfg(any(test, fuzzing))]
            script: None.into(),
        })
    }

    /// Asks no server from now on, but gives these replies, and then 404 with an empty body.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn answer_with(&self, replies: &[(u16, Vec<u8>)]) {
        *self.script.borrow_mut() = Some(replies.iter().rev().cloned().collect());
    }

    /// Sends a GET, with an access token if there is one.
    pub(crate) fn get(&self, url: &Url, bearer: Option<&Secret>, cancel: &Cancel) -> Result<Reply, HttpError> {
        let authorization = bearer.map(|token| Zeroizing::new(format!("Bearer {}", token.expose())));
        self.send(url, authorization, None, cancel)
    }

    /// Sends a POST. `authorization` is the whole header value, for example `Basic …`.
    pub(crate) fn post(
        &self,
        url: &Url,
        form: Form,
        authorization: Option<Zeroizing<String>>,
        cancel: &Cancel,
    ) -> Result<Reply, HttpError> {
        self.send(url, authorization, Some(form), cancel)
    }

    /// Returns whether a secret may travel to `url`: https, or http to a literal loopback address if that is allowed.
    pub(crate) fn is_secure(&self, url: &Url) -> bool {
        may_carry_a_secret(url, self.allow_loopback_http)
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
            let (host, body) = (host_of(url), Zeroizing::new(body));
            return Reply { status, retry_after: None, date: None, challenges: Vec::new(), host, body }.normalized();
        }
        let sent = secrets_sent(authorization.as_ref().map(|value| value.as_str()), form.as_ref());
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        // RFC 9110 §12.5.3: "If no Accept-Encoding header field is in the request, any content coding is considered acceptable by the user
        // agent."
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, secret_header(value)?);
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
        let reply = Reply::receive(request.headers(headers), url, &sent, proxy);
        match &self.runtime {
            Some(runtime) => runtime.block_on(until_cancelled(reply, cancel)),
            None => Err(HttpError::Cancelled),
        }
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

fn client(settings: &Settings, proxy: Option<&Proxy>) -> Result<reqwest::Client, HttpError> {
    let mut client = reqwest::Client::builder()
        .user_agent(&settings.user_agent)
        .timeout(settings.timeout)
        // Shorter than the whole, so that a request that was never sent is known as such.
        .connect_timeout(settings.timeout / 2)
        .redirect(reqwest::redirect::Policy::none())
        // A request that rotates a token must never be sent twice by a layer that does not know it.
        .retry(reqwest::retry::never())
        // Between two requests nobody drives the runtime, so a pooled connection would be a dead one.
        .pool_max_idle_per_host(0)
        .http1_only()
        .referer(false)
        // The client would ignore a variable that it does not understand: see `proxy`.
        .no_proxy();
    if settings.allow_loopback_http {
        // `localhost` is this machine whatever a name service says. RFC 6761 §6.3: "Name resolution APIs and libraries SHOULD recognize localhost names as special and SHOULD
        // always return the IP loopback address for address queries".
        let here = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
        client = client.resolve_to_addrs("localhost", &here.map(|address| SocketAddr::new(address, 0)));
    }
    if let Some(Proxy { address: Some((name, address)), except }) = proxy {
        let refused = |_| UnusableProxy { name, what: "it is refused" };
        let address = reqwest::Proxy::https(address.clone()).map_err(refused)?;
        client = client.proxy(address.no_proxy(reqwest::NoProxy::from_string(except)));
    }
    let client = tls::configure(client, &settings.extra_roots)?;
    client.build().map_err(|error| HttpError::client_not_built(&error))
}

/// Makes a header of `value` itself: nobody would wipe a copy.
fn secret_header(value: Zeroizing<String>) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(value)).map_err(|_| HttpError::Setup {
        why: "a secret has characters that no header takes".into(),
        remedy: Remedy::FixConfig { setting: Setting::ClientSecret },
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Waits for the reply; after a cancel only for [`CANCEL_GRACE`] more.
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
