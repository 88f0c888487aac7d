//! A locked store that can ask the person: what it is told, and in which order. The person is played.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallpass::custody::OsKeyStore;
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, Value};

use crate::machine::{Machine, part};
use crate::needs::Need::Keyring;
use crate::needs::ready;
use crate::process::STEP_TIMEOUT;

#[test]
fn a_person_who_types_the_password_unlocks_the_store() {
    asked(Person::Approves, STEP_TIMEOUT, "Ok(())", &["Unlock", "Prompt"]);
}

#[test]
fn a_person_who_dismisses_the_prompt_leaves_it_locked() {
    asked(Person::Dismisses, STEP_TIMEOUT, "Err(Locked)", &["Unlock", "Prompt"]);
}

#[test]
fn a_prompt_that_nobody_answers_is_taken_away_again() {
    asked(Person::IsAway, Duration::from_millis(300), "Err(Locked)", &["Unlock", "Prompt", "Dismiss"]);
}

/// Anyone on the bus can send the signal: the lock is asked, not the answer.
#[test]
fn an_answer_that_unlocks_nothing_is_not_believed() {
    asked(Person::Lies, STEP_TIMEOUT, "Err(Locked)", &["Unlock", "Prompt"]);
}

#[test]
fn a_store_that_can_unlock_itself_asks_nobody() {
    asked(Person::IsNotNeeded, STEP_TIMEOUT, "Ok(())", &["Unlock"]);
}

/// Unlocks a store with this person before it, from inside the session.
fn asked(person: Person, timeout: Duration, outcome: &str, calls: &[&str]) {
    if part().is_some() {
        return println!("unlocked: {:?}", OsKeyStore.unlock(timeout));
    }
    let Some(machine) = ready(&[Keyring], Machine::with_bus) else { return };
    let desktop = Arc::new(Desktop { person, is_locked: AtomicBool::new(true), calls: Mutex::default() });
    let store = store(&machine, &desktop);
    let run = machine.inside("unlock").finish().exits(0);
    assert!(run.stdout.contains(&format!("unlocked: {outcome}")), "{run}");
    assert_eq!(*desktop.calls.lock().unwrap(), calls);
    store.close().unwrap();
}

fn store(machine: &Machine, desktop: &Arc<Desktop>) -> Connection {
    let builder = Builder::address(machine.bus_address().as_str()).unwrap();
    let builder = builder.serve_at("/org/freedesktop/secrets", Service(desktop.clone())).unwrap();
    let builder = builder.serve_at(COLLECTION, Collection(desktop.clone())).unwrap();
    let builder = builder.serve_at(PROMPT, Prompt(desktop.clone())).unwrap();
    builder.name("org.freedesktop.secrets").unwrap().build().unwrap()
}

const COLLECTION: &str = "/org/freedesktop/secrets/collection/login";
const PROMPT: &str = "/org/freedesktop/secrets/prompt/p1";

#[derive(Clone, Copy, PartialEq)]
enum Person {
    Approves,
    Dismisses,
    IsAway,
    Lies,
    IsNotNeeded,
}

struct Desktop {
    person: Person,
    is_locked: AtomicBool,
    calls: Mutex<Vec<&'static str>>,
}

impl Desktop {
    fn called(&self, method: &'static str) {
        self.calls.lock().unwrap().push(method);
    }
}

struct Service(Arc<Desktop>);

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    fn read_alias(&self, _name: String) -> ObjectPath<'static> {
        ObjectPath::from_static_str_unchecked(COLLECTION)
    }

    fn unlock(&self, objects: Vec<OwnedObjectPath>) -> (Vec<OwnedObjectPath>, ObjectPath<'static>) {
        self.0.called("Unlock");
        assert_eq!(objects.iter().map(|object| object.as_str()).collect::<Vec<_>>(), [COLLECTION]);
        if self.0.person == Person::IsNotNeeded {
            self.0.is_locked.store(false, Ordering::SeqCst);
            return (objects, ObjectPath::from_static_str_unchecked("/"));
        }
        (Vec::new(), ObjectPath::from_static_str_unchecked(PROMPT))
    }
}

struct Collection(Arc<Desktop>);

#[zbus::interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    #[zbus(property)]
    fn locked(&self) -> bool {
        self.0.is_locked.load(Ordering::SeqCst)
    }
}

struct Prompt(Arc<Desktop>);

#[zbus::interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    /// Answers before it returns, as KWallet can: who listens only afterwards waits for ever.
    async fn prompt(&self, _window: String, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        self.0.called("Prompt");
        if self.0.person == Person::Approves {
            self.0.is_locked.store(false, Ordering::SeqCst);
        }
        if self.0.person != Person::IsAway {
            let dismissed = self.0.person == Person::Dismisses;
            Self::completed(&emitter, dismissed, Value::from("")).await.unwrap();
        }
    }

    async fn dismiss(&self, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        self.0.called("Dismiss");
        Self::completed(&emitter, true, Value::from("")).await.unwrap();
    }

    #[zbus(signal)]
    async fn completed(emitter: &SignalEmitter<'_>, dismissed: bool, result: Value<'_>) -> zbus::Result<()>;
}
