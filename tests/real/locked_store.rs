//! A store that says nothing of what it holds while it is locked, as KeePassXC does: its search asks the person for the password,
//! and finds neither locked nor unlocked items without one. Locked is not empty, and is not searched.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::zvariant::{ObjectPath, OwnedObjectPath};

use crate::machine::Machine;
use crate::needs::Need::{Keyring, Provider as Server};
use crate::needs::on_desktop;
use crate::provider::Provider;

#[test]
fn a_locked_key_store_without_results_loses_no_login() {
    let Some((provider, mut machine)) = on_desktop(&[Server, Keyring], || Provider::start(&[])) else { return };
    machine.acme(&provider.issuer).logged_in(&provider, "ada");
    let records = machine.home_entries();

    machine.end_keyring();
    let searches = Arc::new(AtomicUsize::new(0));
    let store = locked_store(&machine, Service(searches.clone()));
    let acme = machine.acme(&provider.issuer);
    acme.run(&["auth", "token", "--json"]).exits(6).fails_with("custody", "unlock");
    acme.run(&["auth", "logout", "--json"]).exits(6).fails_with("custody", "unlock");
    assert_eq!(machine.home_entries(), records, "the login is still there");
    assert_eq!(searches.load(Ordering::SeqCst), 0, "each would have been a prompt");
    store.close().unwrap();

    machine.unlock();
    machine.acme(&provider.issuer).run(&["auth", "token"]).exits(0);
}

fn locked_store(machine: &Machine, service: Service) -> Connection {
    let builder = Builder::address(machine.bus_address().as_str()).unwrap();
    let builder =
        builder.serve_at("/org/freedesktop/secrets", service).unwrap().serve_at(DATABASE, Collection).unwrap();
    builder.name("org.freedesktop.secrets").unwrap().build().unwrap()
}

const DATABASE: &str = "/org/freedesktop/secrets/collection/database";

struct Service(Arc<AtomicUsize>);

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    fn search_items(&self, _attributes: HashMap<String, String>) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        (Vec::new(), Vec::new())
    }

    #[zbus(property)]
    fn collections(&self) -> Vec<ObjectPath<'static>> {
        vec![ObjectPath::from_static_str_unchecked(DATABASE)]
    }

    fn read_alias(&self, _name: String) -> ObjectPath<'static> {
        ObjectPath::from_static_str_unchecked(DATABASE)
    }
}

struct Collection;

#[zbus::interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    #[zbus(property)]
    fn locked(&self) -> bool {
        true
    }
}
