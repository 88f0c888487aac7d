//! Edited, dropped, exchanged, cut, deleted: each is found, and the verification says from where on nothing is proved.

use std::fs;

use hallpass::contexts::Logout;
use hallpass::events::{TrailFindingKind::*, TrailReport};

use super::{codes, file, lines, rechain, write};
use crate::support::rig::{Rig, S, bob, forced};

fn verify(rig: &Rig) -> TrailReport {
    rig.auth().verify_trail().wait().unwrap()
}

/// A trail of nine lines, of which alice's login proves the last.
fn nine_lines() -> Rig {
    let (rig, session) = Rig::logged_in();
    (0..5).for_each(|_| drop(forced(&session).unwrap()));
    assert_eq!(lines(&rig).len(), 10, "{:?}", codes(&rig));
    rig
}

#[test]
fn a_changed_trail_is_found_however_it_was_changed() {
    let rig = nine_lines();
    let good = lines(&rig);
    let report = verify(&rig);
    assert_eq!((report.is_intact(), report.lines, report.proved_until), (true, 10, Some(10)), "{report:?}");
    type Change = fn(&mut Vec<String>);
    let changes: [(&str, Change, &[_]); 11] = [
        ("edited", |lines| lines[5] = lines[5].replace("alice", "mallory"), &[Forged, Broken]),
        (
            "edited in a line without a grant",
            |lines| lines[1] = lines[1].replace("login_started", "login_failed"),
            &[Broken],
        ),
        ("dropped", |lines| drop(lines.remove(5)), &[Broken]),
        ("the first dropped", |lines| drop(lines.remove(0)), &[Headless]),
        ("exchanged", |lines| lines.swap(4, 5), &[Broken, Broken, Broken]),
        ("added", |lines| lines.insert(5, lines[4].clone()), &[Broken]),
        ("no line", |lines| lines[5] = "{}".into(), &[Unreadable, Broken]),
        ("the last cut", |lines| drop(lines.pop()), &[Untold]),
        ("the last half cut", |lines| lines.truncate(7), &[Missing, Untold]),
        ("all cut", Vec::clear, &[Missing, Untold]),
        (
            "without its code",
            |lines| {
                let (before, after) = lines[9].split_once(",\"mac\"").unwrap();
                lines[9] = format!("{before}{}", &after[after.find(",\"event\"").unwrap()..]);
            },
            &[Untold],
        ),
    ];
    for (case, change, expected) in changes {
        let mut changed = good.clone();
        change(&mut changed);
        write(&rig, &changed);
        let report = verify(&rig);
        let found: Vec<_> = report.findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(found, expected, "{case}: {report:?}");
        assert!(!report.is_intact(), "{case}");
    }
    fs::remove_file(file(&rig)).unwrap();
    let report = verify(&rig);
    assert_eq!(report.findings.iter().map(|one| one.kind).collect::<Vec<_>>(), [Missing, Untold], "deleted");
    write(&rig, &good);
    assert!(verify(&rig).is_intact());
}

/// Somebody who can write the file can make the chain anew, but not the codes of a grant.
#[test]
fn a_chain_that_was_made_anew_is_found() {
    let rig = nine_lines();
    let mut changed = lines(&rig);
    changed[5] = changed[5].replace("alice", "mallory");
    rechain(&mut changed);
    write(&rig, &changed);
    let report = verify(&rig);
    assert!(report.findings.iter().all(|finding| [Forged, Missing, Untold].contains(&finding.kind)), "{report:?}");
    assert!(report.findings.iter().any(|finding| (finding.seq, finding.kind) == (6, Forged)), "{report:?}");
}

#[test]
fn a_trail_of_another_machine_is_found() {
    let (rig, other) = (nine_lines(), nine_lines());
    fs::copy(file(&other), file(&rig)).unwrap();
    let report = verify(&rig);
    assert!(report.findings.iter().any(|finding| finding.kind == Missing), "{report:?}");
    assert_eq!(report.proved_until, None);
}

/// A record is the last witness: its loss is told before it is replaced.
#[test]
fn a_lost_line_is_told_before_the_record_is_replaced() {
    for deletes in [false, true] {
        let rig = nine_lines();
        match deletes {
            true => fs::remove_file(file(&rig)).unwrap(),
            false => write(&rig, &lines(&rig)[..4]),
        }
        forced(&rig.auth().session().unwrap()).unwrap();
        let report = verify(&rig);
        let said: Vec<_> = report.findings.iter().filter(|one| one.kind == Missing).map(|one| &one.message).collect();
        assert_eq!(said.len(), 1, "{report:?}");
        assert!(said[0].contains("which this login has sealed, is not in the trail"), "{report:?}");
        assert!(!report.is_intact());
    }
}

#[test]
fn a_logout_tells_of_a_lost_line_before_the_witness_is_gone() {
    let rig = nine_lines();
    write(&rig, &lines(&rig)[..4]);
    let _ = rig.auth().logout(Logout::default()).wait().unwrap();
    assert!(!verify(&rig).is_intact());
}

#[test]
fn each_login_proves_its_own_lines() {
    let rig = nine_lines();
    rig.log_in_as(&bob(), Some("bob"));
    let count = lines(&rig).len();
    let report = verify(&rig);
    assert_eq!((report.witnesses, report.proved_until), (2, Some(count as u64)), "{report:?}");
    let _ = rig.auth().logout(Logout::new(hallpass::Selector::context("bob".parse().unwrap()))).wait().unwrap();
    rig.clock.advance(S(60));
    let report = verify(&rig);
    // Behind the newest line of a login that lives, nothing is proved.
    assert!(report.is_intact() && report.proved_until == Some(10), "{report:?}");
    assert!(report.range.unwrap().1 > 10);
}
