//! [`Screen`]: what standard output and standard error can show.

use std::ffi::OsString;
use std::io::{IsTerminal, stderr, stdout};

use terminal_size::{Height, Width, terminal_size_of};

use super::variable;
use crate::model::sanitize::{ascii, printable};
use crate::model::wrap;

/// What standard output or standard error can show, and text as it is shown there: without what a terminal obeys, in ASCII where the
/// locale is not UTF-8, and on a terminal broken between words where the window ends. For a host's own messages beside those of this
/// crate.
///
/// ```
/// let line = hallpass::prompt::Screen::stderr().shown("error: nobody is logged in\nhint: run `acme auth login`");
/// eprintln!("{line}");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// A person sees it, and a line can be written over.
    pub(crate) is_live: bool,
    /// Type may be bold.
    pub(crate) has_colour: bool,
    /// More than ASCII is shown as what it is.
    pub(crate) is_utf8: bool,
    /// Columns and rows, now: a person may make the window larger. `None` where there is no window, or it does not say.
    pub(crate) size: fn() -> Option<(usize, usize)>,
    /// Columns of a terminal that does not say, such as a serial line.
    pub(crate) columns: Option<usize>,
}

impl Screen {
    /// A file, or whatever else is no terminal.
    pub(crate) const NONE: Self =
        Self { is_live: false, has_colour: false, is_utf8: true, size: || None, columns: None };

    /// Looks at standard error, the locale, `TERM`, `NO_COLOR` and `CI`.
    pub fn stderr() -> Self {
        if !stderr().is_terminal() {
            return Self::elsewhere();
        }
        let size = || terminal_size_of(stderr()).map(in_cells);
        // A line that the window breaks is not written over as a whole, so that its size has to be known.
        let is_live = obeys() && variable("CI").is_none() && size().is_some();
        // <https://no-color.org>: "when present and not an empty string (regardless of its value)".
        let has_colour = is_live && variable("NO_COLOR").is_none();
        Self { is_live, has_colour, is_utf8: is_utf8(&variable), size, columns: columns() }
    }

    /// Looks at standard output and the locale. What is no terminal is a program that reads data: its lines stay whole, in any letters.
    pub fn stdout() -> Self {
        match stdout().is_terminal() {
            true => {
                let size = || terminal_size_of(stdout()).map(in_cells);
                Self { is_utf8: is_utf8(&variable), size, columns: columns(), ..Self::NONE }
            }
            false => Self::NONE,
        }
    }

    /// Somewhere else that a person may read later.
    pub(crate) fn elsewhere() -> Self {
        Self { is_utf8: is_utf8(&variable), ..Self::NONE }
    }

    /// The same, with no line written over and none in bold.
    pub(crate) fn plain(self) -> Self {
        Self { is_live: false, has_colour: false, ..self }
    }

    /// Returns how many columns a line may have: `usize::MAX` without a window. `COLUMNS` counts where a terminal does not say, as in clap's
    /// help, and never without a terminal: a shell may have handed it to a script.
    pub fn width(self) -> usize {
        (self.size)().map(|(columns, _)| columns).or(self.columns).unwrap_or(usize::MAX)
    }

    /// Returns the text as it is shown here. Its lines stay lines; one that the window would break is broken between words, and what follows is
    /// indented. A command between backquotes is not broken.
    pub fn shown(self, text: &str) -> String {
        wrap::wrap(&self.spelled(text), self.width())
    }

    /// Returns a text behind its head, such as a name in a column; in a narrow window, below its head.
    pub fn entry(self, head: &str, text: &str) -> String {
        wrap::entry(&self.spelled(head), &self.spelled(text), self.width())
    }

    /// In the letters that are shown here. Without UTF-8, more than ASCII would be more than wrong letters: the bytes of Û hold 0x9B,
    /// which such a terminal can take for the start of a control sequence.
    fn spelled(self, text: &str) -> String {
        let text = printable(text);
        if self.is_utf8 { text } else { ascii(&text) }
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

/// Whether the locale's letters are UTF-8, by the variables that setlocale(3) reads, in its order: "LC_ALL", the category's own, "LANG".
/// Windows has none of them, and a console that takes any letter.
fn is_utf8(get: &dyn Fn(&str) -> Option<OsString>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(get).unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    // `de_DE.UTF-8@euro`, or on macOS just `UTF-8`.
    let letters = locale.split('@').next().and_then(|locale| locale.rsplit('.').next());
    cfg!(windows) || matches!(letters, Some("utf-8" | "utf8"))
}

fn columns() -> Option<usize> {
    variable("COLUMNS")?.to_str()?.parse().ok().filter(|columns| *columns > 0)
}

fn in_cells((Width(columns), Height(rows)): (Width, Height)) -> (usize, usize) {
    (columns.into(), rows.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn the_locale_says_whether_letters_are_utf_8() {
        for (variables, expected) in [
            (&[][..], false),
            (&[("LANG", "C")], false),
            (&[("LANG", "POSIX")], false),
            (&[("LANG", "en_US")], false),
            (&[("LANG", "de_DE.ISO-8859-1")], false),
            (&[("LANG", "C.UTF-8")], true),
            (&[("LANG", "de_DE.utf8@euro")], true),
            (&[("LC_CTYPE", "UTF-8")], true),
            (&[("LC_ALL", "C"), ("LC_CTYPE", "C.UTF-8"), ("LANG", "C.UTF-8")], false),
            (&[("LC_CTYPE", "en_GB.UTF-8"), ("LANG", "C")], true),
            (&[("LANG", "C.UTF-8.C")], false),
        ] {
            let get = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.into());
            assert_eq!(is_utf8(&get), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_screen_without_utf_8_gets_ascii() {
        let screen = Screen { is_utf8: false, ..Screen::NONE };
        assert_eq!(screen.shown("Zoë … “x” · \u{1b}[2J\u{9b}1m Û\n–"), "Zo? ... \"x\" - [2J1m ?\n-");
        assert_eq!(Screen::NONE.shown("Zoë … ·"), "Zoë … ·");
    }
}
