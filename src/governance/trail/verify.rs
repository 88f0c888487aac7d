//! Finds what was done to a trail.

use std::collections::HashMap;

use super::append::tells_of;
use super::files::{self, FILE, TrailHead};
use super::line::{Line, hash};
use crate::custody::mac_key::MacKey;
use crate::model::error::{Error, Result};
use crate::model::event::{Event, EventCode};
use crate::model::ids::{ContextName, GrantId};
use crate::state_dir::Folder;

/// What a verification of the trail has found.
///
/// The chain alone proves little: whoever can write the file can make it anew. The keys of the logins that live prove their lines, and
/// all lines before those; each login has also sealed a line that was there. Once the last login is gone, nothing is proved.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct TrailReport {
    /// How many lines there are.
    pub lines: u64,
    /// The number of the first line and of the last; `None` if there is no line.
    pub range: Option<(u64, u64)>,
    /// The hash of the last line; `None` if there is no line.
    pub head: Option<String>,
    /// What does not fit, in the order of the lines.
    pub findings: Vec<TrailFinding>,
    /// The number of the last line that is proved, with all lines before it but those of the findings; behind it, nothing can be
    /// proved. `None` if no line is proved.
    pub proved_until: Option<u64>,
    /// How many logins were there to prove anything.
    pub witnesses: usize,
    /// The logins that proved nothing, as their keys or records could not be had, and why.
    pub silent: Vec<(ContextName, Error)>,
}

/// Something in the trail that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrailFinding {
    /// The number of the line, or of the line that should be there.
    pub seq: u64,
    /// What it is.
    pub kind: TrailFindingKind,
    /// The grant that shows it, if one does.
    pub grant: Option<GrantId>,
    /// It, as a sentence without a full stop.
    pub message: String,
}

/// What does not fit in a trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TrailFindingKind {
    /// A line is not chained to the line before it: one of the two was edited, or lines were dropped or exchanged.
    Broken,
    /// The grant's key has not made this line as it is: it was edited, or chained anew.
    Forged,
    /// It is no line of a trail.
    Unreadable,
    /// The trail does not begin at its beginning: a file of it was deleted or moved away.
    Headless,
    /// A line that a login has sealed is not there: lines were cut off, edited or chained anew, or a file was deleted.
    Missing,
    /// The line of a login's newest generation is not there.
    Untold,
    /// The trail itself says that lines are missing.
    Gap,
}

/// A login that lives, and what it proves.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) grant: GrantId,
    pub(crate) key: MacKey,
    pub(crate) sealed: Option<TrailHead>,
    pub(crate) generation: u64,
}

impl TrailReport {
    /// Returns whether nothing shows that somebody has changed the trail. Lines that a full disk has cost do not count, as the trail tells
    /// of them.
    pub fn is_intact(&self) -> bool {
        self.findings.iter().all(|finding| finding.kind == TrailFindingKind::Gap)
    }
}

impl TrailFindingKind {
    /// Returns the name in JSON output, in `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Forged => "forged",
            Self::Unreadable => "unreadable",
            Self::Headless => "headless",
            Self::Missing => "missing",
            Self::Untold => "untold",
            Self::Gap => "gap",
        }
    }
}

/// Reads the whole trail and holds it against what the witnesses know.
pub(crate) fn verify(root: &Folder, witnesses: &[Witness]) -> Result<TrailReport> {
    let mut verifier = Verifier::new(witnesses);
    for name in files::names(root)? {
        if let Some(bytes) = files::read(root, &name)? {
            verifier.file(&bytes, name == FILE);
        }
    }
    Ok(verifier.end())
}

/// Reads the lines of `bytes` as those of a trail, for fuzzing.
#[cfg(any(test, fuzzing))]
pub(crate) fn verify_bytes(bytes: &[u8], witnesses: &[Witness]) -> TrailReport {
    let mut verifier = Verifier::new(witnesses);
    verifier.file(bytes, true);
    verifier.end()
}

struct Verifier<'w> {
    report: TrailReport,
    witnesses: HashMap<&'w str, Testimony<'w>>,
    /// The lines that witnesses have sealed, by number.
    sealed: HashMap<u64, Vec<&'w Witness>>,
    last: Option<Last>,
}

/// What is known of a witness by now.
struct Testimony<'w> {
    witness: &'w Witness,
    /// Whether the line that it has sealed was found, if it has sealed one.
    is_sealed: bool,
    /// Whether the line of its newest generation was found.
    is_told: bool,
}

/// The line before.
struct Last {
    seq: u64,
    hash: String,
}

impl<'w> Verifier<'w> {
    fn new(witnesses: &'w [Witness]) -> Self {
        let mut sealed: HashMap<u64, Vec<&Witness>> = HashMap::new();
        for witness in witnesses {
            if let Some(head) = &witness.sealed {
                sealed.entry(head.seq).or_default().push(witness);
            }
        }
        let testimony = |witness: &'w Witness| Testimony { witness, is_sealed: false, is_told: false };
        Self {
            report: TrailReport { witnesses: witnesses.len(), ..TrailReport::default() },
            witnesses: witnesses.iter().map(|one| (one.grant.as_str(), testimony(one))).collect(),
            sealed,
            last: None,
        }
    }

    fn file(&mut self, bytes: &[u8], is_newest: bool) {
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if text.is_empty() {
            return;
        }
        let is_open = bytes.last() != Some(&b'\n');
        let mut lines = text.split(|byte| *byte == b'\n').peekable();
        while let Some(bytes) = lines.next() {
            let line = Line::read(bytes);
            let is_end = lines.peek().is_none();
            if is_end && is_open && is_newest && line.is_none_or(|line| line.event().is_none()) {
                // Somebody is just writing it, or was killed: the next line will tell.
                return;
            }
            self.line(bytes, line);
        }
    }

