//! A line that was not written whole, a folder that takes none, a clock that jumps: no login breaks, and the trail tells.

use std::fs;
use std::io::Write as _;

use hallpass::events::EventCode::*;
use hallpass::events::TrailFindingKind;

use super::{codes, events, file, lines, logged, rechain, write};
use crate::support::rig::{Rig, S, forced};

#[test]
fn half_a_line_is_told_and_the_chain_goes_on() {
    for half in ["{\"seq\":99,\"prev\"", "\u{0}\u{0}", "\"", "\n\n"] {
        let (rig, session) = Rig::logged_in();
        fs::OpenOptions::new().append(true).open(file(&rig)).unwrap().write_all(half.as_bytes()).unwrap();
        forced(&session).unwrap();
        assert!(codes(&rig).ends_with(&[TrailGap, Refreshed, TokenServed]), "{half:?}: {:?}", codes(&rig));
        let report = rig.auth().verify_trail().wait().unwrap();
        assert!(report.findings.iter().any(|one| one.kind == TrailFindingKind::Gap), "{half:?}: {report:?}");
    }
}

#[test]
fn a_line_without_its_line_break_counts() {
    let (rig, session) = Rig::logged_in();
    let text = fs::read_to_string(file(&rig)).unwrap();
    fs::write(file(&rig), text.trim_end()).unwrap();
    assert!(rig.auth().verify_trail().wait().unwrap().is_intact());
    forced(&session).unwrap();
    assert!(!codes(&rig).contains(&TrailGap), "{:?}", codes(&rig));
    assert!(rig.auth().verify_trail().wait().unwrap().is_intact());
}

/// As a full disk, or a file of another user: no login breaks, and what could not be written is counted.
#[test]
fn a_trail_that_cannot_be_written_breaks_no_login() {
    let (rig, session) = Rig::logged_in();
    let kept = lines(&rig);
    fs::remove_file(file(&rig)).unwrap();
    fs::create_dir(file(&rig)).unwrap();
    forced(&session).unwrap();
    let exported = session.export(hallpass::TokenRequest::new(), hallpass::events::ExportTo::StandardOutput).wait();
    exported.unwrap();
    fs::remove_dir(file(&rig)).unwrap();
    write(&rig, &kept);
    forced(&session).unwrap();
    let gaps: Vec<_> = events(&rig).into_iter().filter(|event| event.code == TrailGap).collect();
    let lost: u64 = gaps.iter().filter_map(|gap| gap.details.count).sum();
    assert!(lost >= 2, "{gaps:?}");
    // An export whose line was lost is told of by the next one, however soon that is.
    assert!(!codes(&rig).contains(&Exported));
    session.export(hallpass::TokenRequest::new(), hallpass::events::ExportTo::StandardOutput).wait().unwrap();
    assert_eq!(codes(&rig).last(), Some(&Exported));
}

#[test]
#[cfg(unix)]
fn the_trail_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let (rig, _) = Rig::logged_in();
    assert_eq!(fs::metadata(file(&rig)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_clock_a_year_ahead_and_back_keeps_the_chain() {
    let (rig, session) = Rig::logged_in();
    rig.clock.advance(S(365 * 86_400));
    forced(&session).unwrap();
    rig.clock.set(rig.now() - S(365 * 86_400));
    forced(&session).unwrap();
    let report = rig.auth().verify_trail().wait().unwrap();
    assert!(report.is_intact() && report.proved_until == report.range.map(|(_, last)| last), "{report:?}");
}

#[test]
fn a_full_file_is_closed_and_the_chain_goes_on() {
    let (rig, session) = Rig::logged_in();
    let mut full = lines(&rig);
    let (start, end) = full[1].split_once(",").unwrap();
    assert_eq!(start, "{\"seq\":2");
    let end = end.to_owned();
    full.extend((5..).map(|seq| format!("{{\"seq\":{seq},{end}")).take((16 << 20) / end.len() + 1));
    rechain(&mut full);
    write(&rig, &full);
    // A file of that number is not written over.
    let taken = rig.home().join("trail-000000000001.jsonl");
    fs::write(&taken, "").unwrap();
    forced(&session).unwrap();
    assert_eq!(fs::read_to_string(&taken).unwrap(), "");
    assert_eq!(lines(&rig).len(), 3, "rotated, refreshed, served");
    let older = rig.home().join("trail-000000000002.jsonl");
    assert_eq!(fs::read_to_string(&older).unwrap().lines().count(), full.len());
    forced(&session).unwrap();
    let report = rig.auth().verify_trail().wait().unwrap();
    assert!(report.is_intact() && report.findings.is_empty(), "{report:?}");
    assert_eq!((report.lines, codes(&rig)[full.len()]), (full.len() as u64 + 4, TrailRotated));
    // A cursor reads on over the end of a file.
    let cursor = logged(&rig)[full.len() - 2].cursor.clone();
    assert_eq!(rig.auth().events(Some(&cursor)).unwrap().len(), 5);
    fs::remove_file(&older).unwrap();
    let report = rig.auth().verify_trail().wait().unwrap();
    assert_eq!(
        report.findings.iter().map(|one| one.kind).collect::<Vec<_>>(),
        [TrailFindingKind::Headless],
        "{report:?}"
    );
}
