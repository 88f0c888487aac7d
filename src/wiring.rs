//! The layers, put together for one app: what every trip needs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::context::{ChosenBy, Context, Entry, Index};
use crate::custody::{KeyCache, Places, Ways};
use crate::error::{Error, Remedy, Result};
use crate::grant::{GrantFiles, OpenGrant};
use crate::home::Home;
use crate::id::GrantId;
use crate::oauth::client_auth::Client;
use crate::oauth::http::{Http, Settings};
use crate::passphrase::Inherited;
use crate::record::{Destination, Record};
use crate::worker::Workers;

/// What every trip needs.
#[derive(Debug)]
pub(crate) struct Wiring {
    pub(crate) config: Config,
    pub(crate) places: Places,
    pub(crate) workers: Workers,
    home: PathBuf,
}

impl Wiring {
    pub(crate) fn new(config: Config) -> Result<Self> {
        let home = config.home.clone().or_else(|| config.surroundings.home.clone()).ok_or_else(|| {
            let variable = config.app.variable("HOME");
            Error::config("home", format!("there is no folder for state: neither HOME nor {variable} is set"))
        })?;
        // What a relative path means, whoever made the current folder would decide.
        if !home.is_absolute() {
            return Err(Error::config("home", format!("the state folder {} is not an absolute path", home.display())));
        }
        // By its components: a slash at the end would have a symbolic link followed.
        let home: PathBuf = home.components().collect();
        if config.issuer.url().scheme() == "http" && !config.allow_loopback_http {
            return Err(Error::config(
                "issuer",
                format!(
                    "issuer {} is not https (in tests, Config::allow_loopback_http allows this machine)",
                    config.issuer
                ),
            ));
        }
        let surroundings = &config.surroundings;
        let ways = Ways {
            app: config.app.clone(),
            home: home.clone(),
            clock: config.clock.clone(),
            asker: config.passphrase.clone().unwrap_or_else(|| Arc::new(Inherited(surroundings.clone()))),
            credential: surroundings.credentials.as_ref().map(|folder| folder.join(format!("{}.key", config.app))),
            person: surroundings.has_a_person(),
        };
        let places = Places::new(config.place.clone(), surroundings.custody.as_deref(), ways)?;
        Ok(Self { places, workers: Workers::default(), home, config })
    }

    /// The home, or `None` where nobody has logged in yet.
    pub(crate) fn home(&self) -> Result<Option<Home>> {
        Home::open(&self.home)
    }

    /// The home, created where it is missing.
    pub(crate) fn create_home(&self) -> Result<Home> {
        Home::create(&self.home)
    }

    /// Where the home is, or would be.
    pub(crate) fn home_path(&self) -> &Path {
        &self.home
    }

    /// The places, asking nobody anything.
    pub(crate) fn quiet_places(&self) -> Places {
        self.places.quiet(Arc::new(Inherited(self.config.surroundings.clone())))
    }

    /// The files of `grant` in `home`.
    pub(crate) fn files<'a>(&'a self, home: &'a Home, grant: &'a GrantId) -> GrantFiles<'a> {
        let cache = self.config.key_cache.map(|lifetime| KeyCache { lifetime });
        GrantFiles { home, app: &self.config.app, id: grant, clock: &*self.config.clock, cache }
    }

    /// The context of `entry`, with what its files tell. `meant`: the one that is meant here, and by which rule.
    pub(crate) fn context(
        &self,
        home: &Home,
        index: &Index,
        entry: &Entry,
        meant: Option<&(&Entry, ChosenBy)>,
    ) -> Context {
        let chosen_by = meant.filter(|(meant, _)| meant.name == entry.name).map(|(_, by)| by.clone());
        Context { chosen_by, ..Context::of(entry, index) }.with(self.files(home, &entry.grant))
    }

    /// A context in an error: its name, and who chose it where that is not plain.
    pub(crate) fn told(&self, context: &Context) -> String {
        let by = context.chosen_by.as_ref().and_then(|by| by.told(&self.config.app));
        by.map_or_else(|| context.name.to_string(), |by| format!("{} ({by})", context.name))
    }

    /// The grant, opened with its key, which may have moved to another place since `custody` was read in the index. May ask a person, so no
    /// lock is held meanwhile.
    pub(crate) fn unlock<'a>(&self, files: GrantFiles<'a>, custody: &str) -> Result<OpenGrant<'a>> {
        let mut custody = custody.to_owned();
        let mut tries = 8;
        loop {
            let opened = self.places.of(&custody).and_then(|custody| files.unlock(&*custody));
            let Err(error) = opened else { return opened };
            tries -= 1;
            // Whatever is wrong with the place: the key may not be there any more. One that is gone may have moved back meanwhile.
            let is_gone = matches!(error.remedy(), Some(Remedy::LogIn { .. }));
            match Index::read(Some(files.home))?.of_grant(files.id) {
                Some(entry) if tries > 0 && (is_gone || entry.custody != custody) => custody.clone_from(&entry.custody),
                _ => return Err(error),
            }
        }
    }

    /// A door to the network, for one trip.
    pub(crate) fn http(&self) -> Result<Http> {
        let config = &self.config;
        Ok(Http::new(&Settings {
            user_agent: format!("{} hallpass/{}", config.app, env!("CARGO_PKG_VERSION")),
            timeout: config.request_timeout,
            extra_roots: config.extra_roots.clone(),
            allow_loopback_http: config.allow_loopback_http,
        })?)
    }

    /// The client, as it speaks to `destination`.
    pub(crate) fn client(&self, destination: &Destination) -> Client {
        let secret = self.config.client_secret.clone();
        Client { id: destination.client_id.clone(), secret, secret_in_form: destination.secret_in_form }
    }

    /// A secret goes home (law 16): a configuration that differs from what was sealed at login is an error, before
    /// anything is sent. Whoever set the difference would otherwise choose where a refresh token goes.
    pub(crate) fn check_destination(&self, grant: &GrantId, record: &Record) -> Result<()> {
        let (config, sealed) = (&self.config, &record.destination);
        let differs = |field, configured: &dyn std::fmt::Display, own: &dyn std::fmt::Display| {
            let message = format!(
                "the login of {} (grant {grant}) is for {field} {own}, and the configuration says {configured}: nothing was sent",
                record.account
            );
            Err(Error::config(field, message))
        };
        if config.issuer != sealed.issuer && !config.orgs.makes(&sealed.issuer) {
            return differs("issuer", &config.issuer, &sealed.issuer);
        }
        if config.client_id != sealed.client_id {
            return differs("client_id", &config.client_id, &sealed.client_id);
        }
        if let Some(configured) = &config.token_endpoint
            && *configured != sealed.token_endpoint
        {
            return differs("token_endpoint", configured, &sealed.token_endpoint);
        }
        if let Some(configured) = &config.revocation_endpoint
            && Some(configured) != sealed.revocation_endpoint.as_ref()
        {
            let own = sealed.revocation_endpoint.as_ref().map_or("(none)", |url| url.as_str());
            return differs("revocation_endpoint", configured, &own);
        }
        Ok(())
    }
}

/// The wiring, as an `Auth` and its sessions hold it. Trips hold the wiring alone, so that the last of these to be dropped
/// can wait for them (law 4).
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) wiring: Arc<Wiring>,
}

/// How long the last handle waits for what is under way.
const FAREWELL: Duration = Duration::from_secs(5);

impl Drop for Handle {
    fn drop(&mut self) {
        self.wiring.workers.settle(FAREWELL);
    }
}
