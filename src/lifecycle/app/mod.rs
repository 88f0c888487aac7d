//! [`App`]: the layers, put together for one app.
//!
//! | file | does |
//! | --- | --- |
//! | `mod` | what every job needs: configuration, key stores, running jobs, the files of a grant |
//! | `permits` | permits for deeds, and what the trail owes from an earlier run (laws 14 and 18) |
//! | `checks` | what must be so before a secret is sent and before a login is used (law 16) |
//! | `state_folder` | which folder is the state folder, and whether it can be trusted |

mod checks;
pub(crate) mod permits;
mod state_folder;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use url::Url;

use crate::custody::{KernelCache, KeyStoreName, KeyStores, StoreContext};
use crate::governance::Governance;
use crate::lifecycle::config::Config;
use crate::lifecycle::contexts::{ChosenBy, Context, Entry, Index, Missing, Selector};
use crate::lifecycle::jobs::{Jobs, is_a_job};
use crate::lifecycle::token_cache::TokenMemories;
use crate::model::error::{Error, Remedy, Result};
use crate::model::ids::{GrantId, Issuer};
use crate::model::setting::Setting;
use crate::oauth::client_auth::Client;
use crate::prompt::passphrase::PassphraseFromEnvironment;
use crate::records::grant_files::GrantFiles;
use crate::records::open_grant::OpenGrant;
use crate::records::record::{Destination, Record};
use crate::state_dir::StateDir;
use crate::system::http::{Http, Settings};

/// How often a key that moves from key store to key store is followed.
const UNLOCK_TRIES: usize = 8;

/// What every job needs.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) key_stores: KeyStores,
    pub(crate) jobs: Jobs,
    pub(crate) governance: Governance,
    pub(crate) memories: TokenMemories,
    /// Held while a person is asked to log in: whoever wants the same login waits for it instead of asking again.
    pub(crate) asking: Mutex<()>,
    state_dir: Result<PathBuf>,
    state_dir_check: OnceLock<Result<()>>,
    /// The endpoints off their issuer's origin that the issuer's metadata has confirmed to this process.
    confirmed: Mutex<Vec<(Issuer, Url)>>,
}

impl App {
    pub(crate) fn new(config: Config) -> Result<Self> {
        let state_dir = match Self::locate_state_dir(&config) {
            // A token from the environment is used as it is and saved nowhere.
            Err(error) if config.environment.token.is_none() => return Err(error),
            state_dir => state_dir,
        };
        if config.issuer.url().scheme() == "http" && !config.network.allow_loopback_http {
            return Err(Error::config(
                Setting::Issuer,
                format!(
                    "issuer {} is not https (in tests, config.network.allow_loopback_http allows this machine)",
                    config.issuer
                ),
            ));
        }
        let is_visible = |text: &String| !text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if config.user_agent.as_ref().is_some_and(|text| !is_visible(text)) {
            return Err(Error::config(
                Setting::UserAgent,
                "user_agent is empty, or has characters that no header takes",
            ));
        }
        let environment = &config.environment;
        let store_context = StoreContext {
            app: config.app.clone(),
            // Whoever reads or saves a login asks for the state folder first, and gets the error.
            state_dir: state_dir.clone().unwrap_or_default(),
            clock: config.clock.clone(),
            asker: config
                .custody
                .passphrase
                .clone()
                .unwrap_or_else(|| Arc::new(PassphraseFromEnvironment(environment.clone()))),
            credential: environment.credentials.as_ref().map(|folder| folder.join(format!("{}.key", config.app))),
            person: environment.has_a_person(),
        };
        let key_stores = KeyStores::new(config.custody.choice.clone(), environment.custody.as_deref(), store_context);
        let governance = Governance::new(
            config.app.clone(),
            config.app_version.clone(),
            config.actor.clone(),
            environment.clone(),
            config.clock.clone(),
        );
        Ok(Self {
            key_stores,
            governance,
            jobs: Jobs::default(),
            memories: TokenMemories::default(),
            asking: Mutex::default(),
            state_dir,
            state_dir_check: OnceLock::new(),
            confirmed: Mutex::default(),
            config,
        })
    }

    /// Returns the context that `select` selects, without what its files say.
    pub(crate) fn select(&self, select: &Selector) -> Result<Context> {
        let state_dir = self.state_dir()?;
        let (index, chosen) = Index::read_selected(state_dir.as_ref(), select, &self.config)?;
        let (entry, by) = index.find(chosen, &self.config)?;
        let entry = index.in_org(entry, select, &self.config)?;
        Ok(Context { chosen_by: Some(by), ..Context::of(&entry, &index) })
    }

    /// Returns the key stores that never ask a person.
    pub(crate) fn quiet_key_stores(&self) -> KeyStores {
        self.key_stores.quiet(Arc::new(PassphraseFromEnvironment(self.config.environment.clone())))
    }

