//! [`Permit`]: the proof that a deed is allowed and that its event will be written.

use std::cell::{Cell, OnceCell, RefCell};
use std::path::PathBuf;

use crate::custody::mac_key::MacKey;
use crate::governance::Governance;
use crate::governance::trail::append::{Entry, Generation};
use crate::governance::trail::{TrailHead, files};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::event::{Event, EventCode, EventOutcome, Subject};
use crate::model::ids::random_text;
use crate::state_dir::StateDir;

/// What may be done to a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Login,
    Adopt,
    Refresh,
    /// Gives the host an access token in its own memory.
    Serve,
    /// Lets an access token leave by a named door.
    Export,
    Switch,
    Move,
    ChangeOwner,
    Logout,
    Repair,
}

/// Allows one deed. Whatever creates, changes or erases a record takes it, and whatever lets a secret leave. [`end`](Self::end) writes
/// the events; a permit that is dropped tells that the deed broke off.
///
/// This version's policy allows everything.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    governance: &'a Governance,
    state_dir: Option<PathBuf>,
    action: Action,
    flow: OnceCell<String>,
    about: RefCell<About>,
    head: RefCell<Option<TrailHead>>,
    /// The line that the record had sealed before, if it is known to be in the trail, or its loss to be told.
    replaceable: Option<TrailHead>,
    entries: RefCell<Vec<Entry>>,
    /// How often the same happened before, and was only counted.
    counted: Option<u64>,
    is_over: Cell<bool>,
}

/// What a deed is about, as far as it is known by now.
#[derive(Debug, Default)]
struct About {
    subject: Subject,
    key: Option<MacKey>,
}

impl Governance {
    /// Asks the policy. `state_dir`: the path of the state folder, which need not exist yet.
    pub(crate) fn permit(&self, action: Action, state_dir: Option<PathBuf>, subject: Subject) -> Result<Permit<'_>> {
        Ok(Permit {
            governance: self,
            head: RefCell::new(None),
            state_dir,
            action,
            flow: OnceCell::new(),
            about: RefCell::new(About { subject, key: None }),
            replaceable: None,
            entries: RefCell::default(),
            counted: None,
            is_over: Cell::new(false),
        })
    }
}

impl<'a> Permit<'a> {
    /// Adds what the trail's newest line was when the deed began, and the line that the record has sealed, once that is known to be in the
    /// trail or its loss is told.
    pub(crate) fn seen(mut self, head: Option<TrailHead>, replaceable: Option<TrailHead>) -> Self {
        (self.head, self.replaceable) = (RefCell::new(head), replaceable);
        self
    }

    /// Adds how often the same happened before, and was only counted.
    pub(crate) fn counted(mut self, counted: u64) -> Self {
        self.counted = Some(counted).filter(|counted| *counted > 0);
        self
    }

    /// Sets what the deed is about, and the key that shows it.
    pub(crate) fn concerns(&self, subject: Subject, key: Option<MacKey>) {
        *self.about.borrow_mut() = About { subject, key };
    }

    /// Returns the line that the next record has to seal instead of `sealed`: the newest one that was seen, unless `sealed` is gone from the
    /// trail and that was not told yet.
    pub(crate) fn head_after(&self, sealed: Option<TrailHead>, state_dir: &StateDir) -> Option<TrailHead> {
        let head = self.head.borrow().clone();
        match sealed {
            Some(old)
                if head.is_none()
                    || (self.replaceable.as_ref() != Some(&old) && !files::holds(&state_dir.root, &old)) =>
            {
                Some(old)
            }
            _ => head,
        }
    }

    /// Adds an event that [`end`](Self::end) writes. `fill` adds what is to be said of it.
    pub(crate) fn note(&self, code: EventCode, fill: impl FnOnce(&mut Event)) {
        self.add(code, None, fill);
    }

