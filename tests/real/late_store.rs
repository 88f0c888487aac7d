//! A store that takes a call and answers after every deadline: it is given up on, remembered as silent, and has lost
//! nothing.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use zbus::blocking::connection::Builder;
use zbus::zvariant::OwnedObjectPath;

use crate::embedded::server;
use crate::needs::Need::Keyring;
use crate::needs::on_desktop;

#[test]
fn a_slow_key_store_is_given_up_on_and_loses_nothing() {
    let Some((server, mut machine)) = on_desktop(&[Keyring], server) else { return };
    machine.acme(server.issuer()).with("ACME_CUSTODY", "os").log_in();
    let token = machine.acme(server.issuer()).token();
    machine.end_keyring();
    let (late, waits) = channel();
    let builder = Builder::address(machine.bus_address().as_str()).unwrap();
    let builder = builder.serve_at("/org/freedesktop/secrets", Late(Mutex::new(waits))).unwrap();
    let store = builder.name("org.freedesktop.secrets").unwrap().build().unwrap();

    let acme = machine.acme(server.issuer());
    let refused = acme.run(&["auth", "token", "--json"]).exits(6);
    refused.fails_with("custody", "retry");
    assert!(refused.stdout.contains("did not answer in time"), "{refused}");
    assert!(refused.took < Duration::from_secs(9), "{refused}");
    assert_eq!(machine.files_named("os.silent").len(), 1, "the next process need not wait for it");
    acme.run(&["auth", "list"]).exits(0);
    // The late answer meets nobody.
    late.send(()).unwrap();
    store.close().unwrap();

    machine.unlock();
    // A minute later: the silence is remembered no longer.
    let later = machine.acme(server.issuer()).at_a_standing_clock(61);
    assert_eq!(later.token(), token);
    assert!(machine.files_named("os.silent").is_empty());
}

struct Late(Mutex<Receiver<()>>);

#[zbus::interface(name = "org.freedesktop.Secret.Service")]
impl Late {
    /// The first thing it is asked.
    fn read_alias(&self, _name: String) -> OwnedObjectPath {
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).recv();
        OwnedObjectPath::default()
    }
}
