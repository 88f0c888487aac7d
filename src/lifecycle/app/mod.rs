//! The layers, put together for one app: what every trip needs.

mod checks;

use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use url::Url;

use crate::custody::{KernelCache, KeyStores, StoreContext};
use crate::lifecycle::config::Config;
use crate::lifecycle::contexts::{ChosenBy, Context, Entry, Index, Missing};
use crate::lifecycle::jobs::Workers;
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{GrantId, Issuer};
use crate::oauth::client_auth::Client;
use crate::prompt::passphrase::Inherited;
use crate::records::grant_files::GrantFiles;
use crate::records::open_grant::OpenGrant;
use crate::records::record::{Destination, Record};
use crate::state_dir::{StateDir, work_tree_around};
use crate::system::environment::platform_state_folder;
use crate::system::http::{Http, Settings};

/// What every trip needs.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) key_stores: KeyStores,
    pub(crate) workers: Workers,
    state_dir: Result<PathBuf>,
    home_is_believed: OnceLock<Result<()>>,
    /// The endpoints off their issuer's origin that its metadata has confirmed to this process.
    confirmed: Mutex<Vec<(Issuer, Url)>>,
}

impl App {
    pub(crate) fn new(config: Config) -> Result<Self> {
        let state_dir = match state_dir_of(&config) {
            // A token from the environment is used as it is: nothing is kept.
            Err(error) if config.environment.token.is_none() => return Err(error),
            state_dir => state_dir,
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
        let environment = &config.environment;
        let ways = StoreContext {
            app: config.app.clone(),
            // Whoever wants to read or keep a login asks for the state folder first, and gets the error.
            state_dir: state_dir.clone().unwrap_or_default(),
            clock: config.clock.clone(),
            asker: config.passphrase.clone().unwrap_or_else(|| Arc::new(Inherited(environment.clone()))),
            credential: environment.credentials.as_ref().map(|folder| folder.join(format!("{}.key", config.app))),
            person: environment.has_a_person(),
        };
        let key_stores = KeyStores::new(config.custody.clone(), environment.custody.as_deref(), ways)?;
        Ok(Self {
            key_stores,
            workers: Workers::default(),
            state_dir,
            home_is_believed: OnceLock::new(),
            confirmed: Mutex::default(),
            config,
        })
    }

    /// The home, or `None` where nobody has logged in yet.
    pub(crate) fn state_dir(&self) -> Result<Option<StateDir>> {
        StateDir::open(self.checked_state_dir()?)
    }

    /// The home, created where it is missing.
    pub(crate) fn create_state_dir(&self) -> Result<StateDir> {
        StateDir::create(self.checked_state_dir()?)
    }

    /// Closes the home to other users, where they can only read it. Says what was closed.
    pub(crate) fn tighten_state_dir(&self) -> Result<Vec<PathBuf>> {
        match self.state_dir_variable() {
            // Who named it may have written it.
            Some(_) => Ok(Vec::new()),
            None => StateDir::tighten(self.state_dir_path()?),
        }
    }

    /// The variable that named the home, where that is not the platform's for this user: whoever set it may have written the folder.
    pub(crate) fn state_dir_variable(&self) -> Option<&str> {
        let environment = &self.config.environment;
        let named = environment.state_dir_variable.as_deref().filter(|_| self.config.state_dir.is_none())?;
        let state_dir = self.state_dir.as_ref().ok()?;
        (platform_state_folder(&self.config.app).as_ref() != Some(state_dir)).then_some(named)
    }

    /// A folder that a variable named is believed only outside work trees: who wrote a repository could have written it too (law 16).
    /// Found out once, as it takes some looks at the disk.
    fn checked_state_dir(&self) -> Result<&Path> {
        let state_dir = self.state_dir_path()?;
        self.home_is_believed.get_or_init(|| self.look_around(state_dir)).clone().map(|()| state_dir)
    }

    fn look_around(&self, state_dir: &Path) -> Result<()> {
        let Some(variable) = self.state_dir_variable() else { return Ok(()) };
        let Some(tree) = work_tree_around(state_dir) else { return Ok(()) };
        let message = format!(
            "cannot use the state folder {}, which {variable} names: it lies in the work tree {}, whose author may have written it",
            state_dir.display(),
            tree.display()
        );
        Err(Error::new(ErrorKind::Custody, message).with(Remedy::FixConfig { field: "state_dir" }))
    }

    /// Where the home is, or would be.
    pub(crate) fn state_dir_path(&self) -> Result<&Path> {
        self.state_dir.as_deref().map_err(Clone::clone)
    }

    /// The places, asking nobody anything.
    pub(crate) fn quiet_key_stores(&self) -> KeyStores {
        self.key_stores.quiet(Arc::new(Inherited(self.config.environment.clone())))
    }

    /// The files of `grant` in `state_dir`.
    pub(crate) fn files<'a>(&'a self, state_dir: &'a StateDir, grant: &'a GrantId) -> GrantFiles<'a> {
        let cache = self.config.key_cache.map(|lifetime| KernelCache { lifetime });
        GrantFiles { state_dir, app: &self.config.app, id: grant, clock: &*self.config.clock, cache, marked: None }
    }

    /// The context of `entry`, with what its files tell. `meant`: the one that is meant here, and by which rule.
    pub(crate) fn context(
        &self,
        state_dir: &StateDir,
        index: &Index,
        entry: &Entry,
        meant: Option<&(&Entry, ChosenBy)>,
    ) -> Context {
        let chosen_by = meant.filter(|(meant, _)| meant.name == entry.name).map(|(_, by)| by.clone());
        self.looked_at(state_dir, Context { chosen_by, ..Context::of(entry, index) })
    }

    /// The context, with what its files tell, and whether they are all there.
    pub(crate) fn looked_at(&self, state_dir: &StateDir, context: Context) -> Context {
        let files = self.files(state_dir, &context.grant);
        let missing = match self.quiet_key_stores().of(&context.key_store) {
            _ if !files.is_there() => Some(Missing::Record),
            Ok(key_store) if files.lacks_key(&*key_store) => Some(Missing::Key),
            _ => None,
        };
        Context { missing, ..context.clone().with(files) }
    }

    /// A context in an error: its name, and who chose it where that is not plain.
    pub(crate) fn describe(&self, context: &Context) -> String {
        let by = context.chosen_by.as_ref().and_then(|by| by.told(&self.config.app));
        by.map_or_else(|| context.name.to_string(), |by| format!("{} ({by})", context.name))
    }

    /// The grant, opened with its key, which may have moved to another place since `key_store` was read in the index. May ask a person, so no
    /// lock is held meanwhile.
    pub(crate) fn unlock<'a>(&self, files: GrantFiles<'a>, key_store: &str) -> Result<OpenGrant<'a>> {
        let mut key_store = key_store.to_owned();
        let mut tries = 8;
        loop {
            let opened = self.key_stores.of(&key_store).and_then(|key_store| files.unlock(&*key_store));
            let Err(error) = opened else { return opened };
            tries -= 1;
            // Whatever is wrong with the place: the key may not be there any more. One that is gone may have moved back meanwhile.
            let is_gone = matches!(error.remedy(), Some(Remedy::LogIn { .. }));
            match Index::read(Some(files.state_dir))?.of_grant(files.id) {
                Some(entry) if tries > 0 && (is_gone || entry.key_store != key_store) => {
                    key_store.clone_from(&entry.key_store)
                }
                _ => return Err(error),
            }
        }
    }

    /// The grant and its record, opened with a key from any place that gives one without asking a person: to find out whose it is, whatever
    /// the index says.
    pub(crate) fn opened_anywhere<'a>(&self, files: GrantFiles<'a>) -> Option<(OpenGrant<'a>, Record)> {
        self.quiet_key_stores().all().iter().find_map(|store| {
            let grant = files.unlock_anew(&**store).ok()?;
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

    /// The client, as it speaks to `destination`.
    pub(crate) fn client(&self, destination: &Destination) -> Client {
        let secret = self.config.client_secret.clone();
        Client { id: destination.client_id.clone(), secret, secret_in_form: destination.secret_in_form }
    }
}

/// Where the home is to be.
fn state_dir_of(config: &Config) -> Result<PathBuf> {
    let state_dir = config.state_dir.clone().or_else(|| config.environment.state_dir.clone()).ok_or_else(|| {
        let variable = config.app.variable("HOME");
        Error::config("state_dir", format!("there is no folder for state: neither HOME nor {variable} is set"))
    })?;
    // What a relative path means, whoever made the current folder would decide.
    if !state_dir.is_absolute() {
        return Err(Error::config(
            "state_dir",
            format!("the state folder {} is not an absolute path", state_dir.display()),
        ));
    }
    // Where it leads depends on what is there at the time.
    if state_dir.components().any(|part| part == Component::ParentDir) {
        return Err(Error::config(
            "state_dir",
            format!("the state folder {} has `..` in its path", state_dir.display()),
        ));
    }
    // By its components: a slash at the end would have a symbolic link followed.
    Ok(state_dir.components().collect())
}

/// The wiring, as an `Auth` and its sessions hold it. Trips hold the wiring alone, so that the last of these to be dropped
/// can wait for them (law 4).
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) app: Arc<App>,
}

/// How long the last handle waits for what is under way.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

impl Drop for Handle {
    fn drop(&mut self) {
        self.app.workers.settle(DROP_TIMEOUT);
    }
}