    /// Returns the files of `grant` in `state_dir`.
    pub(crate) fn files<'a>(&'a self, state_dir: &'a StateDir, grant: &'a GrantId) -> GrantFiles<'a> {
        let cache = self.config.custody.key_cache.map(|lifetime| KernelCache { lifetime });
        GrantFiles { state_dir, app: &self.config.app, id: grant, clock: &*self.config.clock, cache, marked: None }
    }

    /// Returns the context of `entry`, with what its files say. `selected`: the entry that is selected here, and by which rule.
    pub(crate) fn context(
        &self,
        state_dir: &StateDir,
        index: &Index,
        entry: &Entry,
        selected: Option<&(&Entry, ChosenBy)>,
    ) -> Context {
        let chosen_by = selected.filter(|(selected, _)| selected.name == entry.name).map(|(_, by)| by.clone());
        self.with_files(state_dir, Context { chosen_by, ..Context::of(entry, index) })
    }

    /// Returns the context with what its files say, and with what is missing of them.
    pub(crate) fn with_files(&self, state_dir: &StateDir, context: Context) -> Context {
        let files = self.files(state_dir, &context.grant);
        let missing = match self.quiet_key_stores().of(&context.key_store) {
            _ if !files.is_there() => Some(Missing::Record),
            Ok(key_store) if files.lacks_key(&*key_store) => Some(Missing::Key),
            _ => None,
        };
        Context { missing, ..context.clone().with(files) }
    }

    /// Returns a context as an error names it: its name, and what selected it if that is not obvious.
    pub(crate) fn describe(&self, context: &Context) -> String {
        let by = context.chosen_by.as_ref().and_then(|by| by.describe(&self.config.environment));
        by.map_or_else(|| context.name.to_string(), |by| format!("{} ({by})", context.name))
    }

    /// Opens the grant with its key, which may have moved to another key store since `key_store` was read in the index. May ask a
    /// person, so no lock is held meanwhile.
    pub(crate) fn unlock<'a>(&self, files: GrantFiles<'a>, key_store: &KeyStoreName) -> Result<OpenGrant<'a>> {
        let mut key_store = key_store.clone();
        let mut tries = UNLOCK_TRIES;
        loop {
            let opened = self.key_stores.of(&key_store).and_then(|key_store| files.unlock(&*key_store));
            let Err(error) = opened else { return opened };
            tries -= 1;
            // Whatever is wrong with the key store, the key may have moved. A key that is gone may have moved back meanwhile.
            let is_gone = matches!(error.remedy(), Some(Remedy::LogIn { .. }));
            match Index::read(Some(files.state_dir))?.of_grant(files.id) {
                Some(entry) if tries > 0 && (is_gone || entry.key_store != key_store) => {
                    key_store.clone_from(&entry.key_store)
                }
                _ => return Err(error),
            }
        }
    }

    /// Opens the grant and its record with a key from any key store that gives one without asking a person, to find out whose they are,
    /// whatever the index says.
    pub(crate) fn open_with_any_key_store<'a>(&self, files: GrantFiles<'a>) -> Option<(OpenGrant<'a>, Record)> {
        self.quiet_key_stores().all().iter().find_map(|store| {
            let grant = files.unlock_from_key_store(&**store).ok()?;
            let record = grant.read().ok()?;
            Some((grant, record))
        })
    }

    /// Returns an HTTP client for one job.
    pub(crate) fn http(&self) -> Result<Http> {
        let config = &self.config;
        Ok(Http::new(&Settings {
            user_agent: format!(
                "{} hallpass/{}",
                config.user_agent.as_deref().unwrap_or(config.app.as_str()),
                env!("CARGO_PKG_VERSION")
            ),
            timeout: config.network.request_timeout,
            extra_roots: config.network.extra_roots.clone(),
            allow_loopback_http: config.network.allow_loopback_http,
        })?)
    }

    /// Returns the OAuth client, as it authenticates to `destination`.
    pub(crate) fn client(&self, destination: &Destination) -> Client {
        let secret = self.config.client_secret.clone();
        Client { id: destination.client_id.clone(), secret, secret_in_form: destination.secret_in_form }
    }
}

/// The app, as an `Auth` and its sessions hold it. Jobs hold the app alone, so that the last handle to be dropped can wait for the
/// jobs (law 4).
#[derive(Debug)]
pub(crate) struct AppHandle {
    pub(crate) app: Arc<App>,
}

/// How long the last handle waits for running jobs.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

impl Drop for AppHandle {
    fn drop(&mut self) {
        // A prompt may have held the last one, and a job cannot wait for itself.
        if !is_a_job() {
            self.app.jobs.shutdown(DROP_TIMEOUT);
        }
    }
}
