//! The org of a login.

use crate::lifecycle::login::Attempt;
use crate::lifecycle::login::identity::Identity;
use crate::model::account::Account;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::Org;
use crate::oauth::claims::Claims;
use crate::oauth::id_token;
use crate::oauth::token_endpoint::{Grant, RequestedAccess, TokenEndpoint, TokenError, TokenReply};
use crate::records::record::Destination;
use crate::system::clock::Cancel;

impl Attempt<'_> {
    /// Returns the org that the login's tokens are for: the one that was asked for, or the one that the server names. If a refresh names
    /// the org, `reply` becomes a token for it: whether the server grants it shows now, and not at the first use.
    pub(super) fn select_org(&self, reply: &mut TokenReply, identity: &Identity) -> Result<Option<Org>> {
        let orgs = &self.app.config.orgs.selection;
        let named = identity.org.as_ref().filter(|_| self.org.is_none() || orgs.is_named_as_asked());
        let Some(org) = self.org.as_ref().filter(|org| named != Some(*org)) else { return Ok(named.cloned()) };
        if let Some(parameter) = orgs.refresh_parameter(Some(org)) {
            self.refresh_for_org(reply, &identity.account, org, parameter)?;
        } else if let Some(other) = named.filter(|_| !orgs.is_per_token()) {
            return Err(self.org_refused(org, &format!(", but one for {other}")));
        }
        Ok(Some(org.clone()))
    }

    /// Exchanges the refresh token for tokens of `org`, which `parameter` names.
    fn refresh_for_org(
        &self,
        reply: &mut TokenReply,
        account: &Account,
        org: &Org,
        parameter: (&str, &str),
    ) -> Result<()> {
        let no_token = || self.org_refused(org, ": it gave no refresh token");
        let token = reply.refresh_token.as_ref().ok_or_else(no_token)?;
        let endpoint = TokenEndpoint { http: self.http, url: &self.destination.token_endpoint, client: self.client };
        let resource = self.app.config.resource.as_ref();
        let access = RequestedAccess { resource, org: Some(parameter), ..RequestedAccess::default() };
        // Not to be cancelled: the server may have rotated.
        let answered = endpoint.request(&Grant::RefreshToken(token), &access, &Cancel::new());
        let refreshed = answered.map_err(|error| match error {
            TokenError::Refused(response) if response.may_be_about_an_org() => {
                self.org_refused(org, "").caused_by(Error::from(response))
            }
            error => error.into(),
        })?;
        let (token, refresh_expires_in) = (reply.refresh_token.take(), reply.refresh_expires_in);
        let user = reply.user.take();
        // As at every refresh (law 17).
        let Destination { issuer, client_id, .. } = self.destination;
        let (subject, named) = (account.subject.as_deref(), user.as_ref().and_then(Claims::sub));
        let is_another = refreshed.is_of_another_login(issuer, client_id, subject, named.as_deref());
        *reply = TokenReply {
            refresh_token: refreshed.refresh_token.or(token),
            refresh_expires_in: refreshed.refresh_expires_in.or(refresh_expires_in),
            ends_in: refreshed.ends_in.or(reply.ends_in),
            // A reply without scopes has those that were granted before.
            scopes: refreshed.scopes.or_else(|| reply.scopes.take()),
            user: user.or(refreshed.user),
            ..refreshed
        };
        if reply.token_type != "bearer" || is_another {
            return Err(self.org_refused(org, ", but something else"));
        }
        let id_token_claims = id_token::unverified_claims(reply.id_token.as_ref()).org();
        match [id_token_claims.as_deref(), reply.org.as_deref()]
            .into_iter()
            .flatten()
            .any(|named| named != org.as_str())
        {
            true => Err(self.org_refused(org, ", but one for another")),
            false => Ok(()),
        }
    }

    fn org_refused(&self, org: &Org, why: &str) -> Error {
        let message = format!("{} gives no login for the org {org}{why}", self.destination.issuer.host());
        Error::new(ErrorKind::Denied, message).with(Remedy::AskAdministrator)
    }
}
