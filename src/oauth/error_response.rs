//! [`Refusal`]: an error reply (RFC 6749 §5.2, RFC 8628 §3.5), without secrets, and apart from the server's own words.

use std::time::Duration;

use url::form_urlencoded;

use crate::model::error::{Error, ErrorKind, Remedy};
use crate::model::sanitize::quoted;
use crate::oauth::error_codes;
use crate::system::http::Reply;

/// An error reply, filtered for display.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) host: String,
    /// The code, if it can be one.
    pub(super) error: String,
    /// What the RFCs call it: by its code, and by its words as they were before they were filtered.
    pub(super) meaning: &'static str,
    pub(super) description: Option<String>,
    /// Some servers send the interval that is now in force with `slow_down`.
    pub(crate) interval: Option<Duration>,
}

impl Refusal {
    /// What our own sentence calls it. A code that no RFC has is the server's word, and stands among those (law 12).
    pub(crate) fn named(&self) -> &str {
        if self.is_of_the_server() { UNKNOWN } else { &self.error }
    }

    /// The server's words, behind a code that is only its own.
    fn said(&self) -> Option<String> {
        let code = self.is_of_the_server().then_some(self.error.as_str());
        let said: Vec<_> = code.into_iter().chain(self.description.as_deref()).collect();
        Some(said.join(": ")).filter(|said| !said.is_empty())
    }

    /// Whether the code is the server's own. One never has a space in it; a sentence of ours in its place has.
    fn is_of_the_server(&self) -> bool {
        !self.error.contains(' ') && !error_codes::may_be_named(&self.error)
    }

    /// Whether this is its very code.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.error == code
    }

    /// By its code and its words, both as the server has them.
    pub(crate) fn new(host: &str, error: &str, words: Option<&str>) -> Self {
        let description = words.map(quoted).filter(|text| !text.is_empty());
        let meaning = error_codes::means_in_words(error, description.as_deref().unwrap_or_default());
        Self { host: host.to_owned(), meaning, error: code(error), description, interval: None }
    }

    /// Of a reply that gives none.
    pub(crate) fn without_reason(reply: &Reply) -> Self {
        let error = format!("status {} and no reason", reply.status);
        Self { host: reply.host.clone(), meaning: "", error, description: None, interval: None }
    }

    /// Without words that quote one of `secrets`, in whatever form.
    pub(crate) fn without(mut self, secrets: &[&str]) -> Self {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            // A code of the RFCs reveals no secret, however short the secret is.
            if quotes(&self.error, secret) && !error_codes::is_known(&self.error) {
                self.error = UNKNOWN.into();
            }
            let is_quoted = |text: &String| quotes(text, secret) || quotes(&decoded(text), secret);
            self.description = self.description.filter(|text| !is_quoted(text));
        }
        self
    }

    /// Whether it says what the RFCs call `error`, in whatever spelling.
    pub(crate) fn is(&self, error: &str) -> bool {
        self.meaning == error
    }

    fn words(&self) -> &str {
        self.description.as_deref().unwrap_or_default()
    }

    /// Whether it may be about the org that was asked for, and is not certainly about the scopes, the client, or the server itself.
    pub(crate) fn may_be_about_an_org(&self) -> bool {
        let client = ["invalid_client", "unauthorized_client", "unsupported_grant_type"];
        let others = ["invalid_scope", "server_error", "temporarily_unavailable"];
        !client.iter().chain(&others).any(|error| self.is(error))
    }

    /// What it says of the refresh token that was sent.
    pub(super) fn of_a_refresh(self) -> Self {
        let is_dead = error_codes::ends_a_refresh_token(&self.error, self.words());
        if is_dead { Self { meaning: "invalid_grant", ..self } } else { self }
    }

    /// Whether it says that the token to revoke is dead already.
    pub(crate) fn is_of_a_dead_token(&self) -> bool {
        error_codes::is_revoked_already(&self.error, self.words())
    }

    /// RFC 8628 §3.5: what is answered to nobody but who polls.
    pub(super) fn is_of_a_device_code(&self) -> bool {
        ["authorization_pending", "slow_down", "access_denied", "expired_token"].iter().any(|error| self.is(error))
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} refused with {}", self.host, self.named())
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        let error = match refusal.meaning {
            "access_denied" => {
                let denied = Self::new(ErrorKind::Denied, "the login was denied");
                denied.with(Remedy::LogIn { context: None }).because(message)
            }
            "expired_token" => Self::new(ErrorKind::CodeExpired, message).with(Remedy::LogIn { context: None }),
            "invalid_client" | "unauthorized_client" => {
                Self::new(ErrorKind::AuthorizationServer, message).with(Remedy::FixConfig { field: "client_id" })
            }
            "invalid_scope" => {
                Self::new(ErrorKind::AuthorizationServer, message).with(Remedy::FixConfig { field: "scopes" })
            }
            _ => Self::new(ErrorKind::AuthorizationServer, message).with(Remedy::AskAdministrator),
        };
        error.with_server_words(refusal.said().as_deref())
    }
}

/// An error code, if it can be one: no sentence of a stranger's, and no token of the server's.
fn code(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let is_token = text.len() >= 20 && text.contains(|c: char| c.is_ascii_digit());
    match (1..=40).contains(&text.len()) && text.chars().all(plain) && !is_token {
        true => text.to_owned(),
        false => UNKNOWN.into(),
    }
}

const UNKNOWN: &str = "an unknown error";

/// A text that may be a form, as it was before it was encoded.
fn decoded(text: &str) -> String {
    let parts = form_urlencoded::parse(text.as_bytes()).map(|(name, value)| format!("{name}={value}"));
    parts.collect::<Vec<_>>().join("&")
}

/// Whether `text` has a piece of `secret` in it, from wherever: some servers quote the end of a token only, and a description may have
/// been cut.
fn quotes(text: &str, secret: &str) -> bool {
    /// The shortest piece that counts, in bytes. English words that a secret has too are shorter.
    const MIN_SECRET_PIECE: usize = 12;
    let shortest = MIN_SECRET_PIECE.min(secret.len());
    text.as_bytes().windows(shortest).any(|piece| secret.as_bytes().windows(shortest).any(|own| own == piece))
}
