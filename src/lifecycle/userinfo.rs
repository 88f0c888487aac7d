//! [`Userinfo`]: whose login it is, according to the authorization server.

use serde_json::Value;

use crate::lifecycle::access_token::AccessToken;
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::Context;
use crate::lifecycle::refresh::{self, Identity};
use crate::model::account::Account;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{Issuer, Org};
use crate::model::sanitize::{ascii_json, quoted};
use crate::model::setting::Setting;
use crate::oauth::claims::Claims;
use crate::oauth::metadata;
use crate::oauth::normalize::identifier;
use crate::oauth::userinfo::{TokenRefused, UserinfoEndpoint, UserinfoError};
use crate::system::clock::Cancel;

/// What the authorization server says about the person (OpenID Connect Core §5.3).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Userinfo {
    /// Who it is.
    pub account: Account,
    /// The orgs that the person belongs to, from the claim [`OrgsConfig::claim`](crate::config::OrgsConfig::claim); empty without that claim.
    pub orgs: Vec<Membership>,
    /// All claims, as one JSON object in ASCII, so that it can be printed.
    pub json: String,
    /// Why the userinfo endpoint did not answer, if it did not. The claims are then those of the newest ID token.
    pub refused: Option<Error>,
}

/// An org that a person belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Membership {
    /// The org, as tokens name it.
    pub org: Org,
    /// What people call it, if the server says so.
    pub name: Option<String>,
}

/// Asks whose token `token` is. `replacement` returns another token if there may be a better one. Without a context the token is from
/// the environment.
pub(crate) fn ask(
    app: &App,
    context: Option<&Context>,
    token: &AccessToken,
    replacement: impl Fn(&Context) -> Result<Option<AccessToken>>,
) -> Result<Userinfo> {
    let (config, http) = (&app.config, app.http()?);
    let issuer = context.map_or(&config.issuer, |context| &context.account.issuer);
    let identity = match context {
        Some(context) => refresh::identity(app, &http, context)?,
        // Nothing is sealed for a token from the environment: it goes where the configured issuer says.
        None => {
            let userinfo_endpoint = metadata::userinfo_endpoint(&http, issuer, &Cancel::new())?;
            Identity { userinfo_endpoint, claims: None, has_refresh_token: false }
        }
    };
    let answer = match &identity.userinfo_endpoint {
        Some(url) => {
            let client = context.map(|context| &context.client_id);
            let endpoint = UserinfoEndpoint { http: &http, url, issuer, client };
            let renewable = context.filter(|_| identity.has_refresh_token);
            ask_endpoint(&endpoint, token, renewable, replacement)?
                .map_err(|refused| refusal_error(app, context, refused))
        }
        None => Err(protocol_error(format!("issuer {issuer} has no userinfo endpoint"))),
    };
    let has_endpoint = identity.userinfo_endpoint.is_some();
    let id_token = identity.claims.map(Claims::from);
    if let Ok(claims) = &answer {
        check_subject(claims, issuer, context, id_token.as_ref())?;
    }
    let about_person = ["sub", "name", "email", &config.orgs.claim];
    let known = known_claims(id_token, context, has_endpoint, &about_person);
    let (claims, refused) = match answer {
        Ok(claims) => (claims.or(&known.unwrap_or_default(), &about_person), None),
        Err(refused) => match known {
            Some(known) => (known, Some(refused)),
            None => return Err(refused),
        },
    };
    let account = Account::new(issuer.clone(), claims.sub(), claims.name(), claims.email());
    let orgs = claims.get(&config.orgs.claim).map(memberships).unwrap_or_default();
    Ok(Userinfo { account, orgs, json: ascii_json(&claims.into_json()), refused })
}

/// Asks the userinfo endpoint. If it refuses `token` as invalid, asks again with another token of the login that is `renewable`.
fn ask_endpoint(
    endpoint: &UserinfoEndpoint<'_>,
    token: &AccessToken,
    renewable: Option<&Context>,
    replacement: impl Fn(&Context) -> Result<Option<AccessToken>>,
) -> Result<Result<Claims, TokenRefused>> {
    let mut answer = endpoint.ask(token.secret(), &Cancel::new());
    if let Err(UserinfoError::Refused(refused)) = &answer
        && let Some(context) = renewable
        && refused.may_retry_with_new_token
        && let Some(token) = replacement(context)?
    {
        answer = endpoint.ask(token.secret(), &Cancel::new());
    }
    match answer {
        Ok(claims) => Ok(Ok(claims)),
        Err(UserinfoError::Refused(refused)) => Ok(Err(refused)),
        Err(error) => Err(error.into()),
    }
}

