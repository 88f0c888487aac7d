//! [`Screen`]: what standard error can show.
#![allow(clippy::disallowed_methods, reason = "whether a terminal is there, and how it is called, is surroundings")]

use std::env::var_os;
use std::io::{IsTerminal, stderr};

/// What standard error can show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// A person sees it, and a line can be written over.
    pub(crate) is_live: bool,
    /// Type may be bold.
    pub(crate) has_colour: bool,
    /// Columns and rows, now: a person may make the window larger.
    pub(crate) size: fn() -> (usize, usize),
}

impl Screen {
    /// A file, or whatever else is no terminal.
    pub(crate) const NONE: Self = Self { is_live: false, has_colour: false, size: || USUAL };

    /// Looks at standard error, `TERM`, `NO_COLOR` and `CI`.
    pub(crate) fn of_stderr() -> Self {
        let is_set = |name| var_os(name).is_some_and(|value| !value.is_empty());
        let is_live = stderr().is_terminal() && obeys() && !is_set("CI");
        // <https://no-color.org>: "when present and not an empty string (regardless of its value)".
        Self { is_live, has_colour: is_live && !is_set("NO_COLOR"), size }
    }
}

/// What is taken for the size where the terminal does not tell.
const USUAL: (usize, usize) = (80, 24);

/// Whether the terminal knows how a line is cleared.
fn obeys() -> bool {
    let named = |name| var_os(name).filter(|value| !value.is_empty());
    match named("TERM") {
        Some(term) => term != "dumb",
        // The console of older Windows shows the sequences as they are.
        None => cfg!(windows) && named("WT_SESSION").is_some(),
    }
}

fn size() -> (usize, usize) {
    #[cfg(unix)]
    if let Ok(size) = rustix::termios::tcgetwinsize(stderr()) {
        let told = |cells: u16, usual| if cells == 0 { usual } else { cells.into() };
        return (told(size.ws_col, USUAL.0), told(size.ws_row, USUAL.1));
    }
    USUAL
}
