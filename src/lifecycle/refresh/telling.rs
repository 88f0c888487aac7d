//! What the trail is told of a refresh, and of a token that is given away (laws 14 and 18).

use std::sync::Arc;

use super::job::RefreshJob;
use crate::governance::permit::{Action, Permit};
use crate::lifecycle::access_token::{Door, ExportTo};
use crate::lifecycle::app::permits::{SeenTrail, describe, told};
use crate::model::error::Result;
use crate::model::event::{EventCode, Subject};
use crate::records::record::{Record, StoredToken};

impl RefreshJob<'_> {
    /// Returns a permit for giving the token away. What it is about is said only if there is something to tell: most uses are counted.
    pub(super) fn permit_to_serve(&self) -> Result<Permit<'_>> {
        let action = if self.wanted.door == Door::Host { Action::Serve } else { Action::Export };
        self.app.permit(action, Subject::default())
    }

    /// Tells that a token is about to be given away (law 18): of the first one to each destination by each actor in an hour, before its first
    /// byte leaves. Others count.
    pub(super) fn tell_of_use(&self, permit: Permit<'_>, record: &Record, token: &StoredToken) {
        let (code, destination) = match &self.wanted.door {
            Door::Host => (EventCode::TokenServed, None),
            Door::Export(destination) => (EventCode::Exported, Some(destination)),
        };
        let what =
            format!("{} {} {}", code.name(), self.app.governance.actor(), destination.map_or("", ExportTo::name));
        let told = self.files.change_uses(|uses| {
            uses.exported += u64::from(code == EventCode::Exported);
            let counted = uses.count(&what, self.now());
            if let Some(counted) = counted {
                permit.concerns(self.context.subject(&record.provenance), Some(self.grant.trail_key()));
                permit.note(code, |event| {
                    describe(event, Some(token), self.grant);
                    event.details.destination = destination.map(|to| to.name().to_owned());
                    event.details.count = Some(counted).filter(|counted| *counted > 0);
                });
            }
            let is_told = permit.end_unused();
            if let Some(counted) = counted.filter(|_| !is_told) {
                uses.tell_next(&what, counted);
            }
            uses.told
        });
        if told < record.generation {
            let subject = self.context.subject(&record.provenance);
            self.app.tell_generation(self.grant, record, &subject);
        }
    }

    /// Returns a permit for an exchange of the refresh token.
    pub(super) fn permit_to_refresh(&self, record: &Record, seen: &SeenTrail) -> Result<Permit<'_>> {
        let subject = self.context.subject(&record.provenance);
        let permit = self.app.permit_after(Action::Refresh, subject.clone(), seen)?;
        permit.concerns(subject, Some(self.grant.trail_key()));
        Ok(permit)
    }

    pub(super) fn look_at_trail(&self, record: &Record) -> SeenTrail {
        self.app.look_at_trail(self.grant, record, &self.context.subject(&record.provenance))
    }

    /// Writes the events of an exchange. The same failure again within an hour is only counted: a machine without a network tries often.
    pub(super) fn end(&self, permit: Option<Permit<'_>>, served: &Result<Arc<Record>>) {
        let Some(permit) = permit else { return };
        match served {
            Ok(record) => {
                permit.end(served);
                told(self.files, record.generation);
            }
            Err(error) => {
                let what = format!("refresh_failed {}", error.kind().name());
                let counted = self.files.change_uses(|uses| uses.count(&what, self.now()));
                match counted {
                    Some(counted) => permit.counted(counted).end(served),
                    None => drop(permit.end_unused()),
                }
            }
        }
    }
}
