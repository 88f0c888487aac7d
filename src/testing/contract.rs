//! The contract of [`Custody`], case by case, for every custody there is and will be.

use crate::custody::{Custody, CustodyError, Item};
use crate::{AppName, GrantId, Result, Secret};

/// Checks that `custody` keeps what the trait [`Custody`] promises while it is unlocked; panics at the first case that it does
/// not. It uses items of the apps `contract-a` and `contract-b`, and leaves none behind when all is well.
///
/// ```
/// hallpass::testing::check_custody(&hallpass::custody::Memory::new());
/// ```
pub fn check_custody(custody: &dyn Custody) {
    if let Err(error) = walk(custody) {
        panic!("custody \"{}\": {error:?}", custody.name());
    }
}

fn walk(custody: &dyn Custody) -> Result<()> {
    let (a, b): (AppName, AppName) = ("contract-a".parse()?, "contract-b".parse()?);
    let (one, two): (GrantId, GrantId) = ("c".repeat(26).parse()?, "d".repeat(26).parse()?);
    let (item, other_grant, other_app) = (Item::new(&a, &one), Item::new(&a, &two), Item::new(&b, &one));
    // The longest that is ever kept: 200 bytes of ASCII.
    let (first, second) = (Secret::new("hallpass1.first".into()), Secret::new("x".repeat(200)));

    assert_eq!(custody.probe(), Ok(()), "an unlocked place could take a key");
    assert_eq!(held(custody, &item), Ok(None), "no item yet: none is loaded");
    assert_eq!(custody.erase(&item), Ok(false), "no item yet: none is erased");
    lists(custody, &a, &[], "no item yet: none is listed");

    assert_eq!(custody.store(&item, "first of the contract", &first), Ok(()), "no item yet: it is stored");
    assert_eq!(held(custody, &item), Ok(Some("hallpass1.first".into())), "an item: its key is loaded");
    assert_eq!(held(custody, &other_grant), Ok(None), "an item is of one grant");
    assert_eq!(held(custody, &other_app), Ok(None), "an item is of one app");
    lists(custody, &a, &[&one], "an item: its grant is listed");
    lists(custody, &b, &[], "and for its own app only");

    assert_eq!(custody.store(&item, "second of the contract", &second), Ok(()), "an item: its key is replaced");
    assert_eq!(held(custody, &item), Ok(Some("x".repeat(200))), "the new key is loaded, whatever its label");
    assert_eq!(custody.store(&other_grant, "", &first), Ok(()), "a label may be empty");
    lists(custody, &a, &[&one, &two], "two items: both are listed, each once");
    assert_eq!(custody.erase(&item), Ok(true), "an item: it is erased");
    assert_eq!(held(custody, &item), Ok(None), "an erased item is gone");
    assert_eq!(held(custody, &other_grant), Ok(Some("hallpass1.first".into())), "and no other");
    assert_eq!(custody.erase(&other_grant), Ok(true));
    assert_eq!(custody.erase(&other_grant), Ok(false), "an erased item is not erased again");
    lists(custody, &a, &[], "an erased item is not listed");
    Ok(())
}

fn held(custody: &dyn Custody, item: &Item<'_>) -> Result<Option<String>, CustodyError> {
    Ok(custody.load(item)?.map(|key| key.expose().to_owned()))
}

/// Where the place can tell at all.
fn lists(custody: &dyn Custody, app: &AppName, expected: &[&GrantId], case: &str) {
    let listed = custody.list(app).map(|listed| {
        listed.map(|mut grants| {
            grants.sort();
            grants
        })
    });
    if listed != Ok(None) {
        assert_eq!(listed, Ok(Some(expected.iter().copied().cloned().collect())), "{case}");
    }
}
