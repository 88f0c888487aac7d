//! Sockets: one task a connection, hyper for the HTTP, and the faults that need the bare [`TcpStream`].

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, ORIGIN, USER_AGENT};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use url::form_urlencoded;

use super::endpoints;
use super::faults::{Fault, Faults, GARBAGE, first_half};
use super::form::is_form;
use super::page;
use super::reply::{Body, Reply};
use super::seen::{Endpoint, SeenRequest};
use super::state::State;

/// What the server's thread and its owner share: all of it behind one lock, held only for the moment of one request.
pub(super) struct Shared(pub Mutex<Inner>);

pub(super) struct Inner {
    pub state: State,
    pub faults: Faults,
    pub requests: Vec<SeenRequest>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts connections for ever, each on its own task, so that none waits for one that hangs.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, shared.clone()));
            }
            // Out of descriptors, mostly: they come back when a connection ends.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Serves one connection until its client leaves or a fault cuts it. The stream is closed by being dropped here.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let last_bytes = LastBytes::default();
    let for_service = last_bytes.clone();
    let service =
        service_fn(move |request| -> Answer { Box::pin(answer(shared.clone(), for_service.clone(), request)) });
    // hyper would take the `Date` from the machine's clock.
    let mut connection = http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), service);
    let ended = (&mut connection).await;
    if ended.is_err() {
        let bytes = std::mem::take(&mut *last_bytes.lock().unwrap_or_else(PoisonError::into_inner));
        let _ = write(&connection.into_parts().io.into_inner(), &bytes).await;
    }
}

type Payload = BoxBody<Bytes, Infallible>;

type Answer = Pin<Box<dyn Future<Output = Result<Response<Payload>, Cut>> + Send>>;

/// What is written past hyper before a connection is cut.
type LastBytes = Arc<Mutex<Vec<u8>>>;

/// The service's only error: on it hyper lets go of the connection without writing a byte.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is cut on purpose")
    }
}

impl std::error::Error for Cut {}

async fn answer(
    shared: Arc<Shared>,
    last_bytes: LastBytes,
    request: Request<Incoming>,
) -> Result<Response<Payload>, Cut> {
    let (request, fault) = receive(&shared, request).await?;
    match &fault {
        Some(Fault::Delay(duration)) => tokio::time::sleep(*duration).await,
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::CutBefore) => return Err(Cut),
        Some(Fault::Garbage) => return Err(cut_after(&last_bytes, GARBAGE.to_vec())),
        Some(Fault::HugeBody(bytes)) => return Ok(huge(*bytes)),
        Some(Fault::HtmlReply) => {
            return Ok(response(&page::message(200, "Welcome", "Log in.")));
        }
        Some(Fault::Redirect(to)) => {
            return Ok(response(&Reply::new(307, Body::Empty).with("Location", to)));
        }
        Some(Fault::Status { status, headers, content_type, body }) => {
            let body = Body::Other { content_type: content_type.clone(), text: body.clone() };
            return Ok(response(&Reply { status: *status, headers: headers.clone(), body }));
        }
        _ => {}
    }
    let reply = {
        let state = &mut shared.lock().state;
        // By the server's clock, which may differ from the machine's.
        let date = httpdate::fmt_http_date(state.now());
        endpoints::answer(state, &request).with("Date", &date)
    };
    match &fault {
        Some(Fault::LoseReply) => Err(Cut),
        Some(Fault::TruncatedReply) => Err(cut_after(&last_bytes, first_half(&reply))),
        Some(Fault::DelayReply(duration)) => {
            tokio::time::sleep(*duration).await;
            Ok(response(&reply))
        }
        Some(fault) => Ok(response(&fault.alter(reply))),
        None => Ok(response(&reply)),
    }
}

fn cut_after(last_bytes: &LastBytes, bytes: Vec<u8>) -> Cut {
    *last_bytes.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
    Cut
}

/// Reads a request, records it for the test and takes its fault from the queue.
async fn receive(shared: &Shared, request: Request<Incoming>) -> Result<(SeenRequest, Option<Fault>), Cut> {
    let (head, body) = request.into_parts();
    let content_type = header(&head, CONTENT_TYPE);
    let body = Limited::new(body, LARGEST_REQUEST).collect().await.map_err(|_| Cut)?.to_bytes();
    let form = match is_form(content_type.as_deref()) {
        true => form_urlencoded::parse(&body).into_owned().collect(),
        false => Vec::new(),
    };
    let path = head.uri.path().to_owned();
    let mut inner = shared.lock();
    let seen = SeenRequest {
        endpoint: Endpoint::of(&path),
        method: head.method.to_string(),
        path,
        query: head.uri.query().map(String::from),
        form,
        authorization: header(&head, AUTHORIZATION),
        content_type,
        user_agent: header(&head, USER_AGENT),
        accept: header(&head, ACCEPT),
        origin: header(&head, ORIGIN),
        at: inner.state.now(),
    };
    inner.requests.push(seen.clone());
    let fault = inner.faults.take(seen.endpoint);
    Ok((seen, fault))
}

fn header(head: &Parts, name: HeaderName) -> Option<String> {
    let value = head.headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn response(reply: &Reply) -> Response<Payload> {
    let mut response = Response::builder().status(reply.status).header(CONTENT_TYPE, reply.body.content_type());
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    finished(response.body(Full::new(Bytes::from(reply.body.text())).boxed()))
}

fn huge(bytes: usize) -> Response<Payload> {
    let response = Response::builder().header(CONTENT_TYPE, "application/json");
    finished(response.body(Filler { started: false, left: bytes, ended: false }.boxed()))
}

/// A fault whose status or header is not HTTP at all becomes a plain 500: the test that asked for it will notice.
fn finished(response: hyper::http::Result<Response<Payload>>) -> Response<Payload> {
    response.unwrap_or_else(|_| {
        let mut response = Response::new(Full::new(Bytes::from_static(b"the fault is not valid HTTP")).boxed());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

async fn write(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A JSON object of one long member, made while it is sent.
struct Filler {
    started: bool,
    left: usize,
    ended: bool,
}

impl hyper::body::Body for Filler {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.left.min(FILLING.len());
        let bytes = if !std::mem::replace(&mut self.started, true) {
            Bytes::from_static(b"{\"filler\":\"")
        } else if chunk > 0 {
            self.left -= chunk;
            Bytes::from_static(FILLING).slice(..chunk)
        } else if !std::mem::replace(&mut self.ended, true) {
            Bytes::from_static(b"\"}")
        } else {
            return Poll::Ready(None);
        };
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

const FILLING: &[u8] = &[b'x'; 16 * 1024];

/// No honest request is larger.
const LARGEST_REQUEST: usize = 1024 * 1024;
