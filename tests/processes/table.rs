//! Outcomes, printed: one line a case, one column a server or a pair of places.

use std::collections::BTreeMap;

use crate::needs::say;
use crate::rig::Server;

/// What became of each case, in the order of the cases.
pub(crate) type Column = Vec<(String, String)>;

/// Runs a matrix against both servers at once, and prints their columns side by side.
pub(crate) fn on_both_servers(title: &str, matrix: impl Fn(Server) -> Column + Sync) {
    let matrix = &matrix;
    let [strict, graceful] = std::thread::scope(|scope| {
        Server::BOTH.map(|server| scope.spawn(move || matrix(server))).map(|column| column.join())
    });
    let (strict, graceful) = (passed_on(strict), passed_on(graceful));
    print(title, &[("strict server", strict), ("server with a grace period", graceful)]);
}

/// Prints columns side by side, each under its head: a line for each case that any of them has.
pub(crate) fn print(title: &str, columns: &[(&str, Column)]) {
    let mut cases: Vec<&str> = Vec::new();
    for (case, _) in columns.iter().flat_map(|(_, column)| column) {
        if !cases.contains(&&**case) {
            cases.push(case);
        }
    }
    let cell = |column: &Column, case: &str| {
        column.iter().find(|(own, _)| own == case).map_or("-".to_owned(), |(_, cell)| cell.clone())
    };
    let mut lines =
        vec![[vec!["case".to_owned()], columns.iter().map(|(head, _)| (*head).to_owned()).collect()].concat()];
    for case in cases {
        lines.push([vec![case.to_owned()], columns.iter().map(|(_, column)| cell(column, case)).collect()].concat());
    }
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..=columns.len()).map(width).collect();
    let padded = |line: &Vec<String>| {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("  {}", cells.join("  ")).trim_end().to_owned()
    };
    let lines: Vec<String> = lines.iter().map(padded).collect();
    say(&format!("{title}\n{}", lines.join("\n")));
}

/// How often each outcome came, the case being how many there were.
pub(crate) fn counted(outcomes: Vec<&str>) -> Column {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    outcomes.into_iter().for_each(|outcome| *counts.entry(outcome).or_default() += 1);
    counts.into_iter().map(|(outcome, count)| (outcome.to_owned(), count.to_string())).collect()
}

/// A failed assertion of another thread is this one's.
fn passed_on<T>(joined: std::thread::Result<T>) -> T {
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
