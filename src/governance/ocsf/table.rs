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
    /// `action_id` and `disposition_id`, if the profile `security_control` has a word for it.
    pub(super) control: Option<(u32, u32)>,
}

/// The one table: each code's class, activity, severity, action and disposition.
pub(super) fn row(code: EventCode) -> Row {
    use Class::{Authentication, DetectionFinding, EntityManagement};
    const ALLOWED: Option<(u32, u32)> = Some((1, 1));
    const DELETED: Option<(u32, u32)> = Some((1, 5));
    const REVOKED: Option<(u32, u32)> = Some((1, 24));
    let (class, activity, severity, control) = match code {
        EventCode::LoginStarted => (Authentication, 6, 1, ALLOWED),
        EventCode::LoginSucceeded => (Authentication, 1, 1, ALLOWED),
        EventCode::LoginFailed => (Authentication, 1, 2, None),
        EventCode::LoginCancelled => (Authentication, 1, 1, None),
        EventCode::OrgSwitched => (Authentication, 7, 1, ALLOWED),
        EventCode::Refreshed => (Authentication, 5, 1, ALLOWED),
        EventCode::RefreshFailed => (Authentication, 5, 2, None),
        EventCode::RotationInterrupted => (Authentication, 5, 3, None),
        EventCode::LoggedOut => (Authentication, 2, 1, REVOKED),
        EventCode::Expired => (Authentication, 2, 1, None),
        EventCode::GrantCreated => (EntityManagement, 1, 1, ALLOWED),
        EventCode::OwnerChanged => (EntityManagement, 3, 1, ALLOWED),
        EventCode::TokenServed => (EntityManagement, 2, 1, ALLOWED),
        EventCode::Exported => (EntityManagement, 2, 2, ALLOWED),
        EventCode::Moved => (EntityManagement, 5, 1, ALLOWED),
        EventCode::Imported => (EntityManagement, 6, 2, ALLOWED),
        EventCode::Scrubbed => (EntityManagement, 4, 2, DELETED),
        EventCode::Revoked => (EntityManagement, 4, 1, REVOKED),
        EventCode::RevocationFailed | EventCode::RevocationUnsupported => (EntityManagement, 4, 3, None),
        EventCode::TrailStarted => (EntityManagement, 1, 1, ALLOWED),
        EventCode::TrailRotated => (EntityManagement, 3, 1, ALLOWED),
        EventCode::TrailGap => (EntityManagement, 9, 4, None),
        EventCode::ReuseDetected => (DetectionFinding, 1, 4, Some((1, 15))),
        EventCode::Anomaly => (DetectionFinding, 1, 3, Some((1, 15))),
    };
    Row { class, activity, severity, control }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_the_numbers_of_the_table() {
        let uid = |code| {
            let row = row(code);
            (row.class as u32 * 100 + row.activity, row.severity)
        };
        for (code, type_uid, severity) in [
            (EventCode::LoginStarted, 300_206, 1),
            (EventCode::LoginSucceeded, 300_201, 1),
            (EventCode::LoginFailed, 300_201, 2),
            (EventCode::OrgSwitched, 300_207, 1),
            (EventCode::Refreshed, 300_205, 1),
            (EventCode::RotationInterrupted, 300_205, 3),
            (EventCode::LoggedOut, 300_202, 1),
            (EventCode::GrantCreated, 300_401, 1),
            (EventCode::OwnerChanged, 300_403, 1),
            (EventCode::Exported, 300_402, 2),
            (EventCode::Moved, 300_405, 1),
            (EventCode::Imported, 300_406, 2),
            (EventCode::Revoked, 300_404, 1),
            (EventCode::RevocationFailed, 300_404, 3),
            (EventCode::TrailGap, 300_409, 4),
            (EventCode::ReuseDetected, 200_401, 4),
            (EventCode::Anomaly, 200_401, 3),
        ] {
            assert_eq!(uid(code), (type_uid, severity), "{code:?}");
        }
    }
}
