//! [`Userinfo`]: whose login it is, as the authorization server says it.

use serde_json::Value;

use crate::lifecycle::access_token::AccessToken;
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::Context;
use crate::lifecycle::refresh::{self, Identity};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{Account, Org};
use crate::model::sanitize::{ascii_json, quoted};
use crate::oauth::claims::Claims;
use crate::oauth::metadata;
use crate::oauth::normalize::identifier;
use crate::oauth::userinfo::{NoClaims, TokenRefused, UserinfoEndpoint};
use crate::system::clock::Cancel;

/// What the authorization server says about the person (OpenID Connect Core §5.3).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Userinfo {
    /// Who it is.
    pub account: Account,
    /// The orgs that the person belongs to, from the claim [`Config::orgs_claim`](crate::Config::orgs_claim); empty where it is not there.
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
    /// What people call it, where the server says so.
    pub name: Option<String>,
}

/// Asks who `token` speaks for; `another` gets a token in its place, if there may be a better one. Without a context the token is from the
/// environment.
pub(crate) fn ask(
    app: &App,
    context: Option<&Context>,
    token: &AccessToken,
    another: impl Fn(&Context) -> Result<Option<AccessToken>>,
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
    let told = match &identity.userinfo_endpoint {
        Some(url) => {
            let client = context.map(|context| &context.client_id);
            let endpoint = UserinfoEndpoint { http: &http, url, issuer, client };
            told(&endpoint, context.filter(|_| identity.has_refresh_token), token, another)?
                .map_err(|refused| explained(app, context, refused))
        }
        None => {
            let message = format!("issuer {issuer} has no userinfo endpoint");
            Err(Error::new(ErrorKind::Protocol, message).with(Remedy::AskAdministrator))
        }
    };
    // OpenID Connect Core §5.3.2: "The sub Claim in the UserInfo Response MUST be verified to exactly match the sub Claim in the
    // ID Token; if they do not match, the UserInfo Response values MUST NOT be used."
    let known = identity.claims.map(Claims::from);
    let subject = context.and_then(|context| context.account.subject.clone());
    let own = subject.or_else(|| known.as_ref().and_then(Claims::sub));
    if own.as_deref().is_some_and(|own| told.as_ref().is_ok_and(|told| told.are_of_another(own))) {
        let message = format!("issuer {issuer} says that the token speaks for another subject than the login");
        return Err(Error::new(ErrorKind::Protocol, message).with(Remedy::AskAdministrator));
    }
    // Without an endpoint, what the login is known by was said at the token endpoint.
    let account = context.filter(|_| identity.userinfo_endpoint.is_none()).map(|context| &context.account);
    let known = known.or_else(|| account.map(Claims::of_account));
    let known = known.filter(|known| known.sub().is_some());
    // The newest ID token may be of another org of the login: then the rest of it says nothing here.
    let of_person = ["sub", "name", "email", &config.orgs_claim];
    let org = context.and_then(|context| context.org.as_ref()).map(Org::as_str);
    let known = known.map(|known| match known.org().as_deref().is_none_or(|told| org == Some(told)) {
        true => known,
        false => Claims::default().or(&known, &of_person),
    });
    let (claims, refused) = match (told, known) {
        (Ok(told), known) => (told.or(&known.unwrap_or_default(), &of_person), None),
        (Err(refused), Some(known)) => (known, Some(refused)),
        (Err(refused), None) => return Err(refused),
    };
    let account = Account::new(issuer.clone(), claims.sub(), claims.name(), claims.email());
    let orgs = claims.get(&config.orgs_claim).map(memberships).unwrap_or_default();
    Ok(Userinfo { account, orgs, json: ascii_json(&claims.into_json()), refused })
}

/// What userinfo says to `token`, and if that is refused as invalid, to `another` one of the login that `renews`.
fn told(
    endpoint: &UserinfoEndpoint<'_>,
    renews: Option<&Context>,
    token: &AccessToken,
    another: impl Fn(&Context) -> Result<Option<AccessToken>>,
) -> Result<Result<Claims, TokenRefused>> {
    let ask = |token: &AccessToken| endpoint.ask(token.secret(), &Cancel::new());
    let told = match (ask(token), renews) {
        (Err(NoClaims::Refused(refused)), Some(context)) if refused.wants_another => match another(context)? {
            Some(another) => ask(&another),
            None => Err(NoClaims::Refused(refused)),
        },
        (told, _) => told,
    };
    match told {
        Ok(told) => Ok(Ok(told)),
        Err(NoClaims::Refused(refused)) => Ok(Err(refused)),
        Err(error) => Err(error.into()),
    }
}

/// Says why a token was refused, as far as that is known here. Never "log in": the token of a new login would be refused too.
fn explained(app: &App, context: Option<&Context>, TokenRefused { reason, .. }: TokenRefused) -> Error {
    let config = &app.config;
    let Some(context) = context else {
        let variable = config.app.variable("TOKEN");
        let message = format!("issuer {} does not accept the token in {variable}", config.issuer);
        return Error::config("token", message).because(Error::from(reason));
    };
    let lacks_openid = !context.scopes.is_empty() && !context.scopes.contains("openid");
    let (why, remedy) = match &config.resource {
        // OpenID Connect Core §5.3: the endpoint takes "an Access Token obtained through OpenID Connect Authentication", and §3.1.2.1:
        // "If the openid scope value is not present, the behavior is entirely unspecified."
        _ if lacks_openid => {
            ("the login was not granted the scope openid".into(), Remedy::FixConfig { field: "scopes" })
        }
        _ if reason.is("invalid_scope") || reason.has_code("insufficient_scope") => {
            (format!("the token has too few scopes ({})", context.scopes), Remedy::FixConfig { field: "scopes" })
        }
        Some(resource) => (format!("the token is for {resource}"), Remedy::AskAdministrator),
        None => (format!("it refused the token with {}", reason.named()), Remedy::AskAdministrator),
    };
    let message = format!("cannot ask {} whose login this is: {why}", reason.host);
    Error::new(ErrorKind::AuthorizationServer, message).with(remedy).because(Error::from(reason))
}

/// From a list of texts or numbers, or of objects with `id` and `name`, or an object whose members are called like the orgs (Keycloak).
fn memberships(claim: &Value) -> Vec<Membership> {
    let of = |org: Option<&str>, name: Option<&str>| {
        let name = name.map(quoted).filter(|name| !name.is_empty());
        Some(Membership { org: org?.parse().ok()?, name })
    };
    let text = |value: &Value, name: &str| value.get(name).and_then(identifier);
    match claim {
        Value::Array(list) => list
            .iter()
            .filter_map(|one| match identifier(one) {
                Some(org) => of(Some(&org), None),
                None => of(text(one, "id").as_deref(), text(one, "name").as_deref()),
            })
            .collect(),
        Value::Object(named) => named.keys().filter_map(|org| of(Some(org), None)).collect(),
        _ => Vec::new(),
    }
}
