//! [`Orgs`]: how a request names the org that a token is for.

use std::borrow::Cow;

use crate::model::error::{Error, Result};
use crate::model::ids::{Issuer, Org};
use crate::model::scopes::Scopes;
use crate::model::setting::Setting;

/// How a request names the org that a token is for. No standard has a way: each server has its own.
///
/// With [`ByRefresh`](Self::ByRefresh) and [`ByExchange`](Self::ByExchange) one login serves all orgs of its account; with the others each org has
/// its own login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Orgs {
    /// By nothing: the server has no orgs, or a person chooses one while approving.
    #[default]
    None,
    /// By this parameter of a refresh, for example `organization_id` (WorkOS).
    ByRefresh(Cow<'static, str>),
    /// By this parameter of the device authorization request, for example `organization` or `audience`.
    ByLogin(Cow<'static, str>),
    /// By a scope, in which `{org}` stands for the org: `urn:zitadel:iam:org:id:{org}`, `organization:{org}`.
    ByScope(Cow<'static, str>),
    /// By this parameter of a token exchange (RFC 8693), for example `audience` or `organization`.
    ByExchange(Cow<'static, str>),
    /// By its issuer, in which `{org}` stands for the org: `https://login.microsoftonline.com/{org}/v2.0`.
    ByIssuer(Cow<'static, str>),
}

const PLACEHOLDER: &str = "{org}";

impl Orgs {
    /// Returns whether one login serves all orgs of its account.
    pub(crate) fn is_per_token(&self) -> bool {
        matches!(self, Self::ByRefresh(_) | Self::ByExchange(_))
    }

    /// Returns whether a reply names the org as the request did. An issuer made for one org may have its own orgs within.
    pub(crate) fn is_named_as_asked(&self) -> bool {
        !matches!(self, Self::ByIssuer(_))
    }

    /// Returns the parameter of a refresh that names `org`.
    pub(crate) fn refresh_parameter<'a>(&'a self, org: Option<&'a Org>) -> Option<(&'a str, &'a str)> {
        match self {
            Self::ByRefresh(parameter) => org.map(|org| (&**parameter, org.as_str())),
            _ => None,
        }
    }

    /// Returns the parameter of a token exchange that names `org`.
    pub(crate) fn exchange_parameter<'a>(&'a self, org: Option<&'a Org>) -> Option<(&'a str, &'a str)> {
        match self {
            Self::ByExchange(parameter) => org.map(|org| (&**parameter, org.as_str())),
            _ => None,
        }
    }

    /// Returns the parameter of a device authorization request that names `org`.
    pub(crate) fn login_parameter<'a>(&'a self, org: Option<&'a Org>) -> Option<(&'a str, &'a str)> {
        match self {
            Self::ByLogin(parameter) => org.map(|org| (&**parameter, org.as_str())),
            _ => None,
        }
    }

    /// Returns the scopes of a login for `org`.
    ///
    /// # Errors
    /// `Config` if the org's name cannot stand in a scope.
    pub(crate) fn scopes(&self, scopes: &Scopes, org: Option<&Org>) -> Result<Scopes> {
        match (self, org) {
            (Self::ByScope(template), Some(org)) => {
                let scope = template.replace(PLACEHOLDER, org.as_str());
                match scope.contains(' ') {
                    true => Err(Error::config(Setting::Org, format!("the org {org} cannot be named in a scope"))),
                    false => format!("{scopes} {scope}").trim_start().parse(),
                }
            }
            _ => Ok(scopes.clone()),
        }
    }

    /// Returns the issuer of a login for `org`; `own` is the configuration's.
    ///
    /// # Errors
    /// `Config` if the org's name makes no issuer, or one of another shape: an org never chooses the server.
    pub(crate) fn issuer(&self, own: &Issuer, org: Option<&Org>) -> Result<Issuer> {
        match (self, org) {
            (Self::ByIssuer(template), Some(org)) => match may_stand_in_an_issuer(org.as_str()) {
                true => template.replace(PLACEHOLDER, org.as_str()).parse(),
                false => Err(Error::config(Setting::Org, format!("the org {org} cannot be named in an issuer"))),
            },
            _ => Ok(own.clone()),
        }
    }

    /// Returns whether `issuer` is that of some org.
    pub(crate) fn makes(&self, issuer: &Issuer) -> bool {
        match self {
            Self::ByIssuer(template) => template.split_once(PLACEHOLDER).is_some_and(|(before, after)| {
                let org = issuer.as_str().strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
                org.is_some_and(may_stand_in_an_issuer)
            }),
            _ => false,
        }
    }
}

/// Returns whether `org` is one plain segment of a path, so that an org never chooses the server.
fn may_stand_in_an_issuer(org: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !org.is_empty() && !org.starts_with('.') && org.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(name: &str) -> Org {
        name.parse().unwrap()
    }

    #[test]
    fn an_org_never_chooses_the_server() {
        let by = Orgs::ByIssuer("https://login.example.com/{org}/v2.0".into());
        let own: Issuer = "https://login.example.com/common/v2.0".parse().unwrap();
        assert_eq!(by.issuer(&own, Some(&org("contoso"))).unwrap().as_str(), "https://login.example.com/contoso/v2.0");
        assert_eq!(by.issuer(&own, None).unwrap(), own);
        for hostile in ["../x", "a/b", "a?b", "a#b", "a@b", ".."] {
            assert!(by.issuer(&own, Some(&org(hostile))).is_err(), "{hostile}");
        }
        assert!(by.makes(&"https://login.example.com/contoso/v2.0".parse().unwrap()));
        for other in ["https://login.example.net/contoso/v2.0", "https://login.example.com/a/b/v2.0"] {
            assert!(!by.makes(&other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn a_scope_names_one_org() {
        let (by, own) = (Orgs::ByScope("urn:zitadel:iam:org:id:{org}".into()), "openid".parse().unwrap());
        let scopes = by.scopes(&own, Some(&org("42"))).unwrap();
        assert_eq!(scopes.to_string(), "openid urn:zitadel:iam:org:id:42");
        assert!(by.scopes(&own, Some(&org("a b"))).is_err());
        assert_eq!(by.scopes(&own, None).unwrap(), own);
    }
}
