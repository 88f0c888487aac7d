//! The contract of [`KeyStore`], case by case, for every key store.

use std::fmt::Debug;
use std::str::FromStr;

use crate::custody::{Item, KeyStore, KeyStoreError};
use crate::ids::{AppName, GrantId};
use crate::secret::Secret;

/// Checks that an unlocked `key_store` keeps the contract of the trait [`KeyStore`]. Panics at the first case that it breaks. Uses items of
/// the apps `contract-a` and `contract-b`, and leaves none behind if every case holds.
///
/// ```
/// hallpass::testing::check_key_store(&hallpass::custody::MemoryKeyStore::new());
/// ```
pub fn check_key_store(key_store: &dyn KeyStore) {
    for case in KeyStoreCase::ALL {
        if let Err(why) = case.check(key_store) {
            panic!("custody \"{}\": {}: {why}", key_store.name(), case.name);
        }
    }
}

/// One case of the contract, for a test that shows which cases a key store keeps.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct KeyStoreCase {
    /// What is promised, in a few words.
    pub name: &'static str,
    check: for<'a, 'b> fn(&'a Checker<'b>) -> CheckResult<'a, 'b>,
}

/// The checker, for the next check; or what was expected, and what was found.
type CheckResult<'a, 'b> = Result<&'a Checker<'b>, String>;

impl KeyStoreCase {
    /// All cases. Each begins with no item and ends with none.
    pub const ALL: &'static [Self] = &[
        Self { name: "an unlocked place could take a key", check: |on| on.same(on.key_store.probe(), Ok(())) },
        Self { name: "no item is loaded where there is none", check: |on| on.holds(0, None) },
        Self { name: "no item is erased where there is none", check: |on| on.erases(0, false) },
        Self { name: "an item is loaded as it was stored", check: |on| on.puts(0, FIRST)?.holds(0, Some(FIRST)) },
        Self {
            name: "an item is replaced, whatever its label",
            check: |on| on.puts(0, FIRST)?.puts(0, &longest())?.holds(0, Some(&longest())),
        },
        Self { name: "a label may be empty", check: |on| on.same(on.stores(0, "", FIRST), Ok(())) },
        Self {
            name: "an item is of one grant",
            check: |on| on.puts(0, FIRST)?.holds(OTHER_GRANT, None)?.puts(OTHER_GRANT, SECOND)?.holds(0, Some(FIRST)),
        },
        Self {
            name: "an item is of one app",
            check: |on| on.puts(0, FIRST)?.holds(OTHER_APP, None)?.puts(OTHER_APP, SECOND)?.holds(0, Some(FIRST)),
        },
        Self { name: "an erased item is gone", check: |on| on.puts(0, FIRST)?.erases(0, true)?.holds(0, None) },
        Self {
            name: "an item is erased, and no other",
            check: |on| on.puts(0, FIRST)?.puts(OTHER_GRANT, SECOND)?.erases(0, true)?.holds(OTHER_GRANT, Some(SECOND)),
        },
        Self {
            name: "an erased item is not erased again",
            check: |on| on.puts(0, FIRST)?.erases(0, true)?.erases(0, false),
        },
        Self { name: "a place that lists its items lists those of the app", check: |on| on.lists() },
    ];

    /// Checks the case.
    ///
    /// # Errors
    /// What was expected, and what was found.
    pub fn check(self, key_store: &dyn KeyStore) -> Result<(), String> {
        let (a, b): (AppName, AppName) = (parse("contract-a")?, parse("contract-b")?);
        let (one, two): (GrantId, GrantId) = (parse(&"c".repeat(26))?, parse(&"d".repeat(26))?);
        let items = [Item::new(&a, &one), Item::new(&a, &two), Item::new(&b, &one)];
        let checker = Checker { key_store, items };
        let outcome = (self.check)(&checker);
        // Whatever the outcome, the next case begins without items.
        let erased = items.iter().try_for_each(|item| key_store.erase(item).map(drop));
        outcome.map(drop).and(erased.map_err(|error| format!("it was not erased afterwards: {error}")))
    }
}

const FIRST: &str = "hallpass1.first";
const SECOND: &str = "hallpass1.second";

fn parse<T: FromStr<Err = crate::Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{error:?}"))
}

/// The longest item that a key store has to keep: 200 bytes of ASCII.
fn longest() -> String {
    "x".repeat(200)
}

/// Indices of items; the first is 0.
const OTHER_GRANT: usize = 1;
const OTHER_APP: usize = 2;

/// A key store, and the items that a case uses.
struct Checker<'a> {
    key_store: &'a dyn KeyStore,
    items: [Item<'a>; 3],
}

impl<'b> Checker<'b> {
    fn stores(&self, item: usize, label: &str, key: &str) -> Result<(), KeyStoreError> {
        self.key_store.store(&self.items[item], label, &Secret::new(key.to_owned()))
    }

    fn puts(&self, item: usize, key: &str) -> CheckResult<'_, 'b> {
        let label = format!("{} of the contract", key.len());
        self.same(self.stores(item, &label, key), Ok(()))
    }

    fn holds(&self, item: usize, key: Option<&str>) -> CheckResult<'_, 'b> {
        let held = self.key_store.load(&self.items[item]);
        self.same(held.map(|held| held.map(|key| key.expose().to_owned())), Ok(key.map(str::to_owned)))
    }

    fn erases(&self, item: usize, was_there: bool) -> CheckResult<'_, 'b> {
        self.same(self.key_store.erase(&self.items[item]), Ok(was_there))
    }

    fn lists(&self) -> CheckResult<'_, 'b> {
        let [one, two, _] = self.items.map(|item| item.grant);
        match self.key_store.list(self.items[0].app) {
            Ok(None) => return Ok(self),
            listed => self.same(listed, Ok(Some(Vec::new())))?,
        };
        self.puts(OTHER_APP, SECOND)?.listed(&[])?;
        self.puts(0, FIRST)?.puts(OTHER_GRANT, SECOND)?.listed(&[one, two])?.erases(0, true)?.listed(&[two])
    }

    fn listed(&self, grants: &[&GrantId]) -> CheckResult<'_, 'b> {
        let listed = self.key_store.list(self.items[0].app).map(|listed| {
            let mut listed = listed.unwrap_or_default();
            listed.sort();
            listed
        });
        self.same(listed, Ok(grants.iter().copied().cloned().collect()))
    }

    fn same<T: Debug + PartialEq>(&self, found: T, expected: T) -> CheckResult<'_, 'b> {
        if found == expected { Ok(self) } else { Err(format!("expected {expected:?}, found {found:?}")) }
    }
}
