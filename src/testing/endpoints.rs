//! The endpoints: what each request does to the [`State`], and how the reply looks. No sockets here.

use serde_json::{Map, Value, json};

use super::form::{Form, credentials};
use super::page;
use super::reply::{Body, Reply, not_allowed};
use super::seen::{Endpoint, SeenRequest};
use super::state::{Outcome, Refusal, State, members};

/// Does what the request asks for.
pub(super) fn answer(state: &mut State, request: &SeenRequest) -> Reply {
    match request.endpoint {
        Endpoint::Metadata => get_only(request, || metadata(state)),
        Endpoint::Keys => get_only(request, || members(json!({ "keys": [] }))),
        Endpoint::DeviceAuthorization => Reply::from(device_authorization(state, request)),
        Endpoint::Token => Reply::from(token(state, request)),
        Endpoint::Revocation => revocation(state, request),
        Endpoint::UserInfo => userinfo(state, request),
        Endpoint::Verification => page::answer(state, request),
        Endpoint::Unknown => page::not_found(),
    }
}

/// Authorization server metadata (RFC 8414 §2), which is OpenID provider metadata at the same time.
fn metadata(state: &State) -> Map<String, Value> {
    let behaviour = &state.behaviour;
    let authentication = match behaviour.client_secret {
        None => json!(["none"]),
        Some(_) => json!(["client_secret_basic", "client_secret_post"]),
    };
    let mut document = members(json!({
        "issuer": behaviour.metadata_issuer.as_deref().unwrap_or(&state.issuer),
        "token_endpoint": state.url("/token"),
        "jwks_uri": state.url("/jwks"),
        "grant_types_supported": [DEVICE_CODE, "refresh_token"],
        // Required, and there is no authorization endpoint to support any.
        "response_types_supported": ["none"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": authentication,
        "revocation_endpoint_auth_methods_supported": authentication,
    }));
    let named = [
        (behaviour.device, "device_authorization_endpoint", "/device_authorization"),
        (behaviour.revocation, "revocation_endpoint", "/revoke"),
        (behaviour.userinfo, "userinfo_endpoint", "/userinfo"),
    ];
    for (_, name, path) in named.into_iter().filter(|(is_named, ..)| *is_named) {
        document.insert(name.into(), state.url(path).into());
    }
    if behaviour.requires_pkce {
        document.insert("code_challenge_methods_supported".into(), json!(["S256"]));
    }
    // "Claims with zero elements MUST be omitted from the response." (RFC 8414 §3.2)
    if !behaviour.scopes_supported.is_empty() {
        document.insert("scopes_supported".into(), behaviour.scopes_supported.clone().into());
    }
    document
}

fn device_authorization(state: &mut State, request: &SeenRequest) -> Outcome {
    let form = Form::read(request)?;
    form.authenticate(request, &state.behaviour)?;
    let org = org(state, &form);
    // RFC 7636 §4.4.1: "the authorization endpoint MUST return the authorization error response with the "error" value set to
    // "invalid_request"", where the challenge is missing or the method is not supported.
    let challenge = match (form.get("code_challenge"), form.get("code_challenge_method")) {
        (Some(challenge), Some("S256")) => Some(challenge),
        (Some(_), _) => return Err(Refusal::bad("invalid_request", "the transform algorithm is not supported")),
        (None, _) if state.behaviour.requires_pkce => {
            return Err(Refusal::bad("invalid_request", "code challenge required"));
        }
        (None, _) => None,
    };
    state.authorize_device(form.get("scope"), org, challenge)
}

fn token(state: &mut State, request: &SeenRequest) -> Outcome {
    let form = Form::read(request)?;
    form.authenticate(request, &state.behaviour)?;
    match form.require("grant_type", "grant_type is missing")? {
        DEVICE_CODE => state.redeem(form.require("device_code", "device_code is missing")?, form.get("code_verifier")),
        "refresh_token" => {
            let org = org(state, &form);
            state.refresh(form.require("refresh_token", "refresh_token is missing")?, form.get("scope"), org)
        }
        TOKEN_EXCHANGE if state.behaviour.org_parameter.is_some() => {
            // RFC 8693 §2.1: "subject_token_type REQUIRED".
            form.require("subject_token_type", "subject_token_type is missing")?;
            let org = org(state, &form);
            state.exchange(form.require("subject_token", "subject_token is missing")?, org)
        }
        _ => Err(Refusal::bad("unsupported_grant_type", "the grant type is not supported")),
    }
}

/// The org that a request names.
fn org<'a>(state: &State, form: &Form<'a>) -> Option<&'a str> {
    form.get(state.behaviour.org_parameter.as_deref()?)
}

fn revocation(state: &mut State, request: &SeenRequest) -> Reply {
    match try_revoke(state, request) {
        // "The authorization server responds with HTTP status code 200 if the token has been revoked successfully or if
        // the client submitted an invalid token." (RFC 7009 §2.2)
        Ok(()) => Reply::new(200, Body::Empty),
        Err(refusal) => Reply::from(Err(refusal)),
    }
}

fn try_revoke(state: &mut State, request: &SeenRequest) -> Result<(), Refusal> {
    let form = Form::read(request)?;
    form.authenticate(request, &state.behaviour)?;
    state.revoke(form.require("token", "token is missing")?);
    Ok(())
}

/// The userinfo endpoint (OpenID Connect Core §5.3), a protected resource by RFC 6750.
fn userinfo(state: &State, request: &SeenRequest) -> Reply {
    if !matches!(request.method.as_str(), "GET" | "POST") {
        return not_allowed("GET, POST");
    }
    // The header only. RFC 6750 §2.2 and §2.3 allow other ways, and advise against them.
    let elsewhere = request.query.is_some() || request.parameter("access_token").is_some();
    if elsewhere {
        return challenge(400, ", error=\"invalid_request\", error_description=\"use the Authorization header\"");
    }
    let token = request.authorization.as_deref().and_then(|value| credentials(value, "Bearer"));
    let Some(token) = token else {
        // "If the request lacks any authentication information [...], the resource server SHOULD NOT include an error
        // code or other error information." (RFC 6750 §3.1)
        return challenge(401, "");
    };
    match state.claims(token) {
        None => {
            let error =
                ", error=\"invalid_token\", error_description=\"the access token is expired, revoked or unknown\"";
            challenge(401, error)
        }
        Some(claims) => Reply::new(200, Body::Json(claims)),
    }
}

/// RFC 6750 §3.
fn challenge(status: u16, parameters: &str) -> Reply {
    let reply = Reply::new(status, Body::Empty);
    reply.with("WWW-Authenticate", &format!("Bearer realm=\"testing\"{parameters}"))
}

fn get_only(request: &SeenRequest, document: impl FnOnce() -> Map<String, Value>) -> Reply {
    match request.method.as_str() {
        "GET" => Reply::new(200, Body::Json(document())),
        _ => not_allowed("GET"),
    }
}

/// The grant type of RFC 8693 §2.1.
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The grant type of RFC 8628 §3.4.
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
