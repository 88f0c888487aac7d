//! Commits a rotated token (law 3).

use std::time::Duration;

use super::exchange::Exchange;
use crate::lifecycle::app::permits::{describe, generation};
use crate::model::error::Result;
use crate::model::event::EventCode;
use crate::records::record::Record;
use crate::system::clock::{Deadline, pause};
use crate::system::failpoint::reached;

/// How long saving a rotated token is tried before it is given up, and how often.
const COMMIT_RETRY_FOR: Duration = Duration::from_secs(3);
const COMMIT_RETRY_PAUSE: Duration = Duration::from_millis(100);

impl Exchange<'_> {
    /// Saves the only copy of a rotated token, and does not give up at the first error of a disk.
    pub(super) fn commit(&self, mut next: Record) -> Result<Record> {
        let deadline = Deadline::after(COMMIT_RETRY_FOR);
        loop {
            match self.job.grant.commit(self.lock, self.permit, &mut next) {
                Ok(()) => {
                    reached("committed");
                    return Ok(self.told(next));
                }
                // It was saved, though the disk reported an error.
                Err(_) if self.is_on_disk(&next) => return Ok(self.told(next)),
                Err(error) if deadline.has_passed() => return Err(self.not_saved(error)),
                Err(_) => pause(COMMIT_RETRY_PAUSE),
            }
        }
    }

    /// Notes that a refresh has brought this record.
    fn told(&self, next: Record) -> Record {
        let grant = self.job.grant;
        self.permit.note_generation(EventCode::Refreshed, generation(grant, &next), |event| {
            event.of.org.clone_from(&self.target.org);
            describe(event, next.token(self.target), grant);
        });
        next
    }

    /// Returns whether `next` itself is on disk: not a sibling of its generation, nor an older one whose access token the server kept.
    fn is_on_disk(&self, next: &Record) -> bool {
        self.job.grant.read().is_ok_and(|on_disk| {
            on_disk.generation == next.generation
                && self.job.access_token_of(&on_disk) == self.job.access_token_of(next)
        })
    }
}
