//! Every sentence of a login on a terminal, at any width.

use std::time::Duration;

use super::{Outcome, Verification, WaitReason};
use crate::model::duration::rfc3339;
use crate::model::ids::{host_of, is_loopback};
use crate::model::protection::KeptUntil;
use crate::system::environment::Screen;

/// Returns who asks, where to go, and what to compare.
pub(super) fn request(verification: &Verification, screen: Screen) -> String {
    // One string is shown, opened, copied and drawn, so that nothing opens that was not shown (law 12).
    let page = verification.page();
    let note = verification.instead_of.as_ref().map(|why| {
        let (key_store, lasts) = (&verification.key_store, verification.protection.lasts);
        format!("note: {why}; this login's key will rest in custody \"{key_store}\" instead, {lasts}\n")
    });
    let warnings: String = verification.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
    let note = warnings + note.as_deref().unwrap_or_default();
    let app = verification.app.as_str();
    // RFC 8628 §3.3.1: "Clients MUST still display the "user_code", as the authorization server will require the user to
    // confirm it to disambiguate devices or as remote phishing mitigation".
    format!(
        "{note}{asks}\n\n{page}\n{host}\n{code}\n\n{rule}\n",
        note = screen.render(&note),
        asks = screen.render(&format!("{app} wants to log you in.")).replacen(app, &bold(app, screen), 1),
        page = field(LABEL, page.as_str(), screen.plain()),
        host = field("  Host   ", &host_of(page), screen.plain()),
        code = field("  Code   ", &verification.user_code, screen),
        rule = screen.render("Open the page and compare the code. Only continue if you started this."),
    )
}

/// Formats a value behind its label. A value that the window would break stands on its own line,
/// from the first column, so that it can be copied, clicked and compared.
fn field(label: &str, value: &str, screen: Screen) -> String {
    let breaks = label.len() + value.chars().count() > screen.width();
    let value = bold(&screen.entry("", value), screen);
    if breaks { format!("{}\n{value}", label.trim_end()) } else { format!("{label}{value}") }
}

fn bold(text: &str, screen: Screen) -> String {
    if screen.has_colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Returns what happened to the browser; nothing if none was tried.
pub(super) fn browser(opened: Option<bool>, verification: &Verification) -> &'static str {
    match opened {
        Some(true) => "Asked your browser to open the page.\n",
        Some(false) => "No browser could be opened here: open the page yourself.\n",
        // Another device cannot reach a loopback address of this machine.
        None if verification.headless && is_loopback(verification.page()) => {
            "No browser here: open the page in one on this machine.\n"
        }
        None if verification.headless => "No browser here: open the page on your phone, for example.\n",
        None => "",
    }
}

/// Returns which keys can be pressed.
pub(super) fn keys(screen: Screen) -> String {
    let qr = (cfg!(feature = "qr") && screen.is_utf8).then_some("q draws a QR code");
    let keys: Vec<_> = [Some("c copies the address"), qr, Some("Ctrl-C stops")].into_iter().flatten().collect();
    let line = keys.join(" · ");
    if line.chars().count() <= screen.width() { line + "\n" } else { keys.join("\n") + "\n" }
}

/// Shown after the key is pressed: a terminal does not say whether it has copied.
pub(super) const COPIED: &str = "Asked the terminal to copy the address.\n";

/// Returns why no QR code is drawn.
#[cfg(feature = "qr")]
pub(super) fn no_qr(screen: Screen) -> &'static str {
    match screen.is_utf8 {
        true => "The window is too small for a QR code of the address.\n",
        false => "No QR code of the address can be drawn: the locale is not UTF-8.\n",
    }
}

/// Returns why the login waits, for the line that is overwritten: the longest text that fits. The remaining time is left out last.
pub(super) fn status(reason: WaitReason, until_next: Duration, left: Duration, width: usize) -> String {
    let (left, next) = (clock(left), until_next.as_secs());
    let waiting = format!("Waiting for your approval, {left} left");
    let (texts, short) = match reason {
        WaitReason::Pending => (vec![waiting], "Waiting"),
        WaitReason::SlowedDown => {
            (vec![format!("{waiting}; the server wants to be asked less often"), waiting], "Waiting")
        }
        WaitReason::Unreachable => {
            let long = format!("The server does not answer, trying again in {next} s, {left} left");
            (vec![long, format!("No answer, again in {next} s, {left} left")], "No answer")
        }
    };
    let shorter = [format!("{short}, {left} left"), format!("{left} left"), left];
    // The last column stays free: some terminals break the line when it is used.
    texts.into_iter().chain(shorter).find(|text| text.len() < width).unwrap_or_default()
}

/// Returns why the login waits, for a line that stays.
pub(super) fn plain_status(reason: WaitReason, left: Duration) -> String {
    match reason {
        WaitReason::Pending => format!("Waiting for your approval; the code is good for {} …\n", roughly(left)),
        WaitReason::SlowedDown => "The server asked to be polled less often; still waiting …\n".into(),
        WaitReason::Unreachable => "The server does not answer; trying again …\n".into(),
    }
}

