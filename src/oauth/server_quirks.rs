//! What known servers do differently, as data. A server that is not here works from its metadata alone.
//!
//! `verified` says whether the facts that a login needs were read in a source. `crate::servers` makes configurations of the verified
//! servers only.
#![cfg_attr(
    not(test),
    expect(dead_code, reason = "some facts are for readers, and for the table in crate::servers, by test")
)]

use std::borrow::Cow;

use crate::oauth::org_selection::Orgs;

/// The members of `user`, which WorkOS AuthKit and GoTrue send beside the tokens, and the names
/// that OpenID Connect has for them. No RFC has `user`.
pub(crate) const CLAIMS_OF_A_USER: &[(&str, &str)] = &[("id", "sub"), ("email", "email"), ("name", "name")];

/// The known facts of one server.
#[derive(Debug)]
pub(crate) struct ServerQuirks {
    pub(crate) name: &'static str,
    /// With `{}` for what differs between customers.
    pub(crate) issuer: &'static str,
    /// The two endpoints, without `https://`. A path that begins with a slash is appended to the
    /// issuer. `None` if the metadata names the endpoint.
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

/// Where a client secret is sent.
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

/// What happens to a refresh token that was used.
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

/// A server without quirks.
const DEFAULTS: ServerQuirks = ServerQuirks {
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
    orgs: Orgs::None,
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
    ..DEFAULTS
};

pub(crate) const GITLAB: ServerQuirks = ServerQuirks {
    name: "GitLab",
    issuer: "https://{}",
    device_authorization: Some("/oauth/authorize_device"),
    token: Some("/oauth/token"),
    rotation: Rotation::Always,
    verified: Verified::Yes,
    ..DEFAULTS
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
    orgs: Orgs::ByIssuer(Cow::Borrowed("https://login.microsoftonline.com/{org}/v2.0")),
    verified: Verified::Yes,
    ..DEFAULTS
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
    ..DEFAULTS
};

pub(crate) const WORKOS_AUTHKIT: ServerQuirks = ServerQuirks {
    name: "WorkOS AuthKit",
    issuer: "https://api.workos.com",
    device_authorization: Some("/user_management/authorize/device"),
    token: Some("/user_management/authenticate"),
    secret: Secret::None,
    rotation: Rotation::Always,
    revocation: Revocation::Impossible,
    orgs: Orgs::ByRefresh(Cow::Borrowed("organization_id")),
    verified: Verified::Yes,
    ..DEFAULTS
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
    ..DEFAULTS
};

pub(crate) const TWITCH: ServerQuirks = ServerQuirks {
    name: "Twitch",
    issuer: "https://id.twitch.tv/oauth2",
    device_authorization: Some("/device"),
    token: Some("/token"),
    scope_parameter: "scopes",
    verified: Verified::Yes,
    ..DEFAULTS
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
    ServerQuirks { name: "Zitadel", orgs: Orgs::ByScope(Cow::Borrowed("urn:zitadel:iam:org:id:{org}")), ..DEFAULTS },
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
        ..DEFAULTS
    },
    ServerQuirks {
        name: "Google",
        issuer: "https://accounts.google.com",
        device_authorization: Some("oauth2.googleapis.com/device/code"),
        token: Some("oauth2.googleapis.com/token"),
        secret: Secret::Wanted,
        revocation: Revocation::Reaches(RevocationReach::Account),
        verified: Verified::No,
        ..DEFAULTS
    },
    ServerQuirks {
        name: "Keycloak",
        issuer: "https://{}",
        rotation: Rotation::Optional,
        orgs: Orgs::ByScope(Cow::Borrowed("organization:{org}")),
        verified: Verified::No,
        ..DEFAULTS
    },
    ServerQuirks { name: "Ory Hydra", rotation: Rotation::Always, verified: Verified::No, ..DEFAULTS },
    ServerQuirks { name: "Authentik", rotation: Rotation::Always, verified: Verified::No, ..DEFAULTS },
];
