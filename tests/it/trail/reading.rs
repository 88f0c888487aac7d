//! Events from a place on: each is read at least once.

use hallpass::events::Cursor;

use super::{file, lines, logged, write};
use crate::support::rig::{Rig, forced};

#[test]
fn events_are_read_on_from_a_cursor() {
    let (rig, session) = Rig::logged_in();
    let all = logged(&rig);
    let cursor: Cursor = all[2].cursor.to_string().parse().unwrap();
    let rest = rig.auth().events(Some(&cursor)).unwrap();
    assert_eq!(rest.iter().map(|one| one.seq).collect::<Vec<_>>(), [4]);
    let newest = all.last().unwrap().cursor.clone();
    assert!(rig.auth().events(Some(&newest)).unwrap().is_empty());
    forced(&session).unwrap();
    assert_eq!(rig.auth().events(Some(&newest)).unwrap().len(), 2, "refreshed, and served");
    assert_eq!(rest[0].line, lines(&rig)[3]);
}

#[test]
fn a_cursor_whose_line_is_gone_reads_all_again() {
    let (rig, _) = Rig::logged_in();
    let cursor = logged(&rig)[2].cursor.clone();
    let mut changed = lines(&rig);
    changed[2] = changed[2].replace("alice", "mallory");
    write(&rig, &changed);
    assert_eq!(rig.auth().events(Some(&cursor)).unwrap().len(), 4);
    std::fs::remove_file(file(&rig)).unwrap();
    assert!(rig.auth().events(Some(&cursor)).unwrap().is_empty());
}

#[test]
fn what_is_no_cursor_is_refused() {
    for bad in ["", "12", "x.abcdefgh", "12.short", "12.abcdefghi", "-1.abcdefgh"] {
        assert!(bad.parse::<Cursor>().is_err(), "{bad}");
    }
}
