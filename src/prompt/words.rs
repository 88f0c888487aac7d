//! Every sentence that a login says on a terminal, at any width.

use std::time::{Duration, SystemTime};

use super::{Outcome, Verification, WaitReason};
use crate::id::{host_of, is_loopback};
use crate::posture::Until;
use crate::surroundings::Screen;

/// No line of text is longer, however wide the terminal is.
const WIDEST: usize = 100;

/// Who asks, where to go, and what to compare.
pub(super) fn request(verification: &Verification, screen: Screen) -> String {
    // One string for what is shown, opened, copied and drawn, so that nothing opens that was not shown (law 12).
    let page = verification.page();
    let bold = |text: &str| match screen.has_colour {
        true => format!("\u{1b}[1m{text}\u{1b}[0m"),
        false => text.to_owned(),
    };
    let note = verification.instead_of.as_ref().map(|why| {
        let (custody, lasts) = (&verification.custody, verification.posture.lasts);
        wrapped(&format!("note: {why}; this login's key will rest in custody \"{custody}\" instead, {lasts}"), screen)
    });
    // An address that would be broken in two stands on a line of its own, from its beginning: so it can be copied and clicked.
    let breaks = screen.is_live && LABEL.len() + page.as_str().len() > screen.width();
    // RFC 8628 §3.3.1: "Clients MUST still display the "user_code", as the authorization server will require the user to
    // confirm it to disambiguate devices or as remote phishing mitigation".
    format!(
        "{note}{app} wants to log you in.\n\n  Page {gap}{page}\n  Host   {host}\n  Code   {code}\n\n{rule}",
        note = note.unwrap_or_default(),
        app = bold(verification.app.as_str()),
        gap = if breaks { "\n" } else { "  " },
        host = host_of(page),
        code = bold(&verification.user_code),
        rule = wrapped("Open the page and compare the code. Only continue if you started this.", screen),
    )
}

/// What became of the browser. Where one was not to be opened, nothing.
pub(super) fn browser(opened: Option<bool>, verification: &Verification) -> &'static str {
    match opened {
        Some(true) => "Asked your browser to open the page.\n",
        Some(false) => "No browser could be opened here: open the page yourself.\n",
        // Another device does not reach this one's own address.
        None if verification.headless && is_loopback(verification.page()) => {
            "No browser here: open the page in one on this machine.\n"
        }
        None if verification.headless => "No browser here: open the page on your phone, for example.\n",
        None => "",
    }
}

/// What can be pressed.
pub(super) fn keys(has_qr: bool) -> &'static str {
    match has_qr {
        true => "c copies the address · q draws a QR code · Ctrl-C stops\n",
        false => "c copies the address · Ctrl-C stops\n",
    }
}

/// After the key: a terminal says nothing about whether it did it.
pub(super) const COPIED: &str = "Asked the terminal to copy the address.\n";

#[cfg(feature = "qr")]
pub(super) const TOO_SMALL: &str = "The window is too small for a QR code of the address.\n";

/// What is being waited for, on one line that is written over.
pub(super) fn status(reason: WaitReason, until_next: Duration, left: Duration) -> String {
    let left = clock(left);
    match reason {
        WaitReason::Pending => format!("Waiting for your approval, {left} left"),
        WaitReason::SlowedDown => {
            format!("Waiting for your approval, {left} left; the server wants to be asked less often")
        }
        WaitReason::Unreachable => {
            format!("The server does not answer, trying again in {} s, {left} left", until_next.as_secs())
        }
    }
}

/// The same, on lines that stay.
pub(super) fn plain_status(reason: WaitReason, left: Duration) -> String {
    match reason {
        WaitReason::Pending => format!("Waiting for your approval; the code is good for {} …\n", roughly(left)),
        WaitReason::SlowedDown => "The server asked to be polled less often; still waiting …\n".into(),
        WaitReason::Unreachable => "The server does not answer; trying again …\n".into(),
    }
}

