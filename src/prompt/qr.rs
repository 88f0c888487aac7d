//! The page as a QR code, for a phone.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use url::Url;

use crate::system::environment::Screen;

/// The lines around the code that shall stay on view: the code to compare, and the line that counts down.
const AROUND: usize = 12;

/// Two rows in a line. `None` where the window cannot show it as a whole: in `full`, with the lines around it; and where it has no half
/// blocks.
pub(super) fn drawn(page: &Url, screen: Screen, full: bool) -> Option<String> {
    if !screen.is_utf8 {
        return None;
    }
    // The least correction: a screen has no dirt, and a smaller code fits more windows.
    let code = QrCode::with_error_correction_level(page.as_str(), EcLevel::L).ok()?;
    // Most terminals are dark: what is light in the code is drawn, what is dark is left.
    let drawn = code.render().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).quiet_zone(true).build();
    let (width, height) = (drawn.lines().next()?.chars().count(), drawn.lines().count());
    let around = if full { AROUND } else { 0 };
    let fits = (screen.size)().is_none_or(|(columns, rows)| width <= columns && height + around < rows);
    // Where colours may be set it is black on white whatever the terminal's are.
    let line = |line: &str| match screen.has_colour {
        true => format!("\u{1b}[38;5;231;48;5;16m{line}\u{1b}[0m\n"),
        false => format!("{line}\n"),
    };
    fits.then(|| drawn.lines().map(line).collect())
}
