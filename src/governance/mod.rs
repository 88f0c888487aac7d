//! What may happen to a credential, and what did.
//!
//! | file | has |
//! | --- | --- |
//! | `permit` | `Permit`: the proof that a deed is allowed and that its event will be written |
//! | `trail/` | the trail: the events of a state folder, as lines that show tampering |
//! | `ocsf/` | an event in the terms of OCSF |

pub(crate) mod ocsf;
pub(crate) mod permit;
pub(crate) mod trail;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use self::trail::append::{Appended, Entry, append};
use crate::model::actor::Actor;
use crate::model::error::Result;
use crate::model::event::{Event, EventCode, Runner, Subject};
use crate::model::ids::{AppName, random_text};
use crate::state_dir::StateDir;
use crate::system::actor;
use crate::system::clock::Clock;
use crate::system::environment::{Environment, host_name, os_user, parent_pid, program_name};

/// Who runs this program and where, and what of the trail could not be written. One of each app.
#[derive(Debug)]
pub(crate) struct Governance {
    pub(crate) app: AppName,
    pub(crate) app_version: Option<String>,
    /// Who runs the program, if the host says so.
    pub(crate) told: Option<Actor>,
    pub(crate) environment: Environment,
    pub(crate) clock: Arc<dyn Clock>,
    runner: OnceLock<Runner>,
    actor: OnceLock<Actor>,
    /// The lines that were lost with a disk that does not even take their number.
    lost: AtomicU64,
}

impl Governance {
    pub(crate) fn new(
        app: AppName,
        app_version: Option<String>,
        told: Option<Actor>,
        environment: Environment,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (runner, actor, lost) = (OnceLock::new(), OnceLock::new(), AtomicU64::new(0));
        Self { app, app_version, told, environment, clock, runner, actor, lost }
    }

    /// Returns who runs this program.
    pub(crate) fn actor(&self) -> &Actor {
        self.actor.get_or_init(|| actor::actor(&self.environment, self.told.as_ref()))
    }

    /// Makes an event of this moment.
    pub(super) fn event(&self, code: EventCode, flow: &str, of: Subject) -> Result<Event> {
        Ok(Event::new(code, [random_text()?, flow.to_owned()], self.clock.now(), self.runner().clone(), of))
    }

    /// Writes events to the trail, and returns whether it did. A disk that is full breaks no login: what cannot be written is counted, and
    /// the next run tells.
    pub(super) fn write(&self, state_dir: Option<&Path>, entries: &[Entry], durable: bool) -> bool {
        let Some(path) = state_dir.filter(|_| !entries.is_empty()) else { return entries.is_empty() };
        let lost = self.lost.swap(0, Ordering::Relaxed);
        let own = |code, detail: &str, count| {
            let mut event = self.event(code, &random_text()?, Subject::default())?;
            event.say(detail);
            event.details.count = count;
            Ok(event)
        };
        let appended = match StateDir::open(path) {
            Ok(Some(state_dir)) => append(&state_dir.root, entries, &own, lost, durable),
            // Nobody has ever logged in here: there is nothing to tell of.
            Ok(None) => Appended { is_written: false, lost: 0 },
            Err(_) => Appended { is_written: false, lost: lost + entries.len() as u64 },
        };
        self.lost.fetch_add(appended.lost, Ordering::Relaxed);
        appended.is_written
    }

    fn runner(&self) -> &Runner {
        self.runner.get_or_init(|| Runner {
            actor: self.actor().clone(),
            os_user: os_user(),
            host: host_name(),
            pid: std::process::id(),
            program: program_name(),
            parent: self.environment.ancestors.names().first().cloned(),
            parent_pid: parent_pid(),
            app: self.app.to_string(),
            app_version: self.app_version.clone(),
            hallpass: env!("CARGO_PKG_VERSION").into(),
        })
    }
}
