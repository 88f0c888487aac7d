//! Each code's class, activity, severity, action and disposition.

use crate::model::event::EventCode;

/// The classes.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Class {
    Authentication = 3002,
    EntityManagement = 3004,
    DetectionFinding = 2004,
}

/// What the schema says of a code.
pub(super) struct Row {
    pub(super) class: Class,
    pub(super) activity: u32,
    pub(super) severity: u32,
    pub(super) control: Control,
}

/// `action_id` and `disposition_id`, if the profile `security_control` has a word for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Control {
    pub(super) action: Option<u32>,
    pub(super) disposition: Option<u32>,
}

/// The one table: each code's class, activity, severity, action and disposition.
pub(super) fn row(code: EventCode) -> Row {
    use Class::{Authentication, DetectionFinding, EntityManagement};
    const NONE: Control = Control { action: None, disposition: None };
    const ALLOWED: Control = Control { action: Some(1), disposition: Some(1) };
    const DELETED: Control = Control { action: Some(1), disposition: Some(5) };
    const REVOKED: Control = Control { action: Some(1), disposition: Some(24) };
    /// A finding is seen, neither allowed nor refused.
    const DETECTED: Control = Control { action: None, disposition: Some(15) };
    let (class, activity, severity, control) = match code {
        EventCode::LoginStarted => (Authentication, 6, 1, ALLOWED),
        EventCode::LoginSucceeded => (Authentication, 1, 1, ALLOWED),
        EventCode::LoginFailed => (Authentication, 1, 2, NONE),
        EventCode::LoginCancelled => (Authentication, 1, 1, NONE),
        EventCode::OrgSwitched => (Authentication, 7, 1, ALLOWED),
        EventCode::Refreshed => (Authentication, 5, 1, ALLOWED),
        EventCode::RefreshFailed => (Authentication, 5, 2, NONE),
        EventCode::RotationInterrupted => (Authentication, 5, 3, NONE),
        EventCode::LoggedOut => (Authentication, 2, 1, REVOKED),
        EventCode::Expired => (Authentication, 2, 1, NONE),
        EventCode::GrantCreated => (EntityManagement, 1, 1, ALLOWED),
        EventCode::OwnerChanged => (EntityManagement, 3, 1, ALLOWED),
        EventCode::TokenServed => (EntityManagement, 2, 1, ALLOWED),
        EventCode::Exported => (EntityManagement, 2, 2, ALLOWED),
        EventCode::Moved => (EntityManagement, 5, 1, ALLOWED),
        EventCode::Imported => (EntityManagement, 6, 2, ALLOWED),
        EventCode::Scrubbed => (EntityManagement, 4, 2, DELETED),
        EventCode::Revoked => (EntityManagement, 4, 1, REVOKED),
        EventCode::RevocationFailed | EventCode::RevocationUnsupported => (EntityManagement, 4, 3, NONE),
        EventCode::TrailStarted => (EntityManagement, 1, 1, NONE),
        EventCode::TrailRotated => (EntityManagement, 3, 1, NONE),
        EventCode::TrailGap => (EntityManagement, 9, 4, NONE),
        EventCode::ReuseDetected => (DetectionFinding, 1, 4, DETECTED),
        EventCode::Anomaly => (DetectionFinding, 1, 3, DETECTED),
    };
    Row { class, activity, severity, control }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::EventOutcome;

    /// Written out again, by name and as the numbers that arrive, so that an edit of the table shows.
    #[test]
    fn each_code_has_the_numbers_of_the_table() {
        use EventOutcome::{Cancelled, Failure, Interrupted, Success};
        let expected = [
            ("login_started", 300_206, 1, Success, "1/1"),
            ("login_succeeded", 300_201, 1, Success, "1/1"),
            ("login_failed", 300_201, 2, Failure, "-/-"),
            ("login_cancelled", 300_201, 1, Cancelled, "-/-"),
            ("grant_created", 300_401, 1, Success, "1/1"),
            ("imported", 300_406, 2, Success, "1/1"),
            ("scrubbed", 300_404, 2, Success, "1/5"),
            ("org_switched", 300_207, 1, Success, "1/1"),
            ("refreshed", 300_205, 1, Success, "1/1"),
            ("refresh_failed", 300_205, 2, Failure, "-/-"),
            ("rotation_interrupted", 300_205, 3, Interrupted, "-/-"),
            ("token_served", 300_402, 1, Success, "1/1"),
            ("exported", 300_402, 2, Success, "1/1"),
            ("moved", 300_405, 1, Success, "1/1"),
            ("owner_changed", 300_403, 1, Success, "1/1"),
            ("revoked", 300_404, 1, Success, "1/24"),
            ("revocation_failed", 300_404, 3, Failure, "-/-"),
            ("revocation_unsupported", 300_404, 3, Failure, "-/-"),
            ("logged_out", 300_202, 1, Success, "1/24"),
            ("expired", 300_202, 1, Success, "-/-"),
            ("trail_started", 300_401, 1, Success, "-/-"),
            ("trail_rotated", 300_403, 1, Success, "-/-"),
            ("trail_gap", 300_409, 4, Failure, "-/-"),
            ("reuse_detected", 200_401, 4, Failure, "-/15"),
            ("anomaly", 200_401, 3, Failure, "-/15"),
        ];
        let word = |id: Option<u32>| id.map_or("-".to_owned(), |id| id.to_string());
        let rows = EventCode::ALL.iter().map(|code| {
            let Row { class, activity, severity, control } = row(*code);
            let control = format!("{}/{}", word(control.action), word(control.disposition));
            (code.name(), class as u32 * 100 + activity, severity, code.outcome(), control)
        });
        let expected =
            expected.map(|(name, uid, severity, outcome, control)| (name, uid, severity, outcome, control.to_owned()));
        assert_eq!(rows.collect::<Vec<_>>(), expected);
    }
}
