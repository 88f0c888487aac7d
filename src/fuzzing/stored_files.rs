//! Files of the state folder.
#![allow(clippy::expect_used, reason = "what is expected here is what is checked")]

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{members, number_below, printed};
use crate::custody::sealing_key::SealingKey;
use crate::governance::trail::verify::{Witness, verify_bytes};
use crate::governance::trail::{PURPOSE, TrailHead, hash_of, sample};
use crate::lifecycle::config::Config;
use crate::lifecycle::contexts::{Index, Selector};
use crate::model::error::{ErrorKind, Remedy};
use crate::model::ids::{AppName, GrantId};
use crate::model::sanitize::is_plain;
use crate::model::secret::Secret;
use crate::records::header::{Header, Unreadable};
use crate::records::record::{Record, RefreshToken};
use crate::system::environment::Environment;

/// A record, as JSON: what is sealed opens to the same record, and not at all once a byte is changed.
pub fn record(bytes: &[u8]) {
    #[derive(Deserialize)]
    struct Written {
        generation: u64,
        refresh_token: Option<String>,
        record: Record,
    }
    let (key, other_key) = (key(1), key(2));
    let (app, grant) = (name::<AppName>("acme"), name::<GrantId>(&"a".repeat(26)));
    // As a file: nobody makes one without the key.
    let _ = Header::read(bytes);
    assert!(Record::open(bytes, &app, &grant, &key).is_err(), "opens");

    let Ok(Written { generation, refresh_token, mut record }) = serde_json::from_slice(bytes) else { return };
    record.generation = generation;
    record.refresh_token = refresh_token.clone().map(Secret::new).map(RefreshToken::Plain);
    let sealed = record.seal(&app, &grant, &key).expect("a record is sealed");
    let opened = Record::open(&sealed, &app, &grant, &key).expect("what was sealed opens");
    let revealed = |record: &Record| record.refresh_token.as_ref().map(|token| token.reveal(&key).expect("it opens"));
    let text = |record: &Record| serde_json::to_string(record).expect("a record is written down");
    assert_eq!(text(&opened), text(&record));
    assert_eq!((opened.generation, Header::read(&sealed).expect("a header").generation), (generation, generation));
    assert_eq!(revealed(&opened).as_ref().map(Secret::expose), refresh_token.as_deref());
    // Sealed once more with its refresh token unopened, as a rotation without a new one does.
    let resealed = opened.seal(&app, &grant, &key).expect("a record is sealed again");
    let again = Record::open(&resealed, &app, &grant, &key).expect("what was sealed again opens");
    assert_eq!(revealed(&again).as_ref().map(Secret::expose), refresh_token.as_deref());

    let refused = |bytes: &[u8], app: &AppName, grant: &GrantId, key: &SealingKey| {
        Record::open(bytes, app, grant, key).expect_err("it is not what was sealed")
    };
    assert_eq!(refused(&sealed, &name("other"), &grant, &key), Unreadable::Foreign);
    assert_eq!(refused(&sealed, &app, &name(&"b".repeat(26)), &key), Unreadable::Foreign);
    assert_eq!(refused(&sealed, &app, &grant, &other_key), Unreadable::WrongKey);
    let at = number_below(bytes, sealed.len());
    refused(&sealed[..at], &app, &grant, &key);
    let mut damaged = sealed.clone();
    damaged[at] ^= 1 << number_below(bytes, 8);
    refused(&damaged, &app, &grant, &key);
}

/// The index: what is read is written and read again as the same; what is damaged is an error and never empty.
pub fn index(bytes: &[u8]) {
    let path = Path::new("/home/person/acme/index.json");
    let index = match Index::parse(path, bytes) {
        Ok(index) => index,
        Err(error) => {
            printed(&error);
            assert_eq!(error.kind(), ErrorKind::Custody);
            return assert!(matches!(error.remedy(), Some(Remedy::Upgrade | Remedy::SetAside { .. })), "{error:?}");
        }
    };
    let written = index.to_bytes().expect("an index is written");
    let again = Index::parse(path, &written).expect("what was written is read");
    assert_eq!(again.to_bytes().expect("an index is written"), written, "a fixed point");
    // What is an object to serde may be a list too, which nobody writes.
    if let Some(members) = members(bytes) {
        let there: Vec<&RawValue> = serde_json::from_str(members["contexts"].get()).expect("a list");
        assert_eq!(index.contexts.len(), there.len(), "every context that is there is read");
    }
    let cut = &written[..number_below(bytes, written.len())];
    assert!(Index::parse(path, cut).is_err(), "half an index");

    let mut config = Config::new("acme", "https://id.example.com", "acme-cli").expect("a configuration");
    config.environment = Environment::default();
    let names: BTreeSet<_> = index.contexts.iter().map(|entry| entry.name.as_str().to_ascii_lowercase()).collect();
    let selects = index.contexts.iter().take(4).map(|entry| Selector::context(entry.name.clone()));
    for select in selects.chain([Selector::default()]) {
        let found = index.resolve(&select, &config);
        // Two of one name are another hand's.
        let is_ours = names.len() == index.contexts.len();
        for bytes in [bytes, &written] {
            if let Some((skimmed, chosen)) =
                Index::parse_selected(bytes, &select, &config).ok().flatten().filter(|_| is_ours)
            {
                let (entry, by) = found.as_ref().expect("what is found by skimming is found by reading");
                let (skimmed, skimmed_by) = skimmed.find(chosen, &config).expect("what was skimmed is there");
                assert_eq!((&skimmed.grant, skimmed_by), (&entry.grant, by.clone()));
            }
        }
        if let Some(name) = &select.context {
            assert_eq!(found.expect("a name that is there").0.name, *name);
        }
    }
}

/// A trail: no bytes break its verification, and a byte that is changed in a trail of ours is found.
pub fn trail(bytes: &[u8]) {
    let (grant, key) = (name::<GrantId>(&"a".repeat(26)), key(1).mac_key(PURPOSE));
    let good = sample(&grant, &key);
    let line = |number| good.split(|byte| *byte == b'\n').nth(number).expect("a line");
    let sealed = TrailHead { seq: 2, hash: hash_of(line(1)), offset: line(0).len() as u64 + 1 };
    let witnesses = [Witness { grant, key, sealed: Some(sealed), generation: 3 }];

    let report = verify_bytes(bytes, &witnesses);
    assert!(report.findings.iter().all(|finding| is_plain(&finding.message)), "{report:?}");
    assert!(!report.is_intact() || bytes == good, "nobody has the key");

    let report = verify_bytes(&good, &witnesses);
    assert!(report.is_intact() && report.proved_until == Some(4), "{report:?}");
    let mut changed = good.clone();
    // The last line break is nobody's.
    let at = number_below(bytes, good.len() - 1);
    changed[at] ^= 1 << number_below(bytes, 8);
    assert!(!verify_bytes(&changed, &witnesses).is_intact(), "byte {at}");
    let cut = &good[..at];
    assert!(!verify_bytes(cut, &witnesses).is_intact(), "cut at {at}");
}

fn key(byte: u8) -> SealingKey {
    let filled = SealingKey::filled(|key| {
        key.fill(byte);
        Ok::<_, ()>(())
    });
    filled.expect("a key")
}

fn name<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a name")
}
