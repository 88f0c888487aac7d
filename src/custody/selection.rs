//! [`Custody`]: which key stores a host allows, and which of them a new login gets. It is chosen at login only, and shown to the person. A
//! grant's key stays in its key store.

use std::path::PathBuf;
use std::sync::Arc;

use super::{FileKeyStore, KeptUntil, KernelKeyStore, KeyStore, KeyStoreError, KeyStoreName, MemoryKeyStore};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::AppName;
use crate::model::sanitize::quoted;
use crate::model::setting::Setting;
use crate::prompt::passphrase::AskPassphrase;
use crate::system::clock::Clock;

/// Which key stores a host allows.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Custody {
    /// The OS's secure store; if there is none, or if it does not answer, the kernel's keyring; else an error that names the other key
    /// stores. A locked OS store is waited for, never passed over.
    #[default]
    Auto,
    /// The first of these that can be used. Keys in other key stores are not read.
    Only(Vec<KeyStoreName>),
    /// The host's own key store.
    Custom(Arc<dyn KeyStore>),
}

/// How long the key of a login is kept, and the login with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Lifetime {
    /// As long as the chosen key store keeps the key.
    #[default]
    Usual,
    /// Longer than this process, for a login that other processes use. If every key store that is left forgets the key when this process
    /// ends, the login is an error before a person is asked.
    Lasting,
    /// Only until this login session ends, or this process: for a machine that is not the person's own.
    Ephemeral,
    /// Only until this login session ends, but longer than this process.
    Session,
}

impl Lifetime {
    fn must_end(self) -> bool {
        matches!(self, Self::Ephemeral | Self::Session)
    }

    fn must_outlive_the_process(self) -> bool {
        matches!(self, Self::Lasting | Self::Session)
    }
}

/// What the key stores of an app depend on.
#[derive(Debug, Clone)]
pub(crate) struct StoreContext {
    pub(crate) app: AppName,
    pub(crate) state_dir: PathBuf,
    #[cfg_attr(not(feature = "os-store"), expect(dead_code, reason = "only a store's silence is remembered"))]
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) asker: Arc<dyn AskPassphrase>,
    /// The path of systemd's credential that holds a key, if systemd provides credentials.
    pub(crate) credential: Option<PathBuf>,
    /// Whether a person would see what the desktop asks.
    pub(crate) person: bool,
}

/// The key stores of one app, and the choice among them.
#[derive(Debug, Clone)]
pub(crate) struct KeyStores {
    allowed: Custody,
    /// The key store that the person requested for new logins. An error affects new logins only.
    requested: Result<Option<KeyStoreName>>,
    context: StoreContext,
    memory: Arc<MemoryKeyStore>,
}

/// The key store for a new login.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) key_store: Arc<dyn KeyStore>,
    /// Why the first allowed key store was passed over, if it was.
    pub(crate) instead_of: Option<String>,
}

impl KeyStores {
    /// Makes the key stores. `requested` comes from the environment, and can only narrow what the
    /// host allows.
    pub(crate) fn new(allowed: Custody, requested: Option<&str>, context: StoreContext) -> Self {
        let mut key_stores = Self { allowed, requested: Ok(None), context, memory: Arc::default() };
        if let Some(name) = requested.filter(|name| *name != "auto")
            && key_stores.custom().is_none_or(|custom| custom.name().as_str() != name)
        {
            key_stores.requested = key_stores.parse_allowed(name).map(Some);
        }
        key_stores
    }

    /// Returns the key store for a new login: the first allowed key store that could take a key
    /// now and keeps it for `lifetime`.
    pub(crate) fn choose(&self, lifetime: Lifetime) -> Result<Chosen> {
        let ephemeral = lifetime.must_end();
        let mut candidates = self.candidates(ephemeral)?;
        if lifetime.must_outlive_the_process() && !candidates.is_empty() {
            candidates.retain(|key_store| outlives_the_process(&**key_store));
            if candidates.is_empty() {
                let message = "a key in memory would end with this process, and the login with it";
                return Err(self.choose_another(message, ephemeral));
            }
        }
        let Selected { key_store, is_locked, passed_over } =
            self.select(candidates, |key_store| self.prepare(key_store))?;
        match is_locked {
            true => Err(KeyStoreError::Locked.into_login_error(&key_store.name())),
            false => Ok(Chosen { key_store, instead_of: passed_over.first().map(Error::full_text) }),
        }
    }

    /// Returns the key store that a new login's key would go to now, without asking anybody, and whether it is locked.
    pub(crate) fn first(&self) -> Result<(KeyStoreName, bool)> {
        let Selected { key_store, is_locked, .. } =
            self.select(self.candidates(false)?, |key_store| key_store.probe())?;
        Ok((key_store.name(), is_locked))
    }

