//! How strictly a request is read: parameters and client authentication.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use super::behaviour::Behaviour;
use super::seen::SeenRequest;
use super::state::Refusal;

/// The parameters of one form request, each at most once and none empty.
pub(super) struct Form<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Form<'a> {
    /// Reads a request to an endpoint that takes a form.
    pub(super) fn read(request: &'a SeenRequest) -> Result<Self, Refusal> {
        // "The client MUST use the HTTP "POST" method when making access token requests." (RFC 6749 §3.2)
        if request.method != "POST" {
            return Err(Refusal { status: 405, ..Refusal::bad("invalid_request", "the method must be POST") });
        }
        // "The parameters can only be transmitted in the request-body and MUST NOT be included in the request URI." (RFC
        // 6749 §2.3.1, of client credentials; no parameter of these endpoints belongs into logs and histories.)
        if request.query.is_some() {
            return Err(Refusal::bad("invalid_request", "parameters must not be in the request URI"));
        }
        if !is_form(request.content_type.as_deref()) {
            return Err(Refusal::bad("invalid_request", "the body must be application/x-www-form-urlencoded"));
        }
        let mut parameters: Vec<(&str, &str)> = Vec::new();
        for (name, value) in &request.form {
            // "Request and response parameters MUST NOT be included more than once." (RFC 6749 §3.2), but "Multiple
            // `resource` parameters MAY be used" (RFC 8707 §2).
            if name != "resource" && request.form.iter().filter(|(other, _)| other == name).count() > 1 {
                return Err(Refusal::bad("invalid_request", "a parameter is repeated"));
            }
            // "Parameters sent without a value MUST be treated as if they were omitted from the request." (RFC 6749 §3.2)
            if !value.is_empty() {
                parameters.push((name, value));
            }
        }
        Ok(Self(parameters))
    }

    /// The value of an optional parameter.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// The value of a required parameter.
    pub(super) fn require(&self, name: &str, missing: &'static str) -> Result<&'a str, Refusal> {
        self.get(name).ok_or(Refusal::bad("invalid_request", missing))
    }

    /// Client authentication (RFC 6749 §2.3), which RFC 8628 §3.1 and RFC 7009 §2.1 ask for as the token endpoint does.
    pub(super) fn authenticate(&self, request: &SeenRequest, behaviour: &Behaviour) -> Result<(), Refusal> {
        let posted = (self.get("client_id"), self.get("client_secret"));
        let (client_id, secret) = match (&request.authorization, posted) {
            (Some(authorization), (client_id, secret)) => {
                // "The client MUST NOT use more than one authentication method in each request." (RFC 6749 §2.3)
                if secret.is_some() {
                    return Err(Refusal::bad("invalid_request", "two ways of client authentication were used"));
                }
                let (basic_id, secret) = basic(authorization)
                    .ok_or(Refusal::unauthorized("the Authorization header is not HTTP Basic authentication"))?;
                if client_id.is_some_and(|client_id| client_id != basic_id) {
                    return Err(Refusal::bad("invalid_request", "two different clients are named"));
                }
                (basic_id, Some(secret))
            }
            (None, (Some(client_id), secret)) => (client_id.to_owned(), secret.map(String::from)),
            (None, (None, _)) => {
                return Err(Refusal::bad("invalid_request", "client_id is missing"));
            }
        };
        if client_id != behaviour.client_id {
            return Err(Refusal::unauthorized("the client is unknown"));
        }
        match (&behaviour.client_secret, secret) {
            (None, None) => Ok(()),
            (Some(registered), Some(secret)) if *registered == secret => Ok(()),
            (None, Some(_)) => Err(Refusal::unauthorized("a public client has no secret")),
            (Some(_), Some(_)) => Err(Refusal::unauthorized("the client secret is wrong")),
            (Some(_), None) => Err(Refusal::unauthorized("the client must authenticate")),
        }
    }
}

impl Refusal {
    /// "invalid_client: Client authentication failed (e.g., unknown client, no client authentication included, or
    /// unsupported authentication method). The authorization server MAY return an HTTP 401" (RFC 6749 §5.2).
    fn unauthorized(description: &'static str) -> Self {
        Self { status: 401, ..Self::bad("invalid_client", description) }
    }
}

/// Whether a body of this content type is a form. Parameters such as `charset` do no harm.
pub(super) fn is_form(content_type: Option<&str>) -> bool {
    let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The value of an `Authorization` header behind its scheme, which is compared ignoring case (RFC 9110 §11.1).
pub(super) fn credentials<'a>(authorization: &'a str, scheme: &str) -> Option<&'a str> {
    let (given, credentials) = authorization.split_once(' ')?;
    given.eq_ignore_ascii_case(scheme).then(|| credentials.trim_start())
}

/// Client identifier and secret from HTTP Basic, where both are "encoded using the
/// "application/x-www-form-urlencoded" encoding algorithm" first (RFC 6749 §2.3.1).
fn basic(authorization: &str) -> Option<(String, String)> {
    let decoded = STANDARD.decode(credentials(authorization, "Basic")?).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (client_id, secret) = decoded.split_once(':')?;
    Some((form_decode(client_id), form_decode(secret)))
}

fn form_decode(text: &str) -> String {
    // Read as the value of a parameter without a name, for that decodes `+` and `%` both. A bare `&` or `=` cannot occur
    // in text that was encoded.
    let pair = format!("={text}");
    form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}
