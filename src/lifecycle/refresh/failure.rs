//! What a failed exchange means for the login, and how a person reads it.

use super::exchange::{Exchange, ExchangeFailure, Reason};
use super::job::PriorExchange;
use crate::model::error::{Error, ErrorKind, Remedy};
use crate::model::event::EventCode;
use crate::model::ids::Org;
use crate::model::scopes::Scopes;
use crate::model::setting::Setting;
use crate::oauth::token_endpoint::{ErrorResponse, TokenError};
use crate::records::record::Record;

impl Exchange<'_> {
    /// Says what the error of a refresh means for the login.
    pub(super) fn failure(&self, record: &Record, error: TokenError, may_have_rotated: bool) -> ExchangeFailure {
        let refusal = match error {
            TokenError::Refused(refusal) => refusal,
            error => return ExchangeFailure::other(error.into(), may_have_rotated),
        };
        if refusal.says_reused() {
            // Ours, after a lost reply, or somebody else's who has a copy: only an administrator can tell.
            self.permit.note(EventCode::ReuseDetected, |event| {
                event.say("the server says that a refresh token was used twice")
            });
        }
        let (error, reason) = if refusal.is("invalid_grant") {
            // A probe does not probe again.
            let is_org_in_doubt = !may_have_rotated && self.org_may_be_refused();
            let reason = if is_org_in_doubt { Reason::TokenOrOrgRefused } else { Reason::TokenRefused };
            (self.token_refused(record, refusal, may_have_rotated), reason)
        // With any other code a server speaks of what it was asked for.
        } else if self.is_about_scopes(&refusal) {
            (self.scopes_refused(refusal), Reason::RequestRefused)
        } else if self.org_parameter().is_some() && refusal.may_be_about_an_org() {
            (self.org_refused(refusal.into()), Reason::RequestRefused)
        } else {
            (refusal.into(), Reason::Other)
        };
        ExchangeFailure { error, may_have_rotated, reason }
    }

    /// Returns what `invalid_grant` means.
    fn token_refused(&self, record: &Record, refusal: ErrorResponse, may_have_rotated: bool) -> Error {
        let (kind, why) = match record.refresh_expires_at {
            // No process died and no reply was lost: the server has answered.
            _ if self.prior == PriorExchange::ReplyRejected => (
                ErrorKind::Interrupted,
                "a refresh was answered with another identity or token type, which was refused, and the server takes the old token no \
                 more",
            ),
            _ if may_have_rotated => (
                ErrorKind::Interrupted,
                "a refresh was interrupted (a process died, or a reply was lost), and the server takes the old token no more",
            ),
            Some(end) if end <= self.job.now() => (ErrorKind::Expired, "it was not used for too long or is too old"),
            Some(_) => (ErrorKind::Revoked, "it was revoked, or a token of it was used twice"),
            None => (ErrorKind::Expired, "it expired or was revoked"),
        };
        self.job.login_ended(kind, why).caused_by(Error::from(refusal))
    }

    /// Returns whether fewer scopes than the login's were asked for and the server refuses those, whatever the org.
    pub(super) fn is_about_scopes(&self, refusal: &ErrorResponse) -> bool {
        self.target.scopes.is_some() && refusal.is("invalid_scope")
    }

    /// Returns the error if the login works, but the server gives no token of it with these scopes.
    pub(super) fn scopes_refused(&self, refusal: ErrorResponse) -> Error {
        let scopes = self.job.target.scopes.as_ref().map(Scopes::to_string).unwrap_or_default();
        let (server, name) = (self.server(), &self.job.context.name);
        let message = format!(
            "{server} gives the login {name} no token with the scopes {scopes}: it refused with {}; the login is as it was",
            refusal.display_code()
        );
        Error::new(ErrorKind::AuthorizationServer, message)
            .with(Remedy::FixConfig { setting: Setting::Scope })
            .caused_by(Error::from(refusal))
    }

    /// Returns the error if the login works, but the server gives no token of it for this org.
    pub(super) fn org_refused(&self, cause: Error) -> Error {
        let org = self.target.org.as_ref().map_or("", Org::as_str);
        let (server, name) = (self.server(), &self.job.context.name);
        let message = format!("{server} gives the login {name} no token for the org {org}; the login is as it was");
        Error::new(ErrorKind::Denied, message).with(Remedy::AskAdministrator).caused_by(cause)
    }

    /// Returns the error if the server has rotated and the disk does not take the new token.
    pub(super) fn not_saved(&self, error: Error) -> Error {
        let (server, name) = (self.server(), &self.job.context.name);
        let message = format!("{server} has renewed the login {name}, and it cannot be written down");
        let not_saved = Error::new(error.kind(), message);
        match error.remedy().cloned() {
            Some(remedy) => not_saved.with(remedy).caused_by(error),
            None => not_saved.caused_by(error),
        }
    }

    fn server(&self) -> String {
        self.job.context.account.issuer.host()
    }
}
