//! Permits for the deeds of jobs, and what the trail owes from an earlier run (laws 14 and 18).

use std::path::Path;

use super::App;
use crate::governance::permit::{Action, Permit};
use crate::governance::trail::append::Generation;
use crate::governance::trail::{TrailHead, files};
use crate::lifecycle::config::Config;
use crate::lifecycle::contexts::{Context, Entry, Index};
use crate::model::error::Result;
use crate::model::event::{Event, EventCode, Subject};
use crate::model::provenance::Provenance;
use crate::records::grant_files::GrantFiles;
use crate::records::open_grant::OpenGrant;
use crate::records::record::{Record, StoredToken};
use crate::state_dir::StateDir;

/// What a job saw of the trail when it began, before it took the grant's lock: nothing waits for the trail while that lock is held.
#[derive(Debug, Clone, Default)]
pub(crate) struct SeenTrail {
    head: Option<TrailHead>,
    /// The line that the record has sealed, if it is in the trail, or its loss is told.
    replaceable: Option<TrailHead>,
}

impl App {
    /// Asks the policy whether `action` may be done to `of`.
    pub(crate) fn permit(&self, action: Action, of: Subject) -> Result<Permit<'_>> {
        // A folder that is refused gets no line either.
        let state_dir = self.checked_state_dir().ok().map(Path::to_owned);
        self.governance.permit(action, state_dir, of)
    }

    /// Asks the policy like [`permit`](Self::permit), for a change of a record.
    pub(crate) fn permit_after(&self, action: Action, of: Subject, seen: &SeenTrail) -> Result<Permit<'_>> {
        Ok(self.permit(action, of)?.seen(seen.head.clone(), seen.replaceable.clone()))
    }

    /// Looks at the trail before a record is replaced or erased. If the line that the record has sealed is gone, that is told first: the
    /// record is the last witness. Then writes the line that a process which was killed has left out.
    pub(crate) fn look_at_trail(&self, grant: &OpenGrant<'_>, record: &Record, of: &Subject) -> SeenTrail {
        let state_dir = grant.files().state_dir;
        let mut replaceable = record.trail.clone();
        if let Some(sealed) = &record.trail
            && !files::holds(&state_dir.root, sealed)
            && !self.tell_gap(grant, sealed, of)
        {
            replaceable = None;
        }
        self.tell_generation(grant, record, of);
        SeenTrail { head: files::head(&state_dir.root), replaceable }
    }

    /// Tells of the record's generation, if nobody has told of it: the process that made it was killed before it could.
    pub(crate) fn tell_generation(&self, grant: &OpenGrant<'_>, record: &Record, of: &Subject) {
        // What an earlier version of this program made has sealed no line, and owes none.
        if record.trail.is_none() || grant.files().uses().told >= record.generation {
            return;
        }
        let Ok(permit) = self.permit(Action::Refresh, of.clone()) else { return };
        permit.concerns(of.clone(), Some(grant.trail_key()));
        permit.note_generation(record.cause, generation(grant, record), |event| {
            if record.cause != EventCode::OwnerChanged {
                // When it happened, from which its token's lifetime counts.
                event.time = record.rotated;
            }
            describe(event, record.tokens.first(), grant);
            event.say("told later: the process that did it ended before it could");
        });
        if permit.end_unused() {
            told(grant.files(), record.generation);
        }
    }

    fn tell_gap(&self, grant: &OpenGrant<'_>, sealed: &TrailHead, of: &Subject) -> bool {
        let Ok(permit) = self.permit(Action::Refresh, of.clone()) else { return false };
        permit.concerns(of.clone(), Some(grant.trail_key()));
        permit.note(EventCode::TrailGap, |event| {
            let detail = format!("line {}, which this login has sealed, is not in the trail", sealed.seq);
            event.say(&detail);
        });
        permit.end_unused()
    }

    /// Returns what an event says of the login of `entry`, as far as its files tell without the key.
    pub(crate) fn subject_of(&self, state_dir: &StateDir, entry: &Entry) -> Subject {
        let header = self.files(state_dir, &entry.grant).header();
        let provenance = header.map(|header| header.provenance).unwrap_or_default();
        Context::of(entry, &Index::empty()).subject(&provenance)
    }

    /// Returns what an event says of a login that is not made yet.
    pub(crate) fn subject(&self) -> Subject {
        let Config { issuer, client_id, .. } = &self.config;
        Subject { issuer: Some(issuer.clone()), client_id: Some(client_id.clone()), ..Subject::default() }
    }
}

impl Context {
    /// Returns what an event says of this login.
    pub(crate) fn subject(&self, provenance: &Provenance) -> Subject {
        Subject {
            issuer: Some(self.account.issuer.clone()),
            client_id: Some(self.client_id.clone()),
            subject: self.account.subject.clone(),
            account: self.account.display_name().map(str::to_owned),
            org: self.org.clone(),
            context: Some(self.name.clone()),
            grant: Some(self.grant.clone()),
            key_store: Some(self.key_store.clone()),
            provenance: provenance.clone(),
        }
    }
}

/// Returns the generation of a record, for the trail.
pub(crate) fn generation(grant: &OpenGrant<'_>, record: &Record) -> Generation {
    Generation { grant: grant.id().clone(), number: record.generation, sealed: record.trail.clone() }
}

/// Notes that the trail has the line of this generation.
pub(crate) fn told(files: GrantFiles<'_>, generation: u64) {
    files.change_uses(|uses| uses.told = uses.told.max(generation));
}

/// Adds what an event says of an access token.
pub(crate) fn describe(event: &mut Event, token: Option<&StoredToken>, grant: &OpenGrant<'_>) {
    let Some(token) = token else { return };
    let details = &mut event.details;
    details.scopes_asked = token.asked.clone();
    details.scopes_granted = Some(token.scopes.clone()).filter(|scopes| !scopes.is_empty());
    details.resource = token.resource.clone();
    let lifetime = token.expires_at.and_then(|end| end.duration_since(token.received_at).ok());
    details.lifetime_granted = lifetime.map(|lifetime| lifetime.as_secs());
    details.credential = Some(grant.fingerprint(&token.access_token));
}
