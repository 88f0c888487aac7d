//! A store that says nothing of what it holds while it is locked, as KeePassXC does: its search finds neither locked nor unlocked
//! items. Locked is not empty.

use std::collections::HashMap;

use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::zvariant::{ObjectPath, OwnedObjectPath};

use crate::machine::Machine;
use crate::needs::Need::{Keyring, Provider as Server};
use crate::needs::left_out;
use crate::provider::Provider;

#[test]
fn a_locked_store_that_finds_nothing_has_lost_nothing() {
    if left_out(&[Server, Keyring]) {
        return;
    }
    let (provider, mut machine) = (Provider::start(&[]), Machine::desktop());
    machine.acme(&provider.issuer).logged_in(&provider, "ada");
    let records = machine.home_entries();

    machine.end_keyring();
    let store = locked_store(&machine);
    let acme = machine.acme(&provider.issuer);
    acme.run(&["auth", "token", "--json"]).exits(6).fails_with("custody", "unlock");
    acme.run(&["auth", "logout", "--json"]).exits(6).fails_with("custody", "unlock");
    assert_eq!(machine.home_entries(), records, "the login is still there");
    store.close().unwrap();

    machine.unlock();
    machine.acme(&provider.issuer).run(&["auth", "token"]).exits(0);
}

fn locked_store(machine: &Machine) -> Connection {
    let builder = Builder::address(machine.bus_address().as_str()).unwrap();
    let builder =
        builder.serve_at("/org/freedesktop/secrets", Service).unwrap().serve_at(DATABASE, Collection).unwrap();
    builder.name("org.freedesktop.secrets").unwrap().build().unwrap()
}

const DATABASE: &str = "/org/freedesktop/secrets/collection/database";

struct Service;

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    fn search_items(&self, _attributes: HashMap<String, String>) -> (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) {
        (Vec::new(), Vec::new())
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
