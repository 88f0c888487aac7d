//! The page as a QR code, for a phone.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use url::Url;

use crate::system::environment::Screen;

/// How many lines around the QR code stay visible: the code to compare, and the line that counts down.
const LINES_AROUND: usize = 12;

/// Draws two rows in a line. Returns `None` if the window has no room for the whole code, or with `with_context` for the lines around it
/// too, or if the locale has no half blocks.
pub(super) fn render(page: &Url, screen: Screen, with_context: bool) -> Option<String> {
    if !screen.is_utf8 {
        return None;
    }
    // The lowest error correction: a screen has no dirt, and a smaller code fits more windows.
    let code = QrCode::with_error_correction_level(page.as_str(), EcLevel::L).ok()?;
    // Most terminals are dark, so light modules are drawn and dark ones are left empty.
    let text = code.render().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).quiet_zone(true).build();
    let (width, height) = (text.lines().next()?.chars().count(), text.lines().count());
    let around = if with_context { LINES_AROUND } else { 0 };
    let fits = (screen.size)().is_none_or(|(columns, rows)| width <= columns && height + around < rows);
    // With colours the code is black on white, whatever the terminal's colours are.
    let (colours, reset) = if screen.has_colour { ("\u{1b}[38;5;231;48;5;16m", "\u{1b}[0m") } else { ("", "") };
    fits.then(|| text.lines().map(|line| format!("{colours}{line}{reset}\n")).collect())
}