    /// Adds an event like [`note`](Self::note), about something else.
    pub(crate) fn note_of(
        &self,
        code: EventCode,
        subject: Subject,
        key: Option<MacKey>,
        fill: impl FnOnce(&mut Event),
    ) {
        let own = self.about.replace(About { subject, key });
        self.add(code, None, fill);
        *self.about.borrow_mut() = own;
    }

    /// Adds the event of a generation, of which the trail has one.
    pub(crate) fn note_generation(&self, code: EventCode, generation: Generation, fill: impl FnOnce(&mut Event)) {
        let number = generation.number;
        self.add(code, Some(generation), |event| {
            event.details.generation = Some(number);
            fill(event);
        });
    }

    /// Writes an event now, durably, and takes its line for the newest.
    pub(crate) fn tell(&self, code: EventCode, fill: impl FnOnce(&mut Event)) {
        self.add(code, None, fill);
        self.flush(true);
        self.look();
    }

    /// Takes the trail's newest line for the one that the next record seals.
    pub(crate) fn look(&self) {
        let path = self.state_dir.as_deref();
        if let Some(Ok(Some(state_dir))) = path.map(StateDir::open) {
            *self.head.borrow_mut() = files::head(&state_dir.root);
        }
    }

    /// Ends the deed, and writes its events.
    pub(crate) fn end<T>(self, outcome: &Result<T>) {
        self.is_over.set(true);
        if let Err(error) = outcome {
            self.add_failure(error);
        }
        self.flush(self.action.is_durable());
    }

    /// Ends a deed of which nothing more is to be told than what was noted. Returns whether that was written.
    pub(crate) fn end_unused(self) -> bool {
        self.is_over.set(true);
        self.flush(false)
    }

    fn add_failure(&self, error: &Error) {
        let code = self.action.code_of_failure(error.kind());
        self.add(code, None, |event| {
            if event.outcome == EventOutcome::Success {
                event.outcome = EventOutcome::Failure;
            }
            event.error_kind = Some(error.kind().name().to_owned());
            event.details.count = self.counted;
            event.say(&error.to_string());
        });
        if self.action == Action::Refresh && matches!(error.kind(), ErrorKind::Expired | ErrorKind::Revoked) {
            self.add(EventCode::Expired, None, |event| event.error_kind = Some(error.kind().name().to_owned()));
        }
    }

    fn add(&self, code: EventCode, unless: Option<Generation>, fill: impl FnOnce(&mut Event)) {
        let about = self.about.borrow();
        let flow = self.flow.get_or_init(|| random_text().unwrap_or_default());
        let Ok(mut event) = self.governance.event(code, flow, about.subject.clone()) else { return };
        fill(&mut event);
        self.entries.borrow_mut().push(Entry { event, key: about.key.clone(), unless });
    }

    fn flush(&self, durable: bool) -> bool {
        let entries = self.entries.take();
        self.governance.write(self.state_dir.as_deref(), &entries, durable)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.is_over.get() {
            self.add_failure(&Error::new(ErrorKind::Custody, "it broke off"));
            self.flush(self.action.is_durable());
        }
    }
}

impl Action {
    /// All of them, each with the commands that do it and the events that it can have, for the manual.
    #[cfg(test)]
    pub(crate) const TABLE: &[(Self, &str, &[EventCode])] = {
        use EventCode::*;
        &[
            (
                Self::Login,
                "`login`, a step-up; a login where another ended",
                &[
                    LoginStarted,
                    LoginSucceeded,
                    GrantCreated,
                    LoginFailed,
                    LoginCancelled,
                    Revoked,
                    RevocationFailed,
                    RevocationUnsupported,
                    LoggedOut,
                ],
            ),
            (
                Self::Adopt,
                "none: the host's own, at its start",
                &[Imported, GrantCreated, Refreshed, Scrubbed, LoginFailed, LoginCancelled],
            ),
            (
                Self::Refresh,
                "`token`, `whoami`, each use of a session",
                &[Refreshed, RefreshFailed, RotationInterrupted, Expired, ReuseDetected, Anomaly],
            ),
            (Self::Serve, "each use of a session in the host's memory", &[TokenServed]),
            (Self::Export, "`token`", &[Exported]),
            (Self::Switch, "`switch --org`", &[OrgSwitched]),
            (Self::Move, "`doctor --move-to`", &[Moved]),
            (Self::ChangeOwner, "`admin owner`", &[OwnerChanged]),
            (Self::Logout, "`logout`", &[Revoked, RevocationFailed, RevocationUnsupported, LoggedOut]),
            (Self::Repair, "`doctor --repair`", &[LoggedOut]),
        ]
    };

