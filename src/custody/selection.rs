//! [`Custody`]: which custody is used on this machine. Chosen at login only, and said aloud; a grant stays where its key was put.

use std::path::PathBuf;
use std::sync::Arc;

use super::{
    FileKeyStore, KeptUntil, KernelKeyStore, KeyStore, KeyStoreError, KeyStoreName, MemoryKeyStore, described,
    is_key_store_name,
};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::AppName;
use crate::model::sanitize::quoted;
use crate::prompt::passphrase::AskPassphrase;
use crate::system::clock::Clock;

/// Where a host allows keys to rest.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Custody {
    /// The OS's secure store; where there is none, or it does not answer, the kernel's keyring; else an error that names the other places. A store that
    /// is there and locked is waited for, never passed over.
    #[default]
    Auto,
    /// The first of these that can be used. Keys in other places are not read.
    Only(Vec<KeyStoreName>),
    /// The host's own custody.
    Custom(Arc<dyn KeyStore>),
}

/// What the places of an app depend on.
#[derive(Debug, Clone)]
pub(crate) struct StoreContext {
    pub(crate) app: AppName,
    pub(crate) state_dir: PathBuf,
    #[cfg_attr(not(feature = "os-store"), expect(dead_code, reason = "only a store's silence is remembered"))]
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) asker: Arc<dyn AskPassphrase>,
    /// Where systemd hands over a key, if it does.
    pub(crate) credential: Option<PathBuf>,
    /// Whether a person would see what the desktop asks.
    pub(crate) person: bool,
}

/// The custodies of one app, and the choice among them.
#[derive(Debug, Clone)]
pub(crate) struct KeyStores {
    allowed: Custody,
    /// The one that the person chose for a new login; one that cannot be is in the way of that alone.
    wanted: Result<Option<KeyStoreName>>,
    ways: StoreContext,
    memory: Arc<MemoryKeyStore>,
}

/// The place for a new login.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) key_store: Arc<dyn KeyStore>,
    /// Why it is not the first one allowed.
    pub(crate) instead_of: Option<String>,
}

impl KeyStores {
    /// `wanted` comes from the environment, and only narrows what the host allows.
    pub(crate) fn new(allowed: Custody, wanted: Option<&str>, ways: StoreContext) -> Result<Self> {
        if let Custody::Custom(custom) = &allowed
            && !is_key_store_name(custom.name())
        {
            let name = quoted(custom.name());
            return Err(Error::config("custody", format!("\"{name}\" cannot name a custody: it takes visible ASCII")));
        }
        let mut key_stores = Self { allowed, wanted: Ok(None), ways, memory: Arc::default() };
        if let Some(wanted) = wanted.filter(|wanted| *wanted != "auto")
            && !matches!(&key_stores.allowed, Custody::Custom(custom) if custom.name() == wanted)
        {
            key_stores.wanted = key_stores.allowed_name(wanted).map(Some);
        }
        Ok(key_stores)
    }

    /// The custody for a new login: the first allowed one that could take a key now. `ephemeral`: one that forgets by itself.
    /// `lasting`: one that is still there for the next process.
    pub(crate) fn choose(&self, ephemeral: bool, lasting: bool) -> Result<Chosen> {
        let mut candidates = self.candidates(ephemeral)?;
        if lasting && !candidates.is_empty() {
            candidates.retain(|key_store| lasts(&**key_store));
            if candidates.is_empty() {
                let message = "a key in memory would end with this process, and the login with it";
                return Err(Error::new(ErrorKind::Config, message).with(choose_among(named(self.lasting(ephemeral)))));
            }
        }
        let mut passed_over: Vec<Error> = Vec::new();
        for key_store in candidates {
            match self.take(&*key_store) {
                Ok(()) => {
                    let instead_of = passed_over.first().map(Error::full_text);
                    return Ok(Chosen { key_store, instead_of });
                }
                // Locked is not away: the login waits for the person, and goes to no other place (law 10).
                Err(error @ (KeyStoreError::Locked | KeyStoreError::Cancelled)) => {
                    return Err(error.at_login(key_store.name()));
                }
                Err(error) => passed_over.push(error.at_login(key_store.name())),
            }
        }
        Err(self.nowhere(passed_over))
    }

