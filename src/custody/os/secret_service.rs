//! Secret Service, over D-Bus (freedesktop.org's Secret Service API, draft 0.2): gnome-keyring, KWallet, KeePassXC.
//!
//! This file asks whether something is locked by itself: keyring unlocks whatever it finds. The three services differ most in locks:
//!
//! | | a search while locked | an item by itself | `Unlock` |
//! | --- | --- | --- | --- |
//! | gnome-keyring | finds it, locked | is as its collection | prompts for the password |
//! | KWallet | finds it, locked | is as its collection | always prompts; asks nobody if the desktop's login has opened the wallet |
//! | KeePassXC | asks for the password, then finds nothing | is locked until the person lets this process have it | prompts for the password |

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use keyring_core::CredentialStore;
use secret_service::EncryptionType;
use secret_service::blocking::SecretService;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::blocking::{Connection, MessageIterator};
use zbus::message::Type as MessageType;
use zbus::zvariant::{DynamicType, OwnedObjectPath, OwnedValue, Type};
use zbus::{MatchRule, Message};

use super::deadline::{CallContext, Progress, under_deadline};
use super::session_bus::{is_run_by_another_user, no_bus, unavailable};
use crate::custody::KeyStoreError;
use crate::model::error::Remedy;
use crate::model::ids::GrantId;
use crate::system::clock::Deadline;

const BUS: &str = "org.freedesktop.DBus";
const BUS_NAME: &str = "org.freedesktop.secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";
const PROMPT: &str = "org.freedesktop.Secret.Prompt";

/// How often the lock is checked while the person sees the prompt.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Two programs agree on a key for each session, which can fail.
pub(super) const HAS_SESSIONS: bool = true;

/// The path that means none.
const NO_OBJECT: &str = "/";

pub(super) fn store() -> keyring::Result<Arc<CredentialStore>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

/// Returns the attributes of a new item. The store refuses an empty label.
pub(super) fn modifiers(label: &str) -> HashMap<&str, &str> {
    HashMap::from([("label", if label.is_empty() { "hallpass" } else { label })])
}

/// A new item goes to the default collection, which must exist and be unlocked.
pub(super) fn can_take_a_key(connected: &CallContext) -> Result<(), KeyStoreError> {
    Service::connect(connected)?.can_take_a_key()
}

/// Returns whether the item exists, unlocked. keyring unlocks what it finds, which can raise a prompt that nobody sees, so the lock is
/// checked first.
pub(super) fn has_unlocked(app: &str, grant: &str, connected: &CallContext) -> Result<bool, KeyStoreError> {
    Ok(!Service::connect(connected)?.items(app, grant)?.is_empty())
}

/// Reads over the connection that checked the lock: keyring would open a second one, and search once more. Tries twice: the item may have
/// gone since it was found, and [`super::Owned::in_session`] says what can be wrong with a session.
pub(super) fn load(app: &str, grant: &str, connected: &CallContext) -> Result<Option<Vec<u8>>, KeyStoreError> {
    let service = Service::connect(connected)?;
    service.read(app, grant).or_else(|_| service.read(app, grant))
}

/// Other programs' items may have the app's name too: only items that can be grants of ours count.
pub(super) fn list(app: &str, connected: &CallContext) -> Result<Vec<GrantId>, KeyStoreError> {
    let service = Service::connect(connected)?;
    let default = service.is_searchable()?;
    let found = service.search(&[("service", app)], &default)?;
    default?;
    let mut grants = Vec::new();
    for item in found {
        let attributes: HashMap<String, String> = service.property(item.as_str(), ITEM, "Attributes")?;
        grants.extend(attributes.get("username").and_then(|user| user.parse::<GrantId>().ok()));
    }
    Ok(grants)
}

/// Lets the desktop ask the person to unlock the default collection. Every call has its own deadline; `timeout` is for the person.
pub(super) fn unlock(timeout: Duration) -> Result<(), KeyStoreError> {
    if let Some(prompt) = under_deadline(open_prompt)? {
        let is_answered = prompt.is_answered_within(timeout);
        // An error here costs a thread and a prompt that nobody needs; the lock is checked below.
        let _ = under_deadline(move |connected| {
            let service = Service { bus: prompt.bus, connected };
            if !is_answered {
                // Nobody waits any more: a password that is typed now would unlock the store for nobody.
                service.send::<()>(prompt.path.as_str(), PROMPT, "Dismiss", &())?;
            }
            // Ends the thread that listens.
            service.bus.close().map_err(unavailable)
        });
    }
    // The lock counts, and not the answer: anybody on the bus could send an answer.
    under_deadline(can_take_a_key)
}

