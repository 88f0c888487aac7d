//! What known servers do differently, as data. A server that is not here works from its metadata alone.
//!
//! The table says what was read in a source, and marks what is only said of a server: `verified` is for the facts that a login
//! needs. `crate::servers` makes configurations of what is verified, and no others.
#![cfg_attr(
    not(test),
    expect(dead_code, reason = "some facts are for who reads them, and for the table in crate::servers, by test")
)]

use std::borrow::Cow;

use crate::oauth::error_description::calls_dead;
use crate::oauth::org_selection::Orgs;

/// Errors by other names than the RFCs', and what they mean there. For any server: what one writes, others may.
const SPELLINGS: &[(&str, &str)] = &[
    // GitHub.
    ("token_expired", "expired_token"),
    ("incorrect_device_code", "invalid_grant"),
    ("incorrect_client_credentials", "invalid_client"),
    ("bad_refresh_token", "invalid_grant"),
    // Entra ID.
    ("authorization_declined", "access_denied"),
    ("bad_verification_code", "invalid_grant"),
    // Twitch, in words.
    ("invalid_device_code", "invalid_grant"),
    ("invalid_refresh_token", "invalid_grant"),
    ("invalid_client_secret", "invalid_client"),
    // OpenAI.
    ("refresh_token_reused", "invalid_grant"),
    ("refresh_token_invalidated", "invalid_grant"),
    ("refresh_token_expired", "invalid_grant"),
    // GoTrue.
    ("refresh_token_not_found", "invalid_grant"),
    ("refresh_token_already_used", "invalid_grant"),
    ("session_not_found", "invalid_grant"),
    ("session_expired", "invalid_grant"),
    // Others, of whom it is said.
    ("refresh_token_revoked", "invalid_grant"),
    ("refresh_token_invalid", "invalid_grant"),
    ("expired_refresh_token", "invalid_grant"),
    ("invalid_client_id", "invalid_client"),
    ("invalid_client_credentials", "invalid_client"),
    ("client_not_found", "invalid_client"),
    ("unknown_client", "invalid_client"),
    ("client_authentication_failed", "invalid_client"),
];

/// Codes for a dead refresh token that the RFCs define for something else: `expired_token` for device codes (RFC 8628 §3.5),
/// `invalid_token` for access tokens (RFC 6750 §3.1), the last four for a login without a person (OpenID Connect Core §3.1.2.6). No RFC
/// has `token_revoked`.
const ENDS_A_REFRESH_TOKEN: &[&str] = &[
    "expired_token",
    "invalid_token",
    "token_revoked",
    "login_required",
    "interaction_required",
    "consent_required",
    "account_selection_required",
];

/// Codes of RFC 6749 §4.1.2.1, RFC 6750 §3.1 and RFC 9470 §3 that are not answered at a token endpoint.
const ELSEWHERE: &[&str] =
    &["insufficient_scope", "insufficient_user_authentication", "invalid_token", "unsupported_response_type"];

/// Codes that say little: the words with them decide.
const VAGUE: &[&str] =
    &["invalid_request", "unauthorized_client", "invalid_token", "unauthorized", "bad_request", "forbidden", ""];

/// The codes of RFC 6749 §5.2 and §4.1.2.1, RFC 7009 §2.2.1, RFC 8628 §3.5, RFC 8707 §2 and RFC 9449 §5 and §8, and one of GitHub's
/// that means nothing else.
const KNOWN: &[&str] = &[
    "access_denied",
    "authorization_pending",
    "device_flow_disabled",
    "expired_token",
    "invalid_client",
    "invalid_dpop_proof",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "server_error",
    "slow_down",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_token_type",
    "use_dpop_nonce",
];

/// What stands in the member `user` beside the tokens, which no RFC has, and what OpenID Connect calls it (WorkOS AuthKit, GoTrue).
pub(crate) const CLAIMS_OF_A_USER: &[(&str, &str)] = &[("id", "sub"), ("email", "email"), ("name", "name")];

/// What an error is called in the RFCs; as it is where they have no name for it.
pub(crate) fn means(error: &str) -> &str {
    SPELLINGS.iter().find(|(theirs, _)| *theirs == error).map_or(error, |(_, ours)| ours)
}

/// Whether a refusal says that the refresh token is dead, by its code or its words: Atlassian says `unauthorized_client`.
pub(crate) fn ends_a_refresh_token(code: &str, words: &str) -> bool {
    let meaning = means(code);
    let is_named = meaning == "invalid_grant" || ENDS_A_REFRESH_TOKEN.contains(&meaning);
    is_named || is_vague(code) && calls_dead(&["refresh token"], words)
}