    /// Returns the place of a grant's key, if the host allows it. A key that cannot be reached is never looked for elsewhere. Otherwise
    /// an author of the index could have a key read from a place of their choice.
    pub(crate) fn of(&self, name: &str) -> Result<Arc<dyn KeyStore>> {
        match &self.allowed {
            Custody::Only(key_stores) if name.parse().is_ok_and(|name| !key_stores.contains(&name)) => {
                let allowed = named(key_stores.clone()).join(", ");
                let message =
                    format!("cannot read the key in {}: this program reads keys from {allowed} only", described(name));
                Err(Error::new(ErrorKind::Custody, message).with(Remedy::LogIn { context: None }))
            }
            _ => self.any(name),
        }
    }

    /// The place of this name, allowed or not: for a key that is erased.
    pub(crate) fn any(&self, name: &str) -> Result<Arc<dyn KeyStore>> {
        match &self.allowed {
            Custody::Custom(custom) if custom.name() == name => Ok(custom.clone()),
            _ => self.known(name.parse().map_err(|_| {
                // No variable put it there.
                Error::config(
                    "custody",
                    format!("the key is in custody \"{}\", which this program has not", quoted(name)),
                )
            })?),
        }
    }

    /// The custody of this name, for a key that moves there: one that the host allows, and that keeps it for other processes.
    pub(crate) fn to_move_to(&self, name: &str) -> Result<Arc<dyn KeyStore>> {
        let custom = match &self.allowed {
            Custody::Custom(custom) => Some(custom.clone()),
            _ => None,
        };
        let known = self.lasting(false).into_iter().filter_map(|name| self.known(name).ok());
        let mut custodies: Vec<_> = custom.into_iter().filter(|one| lasts(&**one)).chain(known).collect();
        let names = match custodies.as_slice() {
            [] => "no such place".into(),
            several => several.iter().map(|one| one.name()).collect::<Vec<_>>().join(", "),
        };
        match custodies.iter().position(|one| one.name() == name) {
            Some(at) => Ok(custodies.swap_remove(at)),
            None => Err(Error::config(
                "move_to",
                format!("no key can move to \"{}\": this program has {names}", quoted(name)),
            )),
        }
    }

    /// Makes sure that a key could be put into `key_store` now, with the person's help where one is there.
    pub(crate) fn take(&self, key_store: &dyn KeyStore) -> Result<(), KeyStoreError> {
        key_store.prepare(&self.ways.app)
    }

    /// Every place that this program knows, the host's own first.
    pub(crate) fn all(&self) -> Vec<Arc<dyn KeyStore>> {
        let custom = match &self.allowed {
            Custody::Custom(custom) => Some(custom.clone()),
            _ => None,
        };
        let here = KeyStoreName::ALL.into_iter().filter(|name| name.is_here());
        custom.into_iter().chain(here.filter_map(|name| self.known(name).ok())).collect()
    }

    /// The same places, asking no person.
    pub(crate) fn quiet(&self, asker: Arc<dyn AskPassphrase>) -> Self {
        let mut quiet = self.clone();
        (quiet.ways.person, quiet.ways.asker) = (false, asker);
        quiet
    }

    /// The place that a new login's key would go to now, without asking anybody, or that it would wait for as it is locked.
    pub(crate) fn first(&self) -> Result<(String, bool)> {
        let mut passed_over: Vec<Error> = Vec::new();
        for key_store in self.candidates(false)? {
            match key_store.probe() {
                Ok(()) => return Ok((key_store.name().to_owned(), false)),
                Err(KeyStoreError::Locked) => return Ok((key_store.name().to_owned(), true)),
                Err(error) => passed_over.push(error.at_login(key_store.name())),
            }
        }
        Err(self.nowhere(passed_over))
    }

