//! Secret Service, over D-Bus (freedesktop.org's Secret Service API, draft 0.2): gnome-keyring, KWallet, KeePassXC.
//!
//! What says whether something is locked is asked here and not through keyring, which unlocks whatever it meets. The
//! three differ most in that:
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

use super::deadline::{Connected, Sign, under_deadline};
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

/// How often the lock is looked at while a person has the prompt before them.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Keys of a session are agreed on, which can fail.
pub(super) const HAS_SESSIONS: bool = true;

/// The path that stands for none.
const NONE: &str = "/";

pub(super) fn store() -> keyring::Result<Arc<CredentialStore>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

/// For a new item. The store refuses an empty label.
pub(super) fn modifiers(label: &str) -> HashMap<&str, &str> {
    HashMap::from([("label", if label.is_empty() { "hallpass" } else { label })])
}

/// A new item goes to the default collection, so that one must be there and unlocked.
pub(super) fn can_take_a_key(connected: &Connected) -> Result<(), KeyStoreError> {
    Service::connect(connected)?.can_take_a_key()
}

/// keyring unlocks what it finds, which can raise a prompt where nobody is: so the lock is asked first.
pub(super) fn has_unlocked(app: &str, grant: &str, connected: &Connected) -> Result<bool, KeyStoreError> {
    Ok(!Service::connect(connected)?.items(app, grant)?.is_empty())
}

/// Reads over the connection that the lock was asked on: keyring would make a second one, and search once more. Twice where it
/// fails: the item may have gone since it was found, and [`super::Owned::in_session`] says what can be wrong with a session.
pub(super) fn load(app: &str, grant: &str, connected: &Connected) -> Result<Option<Vec<u8>>, KeyStoreError> {
    let service = Service::connect(connected)?;
    service.read(app, grant).or_else(|_| service.read(app, grant))
}

/// Other programs' items may have the app's name too: only what can be a grant of ours counts.
pub(super) fn list(app: &str, connected: &Connected) -> Result<Vec<GrantId>, KeyStoreError> {
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

/// Has the desktop ask the person for the default collection. Every call has its deadline; `timeout` is for the person.
pub(super) fn unlock(timeout: Duration) -> Result<(), KeyStoreError> {
    if let Some(asked) = under_deadline(ask)? {
        let is_answered = asked.is_answered_within(timeout);
        // What goes wrong here costs a thread and a prompt that nobody needs; whether it is unlocked is asked below.
        let _ = under_deadline(move |connected| {
            let service = Service { bus: asked.bus, connected };
            if !is_answered {
                // Nobody waits any more: a password that is typed now would open the store for nobody.
                service.send::<()>(asked.prompt.as_str(), PROMPT, "Dismiss", &())?;
            }
            // Ends the thread that listens.
            service.bus.close().map_err(unavailable)
        });
    }
    // What counts is the lock and not the answer: anyone on the bus could send one.
    under_deadline(can_take_a_key)
}

/// A prompt that the person has before them.
struct Asked {
    bus: Connection,
    prompt: OwnedObjectPath,
    completed: Receiver<()>,
}

impl Asked {
    /// False after `timeout`, and where there is nothing left to answer: who unlocks KeePassXC in its own window leaves the
    /// prompt as it is.
    fn is_answered_within(&self, timeout: Duration) -> bool {
        let end = Deadline::after(timeout);
        loop {
            match self.completed.recv_timeout(timeout.min(POLL_INTERVAL)) {
                Ok(()) => return true,
                Err(RecvTimeoutError::Timeout) if !end.has_passed() && under_deadline(can_take_a_key).is_err() => {}
                Err(_) => return false,
            }
        }
    }
}

fn ask(connected: &Connected) -> Result<Option<Asked>, KeyStoreError> {
    let service = Service::connect(connected)?;
    let collection = service.default_collection()?;
    let (_unlocked, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = service.call("Unlock", &vec![&collection])?;
    if prompt.as_str() == NONE {
        return Ok(None);
    }
    // Before the prompt is shown: KWallet's may be answered before `Prompt` returns.
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
    Ok(Some(Asked { bus: service.bus, prompt, completed }))
}

/// Whether the default collection can be searched, where any can.
type Searchable = Result<(), KeyStoreError>;

/// The service, asked for what needs no session: gnome-keyring has been seen to abort where very many were opened.
struct Service<'a> {
    bus: Connection,
    connected: &'a Connected,
}

impl<'a> Service<'a> {
    fn connect(connected: &'a Connected) -> Result<Self, KeyStoreError> {
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
            connected.tell(Sign::Runs);
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
            if collection.as_str() != NONE {
                return Ok(collection);
            }
        }
        Err(KeyStoreError::Unavailable("it has no default collection yet".into()))
    }

    /// Whether something is unlocked, without which nothing is searched: KeePassXC would ask the person to unlock it.
    fn is_searchable(&self) -> Result<Searchable, KeyStoreError> {
        match self.can_take_a_key() {
            Err(refused) if !self.is_partly_unlocked()? => Err(refused),
            default => Ok(default),
        }
    }

    /// What is found, all of it unlocked.
    fn search(&self, attributes: &[(&str, &str)], default: &Searchable) -> Result<Vec<OwnedObjectPath>, KeyStoreError> {
        let attributes: HashMap<_, _> = attributes.iter().copied().collect();
        let (unlocked, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) = self.call("SearchItems", &attributes)?;
        match (locked.is_empty(), default) {
            (true, _) => Ok(unlocked),
            // KeePassXC wants to be asked for each item by each process anew, so that unlocking it helps no other.
            (false, Ok(())) => Err(KeyStoreError::Refused {
                why: "it is unlocked, and locks this item by itself".into(),
                remedy: Remedy::AllowItem,
            }),
            (false, Err(_)) => Err(KeyStoreError::Locked),
        }
    }

    /// The items of one grant, all of them unlocked: one, or none.
    fn items(&self, app: &str, grant: &str) -> Result<Vec<OwnedObjectPath>, KeyStoreError> {
        let default = self.is_searchable()?;
        self.found(app, grant, default)
    }

    fn read(&self, app: &str, grant: &str) -> Result<Option<Vec<u8>>, KeyStoreError> {
        let default = self.is_searchable()?;
        // The keys of a session take most of a read, and are agreed on while the item is looked for.
        let (items, session) = std::thread::scope(|scope| {
            let session = std::thread::Builder::new().spawn_scoped(scope, || self.session());
            (self.found(app, grant, default), session.map(|session| session.join()))
        });
        let session = || match session {
            Ok(Ok(session)) => session,
            _ => self.session(),
        };
        match &items?[..] {
            [] => Ok(None),
            [item] => session()
                .and_then(|session| session.get_item_by_path(item.clone())?.get_secret())
                .map(Some)
                .map_err(unavailable),
            _ => Err(KeyStoreError::Failed("it holds several items under our name".into())),
        }
    }

    fn found(&self, app: &str, grant: &str, default: Searchable) -> Result<Vec<OwnedObjectPath>, KeyStoreError> {
        let found = self.search(&[("service", app), ("username", grant)], &default)?;
        match found.is_empty() {
            false => Ok(found),
            // Locked is not empty (law 10): what is elsewhere does not tell what a locked collection holds.
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
        // A bus may answer whose service does not.
        self.connected.tell(Sign::Answers);
        reply.body().deserialize().map_err(unavailable)
    }
}