/// Whether a refusal says that the token to revoke is dead. By less than for a refresh: a login that is said to have ended, and has not,
/// is a lie (law 13).
pub(crate) fn is_revoked_already(code: &str, words: &str) -> bool {
    means(code) == "invalid_grant" || is_vague(code) && calls_dead(&["token"], words)
}

/// What a refusal is called in the RFCs, by its code and its words; empty where they have no name for it. Some servers call an unknown client
/// (oauthlib) or an unknown device code (Authlib) an `invalid_request`.
pub(crate) fn means_in_words(code: &str, words: &str) -> &'static str {
    let is_of_the_client = calls_dead(&["client id", "client secret", "client credentials"], words);
    match is_vague(code) {
        true if is_of_the_client => "invalid_client",
        true if calls_dead(&["device code"], words) => "invalid_grant",
        _ => KNOWN.iter().find(|known| **known == means(code)).copied().unwrap_or_default(),
    }
}

/// Whether a code says little. One that is a sentence says nothing as a code.
fn is_vague(code: &str) -> bool {
    VAGUE.iter().any(|vague| code.eq_ignore_ascii_case(vague)) || code.contains(' ')
}

/// Whether a text is an error code and not just words.
pub(crate) fn is_known(error: &str) -> bool {
    KNOWN.contains(&means(error))
}

/// Whether a code may stand in a sentence of ours: it is one of the RFCs, or of the tables here.
pub(crate) fn may_be_named(error: &str) -> bool {
    is_known(error) || ENDS_A_REFRESH_TOKEN.contains(&error) || ELSEWHERE.contains(&error)
}

/// What is known of one server.
#[derive(Debug)]
pub(crate) struct ServerQuirks {
    pub(crate) name: &'static str,
    /// With `{}` for what differs between customers.
    pub(crate) issuer: &'static str,
    /// Of the two endpoints, behind `https://`; what begins with a slash stands behind the issuer, which has `{}` filled in. Where
    /// there is none, metadata says it.
    pub(crate) device_authorization: Option<&'static str>,
    pub(crate) token: Option<&'static str>,
    pub(crate) secret: Secret,
    pub(crate) scope_parameter: &'static str,
    /// Whether a refresh has to name its scopes.
    pub(crate) scopes_in_refresh: bool,
    /// Further parameters of a login, by name.
    pub(crate) login_parameters: &'static [&'static str],
    pub(crate) rotation: Rotation,
    pub(crate) revocation: Revocation,
    pub(crate) orgs: Orgs,
    pub(crate) verified: Verified,
}

/// What becomes of a client secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secret {
    /// A command-line tool has none.
    None,
    /// The token endpoint wants one from everybody.
    Wanted,
    /// As RFC 8628 §3.1 has it, to both endpoints.
    Both,
    /// To the token endpoint only: the device authorization endpoint refuses one.
    TokenOnly,
}

/// What becomes of a refresh token that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// There is a new one, and the old one is dead.
    Always,
    /// There may be a new one, as the server is configured.
    Optional,
    /// There is a new one, and the old one stays usable.
    OldStays,
    Unknown,
}

/// Whether a tool can end its grant, and what goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revocation {
    /// No endpoint that a public client can ask.
    Impossible,
    /// At the endpoint that metadata names.
    Reaches(RevocationReach),
}

/// What a revocation takes with it, which differs between servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationReach {
    /// The token alone.
    Token,
    /// All tokens of the login (RFC 7009 §2.1).
    #[default]
    Family,
    /// All logins of this person with this client.
    Account,
}

/// Whether the facts that a login needs were read in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verified {
    /// So there is a ready configuration.
    Yes,
    /// All that a login needs is in its metadata, which says where it differs.
    ByMetadata,
    /// Some are hearsay: no ready configuration.
    No,
}

/// Of one server that differs from nothing here.
const PLAIN: ServerQuirks = ServerQuirks {
    name: "",
    issuer: "",
    device_authorization: None,
    token: None,
    secret: Secret::Both,
    scope_parameter: "scope",
    scopes_in_refresh: false,
    login_parameters: &[],
    rotation: Rotation::Unknown,
    revocation: Revocation::Reaches(RevocationReach::Family),
    orgs: Orgs::Nothing,
    verified: Verified::ByMetadata,
};

pub(crate) const GITHUB: ServerQuirks = ServerQuirks {
    name: "GitHub",
    issuer: "https://github.com",
    device_authorization: Some("/login/device/code"),
    token: Some("/login/oauth/access_token"),
    secret: Secret::None,
    revocation: Revocation::Impossible,
    verified: Verified::Yes,
    ..PLAIN
};