    /// The places that are there for whoever chooses one by name.
    fn by_choice(&self) -> Vec<&'static str> {
        named(vec![KeyStoreName::Passphrase, KeyStoreName::KeyFile])
            .into_iter()
            .filter(|name| self.allows(name))
            .collect()
    }

    /// The places that a login may choose for a key that outlives the process.
    fn lasting(&self, ephemeral: bool) -> Vec<KeyStoreName> {
        let names = KeyStoreName::ALL.into_iter().filter(|name| name.is_here() && (!ephemeral || name.forgets()));
        names
            .filter(|name| self.permits(*name) && self.known(*name).is_ok_and(|key_store| lasts(&*key_store)))
            .collect()
    }

    /// Whether a new login may put its key into the place of this name.
    pub(crate) fn allows(&self, name: &str) -> bool {
        match &self.allowed {
            Custody::Custom(custom) if custom.name() == name => true,
            _ => name.parse().is_ok_and(|name| self.permits(name) && self.known(name).is_ok()),
        }
    }

    fn permits(&self, name: KeyStoreName) -> bool {
        match &self.allowed {
            Custody::Auto => true,
            Custody::Only(key_stores) => key_stores.contains(&name),
            Custody::Custom(_) => false,
        }
    }

    fn allowed_name(&self, wanted: &str) -> Result<KeyStoreName> {
        let name: KeyStoreName = wanted.parse()?;
        let why_not = match self.permits(name) {
            true => self.known(name).err().map(|error| error.to_string()),
            false => Some(format!("this program does not allow custody \"{wanted}\"")),
        };
        let refused = |why| Err(Error::new(ErrorKind::Config, why).with(choose_among(named(self.lasting(false)))));
        why_not.map_or(Ok(name), refused)
    }

    fn candidates(&self, ephemeral: bool) -> Result<Vec<Arc<dyn KeyStore>>> {
        let wanted = self.wanted.clone()?;
        if let Some(name) = wanted.filter(|name| ephemeral && !name.forgets()) {
            let message =
                format!("a login that is to be forgotten cannot have its key in {}", described(name.as_str()));
            return Err(Error::new(ErrorKind::Config, message).with(choose_among(named(self.lasting(true)))));
        }
        let names = match &self.allowed {
            _ if wanted.is_some() => wanted.into_iter().collect(),
            Custody::Custom(custom) if !ephemeral => return Ok(vec![custom.clone()]),
            Custody::Custom(_) => Vec::new(),
            Custody::Auto if ephemeral => vec![KeyStoreName::Session],
            Custody::Auto => vec![KeyStoreName::Os, KeyStoreName::Kernel],
            Custody::Only(key_stores) => key_stores.clone(),
        };
        let names = names.into_iter().filter(|name: &KeyStoreName| name.is_here() && (!ephemeral || name.forgets()));
        names.map(|name| self.known(name)).collect()
    }

    fn nowhere(&self, passed_over: Vec<Error>) -> Error {
        let others = self.by_choice();
        match passed_over.as_slice() {
            [] => Error::config("custody", "the configuration allows no such place for keys"),
            // Where there is one place only, its own way out is the best.
            [only] if others.is_empty() || !matches!(only.remedy(), Some(Remedy::ChooseKeyStore { .. })) => {
                only.clone()
            }
            [only] => only.clone().with(choose_among(others)),
            several => {
                let whys: Vec<_> = several.iter().map(Error::full_text).collect();
                let error = Error::new(ErrorKind::Custody, "no key store can take the key of a login");
                error.with(choose_among(others)).because(whys.join("; "))
            }
        }
    }

    fn known(&self, name: KeyStoreName) -> Result<Arc<dyn KeyStore>> {
        let StoreContext { state_dir, credential, .. } = &self.ways;
        #[allow(unreachable_patterns, reason = "what was left out depends on the features")]
        match name {
            KeyStoreName::Memory => Ok(self.memory.clone()),
            KeyStoreName::Kernel => Ok(Arc::new(KernelKeyStore::of_user())),
            KeyStoreName::Session => Ok(Arc::new(KernelKeyStore::of_session())),
            KeyStoreName::KeyFile => Ok(Arc::new(FileKeyStore::new(state_dir.clone(), credential.clone()))),
            #[cfg(feature = "passphrase")]
            KeyStoreName::Passphrase => {
                Ok(Arc::new(super::PassphraseKeyStore::new(state_dir.clone(), self.ways.asker.clone())))
            }
            #[cfg(feature = "os-store")]
            KeyStoreName::Os => Ok(Arc::new(super::os_backoff::OsBackoff {
                key_store: super::OsKeyStore,
                state_dir: state_dir.clone(),
                clock: self.ways.clock.clone(),
                person: self.ways.person,
            })),
            left_out => {
                let message = format!("this program was built without {}", described(left_out.as_str()));
                Err(Error::new(ErrorKind::Custody, message).with(choose_among(Vec::new())))
            }
        }
    }
}

/// Whether a key that is put there is there for the next process.
fn lasts(key_store: &dyn KeyStore) -> bool {
    key_store.protection().lasts != KeptUntil::ProcessEnd
}

fn named(key_stores: Vec<KeyStoreName>) -> Vec<&'static str> {
    key_stores.into_iter().map(KeyStoreName::as_str).collect()
}

fn choose_among(key_stores: Vec<&'static str>) -> Remedy {
    Remedy::ChooseKeyStore { key_stores }
}
