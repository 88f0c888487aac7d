//! What a resource says when it refuses a token: the `WWW-Authenticate` header (RFC 9110 §11.6.1, RFC 6750 §3, RFC 9470 §3).

use std::time::Duration;

use http_auth::ChallengeRef;
use http_auth::parser::ChallengeParser;

/// What would satisfy the resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Another access token.
    AnotherToken,
    /// The person has to authenticate again: in another way, or more recently.
    StepUp { acr_values: Option<String>, max_age: Option<Duration> },
    /// A right that the token lacks.
    MoreRights,
    /// Nothing that hallpass knows of, or nothing at all.
    Other,
}

/// The longest list of authentication contexts that is passed on, in bytes.
const MAX_ACR: usize = 512;

/// Reads what a resource demands. `header`: the value of `WWW-Authenticate`, empty if the reply has none.
pub(crate) fn read(status: u16, header: &str) -> Demand {
    if status != 401 {
        // RFC 6750 §3.1: "insufficient_scope ... SHOULD respond with the HTTP 403 (Forbidden) status code". More scopes are for the
        // person and the host to ask for; a resource does not choose what a person is led to approve.
        return if status == 403 { Demand::MoreRights } else { Demand::Other };
    }
    if header.trim().is_empty() {
        // RFC 9110 §15.5.2 demands the header, and many resources send none.
        return Demand::AnotherToken;
    }
    let Some(bearer) = BearerChallenge::read(header) else { return read_malformed(header) };
    match bearer.error.as_deref() {
        // RFC 6750 §3.1: "The access token provided is expired, revoked, malformed, or invalid for other reasons. ... The client
        // MAY request a new access token and retry the protected resource request."
        None | Some("invalid_token") => Demand::AnotherToken,
        // RFC 9470 §3: "The authentication event associated with the access token presented with the request does not meet the
        // authentication requirements of the protected resource."
        Some("insufficient_user_authentication") => bearer.step_up(),
        Some("insufficient_scope") => Demand::MoreRights,
        _ => Demand::Other,
    }
}

/// Reads a header that breaks the grammar: missing commas or quotes, characters beyond ASCII. A demand for something other than another token
/// is known by its name; everything else counts as a missing header.
fn read_malformed(header: &str) -> Demand {
    let header = header.to_ascii_lowercase();
    match header.contains("bearer") {
        true if header.contains("insufficient_scope") => Demand::MoreRights,
        true if header.contains("insufficient_") || header.contains("invalid_request") => Demand::Other,
        true => Demand::AnotherToken,
        false => Demand::Other,
    }
}

/// The challenge of the scheme `Bearer`. "All challenges defined by this specification MUST use the auth-scheme value
/// 'Bearer'" (RFC 6750 §3).
#[derive(Default)]
pub(crate) struct BearerChallenge {
    /// The code (RFC 6750 §3.1).
    pub(crate) error: Option<String>,
    /// The words with it, unfiltered.
    pub(crate) description: Option<String>,
    acr_values: Option<String>,
    max_age: Option<String>,
}

impl BearerChallenge {
    /// Reads the first one in the header; `None` if the header has none, or cannot be read up to it.
    pub(crate) fn read(header: &str) -> Option<Self> {
        let is_bearer = |challenge: &ChallengeRef<'_>| challenge.scheme.eq_ignore_ascii_case("bearer");
        let bearer = ChallengeParser::new(header).map_while(Result::ok).find(is_bearer)?;
        let mut found = Self::default();
        for (name, value) in &bearer.params {
            let value = Some(value.to_unescaped());
            match name.to_ascii_lowercase().as_str() {
                "error" => found.error = value,
                "error_description" => found.description = value,
                "acr_values" => found.acr_values = value,
                "max_age" => found.max_age = value,
                _ => {}
            }
        }
        Some(found)
    }

    /// Returns what would satisfy it. RFC 9470 §3: `acr_values` is "a space-separated string listing the authentication context class reference values in order
    /// of preference", `max_age` "the allowable elapsed time in seconds since the last active authentication event".
    fn step_up(self) -> Demand {
        // A resource's words, sent to the authorization server and shown by hosts.
        let is_plain = |values: &String| {
            !values.trim().is_empty() && values.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        };
        let acr_values = self.acr_values.filter(|values| is_plain(values) && values.len() <= MAX_ACR);
        let max_age = self.max_age.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        match (&acr_values, max_age) {
            (None, None) => Demand::Other,
            _ => Demand::StepUp { acr_values, max_age },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_token_is_told_from_a_demand_for_more() {
        for (header, demand) in [
            ("", Demand::AnotherToken),
            ("Bearer", Demand::AnotherToken),
            (r#"Bearer realm="a, b", error="invalid_token", error_description="expired""#, Demand::AnotherToken),
            (r#"Basic realm="x", bearer error="invalid_token""#, Demand::AnotherToken),
            (r#"Bearer error="insufficient_scope", scope="admin""#, Demand::MoreRights),
            (r#"Bearer error="invalid_request""#, Demand::Other),
            (r#"Basic realm="x""#, Demand::Other),
            (r#"Bearer error="insufficient_user_authentication""#, Demand::Other),
            ("\u{1b}[2J,,==\"", Demand::Other),
            (
                r#"Bearer scope="" error="invalid_token" error_description="the token has expired""#,
                Demand::AnotherToken,
            ),
            (r#"Bearer error="invalid_token", error_description="ungültig""#, Demand::AnotherToken),
            (r#"Negotiate YII=, Bearer error="invalid_token""#, Demand::AnotherToken),
            (r#"Bearer error=insufficient_scope scope="a b" extra"#, Demand::MoreRights),
        ] {
            assert_eq!(read(401, header), demand, "{header}");
        }
        assert_eq!(read(403, r#"Bearer error="invalid_token""#), Demand::MoreRights);
        assert_eq!(
            (read(403, ""), read(500, ""), read(200, "Bearer")),
            (Demand::MoreRights, Demand::Other, Demand::Other)
        );
        let step_up = r#"Bearer error="insufficient_user_authentication", acr_values="phr mfa", max_age="60""#;
        let wanted = Demand::StepUp { acr_values: Some("phr mfa".into()), max_age: Some(Duration::from_secs(60)) };
        assert_eq!(read(401, step_up), wanted);
    }
}