    /// Returns the key store of a grant's key, if the host allows it. A key that cannot be reached is never looked for in another key
    /// store. Otherwise an author of the index could have a key read from a key store of their choice.
    pub(crate) fn of(&self, name: &KeyStoreName) -> Result<Arc<dyn KeyStore>> {
        match &self.allowed {
            Custody::Only(allowed) if !matches!(name, KeyStoreName::Custom(_)) && !allowed.contains(name) => {
                let (store, allowed) = (name.describe(), KeyStoreName::join(allowed));
                let message = format!("cannot read the key in {store}: this program reads keys from {allowed} only");
                Err(Error::new(ErrorKind::Custody, message).with(Remedy::LogIn { context: None }))
            }
            _ => self.any(name),
        }
    }

    /// Returns the key store of this name, allowed or not: for erasing a key.
    pub(crate) fn any(&self, name: &KeyStoreName) -> Result<Arc<dyn KeyStore>> {
        match self.custom().filter(|custom| custom.name() == *name) {
            Some(custom) => Ok(custom.clone()),
            None => self.build(name),
        }
    }

    /// Returns the key store of this name, for a key that moves there: the host allows it, and it keeps keys for other processes.
    pub(crate) fn move_target(&self, name: &KeyStoreName) -> Result<Arc<dyn KeyStore>> {
        let custom = self.custom().filter(|custom| outlives_the_process(&***custom)).cloned();
        let known = self.lasting(false).into_iter().filter_map(|name| self.build(&name).ok());
        let key_stores: Vec<_> = custom.into_iter().chain(known).collect();
        match key_stores.iter().find(|key_store| key_store.name() == *name) {
            Some(key_store) => Ok(key_store.clone()),
            None => Err(cannot_move_to(name, &key_stores)),
        }
    }

    /// Makes sure that `key_store` could take a key now, with the person's help if a person is there.
    pub(crate) fn prepare(&self, key_store: &dyn KeyStore) -> Result<(), KeyStoreError> {
        key_store.prepare(&self.context.app)
    }

    /// Returns every key store that this program knows, the host's own first.
    pub(crate) fn all(&self) -> Vec<Arc<dyn KeyStore>> {
        let known = KeyStoreName::KNOWN.into_iter().filter(|name| name.is_here());
        self.custom().cloned().into_iter().chain(known.filter_map(|name| self.build(&name).ok())).collect()
    }

    /// Returns the same key stores, which ask no person.
    pub(crate) fn quiet(&self, asker: Arc<dyn AskPassphrase>) -> Self {
        let mut quiet = self.clone();
        (quiet.context.person, quiet.context.asker) = (false, asker);
        quiet
    }

    /// Returns whether a new login may put its key into the key store of this name.
    pub(crate) fn allows(&self, name: &KeyStoreName) -> bool {
        self.custom().is_some_and(|custom| custom.name() == *name) || (self.permits(name) && self.build(name).is_ok())
    }

    fn custom(&self) -> Option<&Arc<dyn KeyStore>> {
        if let Custody::Custom(custom) = &self.allowed { Some(custom) } else { None }
    }

    fn permits(&self, name: &KeyStoreName) -> bool {
        match &self.allowed {
            Custody::Auto => true,
            Custody::Only(allowed) => allowed.contains(name),
            Custody::Custom(_) => false,
        }
    }

    fn parse_allowed(&self, name: &str) -> Result<KeyStoreName> {
        let parsed = KeyStoreName::known(name).ok_or_else(|| no_such_custody(name))?;
        let built = match self.permits(&parsed) {
            true => self.build(&parsed).map(drop).map_err(|error| error.to_string()),
            false => Err(format!("this program does not allow custody \"{name}\"")),
        };
        built.map(|()| parsed).map_err(|why| self.choose_another(why, false))
    }

    /// Returns the key stores that a new login may use, the best first.
    fn candidates(&self, ephemeral: bool) -> Result<Vec<Arc<dyn KeyStore>>> {
        let requested = self.requested.clone()?;
        if let Some(name) = requested.as_ref().filter(|name| ephemeral && !name.forgets()) {
            let store = name.describe();
            let message = format!("a login that is to be forgotten cannot have its key in {store}");
            return Err(self.choose_another(message, true));
        }
        let names = match &self.allowed {
            _ if requested.is_some() => requested.into_iter().collect(),
            Custody::Custom(custom) if !ephemeral => return Ok(vec![custom.clone()]),
            Custody::Custom(_) => Vec::new(),
            Custody::Auto if ephemeral => vec![KeyStoreName::Session],
            Custody::Auto => vec![KeyStoreName::Os, KeyStoreName::Kernel],
            Custody::Only(allowed) => allowed.clone(),
        };
        let names = names.into_iter().filter(|name: &KeyStoreName| name.is_here() && (!ephemeral || name.forgets()));
        names.map(|name| self.build(&name)).collect()
    }

    /// Asks the candidates in turn, and selects the first that could take a key, now or once it is unlocked. Locked is not unavailable: a
    /// login waits for the person, and its key goes to no other key store (law 10).
    fn select(
        &self,
        candidates: Vec<Arc<dyn KeyStore>>,
        ask: impl Fn(&dyn KeyStore) -> Result<(), KeyStoreError>,
    ) -> Result<Selected> {
        let mut passed_over = Vec::new();
        for key_store in candidates {
            let is_locked = match ask(&*key_store) {
                Ok(()) => false,
                Err(KeyStoreError::Locked) => true,
                Err(KeyStoreError::Cancelled) => return Err(Error::cancelled()),
                Err(error) => {
                    passed_over.push(error.into_login_error(&key_store.name()));
                    continue;
                }
            };
            return Ok(Selected { key_store, is_locked, passed_over });
        }
        Err(self.none_usable(&passed_over))
    }

