//! Outcomes, printed: one line a case, one column a server.

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
    let mut beside: BTreeMap<&str, &str> = graceful.iter().map(|(case, cell)| (&**case, &**cell)).collect();
    let mut lines = vec![("case", "strict server", "server with a grace period")];
    lines.extend(strict.iter().map(|(case, cell)| (&**case, &**cell, beside.remove(&**case).unwrap_or("-"))));
    lines.extend(beside.into_iter().map(|(case, cell)| (case, "-", cell)));

    let width = |of: fn(&(&str, &str, &str)) -> usize| lines.iter().map(of).max().unwrap_or(0);
    let (first, second) = (width(|line| line.0.chars().count()), width(|line| line.1.chars().count()));
    let lines: Vec<String> = lines.iter().map(|(a, b, c)| format!("  {a:first$}  {b:second$}  {c}")).collect();
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