pub(crate) const GITLAB: ServerQuirks = ServerQuirks {
    name: "GitLab",
    issuer: "https://{}",
    device_authorization: Some("/oauth/authorize_device"),
    token: Some("/oauth/token"),
    rotation: Rotation::Always,
    verified: Verified::Yes,
    ..PLAIN
};

pub(crate) const ENTRA: ServerQuirks = ServerQuirks {
    name: "Entra ID",
    issuer: "https://login.microsoftonline.com/{}/v2.0",
    device_authorization: Some("login.microsoftonline.com/{}/oauth2/v2.0/devicecode"),
    token: Some("login.microsoftonline.com/{}/oauth2/v2.0/token"),
    // AADSTS90009, where client and resource are one application.
    scopes_in_refresh: true,
    rotation: Rotation::OldStays,
    revocation: Revocation::Impossible,
    orgs: Orgs::Issuer(Cow::Borrowed("https://login.microsoftonline.com/{org}/v2.0")),
    verified: Verified::Yes,
    ..PLAIN
};

pub(crate) const OKTA: ServerQuirks = ServerQuirks {
    name: "Okta",
    issuer: "{}",
    device_authorization: Some("/v1/device/authorize"),
    token: Some("/v1/token"),
    rotation: Rotation::Optional,
    // Its revocation endpoint wants client authentication.
    revocation: Revocation::Impossible,
    verified: Verified::Yes,
    ..PLAIN
};

pub(crate) const WORKOS_AUTHKIT: ServerQuirks = ServerQuirks {
    name: "WorkOS AuthKit",
    issuer: "https://api.workos.com",
    device_authorization: Some("/user_management/authorize/device"),
    token: Some("/user_management/authenticate"),
    secret: Secret::None,
    rotation: Rotation::Always,
    revocation: Revocation::Impossible,
    orgs: Orgs::Refresh(Cow::Borrowed("organization_id")),
    verified: Verified::Yes,
    ..PLAIN
};

pub(crate) const WORKOS_CONNECT: ServerQuirks = ServerQuirks {
    name: "WorkOS Connect",
    issuer: "https://{}.authkit.app",
    device_authorization: Some("/oauth2/device_authorization"),
    token: Some("/oauth2/token"),
    rotation: Rotation::Optional,
    // Access tokens that were issued live on.
    revocation: Revocation::Reaches(RevocationReach::Family),
    verified: Verified::Yes,
    ..PLAIN
};

pub(crate) const TWITCH: ServerQuirks = ServerQuirks {
    name: "Twitch",
    issuer: "https://id.twitch.tv/oauth2",
    device_authorization: Some("/device"),
    token: Some("/token"),
    scope_parameter: "scopes",
    verified: Verified::Yes,
    ..PLAIN
};

/// Every server that is known here.
pub(crate) const KNOWN_SERVERS: &[ServerQuirks] = &[
    GITHUB,
    GITLAB,
    ENTRA,
    OKTA,
    WORKOS_AUTHKIT,
    WORKOS_CONNECT,
    TWITCH,
    ServerQuirks { name: "Zitadel", orgs: Orgs::Scope(Cow::Borrowed("urn:zitadel:iam:org:id:{org}")), ..PLAIN },
    ServerQuirks {
        name: "Auth0",
        issuer: "https://{}/",
        device_authorization: Some("/oauth/device/code"),
        token: Some("/oauth/token"),
        secret: Secret::TokenOnly,
        login_parameters: &["audience"],
        rotation: Rotation::Optional,
        // Or the token alone, as the tenant is configured.
        revocation: Revocation::Reaches(RevocationReach::Account),
        verified: Verified::No,
        ..PLAIN
    },
    ServerQuirks {
        name: "Google",
        issuer: "https://accounts.google.com",
        device_authorization: Some("oauth2.googleapis.com/device/code"),
        token: Some("oauth2.googleapis.com/token"),
        secret: Secret::Wanted,
        revocation: Revocation::Reaches(RevocationReach::Account),
        verified: Verified::No,
        ..PLAIN
    },
    ServerQuirks {
        name: "Keycloak",
        issuer: "https://{}",
        rotation: Rotation::Optional,
        orgs: Orgs::Scope(Cow::Borrowed("organization:{org}")),
        verified: Verified::No,
        ..PLAIN
    },
    ServerQuirks { name: "Ory Hydra", rotation: Rotation::Always, verified: Verified::No, ..PLAIN },
    ServerQuirks { name: "Authentik", rotation: Rotation::Always, verified: Verified::No, ..PLAIN },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_means_something_of_the_rfcs() {
        for (theirs, ours) in SPELLINGS {
            assert!(KNOWN.contains(ours) && !KNOWN.contains(theirs) && is_known(theirs), "{theirs}");
        }
    }
}
