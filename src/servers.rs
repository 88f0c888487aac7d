//! Configurations for servers whose quirks are known, and what is known of other servers.
//!
//! ```
//! let mut config = hallpass::servers::github("acme", "Iv1.8a61f9b3a7aba766")?;
//! config.scopes = "repo gist".parse()?;
//! # Ok::<(), hallpass::Error>(())
//! ```
//!
//! Any server works that has the device authorization grant (RFC 8628) and metadata (RFC 8414 or OpenID Connect Discovery): with
//! [`Config::new`], nothing from here. Odd replies, such as a pending login answered 200 or 429, a form instead of JSON, or numbers
//! as text, are understood from any server.
//!
//! A server has a function here if every fact that a login needs was read in a source. *Metadata*: the server's metadata says all of
//! it. *By hand*: some facts are hearsay; call [`Config::new`] with the issuer, and set what the table lists.
//!
//! | server | configuration | client secret | refresh tokens | a revocation takes | another org | what else differs |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | GitHub | [`github`] | none | unknown | cannot be asked | - | no metadata; replies are forms unless asked otherwise; pending and refusals come as 200; `slow_down` brings the new interval; scopes come back with commas; the app must have the device flow switched on |
//! | GitLab | [`gitlab`] | both | rotate | the login | - | set `scopes`, which name what GitLab has |
//! | Entra ID | [`entra`] | both | replaced, the old one stays usable | cannot be asked | issuer | `authorization_declined` for a refusal; often forbidden by Conditional Access; each refresh names its scopes: `scopes_in_refresh` |
//! | Okta | [`okta`] | both | may rotate | cannot be asked | - | 429 for the rate limit of the whole org; revocation wants client authentication |
//! | WorkOS AuthKit | [`workos_authkit`] | none | rotate | cannot be asked | refresh, `organization_id` | no metadata, no `token_type`; the account is named beside the tokens (`user`); a refresh that names no org gives the one that was used last |
//! | WorkOS Connect | [`workos_connect`] | both | may rotate | the login | - | access tokens that were issued outlive a revocation |
//! | Twitch | [`twitch`] | both | unknown | the login | - | the parameter is `scopes`, the reply's `scope` a list; errors are in `message` |
//! | Zitadel | metadata | both | unknown | the login | scope | |
//! | Auth0 | by hand | token endpoint only | may rotate | the account | - | a revocation may take the token alone, as the tenant is configured; `login_parameters`: `audience`; 403 where the device endpoint gets a secret: `secret_at_device_authorization = false` |
//! | Google | by hand | wanted | unknown | the account | - | `verification_url`; pending comes as 428; few scopes only |
//! | Keycloak | by hand | both | may rotate | the login | scope | metadata for each realm; a client may require PKCE at the device endpoint, which is sent as its metadata lists S256; a code that is purged is `invalid_grant`; pending goes on for a while after the approval |
//! | Ory Hydra | by hand | both | rotate | the login | - | |
//! | Authentik | by hand | both | rotate | the login | - | the user code is a number; 404 where the brand has no flow for device codes |
//!
//! Left out, because they do not support RFC 8628: Facebook (other endpoints and parameters, `error` is an object), Slack (no device flow),
//! Salesforce (its own parameters at the token endpoint), AWS SSO-OIDC (a client is registered first, JSON in other names).

use url::Url;

use crate::lifecycle::config::Config;
use crate::model::error::{Error, Result};
use crate::model::scopes::Scopes;
use crate::model::setting::Setting;
use crate::oauth::org_selection::Orgs;
use crate::oauth::server_quirks::{self, Revocation, ServerQuirks};

/// Returns the configuration for github.com, for an OAuth app or a GitHub App with the device flow switched on. Asks for no scopes: set `scopes`. A tool cannot
/// revoke its tokens there: the person does, in the settings of the account.
///
/// # Errors
/// `Config` if a name is not valid.
pub fn github(app: &str, client_id: &str) -> Result<Config> {
    configure(&server_quirks::GITHUB, app, "", client_id, "")
}

/// Returns the configuration for GitLab at `host`, such as `gitlab.com`. Asks for no scopes: set `scopes`.
///
/// # Errors
/// `Config` if a name is not valid.
pub fn gitlab(app: &str, host: &str, client_id: &str) -> Result<Config> {
    configure(&server_quirks::GITLAB, app, host_part(host, ".-:")?, client_id, "")
}

/// Returns the configuration for Entra ID: `tenant` is its id (a GUID), or `common`, `organizations` or `consumers`. Only an id gives
/// an account its name. The tokens of the other tenants come from another issuer than the one that was asked, so they get no `openid`.
///
/// # Errors
/// `Config` if a name is not valid.
pub fn entra(app: &str, tenant: &str, client_id: &str) -> Result<Config> {
    let is_id = tenant.len() == 36 && tenant.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let scopes = if is_id { "openid offline_access email" } else { "offline_access" };
    configure(&server_quirks::ENTRA, app, host_part(tenant, ".-")?, client_id, scopes)
}

/// Returns the configuration for a custom authorization server of Okta: `issuer` is `https://…/oauth2/…`.
///
/// # Errors
/// `Config` if a name is not valid.
pub fn okta(app: &str, issuer: &str, client_id: &str) -> Result<Config> {
    let issuer = issuer.trim_end_matches('/');
    match issuer.split_once("/oauth2/") {
        Some((_, id)) if !id.is_empty() && !id.contains('/') => {
            configure(&server_quirks::OKTA, app, issuer, client_id, "openid offline_access email")
        }
        _ => Err(Error::config(
            Setting::Issuer,
            "the issuer of an Okta authorization server ends in /oauth2/ and its id",
        )),
    }
}

