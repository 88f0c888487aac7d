//! The layers, put together for one app: what every trip needs.

use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use url::Url;

use crate::custody::{KeyCache, Places, Ways};
use crate::lifecycle::config::Config;
use crate::lifecycle::contexts::{ChosenBy, Context, Entry, Index, Missing};
use crate::lifecycle::jobs::Workers;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{GrantId, Issuer, Org, host_of};
use crate::oauth::client_auth::Client;
use crate::oauth::metadata::{self, Endpoint};
use crate::prompt::passphrase::Inherited;
use crate::records::grant_files::GrantFiles;
use crate::records::open_grant::OpenGrant;
use crate::records::record::{Destination, Record};
use crate::state_dir::{Home, work_tree_around};
use crate::system::clock::Cancel;
use crate::system::environment::platform_state_folder;
use crate::system::http::{Http, Settings};

/// What every trip needs.
#[derive(Debug)]
pub(crate) struct Wiring {
    pub(crate) config: Config,
    pub(crate) places: Places,
    pub(crate) workers: Workers,
    home: Result<PathBuf>,
    home_is_believed: OnceLock<Result<()>>,
    /// The endpoints off their issuer's origin that its metadata has confirmed to this process.
    confirmed: Mutex<Vec<(Issuer, Url)>>,
}

