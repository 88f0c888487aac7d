//! [`ErrorResponse`]: an error reply (RFC 6749 §5.2, RFC 8628 §3.5), without secrets, and apart from the server's own words.

use std::time::Duration;

use url::form_urlencoded;

use crate::model::error::{Error, ErrorKind, Remedy};
use crate::model::sanitize::quoted;
use crate::model::secret::has_piece_of;
use crate::model::setting::Setting;
use crate::oauth::error_codes;
use crate::system::http::Reply;

/// An error reply, filtered for display.
#[derive(Debug)]
pub(crate) struct ErrorResponse {
    pub(crate) host: String,
    /// The code, if it can be one.
    pub(super) error: String,
    /// The RFCs' code for it, by its code and its words before they were filtered; empty if they have none.
    pub(super) meaning: &'static str,
    pub(super) description: Option<String>,
    /// The interval that is now in force, which some servers send with `slow_down`.
    pub(crate) interval: Option<Duration>,
}

impl ErrorResponse {
    /// Makes the response from a code and its words, both as the server sent them.
    pub(crate) fn new(host: &str, error: &str, words: Option<&str>) -> Self {
        let description = words.map(quoted).filter(|text| !text.is_empty());
        let meaning = error_codes::rfc_code_in_words(error, description.as_deref().unwrap_or_default());
        Self { host: host.to_owned(), meaning, error: printable_code(error), description, interval: None }
    }

    /// Makes the response for a reply that gives no reason.
    pub(crate) fn without_reason(reply: &Reply) -> Self {
        let error = format!("status {} and no reason", reply.status);
        Self { host: reply.host.clone(), meaning: "", error, description: None, interval: None }
    }

    /// Removes words that quote one of `secrets`, in whatever form.
    pub(crate) fn redact_secrets(mut self, secrets: &[&str]) -> Self {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            // A code of the RFCs reveals no secret, however short the secret is.
            if has_piece_of(secret, &self.error) && !error_codes::is_known(&self.error) {
                self.error = UNKNOWN.into();
            }
            let is_quoted = |text: &String| has_piece_of(secret, text) || has_piece_of(secret, &form_decoded(text));
            self.description = self.description.filter(|text| !is_quoted(text));
        }
        self
    }

    /// Reads the error as the answer to a refresh token.
    pub(super) fn of_refresh(self) -> Self {
        let is_dead = error_codes::says_refresh_token_is_dead(&self.error, self.words());
        if is_dead { Self { meaning: "invalid_grant", ..self } } else { self }
    }

    /// Returns the code for a sentence of ours. A code that no RFC has is the server's word, and stands among those (law 12).
    pub(crate) fn display_code(&self) -> &str {
        if self.is_servers_own() { UNKNOWN } else { &self.error }
    }

    /// Returns whether it says what the RFCs call `error`, in whatever spelling.
    pub(crate) fn is(&self, error: &str) -> bool {
        self.meaning == error
    }

    /// Returns whether it says that the refresh token was used twice.
    pub(crate) fn says_reused(&self) -> bool {
        error_codes::says_reused(&self.error)
    }

    /// Returns whether the server sent this very code.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.error == code
    }

    /// Returns whether it may be about the org that was asked for, and is not certainly about the scopes, the client, or the server itself.
    pub(crate) fn may_be_about_an_org(&self) -> bool {
        let client = ["invalid_client", "unauthorized_client", "unsupported_grant_type"];
        let others = ["invalid_scope", "server_error", "temporarily_unavailable"];
        !client.iter().chain(&others).any(|error| self.is(error))
    }

    /// Returns whether it says that the token to revoke is dead already.
    pub(crate) fn says_revoked_token_is_dead(&self) -> bool {
        error_codes::says_revoked_token_is_dead(&self.error, self.words())
    }

    /// Returns whether it answers a poll (RFC 8628 §3.5), and nothing else.
    pub(super) fn is_of_a_device_code(&self) -> bool {
        ["authorization_pending", "slow_down", "access_denied", "expired_token"].iter().any(|error| self.is(error))
    }

    fn words(&self) -> &str {
        self.description.as_deref().unwrap_or_default()
    }

    /// Returns the server's words, behind a code that is only its own.
    fn server_words(&self) -> Option<String> {
        let code = self.is_servers_own().then_some(self.error.as_str());
        let words: Vec<_> = code.into_iter().chain(self.description.as_deref()).collect();
        Some(words.join(": ")).filter(|words| !words.is_empty())
    }

    /// Returns whether the code is the server's own. A code never has a space in it; a sentence of ours in its place has.
    fn is_servers_own(&self) -> bool {
        !self.error.contains(' ') && !error_codes::may_be_printed(&self.error)
    }
}

impl std::fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} refused with {}", self.host, self.display_code())
    }
}

impl From<ErrorResponse> for Error {
    fn from(response: ErrorResponse) -> Self {
        let message = response.to_string();
        let error = match response.meaning {
            "access_denied" => {
                let denied = Self::new(ErrorKind::Denied, "the login was denied");
                denied.with(Remedy::LogIn { context: None }).caused_by(message)
            }
            "expired_token" => Self::new(ErrorKind::CodeExpired, message).with(Remedy::LogIn { context: None }),
            "invalid_client" | "unauthorized_client" => Self::new(ErrorKind::AuthorizationServer, message)
                .with(Remedy::FixConfig { setting: Setting::ClientId }),
            "invalid_scope" => {
                Self::new(ErrorKind::AuthorizationServer, message).with(Remedy::FixConfig { setting: Setting::Scopes })
            }
            _ => Self::new(ErrorKind::AuthorizationServer, message).with(Remedy::AskAdministrator),
        };
        error.with_server_words(response.server_words().as_deref())
    }
}

/// Returns the text if it looks like an error code, else `UNKNOWN`: a server can put a sentence or
/// a token there.
fn printable_code(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let is_token = text.len() >= 20 && text.contains(|c: char| c.is_ascii_digit());
    match (1..=40).contains(&text.len()) && text.chars().all(plain) && !is_token {
        true => text.to_owned(),
        false => UNKNOWN.into(),
    }
}

const UNKNOWN: &str = "an unknown error";

/// Returns a text that may be a form as it was before it was encoded.
fn form_decoded(text: &str) -> String {
    let parts = form_urlencoded::parse(text.as_bytes()).map(|(name, value)| format!("{name}={value}"));
    parts.collect::<Vec<_>>().join("&")
}