    /// Returns the name in the manual.
    #[cfg(test)]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Adopt => "adopt",
            Self::Refresh => "refresh",
            Self::Serve => "serve",
            Self::Export => "export",
            Self::Switch => "switch",
            Self::Move => "move",
            Self::ChangeOwner => "change_owner",
            Self::Logout => "logout",
            Self::Repair => "repair",
        }
    }

    fn code_of_failure(self, kind: ErrorKind) -> EventCode {
        match self {
            Self::Login | Self::Adopt if kind == ErrorKind::Cancelled => EventCode::LoginCancelled,
            Self::Login | Self::Adopt => EventCode::LoginFailed,
            Self::Refresh if kind == ErrorKind::Interrupted => EventCode::RotationInterrupted,
            Self::Refresh => EventCode::RefreshFailed,
            Self::Serve => EventCode::TokenServed,
            Self::Export => EventCode::Exported,
            Self::Switch => EventCode::OrgSwitched,
            Self::Move => EventCode::Moved,
            Self::ChangeOwner => EventCode::OwnerChanged,
            Self::Logout => EventCode::RevocationFailed,
            Self::Repair => EventCode::LoggedOut,
        }
    }

    /// Returns whether its events are on the disk before it ends.
    fn is_durable(self) -> bool {
        matches!(self, Self::Login | Self::Adopt | Self::Logout | Self::ChangeOwner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "//! | action | commands | events |\n//! | --- | --- | --- |\n";

    /// `HALLPASS_WRITE_CAPTURES=1` writes the table anew.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test reads the manual")]
    fn the_manual_has_the_table_of_actions() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/governance.rs");
        let manual = std::fs::read_to_string(&file).unwrap();
        let row = |(action, commands, codes): &(Action, &str, &[EventCode])| {
            let codes: Vec<_> = codes.iter().map(|code| format!("`{}`", code.name())).collect();
            format!("//! | `{}` | {commands} | {} |\n", action.name(), codes.join(", "))
        };
        let rows: String = Action::TABLE.iter().map(row).collect();
        let (before, rest) = manual.split_once(HEAD).unwrap();
        let (own, after) = rest.split_once("//!\n").unwrap();
        if std::env::var_os("HALLPASS_WRITE_CAPTURES").is_some() {
            std::fs::write(&file, format!("{before}{HEAD}{rows}//!\n{after}")).unwrap();
        } else {
            assert_eq!(own, rows, "HALLPASS_WRITE_CAPTURES=1 writes it anew");
        }
    }

    #[test]
    fn every_code_has_an_action_and_every_failure_is_listed() {
        let of_the_trail = [EventCode::TrailStarted, EventCode::TrailRotated, EventCode::TrailGap];
        for code in EventCode::ALL {
            let has_action = Action::TABLE.iter().any(|(_, _, codes)| codes.contains(code));
            assert!(has_action || of_the_trail.contains(code), "{code:?}");
        }
        for kind in [ErrorKind::Cancelled, ErrorKind::Interrupted, ErrorKind::Unreachable] {
            for (action, _, codes) in Action::TABLE {
                assert!(codes.contains(&action.code_of_failure(kind)), "{action:?} {kind:?}");
            }
        }
    }
}