/// Returns the configuration for WorkOS AuthKit at `api.workos.com`. It has no scopes.
///
/// # Errors
/// `Config` if a name is not valid.
pub fn workos_authkit(app: &str, client_id: &str) -> Result<Config> {
    configure(&server_quirks::WORKOS_AUTHKIT, app, "", client_id, "")
}

/// Returns the configuration for WorkOS Connect at `<subdomain>.authkit.app`.
///
/// # Errors
/// `Config` if a name is not valid.
pub fn workos_connect(app: &str, subdomain: &str, client_id: &str) -> Result<Config> {
    configure(&server_quirks::WORKOS_CONNECT, app, host_part(subdomain, "-")?, client_id, "openid offline_access email")
}

/// Returns the configuration for Twitch. Asks for no scopes: set `scopes`.
///
/// # Errors
/// `Config` if a name is not valid.
pub fn twitch(app: &str, client_id: &str) -> Result<Config> {
    configure(&server_quirks::TWITCH, app, "", client_id, "")
}

/// Makes the configuration of `server`. `name` is what the `{}` in its addresses stands for.
fn configure(server: &ServerQuirks, app: &str, name: &str, client_id: &str, scopes: &str) -> Result<Config> {
    let issuer = server.issuer.replace("{}", name);
    let mut config = Config::new(app, &issuer, client_id)?;
    config.endpoints.device_authorization = endpoint(server, server.device_authorization, &issuer, name)?;
    config.endpoints.token = endpoint(server, server.token, &issuer, name)?;
    config.quirks.scope_parameter = server.scope_parameter.into();
    config.scopes = scopes.parse::<Scopes>()?;
    config.quirks.scopes_in_refresh = server.scopes_in_refresh;
    if let Revocation::Reaches(reach) = server.revocation {
        config.quirks.revocation_reach = reach;
    }
    // An issuer for each org has endpoints of its own: it is another configuration.
    if !matches!(server.orgs, Orgs::ByIssuer(_)) {
        config.orgs.selection = server.orgs.clone();
    }
    Ok(config)
}

/// Returns the address of an endpoint: `address` is a path below the issuer, or an address without its scheme.
fn endpoint(server: &ServerQuirks, address: Option<&str>, issuer: &str, name: &str) -> Result<Option<Url>> {
    let Some(address) = address else { return Ok(None) };
    let url = match address.starts_with('/') {
        true => format!("{issuer}{address}"),
        false => format!("https://{}", address.replace("{}", name)),
    };
    match Url::parse(&url) {
        Ok(url) => Ok(Some(url)),
        Err(_) => Err(Error::config(Setting::Issuer, format!("{} has no endpoint there", server.name))),
    }
}

/// Checks a name that becomes part of an address: only letters, digits and `also`, so that it cannot lead anywhere else.
fn host_part<'a>(name: &'a str, also: &str) -> Result<&'a str> {
    let all = name.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c));
    match all && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !name.contains("..") {
        true => Ok(name),
        false => Err(Error::config(
            Setting::Issuer,
            "a host, subdomain or tenant is made of letters, digits, dots and hyphens",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::server_quirks::RevocationReach;
    use crate::oauth::server_quirks::{KNOWN_SERVERS, Rotation, Secret, Verified};

    /// The row of the table above, but for its last column.
    fn row(server: &ServerQuirks) -> String {
        let configuration = match server.verified {
            Verified::Yes => format!("[`{}`]", server.name.to_lowercase().replace(' ', "_").replace("_id", "")),
            Verified::ByMetadata => "metadata".into(),
            Verified::No => "by hand".into(),
        };
        let secret = match server.secret {
            Secret::None => "none",
            Secret::Wanted => "wanted",
            Secret::Both => "both",
            Secret::TokenOnly => "token endpoint only",
        };
        let rotation = match server.rotation {
            Rotation::Always => "rotate",
            Rotation::Optional => "may rotate",
            Rotation::OldStays => "replaced, the old one stays usable",
            Rotation::Unknown => "unknown",
        };
        let revocation = match server.revocation {
            Revocation::Impossible => "cannot be asked",
            Revocation::Reaches(RevocationReach::Family) => "the login",
            Revocation::Reaches(RevocationReach::Account) => "the account",
            Revocation::Reaches(RevocationReach::Token) => "the token",
        };
        let org = match &server.orgs {
            Orgs::None => "-".into(),
            Orgs::ByRefresh(name) => format!("refresh, `{name}`"),
            Orgs::ByLogin(name) => format!("login, `{name}`"),
            Orgs::ByScope(_) => "scope".into(),
            Orgs::ByExchange(name) => format!("exchange, `{name}`"),
            Orgs::ByIssuer(_) => "issuer".into(),
        };
        format!("//! | {} | {configuration} | {secret} | {rotation} | {revocation} | {org} | ", server.name)
    }

    #[test]
    fn the_table_matches_the_quirks() {
        let rows: Vec<_> =
            include_str!("servers.rs").lines().filter(|line| line.starts_with("//! | ")).skip(2).collect();
        assert_eq!(rows.len(), KNOWN_SERVERS.len());
        for (line, server) in rows.iter().zip(KNOWN_SERVERS) {
            assert!(line.starts_with(&row(server)), "{line}\n{}", row(server));
            let differs: Vec<_> = [&["scopes"][..], server.login_parameters].concat();
            assert_eq!(line.contains("scopes_in_refresh"), server.scopes_in_refresh, "{line}");
            let listed = differs.iter().skip(usize::from(server.scope_parameter == "scope"));
            listed.for_each(|name| assert!(line.contains(&format!("`{name}`")), "{line}: {name}"));
        }
    }
}