    fn none_usable(&self, passed_over: &[Error]) -> Error {
        let others = self.opt_in();
        match passed_over {
            [] => Error::config(Setting::Custody, "the configuration allows no such place for keys"),
            // If only one key store is allowed, its own remedy is the best.
            [only] if others.is_empty() || !matches!(only.remedy(), Some(Remedy::ChooseKeyStore { .. })) => {
                only.clone()
            }
            [only] => only.clone().with(choose_among(others)),
            several => {
                let causes: Vec<_> = several.iter().map(Error::full_text).collect();
                let error = Error::new(ErrorKind::Custody, "no key store can take the key of a login");
                error.with(choose_among(others)).caused_by(causes.join("; "))
            }
        }
    }

    fn choose_another(&self, message: impl Into<String>, ephemeral: bool) -> Error {
        Error::new(ErrorKind::Config, message).with(choose_among(self.lasting(ephemeral)))
    }

    /// Returns the key stores that are used only if somebody names them.
    fn opt_in(&self) -> Vec<KeyStoreName> {
        let mut names = vec![KeyStoreName::Passphrase, KeyStoreName::KeyFile];
        names.retain(|name| self.allows(name));
        names
    }

    /// Returns the key stores that a login may choose for a key that outlives the process.
    fn lasting(&self, ephemeral: bool) -> Vec<KeyStoreName> {
        let names = KeyStoreName::KNOWN.into_iter().filter(|name| name.is_here() && (!ephemeral || name.forgets()));
        let permitted = names.filter(|name| self.permits(name));
        permitted.filter(|name| self.build(name).is_ok_and(|key_store| outlives_the_process(&*key_store))).collect()
    }

    fn build(&self, name: &KeyStoreName) -> Result<Arc<dyn KeyStore>> {
        let StoreContext { state_dir, credential, .. } = &self.context;
        #[allow(unreachable_patterns, reason = "what was left out depends on the features")]
        match name {
            KeyStoreName::Memory => Ok(self.memory.clone()),
            KeyStoreName::Kernel => Ok(Arc::new(KernelKeyStore::of_user())),
            KeyStoreName::Session => Ok(Arc::new(KernelKeyStore::of_session())),
            KeyStoreName::KeyFile => Ok(Arc::new(FileKeyStore::new(state_dir.clone(), credential.clone()))),
            #[cfg(feature = "passphrase")]
            KeyStoreName::Passphrase => {
                Ok(Arc::new(super::PassphraseKeyStore::new(state_dir.clone(), self.context.asker.clone())))
            }
            #[cfg(feature = "os-store")]
            KeyStoreName::Os => Ok(Arc::new(super::os_backoff::OsBackoff {
                key_store: super::OsKeyStore,
                state_dir: state_dir.clone(),
                clock: self.context.clock.clone(),
                person: self.context.person,
            })),
            KeyStoreName::Custom(_) => Err(unknown_key_store(name)),
            left_out => {
                let message = format!("this program was built without {}", left_out.describe());
                Err(Error::new(ErrorKind::Custody, message).with(choose_among(Vec::new())))
            }
        }
    }
}

/// What [`KeyStores::select`] found.
struct Selected {
    key_store: Arc<dyn KeyStore>,
    /// Whether the person has to unlock it first.
    is_locked: bool,
    /// Why the key stores before this one cannot be used.
    passed_over: Vec<Error>,
}

fn outlives_the_process(key_store: &dyn KeyStore) -> bool {
    key_store.protection().lasts != KeptUntil::ProcessEnd
}

fn choose_among(key_stores: Vec<KeyStoreName>) -> Remedy {
    Remedy::ChooseKeyStore { key_stores }
}

/// Returns the error for a name in the environment that no key store of hallpass has.
fn no_such_custody(name: &str) -> Error {
    let (name, known) = (quoted(name), KeyStoreName::join(&KeyStoreName::KNOWN));
    Error::config(Setting::RequestedCustody, format!("there is no custody \"{name}\": there are auto, {known}"))
}

/// Returns the error for a name in the index that this program does not know. No variable can
/// correct the index.
fn unknown_key_store(name: &KeyStoreName) -> Error {
    Error::config(Setting::Custody, format!("the key is in custody \"{name}\", which this program has not"))
}

fn cannot_move_to(name: &KeyStoreName, key_stores: &[Arc<dyn KeyStore>]) -> Error {
    let names = match key_stores {
        [] => "no such place".into(),
        several => KeyStoreName::join(&several.iter().map(|key_store| key_store.name()).collect::<Vec<_>>()),
    };
    Error::config(Setting::MoveTo, format!("no key can move to \"{name}\": this program has {names}"))
}