/// OpenID Connect Core §5.3.2: "The sub Claim in the UserInfo Response MUST be verified to exactly match the sub Claim in the
/// ID Token; if they do not match, the UserInfo Response values MUST NOT be used."
fn check_subject(claims: &Claims, issuer: &Issuer, context: Option<&Context>, id_token: Option<&Claims>) -> Result<()> {
    let sealed = context.and_then(|context| context.account.subject.clone());
    let own = sealed.or_else(|| id_token.and_then(Claims::sub));
    match own.is_some_and(|own| claims.name_another_subject(&own)) {
        true => Err(protocol_error(format!(
            "issuer {issuer} says that the token speaks for another subject than the login"
        ))),
        false => Ok(()),
    }
}

/// Returns the claims that are known without the userinfo endpoint, if they include a subject.
fn known_claims(
    id_token: Option<Claims>,
    context: Option<&Context>,
    has_endpoint: bool,
    about_person: &[&str],
) -> Option<Claims> {
    // Without a userinfo endpoint the token endpoint said at the login whose it is.
    let account = context.filter(|_| !has_endpoint).map(|context| &context.account);
    let known = id_token.or_else(|| account.map(Claims::of_account))?;
    known.sub()?;
    // The newest ID token may be of another org of the login: then only what it says about the person counts here.
    let org = context.and_then(|context| context.org.as_ref()).map(Org::as_str);
    match known.org().as_deref().is_none_or(|of_token| org == Some(of_token)) {
        true => Some(known),
        false => Some(Claims::default().or(&known, about_person)),
    }
}

/// Says why a token was refused, as far as that is known here. Never "log in": the token of a new login would be refused too.
fn refusal_error(app: &App, context: Option<&Context>, TokenRefused { reason, .. }: TokenRefused) -> Error {
    let config = &app.config;
    let Some(context) = context else {
        let variable = config.environment.variables.token_name();
        let message = format!("issuer {} does not accept the token in {variable}", config.issuer);
        return Error::config(Setting::Token, message).caused_by(Error::from(reason));
    };
    let lacks_openid = !context.scopes.is_empty() && !context.scopes.contains("openid");
    let (why, remedy) = match &config.resource {
        // OpenID Connect Core §5.3: the endpoint takes "an Access Token obtained through OpenID Connect Authentication", and §3.1.2.1:
        // "If the openid scope value is not present, the behavior is entirely unspecified."
        _ if lacks_openid => {
            ("the login was not granted the scope openid".into(), Remedy::FixConfig { setting: Setting::Scopes })
        }
        _ if reason.is("invalid_scope") || reason.has_code("insufficient_scope") => (
            format!("the token has too few scopes ({})", context.scopes),
            Remedy::FixConfig { setting: Setting::Scopes },
        ),
        Some(resource) => (format!("the token is for {resource}"), Remedy::AskAdministrator),
        None => (format!("it refused the token with {}", reason.display_code()), Remedy::AskAdministrator),
    };
    let message = format!("cannot ask {} whose login this is: {why}", reason.host);
    Error::new(ErrorKind::AuthorizationServer, message).with(remedy).caused_by(Error::from(reason))
}

fn protocol_error(message: String) -> Error {
    Error::new(ErrorKind::Protocol, message).with(Remedy::AskAdministrator)
}

/// Reads a list of texts or numbers, or of objects with `id` and `name`, or an object with the orgs as its member names (Keycloak).
fn memberships(claim: &Value) -> Vec<Membership> {
    match claim {
        Value::Array(orgs) => orgs.iter().filter_map(listed_membership).collect(),
        Value::Object(orgs) => orgs.keys().filter_map(|org| membership(org, None)).collect(),
        _ => Vec::new(),
    }
}

fn listed_membership(value: &Value) -> Option<Membership> {
    match identifier(value) {
        Some(org) => membership(&org, None),
        None => membership(&identifier(value.get("id")?)?, value.get("name").and_then(identifier).as_deref()),
    }
}

fn membership(org: &str, name: Option<&str>) -> Option<Membership> {
    let name = name.map(quoted).filter(|name| !name.is_empty());
    Some(Membership { org: org.parse().ok()?, name })
}