/// Returns who is logged in, where the key is, and until when. The caller reports a failure.
pub(super) fn end(outcome: &Outcome<'_>, screen: Screen) -> Option<String> {
    let Outcome::LoggedIn { context, account, org, key_store, protection, expires_at, renews, left_alive, .. } =
        outcome
    else {
        return adopted(outcome, screen);
    };
    let org = org.map(|org| format!(" in {org}")).unwrap_or_default();
    let key = match protection.lasts {
        KeptUntil::Erased => format!("{key_store}, until you log out"),
        lasts => format!("{key_store}, {lasts}"),
    };
    let token = match (expires_at, renews) {
        (Some(end), true) => format!("until {}, renewed by itself", rfc3339(*end)),
        (Some(end), false) => format!("until {}, then log in again", rfc3339(*end)),
        (None, _) => "until the server says otherwise".to_owned(),
    };
    let server = account.issuer.host();
    let note = left_alive.map(|why| {
        format!("\nnote: the login before was not ended at {server} ({why}): it ends there when it expires\n")
    });
    Some(format!(
        "{done}\n\n{context}\n{key}\n{token}\n{note}",
        done = screen.render(&format!("Logged in as {account}{org} at {server}.")),
        context = screen.entry("  Context  ", context.as_str()),
        key = screen.entry("  Key in   ", &key),
        token = screen.entry("  Token    ", &token),
        note = screen.render(&note.unwrap_or_default()),
    ))
}

/// Returns whose login was taken over, and from where.
fn adopted(outcome: &Outcome<'_>, screen: Screen) -> Option<String> {
    let Outcome::Adopted { context, account, org, from, warnings, .. } = outcome else { return None };
    let org = org.map(|org| format!(" in {org}")).unwrap_or_default();
    let from = from.map(|path| format!(", from {}", path.display())).unwrap_or_default();
    let server = account.issuer.host();
    let done = format!("Took over the login of {account}{org} at {server} as {context}{from}.\n");
    let notes: String = warnings.iter().map(|warning| format!("note: {warning}\n")).collect();
    Some(screen.render(&(done + &notes)))
}

const LABEL: &str = "  Page   ";

/// `14:52`, or `1:04:52`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

fn roughly(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key_store_name::KeyStoreName;
    use crate::model::protection::Protection;

    const SCREENS: [Screen; 4] = [
        Screen { is_live: true, size: || Some((80, 24)), ..Screen::NONE },
        Screen { is_live: true, size: || Some((200, 60)), ..Screen::NONE },
        Screen { is_live: true, size: || Some((32, 24)), ..Screen::NONE },
        Screen { is_live: false, size: || Some((40, 24)), ..Screen::NONE },
    ];

    fn verification(page: &str) -> Verification {
        Verification {
            app: "a-tool-with-a-name-of-thirty-two".parse().unwrap(),
            verification_uri: page.parse().unwrap(),
            verification_uri_complete: None,
            user_code: "WDJB-MJHT WDJB-MJHT WDJB-MJHT WDJB-MJHT".into(),
            expires_at: std::time::SystemTime::UNIX_EPOCH,
            interval: Duration::from_secs(5),
            browser: false,
            headless: true,
            plain: false,
            key_store: KeyStoreName::Kernel,
            protection: Protection::new(KeptUntil::Reboot, "programs of this user"),
            instead_of: Some("the OS's secure store cannot be used: Connection refused (os error 111)".into()),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn every_line_fits_a_window_of_32_columns_and_more() {
        for screen in SCREENS {
            let width = screen.width();
            let verification = verification("https://id.example.com/device");
            let said = [
                request(&verification, screen),
                screen.render(browser(Some(true), &verification)),
                screen.render(browser(Some(false), &verification)),
                screen.render(browser(None, &verification)),
                screen.render(&keys(screen)),
                screen.render(COPIED),
            ];
            for line in said.iter().flat_map(|text| text.lines()) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn the_line_that_counts_down_keeps_its_number() {
        for reason in [WaitReason::Pending, WaitReason::SlowedDown, WaitReason::Unreachable] {
            for width in 10..200 {
                let status = status(reason, Duration::from_secs(60), Duration::from_secs(596), width);
                assert!(status.len() < width, "a line that breaks is not written over");
                assert!(status.contains("9:56 left"), "{width}: {status}");
            }
        }
        let status_at = |reason, width| status(reason, Duration::ZERO, Duration::from_secs(596), width);
        let pending = [80, 30, 18, 9, 3].map(|width| status_at(WaitReason::Pending, width));
        let long = "Waiting for your approval, 9:56 left";
        assert_eq!(pending, [long, "Waiting, 9:56 left", "9:56 left", "9:56", ""]);
        assert_eq!(status_at(WaitReason::Unreachable, 30), "No answer, 9:56 left");
    }

    #[test]
    fn an_address_too_long_for_its_line_stands_alone() {
        let page = format!("https://id.example.com/device?user_code={}", "x".repeat(60));
        let shown = request(&verification(&page), SCREENS[0]);
        assert!(shown.lines().any(|line| line == page), "{shown}");
        let shown = request(&verification(&page), SCREENS[1]);
        assert!(shown.lines().any(|line| line == format!("{LABEL}{page}")), "{shown}");
    }

    #[test]
    fn remaining_time_reads_like_a_clock() {
        let times = [0, 59, 892, 3892].map(|seconds| clock(Duration::from_secs(seconds)));
        assert_eq!(times, ["0:00", "0:59", "14:52", "1:04:52"]);
    }
}
