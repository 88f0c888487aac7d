//! What an auditor asks: the events of the trail, and whether the trail can be believed.

use crate::governance::trail::read::{Cursor, LoggedEvent, events};
use crate::governance::trail::verify::{TrailReport, Witness, verify};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Context, Index};
use crate::model::error::Result;

/// Returns the events behind `since`, the oldest first.
pub(crate) fn events_since(app: &App, since: Option<&Cursor>) -> Result<Vec<LoggedEvent>> {
    match app.state_dir()? {
        Some(state_dir) => events(&state_dir.root, since),
        None => Ok(Vec::new()),
    }
}

/// Holds the trail against what the logins have sealed. May ask a person for a key. A login whose key cannot be had proves nothing.
pub(crate) fn verify_trail(app: &App) -> Result<TrailReport> {
    let Some(state_dir) = app.state_dir()? else { return Ok(TrailReport::default()) };
    let index = Index::read(Some(&state_dir))?;
    let (mut witnesses, mut silent) = (Vec::new(), Vec::new());
    for (at, entry) in index.contexts.iter().enumerate() {
        if index.contexts[..at].iter().any(|earlier| earlier.grant == entry.grant) {
            continue;
        }
        let context = Context::of(entry, &index);
        let opened = app.unlock(app.files(&state_dir, &entry.grant), &entry.key_store);
        match opened.and_then(|grant| Ok((grant.read()?, grant))) {
            Ok((record, grant)) => {
                app.tell_generation(&grant, &record, &context.subject(&record.provenance));
                witnesses.push(Witness {
                    grant: entry.grant.clone(),
                    key: grant.trail_key(),
                    sealed: record.trail,
                    generation: record.generation,
                });
            }
            Err(error) => silent.push((entry.name.clone(), error)),
        }
    }
    let report = verify(&state_dir.root, &witnesses)?;
    Ok(TrailReport { silent, ..report })
}
