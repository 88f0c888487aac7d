//! [`Screen`]: what standard error can show.

use std::io::{IsTerminal, stderr};

use terminal_size::{Height, Width, terminal_size_of};

use super::variable;

/// What standard error can show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// A person sees it, and a line can be written over.
    pub(crate) is_live: bool,
    /// Type may be bold.
    pub(crate) has_colour: bool,
    /// Columns and rows, now: a person may make the window larger. `None` where nobody can tell.
    pub(crate) size: fn() -> Option<(usize, usize)>,
}

impl Screen {
    /// A file, or whatever else is no terminal.
    pub(crate) const NONE: Self = Self { is_live: false, has_colour: false, size: || None };

    /// Looks at standard error, `TERM`, `NO_COLOR` and `CI`.
    pub(crate) fn of_stderr() -> Self {
        if !stderr().is_terminal() {
            return Self::NONE;
        }
        // A line that the window breaks is not written over as a whole, so that its size has to be known.
        let is_live = obeys() && variable("CI").is_none() && size().is_some();
        // <https://no-color.org>: "when present and not an empty string (regardless of its value)".
        Self { is_live, has_colour: is_live && variable("NO_COLOR").is_none(), size }
    }

    /// The same, with no line written over and none in bold.
    pub(crate) fn plain(self) -> Self {
        Self { is_live: false, has_colour: false, ..self }
    }

    /// How long a line may be that shall not be broken.
    pub(crate) fn width(self) -> usize {
        (self.size)().map_or(usize::MAX, |(columns, _)| columns)
    }
}

/// Whether the terminal knows how a line is cleared.
fn obeys() -> bool {
    match variable("TERM") {
        Some(term) => term != "dumb",
        // The console of older Windows shows the sequences as they are.
        None => cfg!(windows) && variable("WT_SESSION").is_some(),
    }
}

fn size() -> Option<(usize, usize)> {
    let (Width(columns), Height(rows)) = terminal_size_of(stderr())?;
    Some((columns.into(), rows.into()))
}
