//! [`Reply`]: what the server answers, before it is bytes on a socket.

use serde_json::{Map, Value, json};

use super::state::{Outcome, members};

/// A reply before it is bytes, so that a fault can still change it.
pub(super) struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

pub(super) enum Body {
    Empty,
    Json(Map<String, Value>),
    Html(String),
    Other { content_type: String, text: String },
}

pub(super) fn not_allowed(methods: &str) -> Reply {
    Reply::new(405, Body::Empty).with("Allow", methods)
}

impl Reply {
    pub(super) fn new(status: u16, body: Body) -> Self {
        // "The authorization server MUST include the HTTP "Cache-Control" response header field with a value of
        // "no-store" in any response containing tokens, credentials, or other sensitive information" (RFC 6749 §5.1).
        let headers = [("Cache-Control", "no-store"), ("Pragma", "no-cache")];
        let headers = headers.map(|(name, value)| (name.into(), value.into())).to_vec();
        Self { status, headers, body }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl From<Outcome> for Reply {
    fn from(outcome: Outcome) -> Self {
        let refusal = match outcome {
            Ok(members) => return Self::new(200, Body::Json(members)),
            Err(refusal) => refusal,
        };
        let body = json!({ "error": refusal.error, "error_description": refusal.description });
        let reply = Self::new(refusal.status, Body::Json(members(body)));
        match refusal.status {
            // "the authorization server MUST respond with an HTTP 401 (Unauthorized) status code and include the
            // "WWW-Authenticate" response header field matching the authentication scheme used by the client" (RFC 6749
            // §5.2). HTTP wants the field in every 401 (RFC 9110 §15.5.2).
            401 => reply.with("WWW-Authenticate", "Basic realm=\"testing\""),
            405 => reply.with("Allow", "POST"),
            _ => reply,
        }
    }
}

impl Body {
    pub(super) fn content_type(&self) -> &str {
        match self {
            Self::Empty => "text/plain",
            Self::Json(_) => "application/json",
            Self::Html(_) => "text/html; charset=utf-8",
            Self::Other { content_type, .. } => content_type,
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Json(members) => Value::from(members.clone()).to_string(),
            Self::Html(text) | Self::Other { text, .. } => text.clone(),
        }
    }
}
