//! The contract of `KeyStore`, which a host's own key store can check.

use hallpass::{Auth, ErrorKind};

use crate::support::rig::Rig;

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
fn a_key_store_with_an_unusable_name_is_refused() {
    #[derive(Debug)]
    struct Vault;
    use hallpass::custody::{Item, KeyStore, KeyStoreError};
    impl KeyStore for Vault {
        fn name(&self) -> &str {
            "a vault/of mine"
        }
        fn probe(&self) -> Result<(), KeyStoreError> {
            Ok(())
        }
        fn store(&self, _: &Item<'_>, _: &str, _: &hallpass::Secret) -> Result<(), KeyStoreError> {
            Ok(())
        }
        fn load(&self, _: &Item<'_>) -> Result<Option<hallpass::Secret>, KeyStoreError> {
            Ok(None)
        }
        fn erase(&self, _: &Item<'_>) -> Result<bool, KeyStoreError> {
            Ok(false)
        }
    }
    let rig = Rig::new();
    let mut config = rig.config();
    config.custody.choice = hallpass::custody::Custody::Custom(std::sync::Arc::new(Vault));
    assert_eq!(Auth::new(config).unwrap_err().kind(), ErrorKind::Config);
}
