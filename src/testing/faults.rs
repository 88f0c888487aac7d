//! What can go wrong between a client and the server: [`Fault`].

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value};

use super::reply::{Body, Reply};
use super::seen::Endpoint;
use super::token;

/// One thing that goes wrong with one request. Three sorts: those that come *instead of* the server's work (nothing is
/// rotated, redeemed or revoked), those that come *after* it, and those that change one thing in its reply.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Instead: this reply.
    Status {
        /// The HTTP status code.
        status: u16,
        /// Header fields besides `Content-Type`, such as `Retry-After`.
        headers: Vec<(String, String)>,
        /// The `Content-Type`.
        content_type: String,
        /// The body.
        body: String,
    },
    /// Instead: no answer at all until the server is dropped.
    Hang,
    /// Instead: the connection is closed without a byte.
    CutBefore,
    /// Instead: bytes that are not HTTP, then the connection is closed.
    Garbage,
    /// Instead: status 200 and an HTML page, like a captive portal's.
    HtmlReply,
    /// Instead: status 307 to this `Location`. A client that follows it sends the form, secrets included, over there.
    Redirect(String),
    /// Instead: status 200 and a JSON object with a member this many bytes long, of unannounced length.
    HugeBody(usize),
    /// Before: the work starts after so much real time. A client that has left by then leaves the state untouched.
    Delay(Duration),
    /// After: the work is done, and its reply is sent after so much real time.
    DelayReply(Duration),
    /// After: the work is done, for example the refresh token rotated, and the connection is closed without a byte.
    LoseReply,
    /// After: the work is done, half of the reply is sent and the connection is closed. `Content-Length` promises it all.
    TruncatedReply,
    /// After: the work is done, and the reply is status 400 with `invalid_request`, as Better Auth answers at its revocation endpoint.
    RefuseAfter,
    /// Changes the reply: the ID token and the userinfo claims in it name this subject.
    OtherSubject(String),
    /// Changes the reply: its `scope` has these scopes, separated by spaces, on top of those granted.
    WiderScope(String),
    /// Changes the reply: its `scope` is exactly this.
    NarrowerScope(String),
    /// Changes the reply: no `refresh_token` in it. The server rotated all the same.
    NoRefreshToken,
    /// Changes the reply: its `token_type` is this.
    TokenType(String),
    /// Changes the reply, be it a success or an error: this JSON member has this value, and `Null` removes it.
    ReplyField(String, Value),
    /// Changes the reply: an error comes with status 200, as GitHub sends it.
    OkWithError,
}

impl Fault {
    /// Instead: this status with an empty body, as a proxy or load balancer answers.
    pub fn status(status: u16) -> Self {
        Self::Status { status, headers: Vec::new(), content_type: "text/plain".into(), body: String::new() }
    }

    /// Instead: this status with the error body of RFC 6749 §5.2.
    pub fn error(status: u16, error: &str) -> Self {
        let body = serde_json::json!({ "error": error }).to_string();
        Self::Status { status, headers: Vec::new(), content_type: "application/json".into(), body }
    }

    /// Changes a reply as this fault says.
    pub(super) fn alter(&self, mut reply: Reply) -> Reply {
        if matches!(self, Self::OkWithError) && reply.status >= 400 {
            reply.status = 200;
        }
        if *self == Self::RefuseAfter {
            let error = serde_json::json!({ "error": "invalid_request" });
            return Reply::new(400, Body::Json(error.as_object().cloned().unwrap_or_default()));
        }
        let Body::Json(members) = &mut reply.body else {
            return reply;
        };
        match self {
            Self::TokenType(kind) => replace(members, "token_type", kind),
            Self::NarrowerScope(scope) => replace(members, "scope", scope),
            Self::WiderScope(more) => {
                if let Some(scope) = members.get("scope").and_then(Value::as_str).map(String::from) {
                    let wider = more.split(' ').filter(|one| !scope.split(' ').any(|known| known == *one));
                    let wider: Vec<&str> = scope.split(' ').chain(wider).collect();
                    members.insert("scope".into(), wider.join(" ").into());
                }
            }
            Self::OtherSubject(subject) => {
                replace(members, "sub", subject);
                let id_token = members.get("id_token").and_then(Value::as_str);
                if let Some(id_token) = id_token.and_then(|id_token| token::with_subject(id_token, subject)) {
                    members.insert("id_token".into(), id_token.into());
                }
            }
            Self::NoRefreshToken => {
                members.remove("refresh_token");
            }
            Self::ReplyField(name, Value::Null) => {
                members.remove(name);
            }
            Self::ReplyField(name, value) => {
                members.insert(name.clone(), value.clone());
            }
            _ => {}
        }
        reply
    }
}

/// Replaces a member that exists. Only [`Fault::ReplyField`] adds one.
fn replace(members: &mut Map<String, Value>, name: &str, value: &str) {
    if let Some(member) = members.get_mut(name) {
        *member = value.into();
    }
}

/// Which fault meets the next request to each endpoint.
#[derive(Default)]
pub(super) struct Faults {
    next: HashMap<Endpoint, VecDeque<Fault>>,
    always: HashMap<Endpoint, Fault>,
}

impl Faults {
    pub(super) fn push(&mut self, endpoint: Endpoint, fault: Fault) {
        self.next.entry(endpoint).or_default().push_back(fault);
    }

    pub(super) fn always(&mut self, endpoint: Endpoint, fault: Fault) {
        self.always.insert(endpoint, fault);
    }

    /// Returns the fault for the request that has just arrived: the oldest in the queue, else the standing one.
    pub(super) fn take(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let queued = self.next.get_mut(&endpoint).and_then(VecDeque::pop_front);
        queued.or_else(|| self.always.get(&endpoint).cloned())
    }
}

/// The first half of a reply, written by hand because no HTTP library promises more than it sends.
pub(super) fn first_half(reply: &Reply) -> Vec<u8> {
    let body = reply.body.text();
    let mut head = format!("HTTP/1.1 {} \r\nContent-Type: {}\r\n", reply.status, reply.body.content_type());
    for (name, value) in &reply.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    // A reply without a body cannot be cut in half: it promises a byte that never comes.
    let _ = write!(head, "Content-Length: {}\r\n\r\n", body.len().max(1));
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body.as_bytes().get(..body.len() / 2).unwrap_or_default());
    bytes
}

/// What a broken proxy might send: no status line, no header, not even text.
pub(super) const GARBAGE: &[u8] = b"\x16\x03\x01\x00\xff\xfe{\"access_token\": \x00\r\n\r\n\x80\x81 not http";