impl Wiring {
    pub(crate) fn new(config: Config) -> Result<Self> {
        let home = match home_of(&config) {
            // A token from the environment is used as it is: nothing is kept.
            Err(error) if config.surroundings.token.is_none() => return Err(error),
            home => home,
        };
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
            // Whoever wants to read or keep a login asks for the state folder first, and gets the error.
            home: home.clone().unwrap_or_default(),
            clock: config.clock.clone(),
            asker: config.passphrase.clone().unwrap_or_else(|| Arc::new(Inherited(surroundings.clone()))),
            credential: surroundings.credentials.as_ref().map(|folder| folder.join(format!("{}.key", config.app))),
            person: surroundings.has_a_person(),
        };
        let places = Places::new(config.place.clone(), surroundings.custody.as_deref(), ways)?;
        Ok(Self {
            places,
            workers: Workers::default(),
            home,
            home_is_believed: OnceLock::new(),
            confirmed: Mutex::default(),
            config,
        })
    }

    /// The home, or `None` where nobody has logged in yet.
    pub(crate) fn home(&self) -> Result<Option<Home>> {
        Home::open(self.checked_home()?)
    }

    /// The home, created where it is missing.
    pub(crate) fn create_home(&self) -> Result<Home> {
        Home::create(self.checked_home()?)
    }

    /// Closes the home to other users, where they can only read it. Says what was closed.
    pub(crate) fn tighten_home(&self) -> Result<Vec<PathBuf>> {
        match self.home_variable() {
            // Who named it may have written it.
            Some(_) => Ok(Vec::new()),
            None => Home::tighten(self.home_path()?),
        }
    }

    /// The variable that named the home, where that is not the platform's for this user: whoever set it may have written the folder.
    pub(crate) fn home_variable(&self) -> Option<&str> {
        let surroundings = &self.config.surroundings;
        let named = surroundings.home_variable.as_deref().filter(|_| self.config.home.is_none())?;
        let home = self.home.as_ref().ok()?;
        (platform_state_folder(&self.config.app).as_ref() != Some(home)).then_some(named)
    }

    /// A folder that a variable named is believed only outside work trees: who wrote a repository could have written it too (law 16).
    /// Found out once, as it takes some looks at the disk.
    fn checked_home(&self) -> Result<&Path> {
        let home = self.home_path()?;
        self.home_is_believed.get_or_init(|| self.look_around(home)).clone().map(|()| home)
    }

    fn look_around(&self, home: &Path) -> Result<()> {
        let Some(variable) = self.home_variable() else { return Ok(()) };
        let Some(tree) = work_tree_around(home) else { return Ok(()) };
        let message = format!(
            "cannot use the state folder {}, which {variable} names: it lies in the work tree {}, whose author may have written it",
            home.display(),
            tree.display()
        );
        Err(Error::new(ErrorKind::Custody, message).with(Remedy::FixConfig { field: "home" }))
    }

    /// Where the home is, or would be.
    pub(crate) fn home_path(&self) -> Result<&Path> {
        self.home.as_deref().map_err(Clone::clone)
    }

    /// The places, asking nobody anything.
    pub(crate) fn quiet_places(&self) -> Places {
        self.places.quiet(Arc::new(Inherited(self.config.surroundings.clone())))
    }

    /// The files of `grant` in `home`.
    pub(crate) fn files<'a>(&'a self, home: &'a Home, grant: &'a GrantId) -> GrantFiles<'a> {
        let cache = self.config.key_cache.map(|lifetime| KeyCache { lifetime });
        GrantFiles { home, app: &self.config.app, id: grant, clock: &*self.config.clock, cache, marked: None }
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
        self.looked_at(home, Context { chosen_by, ..Context::of(entry, index) })
    }

    /// The context, with what its files tell, and whether they are all there.
    pub(crate) fn looked_at(&self, home: &Home, context: Context) -> Context {
        let files = self.files(home, &context.grant);
        let missing = match self.quiet_places().of(&context.custody) {
            _ if !files.is_there() => Some(Missing::Record),
            Ok(custody) if files.lacks_key(&*custody) => Some(Missing::Key),
            _ => None,
        };
        Context { missing, ..context.clone().with(files) }
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

    /// The grant and its record, opened with a key from any place that gives one without asking a person: to find out whose it is, whatever
    /// the index says.
    pub(crate) fn opened_anywhere<'a>(&self, files: GrantFiles<'a>) -> Option<(OpenGrant<'a>, Record)> {
        self.quiet_places().all().iter().find_map(|place| {
            let grant = files.unlock_anew(&**place).ok()?;
            let record = grant.read().ok()?;
            Some((grant, record))
        })
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

    /// Confirms an endpoint off the issuer's origin before a secret is sent (law 16): the configuration or the issuer's metadata must
    /// name it. The author of a planted state folder knows its key, and can seal any endpoint in it.
    pub(crate) fn confirm(&self, http: &Http, sealed: &Destination, endpoint: Endpoint) -> Result<()> {
        let Some(url) = self.unconfirmed(sealed, endpoint) else { return Ok(()) };
        if !metadata::names(http, &sealed.issuer, endpoint, url, &Cancel::new())? {
            let message = format!(
                "cannot use the login in {}: its {} is at {}, and neither the configuration nor the metadata of issuer {} names \
                 that address; nothing was sent",
                self.home_path()?.display(),
                endpoint.name(),
                host_of(url),
                sealed.issuer
            );
            return Err(Error::new(ErrorKind::Config, message).with(Remedy::LogIn { context: None }));
        }
        self.confirmed().push((sealed.issuer.clone(), url.clone()));
        Ok(())
    }

    /// The endpoint, where it has to be confirmed and is not yet.
    pub(crate) fn unconfirmed<'d>(&self, sealed: &'d Destination, endpoint: Endpoint) -> Option<&'d Url> {
        let config = &self.config;
        let (url, by_hand) = match endpoint {
            Endpoint::Token => (Some(&sealed.token_endpoint), config.token_endpoint.as_ref()),
            Endpoint::Revocation => (sealed.revocation_endpoint.as_ref(), config.revocation_endpoint.as_ref()),
            Endpoint::Userinfo => (sealed.userinfo_endpoint.as_ref(), None),
        };
        let is_known = |url: &&Url| {
            let is_at_home = url.origin() == sealed.issuer.url().origin();
            is_at_home || by_hand == Some(url) || self.confirmed().contains(&(sealed.issuer.clone(), (*url).clone()))
        };
        url.filter(|url| !is_known(url))
    }

    fn confirmed(&self) -> MutexGuard<'_, Vec<(Issuer, Url)>> {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks that a record is the one that its index entry names (law 16). Otherwise an editor of the index could swap two logins: print
    /// the token of one, or end one, under the name of the other.
    pub(crate) fn check_entry(&self, context: &Context, grant: &OpenGrant<'_>, record: &Record) -> Result<()> {
        // If one login serves all orgs, each token is for the org that it was asked for.
        let sealed_org = record.tokens.first().map(|token| &token.org);
        let is_other_org = !self.config.orgs.is_per_token() && sealed_org.is_some_and(|org| *org != context.org);
        let named =
            |org: &Option<Org>| org.as_ref().map_or_else(|| "no org".to_owned(), |org| format!("the org {org}"));
        let why = if record.account != context.account {
            format!("is the one of {}", record.account)
        } else if record.destination.client_id != context.client_id {
            format!("was made by the client {}", record.destination.client_id)
        } else if is_other_org {
            format!("is for {}", sealed_org.map(named).unwrap_or_default())
        } else if !grant.has_marked(&context.marked) {
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

    /// As [`check_entry`](Self::check_entry), for an entry of the index.
    pub(crate) fn check_record(&self, entry: &Entry, grant: &OpenGrant<'_>, record: &Record) -> Result<()> {
        self.check_entry(&Context::of(entry, &Index::empty()), grant, record)
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

/// Where the home is to be.
fn home_of(config: &Config) -> Result<PathBuf> {
    let home = config.home.clone().or_else(|| config.surroundings.home.clone()).ok_or_else(|| {
        let variable = config.app.variable("HOME");
        Error::config("home", format!("there is no folder for state: neither HOME nor {variable} is set"))
    })?;
    // What a relative path means, whoever made the current folder would decide.
    if !home.is_absolute() {
        return Err(Error::config("home", format!("the state folder {} is not an absolute path", home.display())));
    }
    // Where it leads depends on what is there at the time.
    if home.components().any(|part| part == Component::ParentDir) {
        return Err(Error::config("home", format!("the state folder {} has `..` in its path", home.display())));
    }
    // By its components: a slash at the end would have a symbolic link followed.
    Ok(home.components().collect())
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