/// A prompt that the person sees.
struct OpenPrompt {
    bus: Connection,
    path: OwnedObjectPath,
    completed: Receiver<()>,
}

impl OpenPrompt {
    /// Returns false after `timeout`, or if nothing is left to answer: a person who unlocks KeePassXC in its own window leaves the prompt
    /// open.
    fn is_answered_within(&self, timeout: Duration) -> bool {
        let deadline = Deadline::after(timeout);
        loop {
            match self.completed.recv_timeout(timeout.min(POLL_INTERVAL)) {
                Ok(()) => return true,
                Err(RecvTimeoutError::Timeout) if !deadline.has_passed() && under_deadline(can_take_a_key).is_err() => {
                }
                Err(_) => return false,
            }
        }
    }
}

fn open_prompt(connected: &CallContext) -> Result<Option<OpenPrompt>, KeyStoreError> {
    let service = Service::connect(connected)?;
    let collection = service.default_collection()?;
    let (_unlocked, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = service.call("Unlock", &vec![&collection])?;
    if prompt.as_str() == NO_OBJECT {
        return Ok(None);
    }
    // Before the prompt is shown: KWallet may answer before `Prompt` returns.
    let signals = service.signals(&prompt)?;
    let (answered, completed) = channel();
    std::thread::Builder::new()
        .name("hallpass-prompt".into())
        .spawn(move || {
            if let Some(Ok(_)) = { signals }.next() {
                let _ = answered.send(());
            }
        })
        .map_err(|error| KeyStoreError::Unavailable(error.to_string()))?;
    if connected.is_abandoned() {
        return Err(KeyStoreError::Silent);
    }
    service.send::<()>(prompt.as_str(), PROMPT, "Prompt", &"")?;
    Ok(Some(OpenPrompt { bus: service.bus, path: prompt, completed }))
}

/// Whether the default collection can be searched, if any collection can.
type Searchable = Result<(), KeyStoreError>;

/// The service, for calls that need no session: gnome-keyring has been seen to abort when very many sessions were opened.
struct Service<'a> {
    bus: Connection,
    connected: &'a CallContext,
}

