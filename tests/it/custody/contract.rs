//! The contract of `KeyStore`, which a host's own key store can check.

use hallpass::config::Setting;
use hallpass::custody::KeyStoreName;
use hallpass::{ErrorKind, Remedy};

use crate::support::rig::assert_error;

#[test]
fn the_contract_holds_in_memory() {
    hallpass::testing::check_key_store(&hallpass::custody::MemoryKeyStore::new());
}

/// The suite is not one that cannot fail: a custody that mixes the items of two apps is found.
#[test]
#[should_panic(expected = "an item is of one app")]
fn the_contract_check_finds_a_key_store_that_breaks_it() {
    hallpass::testing::check_key_store(&crate::support::rig::Keys::default());
}

#[test]
fn a_key_store_with_an_unusable_name_cannot_be_made() {
    for bad in ["a vault/of mine", "", "os"] {
        let error = KeyStoreName::custom(bad).unwrap_err();
        assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
        assert_eq!(error.remedy(), Some(&Remedy::FixConfig { setting: Setting::Custody }));
    }
}
