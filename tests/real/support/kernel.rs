//! The user's keyring in the kernel, which is the machine's own: what a test put there is taken out again, and nothing
//! else.

use std::fs;
use std::path::Path;

use linux_keyutils::{Key, KeyError, KeyRing, KeyRingIdentifier};

/// What hallpass calls its items there: keys, and copies of keys.
const KINDS: [&str; 2] = ["hallpass", "hallpass-cache"];

/// Whether the kernel remembers the number of this grant's newest record. All records share an item.
pub(crate) fn has_seen(grant: &str) -> bool {
    let seen = ring().ok().and_then(|ring| ring.search("hallpass-seen").ok()).and_then(|key| key.read_to_vec().ok());
    seen.is_some_and(|seen| String::from_utf8(seen).unwrap().lines().any(|line| line.starts_with(grant)))
}

/// Whether the user's keyring holds an item of this grant, `kind` being one of `hallpass` and `hallpass-cache`.
pub(crate) fn holds(kind: &str, grant: &str) -> bool {
    item(kind, grant).is_some()
}

/// What the user's keyring holds.
pub(crate) fn item(kind: &str, grant: &str) -> Option<Key> {
    assert!(KINDS.contains(&kind), "{kind}");
    ring().ok()?.search(&format!("{kind}:acme:{grant}")).ok()
}

/// Takes an item out of the user's keyring; says whether there was one.
pub(crate) fn take_out(kind: &str, grant: &str) -> bool {
    item(kind, grant).is_some_and(|key| ring().is_ok_and(|ring| ring.unlink_key(key).is_ok()))
}

/// Puts an item into the user's keyring.
pub(crate) fn plant(kind: &str, grant: &str, text: &str) {
    ring().unwrap().add_key(&format!("{kind}:acme:{grant}"), text).unwrap();
}

/// Takes out what the logins of a home have left. A lock file stays where a login was, and tells its grant.
pub(crate) fn sweep(home: &Path) {
    for name in fs::read_dir(home.join(".state/acme/grants")).into_iter().flatten().flatten() {
        let name = name.file_name().to_string_lossy().into_owned();
        if let Some(grant) = name.strip_suffix(".lock") {
            for kind in KINDS {
                take_out(kind, grant);
            }
        }
    }
}

/// Whether this kernel and this container let a process keep keys.
pub(crate) fn is_there() -> bool {
    KeyRing::from_special_id(KeyRingIdentifier::Process, true)
        .is_ok_and(|own| own.add_key("hallpass-test", "x").is_ok())
}

fn ring() -> Result<KeyRing, KeyError> {
    KeyRing::from_special_id(KeyRingIdentifier::User, false)
}
