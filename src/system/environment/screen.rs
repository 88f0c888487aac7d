//! [`Screen`]: what standard output and standard error can show.

use std::ffi::OsString;
use std::io::{IsTerminal, stderr, stdout};

use super::variable;
use crate::model::sanitize::{ascii, printable};
use crate::model::wrap;

/// What standard output or standard error can show. Formats text for it: without what a terminal obeys, in ASCII if the locale is not
/// UTF-8, and on a terminal broken between words at the width of the window. A host can use it for its own messages.
///
/// ```
/// let line = hallpass::prompt::Screen::stderr().render("error: nobody is logged in\nhint: run `acme auth login`");
/// eprintln!("{line}");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// Whether a person sees it, and a line can be overwritten.
    pub(crate) is_live: bool,
    /// Whether text may be bold.
    pub(crate) has_colour: bool,
    /// Whether more than ASCII can be shown.
    pub(crate) is_utf8: bool,
    /// Returns columns and rows at this moment, as a person may resize the window. `None` if there is no window, or its size is unknown.
    pub(crate) size: fn() -> Option<(usize, usize)>,
    /// `COLUMNS`, for a terminal whose size is unknown, such as a serial line.
    pub(crate) columns: Option<usize>,
}

impl Screen {
    /// A file, or anything else that is no terminal.
    pub(crate) const NONE: Self =
        Self { is_live: false, has_colour: false, is_utf8: true, size: || None, columns: None };

    /// Describes standard error. Reads the locale, `TERM`, `NO_COLOR` and `CI`.
    pub fn stderr() -> Self {
        if !stderr().is_terminal() {
            return Self::elsewhere();
        }
        // The size must be known: a line that the window breaks cannot be overwritten as a whole.
        let is_live = can_clear_lines() && variable("CI").is_none() && stderr_size().is_some();
        // <https://no-color.org>: "when present and not an empty string (regardless of its value)".
        let has_colour = is_live && variable("NO_COLOR").is_none();
        Self { is_live, has_colour, is_utf8: is_utf8(&variable), size: stderr_size, columns: columns() }
    }

    /// Describes standard output. Reads the locale. If it is no terminal, a program reads data: lines are not broken, and any letters are
    /// written.
    pub fn stdout() -> Self {
        match stdout().is_terminal() {
            true => Self { is_utf8: is_utf8(&variable), size: stdout_size, columns: columns(), ..Self::NONE },
            false => Self::NONE,
        }
    }

    /// Describes another output, which a person may read later.
    pub(crate) fn elsewhere() -> Self {
        Self { is_utf8: is_utf8(&variable), ..Self::NONE }
    }

    /// Returns the same screen, on which no line is overwritten and nothing is bold.
    pub(crate) fn plain(self) -> Self {
        Self { is_live: false, has_colour: false, ..self }
    }

    /// Returns how many columns a line may have: `usize::MAX` without a window. `COLUMNS` counts if a terminal does not say its size, as in
    /// clap's help, but never without a terminal: a shell may have exported it to a script.
    pub fn width(self) -> usize {
        (self.size)().map(|(columns, _)| columns).or(self.columns).unwrap_or(usize::MAX)
    }

    /// Formats the text for this screen. A line that the window would break is broken between words, and what follows is indented. A
    /// command between backquotes is not broken.
    pub fn render(self, text: &str) -> String {
        wrap::wrap(&self.encode(text), self.width())
    }

    /// Formats a text behind its head, such as a name in a column; in a narrow window, below its head.
    pub fn entry(self, head: &str, text: &str) -> String {
        wrap::entry(&self.encode(head), &self.encode(text), self.width())
    }

    /// Converts the text to letters that can be shown. Without UTF-8, more than ASCII is dangerous: the bytes of Û contain 0x9B, which
    /// such a terminal can take for the start of a control sequence.
    fn encode(self, text: &str) -> String {
        let text = printable(text);
        if self.is_utf8 { text } else { ascii(&text) }
    }
}

/// Returns whether the terminal can clear a line.
fn can_clear_lines() -> bool {
    match variable("TERM") {
        Some(term) => term != "dumb",
        // The console of older Windows versions shows control sequences as text.
        None => cfg!(windows) && variable("WT_SESSION").is_some(),
    }
}

/// Returns whether the locale is UTF-8, by the variables that setlocale(3) reads, in its order: "LC_ALL", the category's own, "LANG".
/// Windows does not use them, and its console shows any letter.
fn is_utf8(get: &dyn Fn(&str) -> Option<OsString>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(get).unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    // `de_DE.UTF-8@euro`, or on macOS just `UTF-8`.
    let encoding = locale.split('@').next().and_then(|locale| locale.rsplit('.').next());
    cfg!(windows) || matches!(encoding, Some("utf-8" | "utf8"))
}

fn columns() -> Option<usize> {
    variable("COLUMNS")?.to_str()?.parse().ok().filter(|columns| *columns > 0)
}

fn stderr_size() -> Option<(usize, usize)> {
    window_size(stderr())
}

fn stdout_size() -> Option<(usize, usize)> {
    window_size(stdout())
}

/// Returns columns and rows. A terminal that does not know its size says 0.
#[cfg(unix)]
fn window_size(terminal: impl std::os::fd::AsFd) -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    let is_known = size.ws_col > 0 && size.ws_row > 0;
    is_known.then_some((size.ws_col.into(), size.ws_row.into()))
}

#[cfg(windows)]
fn window_size(terminal: impl std::os::windows::io::AsHandle) -> Option<(usize, usize)> {
    let (columns, rows) = terminal_size::terminal_size_of(terminal)?;
    Some((columns.0.into(), rows.0.into()))
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
        assert_eq!(screen.render("Zoë … “x” · \u{1b}[2J\u{9b}1m Û\n–"), "Zo? ... \"x\" - [2J1m ?\n-");
        assert_eq!(Screen::NONE.render("Zoë … ·"), "Zoë … ·");
    }
}
