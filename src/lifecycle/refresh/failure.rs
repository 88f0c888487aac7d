//! What the failures of an exchange mean.

use super::job::{Before, RefreshJob};
use crate::model::error::{Error, ErrorKind, Remedy};
use crate::model::ids::{Org, Scopes};
use crate::oauth::token_endpoint::Refusal;
use crate::records::record::{Record, Target};

/// No next record.
pub(super) struct Failed {
    pub(super) error: Error,
    /// The server may have rotated, now or before.
    pub(super) open: bool,
    /// What has been said no to, if something has.
    pub(super) refusal: Option<Refuses>,
}

/// What a refused refresh means.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Refuses {
    Login,
    /// An org was named, and may be what is refused.
    LoginOrOrg,
    /// It is not the token that is refused, but what was asked for with it.
    Request,
    /// It is not the server that refuses: its reply was refused here.
    Reply,
}

impl Failed {
    pub(super) fn of(error: Error, open: bool) -> Self {
        Self { error, open, refusal: None }
    }

    /// The server has rotated, and made the login another.
    pub(super) fn foreign(error: Error) -> Self {
        Self { error, open: true, refusal: Some(Refuses::Reply) }
    }
}

impl RefreshJob<'_> {
    /// The login lives, and the server gives no token of it for this org.
    pub(super) fn org_refused(&self, target: &Target, cause: Error) -> Error {
        let org = target.org.as_ref().map_or("", Org::as_str);
        let server = self.context.account.issuer.host();
        let name = &self.context.name;
        let message = format!("{server} gives the login {name} no token for the org {org}; the login is as it was");
        Error::new(ErrorKind::Denied, message).with(Remedy::AskAdministrator).because(cause)
    }

    /// Whether fewer scopes than the login's were asked for, and it is those that are refused, whatever the org.
    pub(super) fn is_about_scopes(&self, refusal: &Refusal, target: &Target) -> bool {
        target.scopes.is_some() && refusal.is("invalid_scope")
    }

    /// The login lives, and the server gives no token of it with these scopes.
    pub(super) fn scopes_refused(&self, refusal: Refusal) -> Error {
        let scopes = self.target.scopes.as_ref().map(Scopes::to_string).unwrap_or_default();
        let server = self.context.account.issuer.host();
        let message = format!(
            "{server} gives the login {} no token with the scopes {scopes}: it refused with {}; the login is as it was",
            self.context.name,
            refusal.named()
        );
        Error::new(ErrorKind::AuthorizationServer, message)
            .with(Remedy::FixConfig { field: "scope" })
            .because(Error::from(refusal))
    }

    /// The disk would not take what the server had rotated to.
    pub(super) fn lost(&self, error: Error) -> Error {
        let server = self.context.account.issuer.host();
        let message = format!("{server} has renewed the login {}, and it cannot be written down", self.context.name);
        let mut lost = Error::new(error.kind(), message);
        if let Some(remedy) = error.remedy() {
            lost = lost.with(remedy.clone());
        }
        lost.because(error)
    }

    /// What `invalid_grant` means.
    pub(super) fn refused(&self, record: &Record, refusal: Refusal, before: Before, open: bool) -> Error {
        let (kind, why) = match record.refresh_expires_at {
            // No process died and no reply was lost: the server has answered.
            _ if before == Before::Foreign => (
                ErrorKind::Interrupted,
                "a refresh was answered with another identity or token type, which was refused, and the server takes the old token no \
                 more",
            ),
            _ if open => (
                ErrorKind::Interrupted,
                "a refresh was interrupted (a process died, or a reply was lost), and the server takes the old token no more",
            ),
            Some(end) if end <= self.now() => (ErrorKind::Expired, "it was not used for too long or is too old"),
            Some(_) => (ErrorKind::Revoked, "it was revoked, or a token of it was used twice"),
            None => (ErrorKind::Expired, "it expired or was revoked"),
        };
        self.ended(kind, why).because(Error::from(refusal))
    }
}
