//! Checks before a secret is sent and before a login is used (law 16).

use std::fmt::Display;
use std::sync::{MutexGuard, PoisonError};

use url::Url;

use super::App;
use crate::lifecycle::contexts::{Context, Entry, Index};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{GrantId, Issuer, Org, host_of};
use crate::model::setting::Setting;
use crate::oauth::metadata::{self, Endpoint};
use crate::records::open_grant::OpenGrant;
use crate::records::record::{Destination, Record};
use crate::system::clock::Cancel;
use crate::system::http::Http;

impl App {
    /// Confirms an endpoint off the issuer's origin before a secret is sent (law 16): the configuration or the issuer's metadata must
    /// name it. The author of a planted state folder knows its key, and can seal any endpoint in it.
    pub(crate) fn confirm(&self, http: &Http, sealed: &Destination, endpoint: Endpoint) -> Result<()> {
        let Some(url) = self.unconfirmed(sealed, endpoint) else { return Ok(()) };
        if !metadata::lists_endpoint(http, &sealed.issuer, endpoint, url, &Cancel::new())? {
            let message = format!(
                "cannot use the login in {}: its {} is at {}, and neither the configuration nor the metadata of issuer {} names \
                 that address; nothing was sent",
                self.state_dir_path()?.display(),
                endpoint.name(),
                host_of(url),
                sealed.issuer
            );
            return Err(Error::new(ErrorKind::Config, message).with(Remedy::LogIn { context: None }));
        }
        self.confirmed().push((sealed.issuer.clone(), url.clone()));
        Ok(())
    }

    /// Returns the endpoint if it is not confirmed yet and has to be.
    pub(crate) fn unconfirmed<'d>(&self, sealed: &'d Destination, endpoint: Endpoint) -> Option<&'d Url> {
        let config = &self.config;
        let (url, by_hand) = match endpoint {
            Endpoint::Token => (Some(&sealed.token_endpoint), config.endpoints.token.as_ref()),
            Endpoint::Revocation => (sealed.revocation_endpoint.as_ref(), config.endpoints.revocation.as_ref()),
            Endpoint::Userinfo => (sealed.userinfo_endpoint.as_ref(), None),
        };
        url.filter(|url| {
            url.origin() != sealed.issuer.url().origin()
                && by_hand != Some(url)
                && !self.confirmed().contains(&(sealed.issuer.clone(), (*url).clone()))
        })
    }

    fn confirmed(&self) -> MutexGuard<'_, Vec<(Issuer, Url)>> {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks that a record is the one that its index entry names (law 16). Otherwise an editor of the index could swap two logins: print
    /// the token of one, or end one, under the name of the other.
    pub(crate) fn check_entry(&self, context: &Context, grant: &OpenGrant<'_>, record: &Record) -> Result<()> {
        // If one login serves all orgs, each token is for the org that it was asked for.
        let sealed_org = record.tokens.first().map(|token| &token.org);
        let is_other_org =
            !self.config.orgs.selection.is_per_token() && sealed_org.is_some_and(|org| *org != context.org);
        let why = if record.account != context.account {
            format!("is the one of {}", record.account)
        } else if record.destination.client_id != context.client_id {
            format!("was made by the client {}", record.destination.client_id)
        } else if is_other_org {
            format!("is for {}", sealed_org.map(describe_org).unwrap_or_default())
        } else if record.provenance.environment != context.environment {
            let environment = record.provenance.environment.as_ref();
            environment.map_or_else(|| "is for no environment".into(), |own| format!("is for the environment {own}"))
        } else if !grant.proves_name(&context.marked) {
            "was never given this name".to_owned()
        } else {
            return Ok(());
        };
        let message = format!(
            "cannot use the login {} of {}: its record {why}; nothing was sent, nothing was erased",
            context.name, context.account
        );
        Err(Error::new(ErrorKind::Custody, message).with(Remedy::Repair))
    }

    /// Checks an entry of the index as [`check_entry`](Self::check_entry) checks a context.
    pub(crate) fn check_record(&self, entry: &Entry, grant: &OpenGrant<'_>, record: &Record) -> Result<()> {
        self.check_entry(&Context::of(entry, &Index::empty()), grant, record)
    }

    /// Refuses, before anything is sent, a configuration that differs from what was sealed at login
    /// (law 16). Otherwise the author of the difference would choose where a refresh token goes.
    pub(crate) fn check_destination(&self, grant: &GrantId, record: &Record) -> Result<()> {
        let (config, sealed) = (&self.config, &record.destination);
        let difference: (Setting, &dyn Display, &dyn Display) =
            if config.issuer != sealed.issuer && !config.orgs.selection.makes(&sealed.issuer) {
                (Setting::Issuer, &config.issuer, &sealed.issuer)
            } else if config.client_id != sealed.client_id {
                (Setting::ClientId, &config.client_id, &sealed.client_id)
            } else if let Some(configured) = &config.endpoints.token
                && *configured != sealed.token_endpoint
            {
                (Setting::TokenEndpoint, configured, &sealed.token_endpoint)
            } else if let Some(configured) = &config.endpoints.revocation
                && Some(configured) != sealed.revocation_endpoint.as_ref()
            {
                let own: &dyn Display = match &sealed.revocation_endpoint {
                    Some(own) => own,
                    None => &"(none)",
                };
                (Setting::RevocationEndpoint, configured, own)
            } else {
                return Ok(());
            };
        let (setting, configured, own) = difference;
        let message = format!(
            "the login of {} (grant {grant}) is for {setting} {own}, and the configuration says {configured}: nothing was sent",
            record.account
        );
        Err(Error::config(setting, message))
    }
}

fn describe_org(org: &Option<Org>) -> String {
    org.as_ref().map_or_else(|| "no org".to_owned(), |org| format!("the org {org}"))
}