    fn line(&mut self, bytes: &[u8], line: Option<Line<'_>>) {
        self.report.lines += 1;
        let own_hash = hash(bytes);
        let Some(line) = line else {
            let seq = self.last.as_ref().map_or(1, |last| last.seq + 1);
            self.find(
                seq,
                TrailFindingKind::Unreadable,
                None,
                format!("what stands in the place of line {seq} is no line of a trail"),
            );
            let seq = seq - 1;
            self.last = Some(Last { seq, hash: own_hash });
            return;
        };
        self.link(&line);
        self.report.range = Some((self.report.range.map_or(line.seq, |(first, _)| first), line.seq));
        let is_proved = self.is_sealed(line.seq, &own_hash) | self.is_by_its_grant(&line);
        if is_proved {
            self.report.proved_until = self.report.proved_until.max(Some(line.seq));
        }
        self.last = Some(Last { seq: line.seq, hash: own_hash });
        if line.event.starts_with(br#"{"event":"trail_gap""#) {
            self.gap(&line);
        }
    }

    /// Checks that the line follows the line before it.
    fn link(&mut self, line: &Line<'_>) {
        let seq = line.seq;
        match &self.last {
            None if seq == 1 && line.prev.is_empty() => {}
            None => {
                let message = format!("the trail begins with line {seq}: what stood before was deleted or moved away");
                self.find(1, TrailFindingKind::Headless, None, message);
            }
            Some(last) if last.hash == line.prev && last.seq + 1 == seq => {}
            Some(last) => {
                let message = match last.seq + 1 == seq {
                    true => format!("line {seq} is not chained to the line before it: one of the two was edited"),
                    false => {
                        format!("line {seq} stands behind line {}: lines were dropped, exchanged or added", last.seq)
                    }
                };
                self.find(seq, TrailFindingKind::Broken, None, message);
            }
        }
    }

    /// Returns whether a witness has sealed this line.
    fn is_sealed(&mut self, seq: u64, own_hash: &str) -> bool {
        let witnesses = self.sealed.get(&seq).into_iter().flatten();
        let mut is_sealed = false;
        for witness in witnesses.filter(|witness| witness.sealed.as_ref().is_some_and(|head| head.hash == own_hash)) {
            is_sealed = true;
            if let Some(testimony) = self.witnesses.get_mut(witness.grant.as_str()) {
                testimony.is_sealed = true;
            }
        }
        is_sealed
    }

    /// Returns whether the line's grant is a witness, and has made its code.
    fn is_by_its_grant(&mut self, line: &Line<'_>) -> bool {
        let Some(testimony) = line.grant.and_then(|grant| self.witnesses.get_mut(grant)) else { return false };
        let witness = testimony.witness;
        if !line.is_by(&witness.key) {
            // What is written before the key is there has no code.
            if line.mac.is_some() {
                let message = format!("line {} is not as the key of its login has made it", line.seq);
                self.find(line.seq, TrailFindingKind::Forged, Some(witness), message);
            }
            return false;
        }
        let is_behind = witness.sealed.as_ref().is_none_or(|head| head.seq < line.seq);
        if is_behind && !testimony.is_told {
            testimony.is_told = line.event().is_some_and(|event| tells_of(&event, witness.generation));
        }
        true
    }

    /// Passes on what the trail says itself.
    fn gap(&mut self, line: &Line<'_>) {
        let Some(Event { code: EventCode::TrailGap, detail, details, .. }) = line.event() else { return };
        let detail = detail.unwrap_or_default();
        let (kind, lost) = match details.count {
            Some(lost) => (TrailFindingKind::Gap, format!(" ({lost} lost)")),
            // A login found that a line was gone which it had sealed.
            None => (TrailFindingKind::Missing, String::new()),
        };
        if kind == TrailFindingKind::Gap {
            // It explains what stands before it.
            self.report.findings.retain(|one| one.kind != TrailFindingKind::Unreadable || one.seq != line.seq);
        }
        self.find(line.seq, kind, None, format!("line {} says: {detail}{lost}", line.seq));
    }

    fn end(mut self) -> TrailReport {
        let mut untold: Vec<_> = self.witnesses.values().map(|one| (one.witness, one.is_sealed, one.is_told)).collect();
        untold.sort_by_key(|(witness, ..)| &witness.grant);
        for (witness, is_sealed, is_told) in untold {
            let Some(head) = &witness.sealed else { continue };
            if !is_sealed {
                let message = format!("line {}, which a login has sealed, is not there", head.seq);
                self.find(head.seq, TrailFindingKind::Missing, Some(witness), message);
            }
            if !is_told {
                let seq = self.report.range.map_or(1, |(_, last)| last + 1).max(head.seq + 1);
                let message = format!("no line tells of generation {} of a login", witness.generation);
                self.find(seq, TrailFindingKind::Untold, Some(witness), message);
            }
        }
        self.report.findings.sort_by_key(|finding| finding.seq);
        self.report.head = self.last.map(|last| last.hash);
        self.report
    }

    fn find(&mut self, seq: u64, kind: TrailFindingKind, witness: Option<&Witness>, message: String) {
        // A trail of nonsense must not fill the memory.
        if self.report.findings.len() < MAX_FINDINGS {
            let grant = witness.map(|witness| witness.grant.clone());
            self.report.findings.push(TrailFinding { seq, kind, grant, message });
        }
    }
}

/// More findings say no more.
const MAX_FINDINGS: usize = 1000;
