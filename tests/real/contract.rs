//! The contract of `KeyStore`, for every place that Linux has: a table of places and cases.

use std::env;
use std::fmt::Write;
use std::sync::Arc;

use hallpass::config::Environment;
use hallpass::custody::{FileKeyStore, KernelKeyStore, KeyStore, MemoryKeyStore, OsKeyStore, PassphraseKeyStore};
use hallpass::prompt::passphrase::PassphraseFromEnvironment;
use hallpass::testing::KeyStoreCase;

use crate::machine::Machine;
use crate::needs::Need::{Keyring, Keys};
use crate::needs::{ready, say};
use crate::process;

/// The stores are found through the environment, so that the test runs a second time: on its own desktop, and in a
/// login session that has its own keyring in the kernel.
#[test]
fn the_contract_holds_in_every_key_store() {
    const INSIDE: &str = "HALLPASS_INSIDE_A_SESSION";
    if env::var_os(INSIDE).is_some() {
        return assert_all_hold();
    }
    let Some(machine) = ready(&[Keyring, Keys], Machine::desktop) else { return };
    let mut inside = machine.command("keyctl", &machine.home());
    inside.args(["session", "-"]).arg(env::current_exe().unwrap());
    inside.args(["--exact", "contract::the_contract_holds_in_every_key_store", "--nocapture"]).env(INSIDE, "1");
    let run = process::run(inside.env("CREDENTIALS_DIRECTORY", machine.scratch())).exits(0);
    assert!(run.stdout.contains("1 passed"), "{run}");
    let table: Vec<&str> = run.stdout.lines().filter_map(|line| line.strip_prefix("| ")).collect();
    assert_eq!(table.len(), 1 + KeyStoreCase::ALL.len(), "{run}");
    say(&format!("custody × case\n  {}", table.join("\n  ")));
    assert_eq!(machine.keyring_items("contract-a"), "", "nothing is left behind");
}

fn assert_all_hold() {
    let home = tempfile::tempdir().unwrap();
    let credentials = home.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    let credential = credentials.join("acme.key");
    std::fs::write(&credential, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=").unwrap();
    std::fs::set_permissions(&credential, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    let folder = |name: &str| home.path().join(name);
    let mut given = Environment::default();
    given.passphrase = Some(Arc::new(hallpass::secret::Secret::new("correct horse".into())));
    let key_stores: [(&str, Box<dyn KeyStore>); 7] = [
        ("memory", Box::new(MemoryKeyStore::new())),
        ("os", Box::new(OsKeyStore)),
        ("kernel", Box::new(KernelKeyStore::of_user())),
        ("session", Box::new(KernelKeyStore::of_session())),
        (
            "passphrase",
            Box::new(PassphraseKeyStore::new(folder("passphrase"), Arc::new(PassphraseFromEnvironment(given)))),
        ),
        ("keyfile", Box::new(FileKeyStore::new(folder("keyfile"), None))),
        ("credential", Box::new(FileKeyStore::new(folder("credential"), Some(credential)))),
    ];
    let mut table = format!("| {:52}", "");
    key_stores.iter().for_each(|(name, _)| write!(table, "{name:12}").unwrap());
    let mut broken = Vec::new();
    for case in KeyStoreCase::ALL {
        write!(table, "\n| {:52}", case.name).unwrap();
        for (name, custody) in &key_stores {
            let outcome = case.check(&**custody);
            write!(table, "{:12}", if outcome.is_ok() { "holds" } else { "BROKEN" }).unwrap();
            broken.extend(outcome.err().map(|why| (*name, case.name, why)));
        }
    }
    println!("{table}");
    assert!(broken.is_empty(), "{broken:#?}");
}