impl<'a> Service<'a> {
    fn connect(connected: &'a CallContext) -> Result<Self, KeyStoreError> {
        if !crate::system::environment::session_bus_is_local() {
            return Err(KeyStoreError::Unavailable("DBUS_SESSION_BUS_ADDRESS is no socket of this machine".into()));
        }
        // The author of the variable could run a bus, receive the keys, and claim that a key is lost.
        if is_run_by_another_user() {
            return Err(KeyStoreError::Unavailable("the D-Bus session bus is run by another user".into()));
        }
        let bus = Connection::session().map_err(|error| no_bus().unwrap_or_else(|| unavailable(error)))?;
        let asked = bus.call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), "NameHasOwner", &BUS_NAME);
        if asked.is_ok_and(|reply| reply.body().deserialize().is_ok_and(|has_owner: bool| has_owner)) {
            connected.report(Progress::Runs);
        }
        Ok(Self { bus, connected })
    }

    fn can_take_a_key(&self) -> Result<(), KeyStoreError> {
        match self.is_locked(&self.default_collection()?)? {
            true => Err(KeyStoreError::Locked),
            false => Ok(()),
        }
    }

    fn default_collection(&self) -> Result<OwnedObjectPath, KeyStoreError> {
        // Twice: gnome-keyring has been seen to know of none right after it had added an item to it.
        for _ in 0..2 {
            let collection: OwnedObjectPath = self.call("ReadAlias", &"default")?;
            if collection.as_str() != NO_OBJECT {
                return Ok(collection);
            }
        }
        Err(KeyStoreError::Unavailable("it has no default collection yet".into()))
    }

    /// Returns an error if everything is locked: then nothing may be searched, as KeePassXC would ask the person to unlock it.
    fn is_searchable(&self) -> Result<Searchable, KeyStoreError> {
        match self.can_take_a_key() {
            Err(refused) if !self.is_partly_unlocked()? => Err(refused),
            default => Ok(default),
        }
    }

    /// Returns the items that are found, if all of them are unlocked.
    fn search(&self, attributes: &[(&str, &str)], default: &Searchable) -> Result<Vec<OwnedObjectPath>, KeyStoreError> {
        let attributes: HashMap<_, _> = attributes.iter().copied().collect();
        let (unlocked, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) = self.call("SearchItems", &attributes)?;
        match (locked.is_empty(), default) {
            (true, _) => Ok(unlocked),
            // KeePassXC asks for each item in each process anew, so that unlocking it for one process does not help another.
            (false, Ok(())) => Err(KeyStoreError::Refused {
                why: "it is unlocked, and locks this item by itself".into(),
                remedy: Remedy::AllowItem,
            }),
            (false, Err(_)) => Err(KeyStoreError::Locked),
        }
    }

    /// Returns the items of one grant, if all of them are unlocked: one, or none.
    fn items(&self, app: &str, grant: &str) -> Result<Vec<OwnedObjectPath>, KeyStoreError> {
        let default = self.is_searchable()?;
        self.find(app, grant, default)
    }

    fn read(&self, app: &str, grant: &str) -> Result<Option<Vec<u8>>, KeyStoreError> {
        let default = self.is_searchable()?;
        // Opening a session takes most of a read, so it runs while the item is searched.
        let (items, session) = std::thread::scope(|scope| {
            let session = std::thread::Builder::new().spawn_scoped(scope, || self.session());
            (self.find(app, grant, default), session.map(|session| session.join()))
        });
        match &items?[..] {
            [] => Ok(None),
            [item] => {
                let session = match session {
                    Ok(Ok(session)) => session,
                    _ => self.session(),
                };
                let secret = session.and_then(|session| session.get_item_by_path(item.clone())?.get_secret());
                secret.map(Some).map_err(unavailable)
            }
            _ => Err(KeyStoreError::Failed("it holds several items under our name".into())),
        }
    }

    fn find(&self, app: &str, grant: &str, default: Searchable) -> Result<Vec<OwnedObjectPath>, KeyStoreError> {
        let found = self.search(&[("service", app), ("username", grant)], &default)?;
        match found.is_empty() {
            false => Ok(found),
            // Locked is not empty (law 10): other collections say nothing about a locked one.
            true => default.map(|()| found),
        }
    }

    fn session(&self) -> Result<SecretService<'static>, secret_service::Error> {
        SecretService::connect_with_existing(EncryptionType::Dh, self.bus.clone())
    }

    fn is_partly_unlocked(&self) -> Result<bool, KeyStoreError> {
        let collections: Vec<OwnedObjectPath> = self.property("/org/freedesktop/secrets", SERVICE, "Collections")?;
        for collection in &collections {
            if !self.is_locked(collection)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_locked(&self, collection: &OwnedObjectPath) -> Result<bool, KeyStoreError> {
        self.property(collection.as_str(), COLLECTION, "Locked")
    }

    fn signals(&self, prompt: &OwnedObjectPath) -> Result<MessageIterator, KeyStoreError> {
        let rule = MatchRule::builder().msg_type(MessageType::Signal).path(prompt.as_ref()).map_err(unavailable)?;
        let rule = rule.interface(PROMPT).and_then(|rule| rule.member("Completed")).map_err(unavailable)?.build();
        MessageIterator::for_match_rule(rule, &self.bus, None).map_err(unavailable)
    }

    fn call<T>(&self, method: &str, arguments: &(impl Serialize + DynamicType)) -> Result<T, KeyStoreError>
    where
        T: DeserializeOwned + Type,
    {
        self.send("/org/freedesktop/secrets", SERVICE, method, arguments)
    }

    fn property<T>(&self, path: &str, interface: &str, name: &str) -> Result<T, KeyStoreError>
    where
        T: TryFrom<OwnedValue>,
        T::Error: Into<zbus::Error>,
    {
        let value: OwnedValue = self.send(path, "org.freedesktop.DBus.Properties", "Get", &(interface, name))?;
        T::try_from(value).map_err(|error| unavailable::<zbus::Error>(error.into()))
    }

    fn send<T>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        arguments: &(impl Serialize + DynamicType),
    ) -> Result<T, KeyStoreError>
    where
        T: DeserializeOwned + Type,
    {
        let reply: Message =
            self.bus.call_method(Some(BUS_NAME), path, Some(interface), method, arguments).map_err(unavailable)?;
        // Only now: a bus may answer although its service does not.
        self.connected.report(Progress::Answers);
        reply.body().deserialize().map_err(unavailable)
    }
}
