//! What a verification of the trail has found, in words and JSON.

use serde_json::{Value, json};

use crate::events::TrailReport;

/// Returns whether a trail with this report can be believed: nothing shows tampering, and something is proved if there is anything.
pub(super) fn is_believed(report: &TrailReport) -> bool {
    report.is_intact() && (report.lines == 0 || report.proved_until.is_some())
}

pub(super) fn to_json(report: &TrailReport) -> Value {
    let finding = |finding: &crate::events::TrailFinding| {
        json!({
            "line": finding.seq,
            "finding": finding.kind.name(),
            "grant": finding.grant,
            "text": finding.message,
        })
    };
    json!({
        "intact": report.is_intact(),
        "lines": report.lines,
        "first_line": report.range.map(|(first, _)| first),
        "last_line": report.range.map(|(_, last)| last),
        "head": report.head,
        "proved_until": report.proved_until,
        "witnesses": report.witnesses,
        "silent": report.silent.iter().map(|(name, why)| json!({ "context": name, "why": why.to_string() })).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

pub(super) fn to_lines(report: &TrailReport) -> String {
    let findings = report.findings.iter().map(|finding| format!("{}: {}", finding.kind.name(), finding.message));
    let silent = report.silent.iter().map(|(name, why)| format!("{name} proves nothing: {why}"));
    let behind = |last: u64| format!("Behind it, until line {last}, nothing can be proved.");
    let proved = match (report.range, report.proved_until) {
        (None, _) => "There is no event yet.".to_owned(),
        (Some((_, last)), None) => {
            format!("Nothing can be proved of the {last} lines: no login is left that has sealed one.")
        }
        (Some((_, last)), Some(until)) => {
            let but = if report.is_intact() { "Proved" } else { "But for these, the lines are proved" };
            let rest = if until == last { String::new() } else { format!(" {}", behind(last)) };
            format!("{but} until line {until}{}.{rest}", if until == last { ", the last one" } else { "" })
        }
    };
    let intact = match report.is_intact() {
        true => "Nothing shows that somebody has changed the trail.",
        false => "The trail is not as it was written.",
    };
    findings.chain(silent).chain([proved, intact.to_owned()]).collect::<Vec<_>>().join("\n")
}
