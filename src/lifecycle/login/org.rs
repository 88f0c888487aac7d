//! The org of a login.

use super::Login;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{Account, Org};
use crate::oauth::claims::Claims;
use crate::oauth::id_token;
use crate::oauth::token_endpoint::{Grant, RequestedAccess, TokenEndpoint, TokenError, TokenReply};
use crate::records::record::Destination;
use crate::system::clock::Cancel;

impl Login<'_> {
    /// The org that the login's tokens speak for: the one that was asked for, or the one that the server tells. Where an org is named
    /// by refresh, `reply` is a token of it afterwards: whether it may be had shows now, and not at the first use.
    pub(super) fn choose_org(
        &self,
        reply: &mut TokenReply,
        account: &Account,
        told: Option<Org>,
    ) -> Result<Option<Org>> {
        let (config, server) = (&self.app.config, self.destination.issuer.host());
        let told = told.filter(|_| self.org.is_none() || config.orgs.is_told_in_replies());
        let Some(org) = self.org.as_ref().filter(|org| told.as_ref() != Some(org)) else { return Ok(told) };
        let refused = |why: &str| {
            let message = format!("{server} gives no login for the org {org}{why}");
            Error::new(ErrorKind::Denied, message).with(Remedy::AskAdministrator)
        };
        match (config.orgs.in_refresh(Some(org)), told) {
            (Some(named), _) => {
                let token = reply.refresh_token.as_ref().ok_or_else(|| refused(": it gave no refresh token"))?;
                let endpoint =
                    TokenEndpoint { http: self.http, url: &self.destination.token_endpoint, client: self.client };
                let asks = RequestedAccess {
                    resource: config.resource.as_ref(),
                    org: Some(named),
                    ..RequestedAccess::default()
                };
                // Not to be cancelled: the server may have rotated.
                let of_org = endpoint.request(&Grant::RefreshToken(token), &asks, &Cancel::new());
                let of_org = of_org.map_err(|error| match error {
                    TokenError::Refused(refusal) if refusal.may_be_about_an_org() => {
                        refused("").because(Error::from(refusal))
                    }
                    error => error.into(),
                })?;
                let (old, refresh_expires_in) = (reply.refresh_token.take(), reply.refresh_expires_in);
                // As at every refresh (law 17).
                let (user, subject) = (reply.user.take(), account.subject.as_deref());
                let own = user.as_ref().and_then(Claims::sub);
                let Destination { issuer, client_id, .. } = self.destination;
                let is_another = of_org.is_of_another(issuer, client_id, subject, own.as_deref());
                *reply = TokenReply {
                    refresh_token: of_org.refresh_token.or(old),
                    refresh_expires_in: of_org.refresh_expires_in.or(refresh_expires_in),
                    // Where it says nothing, it is what was granted before.
                    scopes: of_org.scopes.or_else(|| reply.scopes.take()),
                    user: user.or(of_org.user),
                    ..of_org
                };
                let is_other = |told: &str| told != org.as_str();
                let told = id_token::told(reply.id_token.as_ref()).org();
                let orgs = [told.as_deref(), reply.org.as_deref()];
                match reply.token_type != "bearer" || is_another {
                    true => Err(refused(", but something else")),
                    false if orgs.into_iter().flatten().any(is_other) => Err(refused(", but one for another")),
                    false => Ok(Some(org.clone())),
                }
            }
            (None, Some(told)) if !config.orgs.is_per_token() => Err(refused(&format!(", but one for {told}"))),
            (None, _) => Ok(Some(org.clone())),
        }
    }
}