/// Who is logged in, where the key rests, and until when. A failure is told by who called.
pub(super) fn end(outcome: &Outcome<'_>, screen: Screen) -> Option<String> {
    let Outcome::LoggedIn { context, account, org, custody, posture, expires_at, renews, left_alive, .. } = outcome
    else {
        return None;
    };
    let org = org.map(|org| format!(" in {org}")).unwrap_or_default();
    let key = match posture.lasts {
        Until::Erased => format!("{custody}, until you log out"),
        lasts => format!("{custody}, {lasts}"),
    };
    let token = match (expires_at, renews) {
        (Some(end), true) => format!("until {}, renewed by itself", rfc3339(*end)),
        (Some(end), false) => format!("until {}, then log in again", rfc3339(*end)),
        (None, _) => "until the server says otherwise".to_owned(),
    };
    let server = account.issuer.host();
    let done = wrapped(&format!("Logged in as {account}{org} at {server}."), screen);
    let note = left_alive.map(|why| {
        let text = format!("note: the login before was not ended at {server} ({why}): it ends there when it expires");
        format!("\n{}", wrapped(&text, screen))
    });
    let note = note.unwrap_or_default();
    Some(format!("{done}\n  Context  {context}\n  Key in   {key}\n  Token    {token}\n{note}"))
}

/// RFC 3339, UTC, whole seconds.
pub(super) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Cut to what fits on one line of a terminal that would break it.
pub(super) fn fitted(text: &str, width: usize) -> String {
    // The last column is left free: some terminals break the line as it is reached.
    match text.chars().count() < width {
        true => text.to_owned(),
        false => text.chars().take(width.saturating_sub(2)).chain(['…']).collect(),
    }
}

const LABEL: &str = "  Page   ";

/// Text on lines that the screen holds, each ended.
fn wrapped(text: &str, screen: Screen) -> String {
    let width = if screen.is_live { screen.width().min(WIDEST) } else { usize::MAX };
    let (mut lines, mut length) = (String::new(), 0);
    for word in text.split(' ') {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > width {
            lines.push('\n');
            length = 0;
        } else if length > 0 {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += word_length;
    }
    lines.push('\n');
    lines
}

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
    use crate::posture::Posture;

    const SCREENS: [Screen; 3] = [
        Screen { is_live: true, has_colour: false, size: || Some((60, 24)) },
        Screen { is_live: true, has_colour: false, size: || Some((80, 24)) },
        Screen { is_live: true, has_colour: false, size: || Some((200, 60)) },
    ];

    fn verification(page: &str) -> Verification {
        Verification {
            app: "a-tool-with-a-name-of-thirty-two".parse().unwrap(),
            verification_uri: page.parse().unwrap(),
            verification_uri_complete: None,
            user_code: "WDJB-MJHT WDJB-MJHT WDJB-MJHT WDJB-MJHT".into(),
            expires_at: SystemTime::UNIX_EPOCH,
            interval: Duration::from_secs(5),
            browser: false,
            headless: true,
            plain: false,
            custody: "kernel".into(),
            posture: Posture::new(Until::Reboot, "programs of this user"),
            instead_of: Some("the OS's secure store cannot be used: Connection refused (os error 111)".into()),
        }
    }

    #[test]
    fn every_line_stands_at_60_columns_and_more() {
        for screen in SCREENS {
            let width = screen.width();
            let verification = verification("https://id.example.com/device");
            let said = [
                request(&verification, screen),
                browser(Some(true), &verification).into(),
                browser(Some(false), &verification).into(),
                browser(None, &verification).into(),
                keys(true).into(),
                COPIED.into(),
            ];
            for line in said.iter().flat_map(|text| text.lines()) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
            for reason in [WaitReason::Pending, WaitReason::SlowedDown, WaitReason::Unreachable] {
                let status = status(reason, Duration::from_secs(60), Duration::from_secs(36_000));
                assert!(fitted(&status, width).chars().count() < width, "a line that breaks is not written over");
            }
        }
    }

    #[test]
    fn an_address_is_never_broken_by_us_and_stands_alone_where_the_terminal_breaks_it() {
        let page = format!("https://id.example.com/device?user_code={}", "x".repeat(60));
        let shown = request(&verification(&page), SCREENS[1]);
        assert!(shown.lines().any(|line| line == page), "{shown}");
        let shown = request(&verification(&page), SCREENS[2]);
        assert!(shown.lines().any(|line| line == format!("{LABEL}{page}")), "{shown}");
    }

    #[test]
    fn what_is_no_terminal_gets_no_sequence_and_no_wrapping() {
        let shown = request(&verification("https://id.example.com/device"), Screen::NONE);
        assert!(!shown.contains('\u{1b}'), "{shown}");
        assert!(shown.lines().next().unwrap().ends_with("until the next reboot"), "{shown}");
    }

    #[test]
    fn time_is_told_as_a_clock_tells_it() {
        let told = |seconds| clock(Duration::from_secs(seconds));
        assert_eq!([told(0), told(59), told(892), told(3892)], ["0:00", "0:59", "14:52", "1:04:52"]);
    }
}
