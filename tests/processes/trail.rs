//! The trail under processes that write at once, are killed, and meet a full disk: no line is lost without a word, and none is told twice.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::needs::Need::Keyring;
use crate::rig::{OWN, Rig, Server, alone, among_others};
use crate::volume::{self, Volume};

#[test]
fn many_writers_at_once_keep_one_chain() {
    const WRITERS: usize = 128;
    let Some(_cores) = alone(&[Keyring]) else { return };
    let rig = Rig::logged_in(Server::Strict);
    // Each is another actor, so that each has a line of its own.
    let acmes: Vec<_> = (0..WRITERS).map(|number| rig.acme().with("ACME_ACTOR", &format!("agent:a{number}"))).collect();
    let running: Vec<_> = acmes.iter().map(|acme| acme.start(&["auth", "token"])).collect();
    running.into_iter().for_each(|one| drop(one.finish().exits(0)));
    let events = events(&rig);
    let exported = events.iter().filter(|line| line["event"]["event"] == "exported").count();
    assert_eq!(exported, WRITERS);
    let numbers: Vec<_> = events.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    verified(&rig);
}

/// A process that is killed between the exchange and its event, or in the middle of a line: the next run tells.
#[test]
fn the_line_of_a_killed_refresh_is_written_by_the_next_run() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    let rig = Rig::logged_in(Server::Graceful);
    for step in ["committed:1", "line begun:1", "line half written:1", "line written:1"] {
        rig.expire(&rig.acme());
        let dies = rig.acme().with("HALLPASS_FAILPOINT", &format!("KILL:{step}"));
        assert_eq!(dies.run(&["auth", "token"]).code, None, "{step}");
        rig.acme().run(&["auth", "token"]).exits(0);
        let mut told: BTreeMap<u64, usize> = BTreeMap::new();
        for line in events(&rig).iter().filter(|line| ["grant_created", "refreshed"].contains(&name(line))) {
            *told.entry(line["event"]["details"]["generation"].as_u64().unwrap()).or_default() += 1;
        }
        let newest = *told.keys().max().unwrap();
        assert_eq!(told, (1..=newest).map(|generation| (generation, 1)).collect(), "{step}");
        verified(&rig);
    }
}

/// No login breaks where the disk is full, and the trail tells of the lines that it has lost.
#[test]
fn a_full_disk_costs_lines_and_says_how_many() {
    const EXPORTS: u64 = 12;
    if volume::left_out(Volume::in_memory) {
        return;
    }
    let Some(_cores) = among_others(&[Keyring]) else { return };
    let mut rig = Rig::new(Server::Strict);
    let folder = rig.machine.scratch().join("volume");
    let volume = Volume::in_memory(&folder).unwrap();
    rig.home = folder.join("acme");
    rig.log_in(OWN);
    volume.fill();
    // Each wants a line of its own, and gets its token all the same. Some lines find room in the last block of the file.
    for number in 0..EXPORTS {
        rig.acme().with("ACME_ACTOR", &format!("agent:a{number}")).run(&["auth", "token"]).exits(0);
    }
    volume.empty();
    rig.acme().with("ACME_ACTOR", "agent:later").run(&["auth", "token"]).exits(0);
    let events = events(&rig);
    let written = events.iter().filter(|line| name(line) == "exported").count();
    let gaps = events.iter().filter(|line| name(line) == "trail_gap");
    let lost: u64 = gaps.filter_map(|gap| gap["event"]["details"]["count"].as_u64()).sum();
    assert!(lost > 0, "the disk was not full: {events:?}");
    assert_eq!(written as u64 + lost, EXPORTS + 1);
    verified(&rig);
    drop(volume);
}

fn events(rig: &Rig) -> Vec<Value> {
    rig.acme().run(&["auth", "admin", "events", "--json"]).exits(0).json()
}

fn name(line: &Value) -> &str {
    line["event"]["event"].as_str().unwrap()
}

#[track_caller]
fn verified(rig: &Rig) {
    rig.acme().run(&["auth", "admin", "events", "--verify"]).exits(0);
}
